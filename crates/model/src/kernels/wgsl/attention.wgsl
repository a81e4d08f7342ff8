// Causal attention of one query over its keys: scores, soft cap, softmax and the weighted sum of
// values in one pass, so that no [heads, T, T] array is ever written.
//
// One workgroup a query and head. Scores live in workgroup memory: CAPACITY of them is the longest
// text. Hidden keys (later ones, and those before the window) are never visited. Rows of q, k, v
// and y are tokens, with the heads beside each other, as the projections leave them.

@group(0) @binding(0) var<storage, read_write> q: array<{{ number }}>;
@group(0) @binding(1) var<storage, read_write> k: array<{{ number }}>;
@group(0) @binding(2) var<storage, read_write> v: array<{{ number }}>;
@group(0) @binding(3) var<storage, read_write> y: array<{{ number }}>;
// x: heads, y: heads of keys, z: width of a query, w: width of a value, both in {{ number }};
// then x: position of the first query, y: window, z: bits of the scale, w: bits of the soft cap (0: none)
@group(0) @binding(4) var<uniform> sizes: array<vec4<u32>, 2>;

const THREADS: u32 = 64u;
const CAPACITY: u32 = {{ capacity }}u;
var<workgroup> scores: array<f32, CAPACITY>;
var<workgroup> partial: array<f32, THREADS>;
var<workgroup> slices: array<{{ number }}, THREADS>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let heads = sizes[0].x;
    let kv_heads = sizes[0].y;
    let d = sizes[0].z;
    let dv = sizes[0].w;
    let window = sizes[1].y;
    let scale = bitcast<f32>(sizes[1].z);
    let cap = bitcast<f32>(sizes[1].w);
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
        var score = {{ total }} * scale;
        if (cap > 0.0) {
            // tanh written out: some drivers return NaN for arguments past 44.
            score = cap * (1.0 - 2.0 / (exp(clamp(2.0 * score / cap, -80.0, 80.0)) + 1.0));
        }
        scores[j] = score;
        highest = max(highest, score);
    }
    partial[thread] = highest;
    workgroupBarrier();
    for (var i = 0u; i < THREADS; i++) {
        highest = max(highest, partial[i]);
    }
    workgroupBarrier();

    var total = 0.0;
    for (var j = thread; j < count; j += THREADS) {
        let weight = exp(scores[j] - highest);
        scores[j] = weight;
        total += weight;
    }
    partial[thread] = total;
    workgroupBarrier();
    total = 0.0;
    for (var i = 0u; i < THREADS; i++) {
        total += partial[i];
    }

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
