// The weights of causal attention, the mean of its heads, with zeros for keys that a query does not see.
//
// One workgroup a query, one head after another: an invocation has the same keys in each, so that no other one
// writes to its entries of the result.

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let heads = sizes[0].x & 0xffffu;
    let d = sizes[0].z;
    let query = sizes[1].x + group.x;
    let count = query + 1u;
    let width = sizes[1].x + sizes[0].y;
    let y_at = group.x * width;
    for (var j = thread; j < width; j += THREADS) {
        y[y_at + j] = 0.0;
    }
    for (var head = 0u; head < heads; head++) {
        let q_at = (query * heads + head) * d;
        var highest = -3.0e38;
        for (var j = thread; j < count; j += THREADS) {
            let at = (j * heads + head) * d;
            var sum = {{ number }}(0.0);
            for (var c = 0u; c < d; c++) {
                sum += q[q_at + c] * k[at + c];
            }
            let score = scaled_and_capped({{ total }});
            scores[j] = score;
            highest = max(highest, score);
        }
        let factor = 1.0 / (f32(heads) * softmax(highest, count, thread)[1]);
        for (var j = thread; j < count; j += THREADS) {
            y[y_at + j] += scores[j] * factor;
        }
        // The next head's highest scores go where others may still read sums.
        workgroupBarrier();
    }
}
