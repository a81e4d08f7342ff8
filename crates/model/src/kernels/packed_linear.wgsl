// y[t, r] = sum over c of x[t, c] * W[r, c], W packed in whole blocks of 32 columns.
//
// An invocation owns a tile of 4 tokens by 4 rows and keeps its 16 sums in registers: every value
// of x and W that it loads is used four times. No shared memory: on the adapters measured so far
// the caches do that work (see docs/performance.md when tuning).

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let tokens = sizes[0];
    let rows = sizes[1];
    let blocks = sizes[2];
    let row_base = id.x * 4u;
    let token_base = id.y * 4u;
    if (row_base >= rows || token_base >= tokens) {
        return;
    }
    // Tiles at the edge read their last token and row again and drop the result.
    let t = min(vec4<u32>(token_base) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(tokens - 1u)) * (blocks * 8u);
    let r = min(vec4<u32>(row_base) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(rows - 1u)) * blocks;
    var sum0 = vec4<f32>(0.0);
    var sum1 = vec4<f32>(0.0);
    var sum2 = vec4<f32>(0.0);
    var sum3 = vec4<f32>(0.0);
    for (var b = 0u; b < blocks; b++) {
        let at = (r + vec4<u32>(b)) * BLOCK_WORDS;
        let xb = t + vec4<u32>(b * 8u);
        var p0 = vec4<f32>(0.0);
        var p1 = vec4<f32>(0.0);
        var p2 = vec4<f32>(0.0);
        var p3 = vec4<f32>(0.0);
        for (var s = 0u; s < 8u; s++) {
            let w0 = weights(at.x, s);
            let w1 = weights(at.y, s);
            let w2 = weights(at.z, s);
            let w3 = weights(at.w, s);
            let x0 = x[xb.x + s];
            let x1 = x[xb.y + s];
            let x2 = x[xb.z + s];
            let x3 = x[xb.w + s];
            p0 += vec4<f32>(dot(x0, w0), dot(x0, w1), dot(x0, w2), dot(x0, w3));
            p1 += vec4<f32>(dot(x1, w0), dot(x1, w1), dot(x1, w2), dot(x1, w3));
            p2 += vec4<f32>(dot(x2, w0), dot(x2, w1), dot(x2, w2), dot(x2, w3));
            p3 += vec4<f32>(dot(x3, w0), dot(x3, w1), dot(x3, w2), dot(x3, w3));
        }
        let scale = vec4<f32>(scale_of(r.x + b), scale_of(r.y + b), scale_of(r.z + b), scale_of(r.w + b));
        sum0 += p0 * scale;
        sum1 += p1 * scale;
        sum2 += p2 * scale;
        sum3 += p3 * scale;
    }
    var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
    for (var i = 0u; i < 4u; i++) {
        let token = token_base + i;
        if (token < tokens) {
            for (var j = 0u; j < 4u; j++) {
                if (row_base + j < rows) {
                    y[token * rows + row_base + j] = sums[i][j];
                }
            }
        }
    }
}
