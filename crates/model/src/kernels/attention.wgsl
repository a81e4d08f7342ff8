// Causal attention of one query over its keys: scores, soft cap, softmax and the weighted sum of
// values in one pass, so that no [heads, T, T] array is ever written.
//
// One workgroup a query and head. Scores live in workgroup memory: CAPACITY of them is the longest
// text. Hidden keys (later ones, and those before the window) are never visited.

@group(0) @binding(0) var<storage, read_write> q: array<f32>;
@group(0) @binding(1) var<storage, read_write> k: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// T, width of a query, width of a value, query heads to a key head, window,
// bits of the scale, bits of the soft cap (0: none)
@group(0) @binding(4) var<storage, read_write> sizes: array<u32>;

const THREADS: u32 = 64u;
const CAPACITY: u32 = {{ capacity }}u;
var<workgroup> scores: array<f32, CAPACITY>;
var<workgroup> partial: array<f32, THREADS>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let tokens = sizes[0];
    let d = sizes[1];
    let dv = sizes[2];
    let kv_head = group.y / sizes[3];
    let window = sizes[4];
    let scale = bitcast<f32>(sizes[5]);
    let cap = bitcast<f32>(sizes[6]);
    let query = group.x;
    let thread = local.x;
    let first = select(0u, query + 1u - window, query + 1u > window);
    let count = query + 1u - first;
    let q_at = (group.y * tokens + query) * d;
    let k_at = (kv_head * tokens + first) * d;

    var highest = -3.0e38;
    for (var j = thread; j < count; j += THREADS) {
        let at = k_at + j * d;
        var sum = vec4<f32>(0.0);
        let whole = d / 4u * 4u;
        for (var c = 0u; c < whole; c += 4u) {
            sum += vec4<f32>(q[q_at + c], q[q_at + c + 1u], q[q_at + c + 2u], q[q_at + c + 3u])
                * vec4<f32>(k[at + c], k[at + c + 1u], k[at + c + 2u], k[at + c + 3u]);
        }
        var score = dot(sum, vec4<f32>(1.0));
        for (var c = whole; c < d; c++) {
            score += q[q_at + c] * k[at + c];
        }
        score *= scale;
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

    let v_at = (kv_head * tokens + first) * dv;
    let y_at = (group.y * tokens + query) * dv;
    for (var c = thread; c < dv; c += THREADS) {
        var sum = 0.0;
        for (var j = 0u; j < count; j++) {
            sum += scores[j] * v[v_at + j * dv + c];
        }
        y[y_at + c] = sum / total;
    }
}
