// As attention.wgsl for four neighboring queries at once, in vectors of four: every key and value
// that is read serves four queries. Keys are taken CAPACITY at a time; what the ones before gave is
// brought to the highest score so far. An invocation has KEYS neighboring ones at a time.

const KEYS: u32 = {{ keys }}u;
var<workgroup> slices: array<vec4<f32>, 4u * THREADS>;

// Keeps the scores of key `j` of those from `begin` on; hidden ones are lower than any other.
fn put(product: vec4<f32>, j: u32, begin: u32, position: vec4<u32>) -> vec4<f32> {
    let key_position = vec4<u32>(begin + j);
    let visible = (key_position <= position) & (position - key_position < vec4<u32>(sizes[1].y));
    let score = select(vec4<f32>(-3.0e38), scaled_and_capped(product), visible);
    scores[j] = score;
    return score;
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let heads = sizes[0].x & 0xffffu;
    let kv_heads = sizes[0].x >> 16u;
    let queries = sizes[0].y;
    let d = sizes[0].z;
    let dv = sizes[0].w;
    let window = sizes[1].y;
    let head = group.y;
    let kv_head = head / (heads / kv_heads);
    // Past the last query it is computed again.
    let query = min(vec4<u32>(group.x * 4u) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(queries - 1u));
    let position = query + vec4<u32>(sizes[1].x);
    let first = select(0u, position.x + 1u - window, position.x + 1u > window);
    let last = position.w + 1u;
    let q_at = (query * heads + vec4<u32>(head)) * d;
    let y_at = (query * heads + vec4<u32>(head)) * dv;
    // Where a value is narrower than the workgroup, several invocations share the keys of a column.
    let parts = max(1u, THREADS / dv);
    let part = thread / dv;
    let share = min(dv, THREADS);

    var highest = vec4<f32>(-3.0e38);
    var total = vec4<f32>(0.0);
    for (var begin = first; begin < last; begin += CAPACITY) {
        let count = min(CAPACITY, last - begin);
        let k_at = (begin * kv_heads + kv_head) * d;
        var mine = highest;
        for (var j = thread * KEYS; j < count; j += THREADS * KEYS) {
            {{ begin_keys }}
            for (var c = 0u; c < d; c++) {
                let q0 = q[q_at.x + c];
                let q1 = q[q_at.y + c];
                let q2 = q[q_at.z + c];
                let q3 = q[q_at.w + c];
                {{ products }}
            }
            {{ scores }}
        }
        let weights = softmax(mine, count, thread);
        // Nothing, where nothing was before. Every query sees one of the first keys.
        let kept = exp(highest - weights[0]);
        highest = weights[0];
        total = total * kept + weights[1];

        let v_at = (begin * kv_heads + kv_head) * dv;
        let factor = select(vec4<f32>(1.0), 1.0 / total, begin + count == last);
        for (var base = 0u; base < dv; base += share) {
            let c = base + thread % share;
            var sum0 = vec4<f32>(0.0);
            var sum1 = vec4<f32>(0.0);
            var sum2 = vec4<f32>(0.0);
            var sum3 = vec4<f32>(0.0);
            if (c < dv && part < parts) {
                for (var j = part * KEYS; j < count; j += parts * KEYS) {
                    {{ values }}
                    sum0 += {{ sum0 }};
                    sum1 += {{ sum1 }};
                    sum2 += {{ sum2 }};
                    sum3 += {{ sum3 }};
                }
            }
            if (parts > 1u) {
                slices[thread] = sum0;
                slices[thread + THREADS] = sum1;
                slices[thread + 2u * THREADS] = sum2;
                slices[thread + 3u * THREADS] = sum3;
                workgroupBarrier();
                if (part == 0u) {
                    for (var p = 1u; p < parts; p++) {
                        sum0 += slices[p * dv + c];
                        sum1 += slices[p * dv + c + THREADS];
                        sum2 += slices[p * dv + c + 2u * THREADS];
                        sum3 += slices[p * dv + c + 3u * THREADS];
                    }
                }
            }
            if (c < dv && part == 0u) {
                // What this invocation wrote itself.
                if (begin > first) {
                    sum0 += kept.x * y[y_at.x + c];
                    sum1 += kept.y * y[y_at.y + c];
                    sum2 += kept.z * y[y_at.z + c];
                    sum3 += kept.w * y[y_at.w + c];
                }
                y[y_at.x + c] = sum0 * factor.x;
                y[y_at.y + c] = sum1 * factor.y;
                y[y_at.z + c] = sum2 * factor.z;
                y[y_at.w + c] = sum3 * factor.w;
            }
        }
        // The next keys' scores go where others may still read.
        workgroupBarrier();
    }
}
