// y[t, c] = sum over r of x[t, r] * W[r, c], W packed in whole blocks of 32 columns: the same
// matrix as in packed_linear.wgsl, read the other way, so that a tied dictionary is stored once.
//
// An invocation owns 4 tokens by 4 neighbouring columns; neighbouring invocations read
// neighbouring words of the same row.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let tokens = sizes[0];
    let rows = sizes[1];
    let blocks = sizes[2];
    let cols = sizes[3];
    let col_base = id.x * 4u;
    let token_base = id.y * 4u;
    if (col_base >= cols || token_base >= tokens) {
        return;
    }
    let block = col_base / 32u;
    let step = (col_base % 32u) / 4u;
    let t = min(vec4<u32>(token_base) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(tokens - 1u)) * rows;
    var sum0 = vec4<f32>(0.0);
    var sum1 = vec4<f32>(0.0);
    var sum2 = vec4<f32>(0.0);
    var sum3 = vec4<f32>(0.0);
    for (var r = 0u; r < rows; r++) {
        let index = r * blocks + block;
        let w = weights(index * BLOCK_WORDS, step) * scale_of(index);
        sum0 += x[t.x + r] * w;
        sum1 += x[t.y + r] * w;
        sum2 += x[t.z + r] * w;
        sum3 += x[t.w + r] * w;
    }
    var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
    for (var i = 0u; i < 4u; i++) {
        let token = token_base + i;
        if (token < tokens) {
            for (var j = 0u; j < 4u; j++) {
                if (col_base + j < cols) {
                    y[token * cols + col_base + j] = sums[i][j];
                }
            }
        }
    }
}
