// As attention.wgsl for four neighbouring queries at once, in vectors of four: every key and value
// that is read serves four queries. CAPACITY keys are what workgroup memory holds of their scores.

@group(0) @binding(0) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
// x: heads, and heads of keys in the upper half, y: queries, z: width of a query, w: width of a value,
// both in vectors; then x: position of the first query, y: window, z: bits of the scale, w: bits of
// the soft cap (0: none)
@group(0) @binding(4) var<uniform> sizes: array<vec4<u32>, 2>;

const THREADS: u32 = 64u;
const CAPACITY: u32 = {{ capacity }}u;
var<workgroup> scores: array<vec4<f32>, CAPACITY>;
var<workgroup> partial: array<vec4<f32>, THREADS>;
var<workgroup> slices: array<vec4<f32>, 256>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let heads = sizes[0].x & 0xffffu;
    let kv_heads = sizes[0].x >> 16u;
    let queries = sizes[0].y;
    let d = sizes[0].z;
    let dv = sizes[0].w;
    let window = sizes[1].y;
    let scale = bitcast<f32>(sizes[1].z);
    let cap = bitcast<f32>(sizes[1].w);
    let head = group.y;
    let kv_head = head / (heads / kv_heads);
    // Past the last query it is computed again.
    let query = min(vec4<u32>(group.x * 4u) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(queries - 1u));
    let position = query + vec4<u32>(sizes[1].x);
    let first = select(0u, position.x + 1u - window, position.x + 1u > window);
    let count = position.w + 1u - first;
    let q_at = (query * heads + vec4<u32>(head)) * d;
    let k_at = (first * kv_heads + kv_head) * d;

    var highest = vec4<f32>(-3.0e38);
    for (var j = thread; j < count; j += THREADS) {
        let at = k_at + j * kv_heads * d;
        var score = vec4<f32>(0.0);
        for (var c = 0u; c < d; c++) {
            let key = k[at + c];
            score += vec4<f32>(dot(q[q_at.x + c], key), dot(q[q_at.y + c], key), dot(q[q_at.z + c], key), dot(q[q_at.w + c], key));
        }
        score *= scale;
        if (cap > 0.0) {
            // tanh written out: some drivers return NaN for arguments past 44.
            score = cap * (1.0 - 2.0 / (exp(clamp(2.0 * score / cap, vec4<f32>(-80.0), vec4<f32>(80.0))) + 1.0));
        }
        let key_position = vec4<u32>(first + j);
        let visible = (key_position <= position) & (position - key_position < vec4<u32>(window));
        score = select(vec4<f32>(-3.0e38), score, visible);
        scores[j] = score;
        highest = max(highest, score);
    }
    partial[thread] = highest;
    workgroupBarrier();
    for (var i = 0u; i < THREADS; i++) {
        highest = max(highest, partial[i]);
    }
    workgroupBarrier();

    var total = vec4<f32>(0.0);
    for (var j = thread; j < count; j += THREADS) {
        let weight = exp(scores[j] - highest);
        scores[j] = weight;
        total += weight;
    }
    partial[thread] = total;
    workgroupBarrier();
    total = vec4<f32>(0.0);
    for (var i = 0u; i < THREADS; i++) {
        total += partial[i];
    }

    // Where a value is narrower than the workgroup, several invocations share the keys of a column.
    let v_at = (first * kv_heads + kv_head) * dv;
    let y_at = (query * heads + vec4<u32>(head)) * dv;
    let parts = max(1u, THREADS / dv);
    let part = thread / dv;
    let share = min(dv, THREADS);
    for (var base = 0u; base < dv; base += share) {
        let c = base + thread % share;
        var sum0 = vec4<f32>(0.0);
        var sum1 = vec4<f32>(0.0);
        var sum2 = vec4<f32>(0.0);
        var sum3 = vec4<f32>(0.0);
        if (c < dv && part < parts) {
            for (var j = part; j < count; j += parts) {
                let weight = scores[j];
                let value = v[v_at + j * kv_heads * dv + c];
                sum0 += weight.x * value;
                sum1 += weight.y * value;
                sum2 += weight.z * value;
                sum3 += weight.w * value;
            }
        }
        if (parts > 1u) {
            slices[thread] = sum0;
            slices[thread + 64u] = sum1;
            slices[thread + 128u] = sum2;
            slices[thread + 192u] = sum3;
            workgroupBarrier();
            if (part == 0u) {
                for (var p = 1u; p < parts; p++) {
                    sum0 += slices[p * dv + c];
                    sum1 += slices[p * dv + c + 64u];
                    sum2 += slices[p * dv + c + 128u];
                    sum3 += slices[p * dv + c + 192u];
                }
            }
        }
        if (c < dv && (part == 0u || parts == 1u)) {
            y[y_at.x + c] = sum0 / total.x;
            y[y_at.y + c] = sum1 / total.y;
            y[y_at.z + c] = sum2 / total.z;
            y[y_at.w + c] = sum3 / total.w;
        }
    }
}
