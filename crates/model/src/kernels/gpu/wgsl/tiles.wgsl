// What the products through workgroup memory share: {{ tile }} tokens by 64 outputs for {{ threads }} invocations, 32
// steps of the sum at a time, both operands with four neighbors to a vector, so that an invocation's
// 16 products a step take two reads.

const THREADS: u32 = {{ threads }}u;
// Groups of four tokens.
const GROUPS: u32 = {{ tile }}u / 4u;

// [32 steps][groups of four]: 8 KiB at most each, the 16 KiB that every adapter has.
var<workgroup> x_tile: array<vec4<f32>, 32u * GROUPS>;
var<workgroup> w_tile: array<vec4<f32>, 512>;

// Adds 32 steps to the sums of four tokens (columns of the matrix) by four outputs.
fn add_tiles(before: mat4x4<f32>, tx: u32, ty: u32) -> mat4x4<f32> {
    var sum0 = before[0];
    var sum1 = before[1];
    var sum2 = before[2];
    var sum3 = before[3];
    for (var step = 0u; step < 32u; step++) {
        let xs = x_tile[step * GROUPS + ty];
        let ws = w_tile[step * 16u + tx];
        sum0 += xs.x * ws;
        sum1 += xs.y * ws;
        sum2 += xs.z * ws;
        sum3 += xs.w * ws;
    }
    return mat4x4<f32>(sum0, sum1, sum2, sum3);
}

// Writes sums that start at token `t` and at sum `r` of `count`, a multiple of four.
fn put_tiles(sums: mat4x4<f32>, t: u32, r: u32, count: u32) {
    let of_token = array<vec4<f32>, 4>(sums[0], sums[1], sums[2], sums[3]);
    for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
            put(of_token[i][j], of_token[i][j ^ 1u], t + i, r + j, count);
        }
    }
}
