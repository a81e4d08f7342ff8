// As attention.wgsl for four neighbouring queries at once, in vectors of four: every key and value
// that is read serves four queries.

var<workgroup> slices: array<vec4<f32>, 4u * THREADS>;

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
    let count = position.w + 1u - first;
    let q_at = (query * heads + vec4<u32>(head)) * d;
    let k_at = (first * kv_heads + kv_head) * d;

    var highest = vec4<f32>(-3.0e38);
    for (var j = thread; j < count; j += THREADS) {
        let at = k_at + j * kv_heads * d;
        var product = vec4<f32>(0.0);
        for (var c = 0u; c < d; c++) {
            let key = k[at + c];
            product += vec4<f32>(dot(q[q_at.x + c], key), dot(q[q_at.y + c], key), dot(q[q_at.z + c], key), dot(q[q_at.w + c], key));
        }
        let key_position = vec4<u32>(first + j);
        let visible = (key_position <= position) & (position - key_position < vec4<u32>(window));
        let score = select(vec4<f32>(-3.0e38), scaled_and_capped(product), visible);
        scores[j] = score;
        highest = max(highest, score);
    }
    let total = softmax(highest, count, thread);

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
            y[y_at.x + c] = sum0 / total.x;
            y[y_at.y + c] = sum1 / total.y;
            y[y_at.z + c] = sum2 / total.z;
            y[y_at.w + c] = sum3 / total.w;
        }
    }
}
