// Causal attention of one query over its keys: scores, soft cap, softmax and the weighted sum of
// values in one pass, so that no [heads, T, T] array is ever written.
//
// One workgroup a query and head. Hidden keys (later ones, and those before the window) are never
// visited.

var<workgroup> slices: array<{{ number }}, THREADS>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let heads = sizes[0].x & 0xffffu;
    let kv_heads = sizes[0].x >> 16u;
    let d = sizes[0].z;
    let dv = sizes[0].w;
    let window = sizes[1].y;
    let head = group.y;
    let kv_head = head / (heads / kv_heads);
    let query = sizes[1].x + group.x;
    let first = select(0u, query + 1u - window, query + 1u > window);
    let count = query + 1u - first;
    let q_at = (group.x * heads + head) * d;
    let k_at = (first * kv_heads + kv_head) * d;

    var highest = -3.0e38;
    for (var j = thread; j < count; j += THREADS) {
        let at = k_at + j * kv_heads * d;
        var sum = {{ number }}(0.0);
        for (var c = 0u; c < d; c++) {
            sum += q[q_at + c] * k[at + c];
        }
        let score = scaled_and_capped({{ total }});
        scores[j] = score;
        highest = max(highest, score);
    }
    let total = softmax(highest, count, thread)[1];

    // Where a value is narrower than the workgroup, several invocations share the keys of a column.
    let v_at = (first * kv_heads + kv_head) * dv;
    let y_at = (group.x * heads + head) * dv;
    let parts = max(1u, THREADS / dv);
    let part = thread / dv;
    if (parts == 1u) {
        for (var c = thread; c < dv; c += THREADS) {
            var sum = {{ number }}(0.0);
            for (var j = 0u; j < count; j++) {
                sum += scores[j] * v[v_at + j * kv_heads * dv + c];
            }
            y[y_at + c] = sum / total;
        }
        return;
    }
    let c = thread % dv;
    var sum = {{ number }}(0.0);
    if (part < parts) {
        for (var j = part; j < count; j += parts) {
            sum += scores[j] * v[v_at + j * kv_heads * dv + c];
        }
    }
    slices[thread] = sum;
    workgroupBarrier();
    if (part == 0u) {
        for (var p = 1u; p < parts; p++) {
            sum += slices[p * dv + c];
        }
        y[y_at + c] = sum / total;
    }
}
