// y[t, r] = finish(sum over c of x[t, c] * W[r, c]) for many tokens on a GPU, one block of 32 columns
// at a time: both operands are read by rows and transposed on their way into the tiles.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(256, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let row_base = group.x * 64u;
    let token_base = group.y * 64u;
    // Half of the invocations fetch x, half W: four rows of four columns each, transposed.
    let fetches_x = thread < 128u;
    let four = (thread & 127u) >> 3u;
    let step = thread & 7u;
    let first = select(row_base, token_base, fetches_x) + four * 4u;
    // Beyond the edge the last row is read again; its result is dropped.
    let last = select(rows, tokens, fetches_x) - 1u;
    let source = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last)) * blocks;
    let put = step * 64u + four;
    let tx = thread & 15u;
    let ty = thread >> 4u;
    var sums = mat4x4<f32>();
    for (var b = 0u; b < blocks; b++) {
        let at = source + vec4<u32>(b);
        if (fetches_x) {
            let at4 = at * 8u + vec4<u32>(step);
            let m = transpose(mat4x4<f32>(x[at4.x], x[at4.y], x[at4.z], x[at4.w]));
            x_tile[put] = m[0];
            x_tile[put + 16u] = m[1];
            x_tile[put + 32u] = m[2];
            x_tile[put + 48u] = m[3];
        } else {
            let word = at * BLOCK_WORDS;
            let m = transpose(mat4x4<f32>(
                weights(word.x, step) * scale_of(at.x),
                weights(word.y, step) * scale_of(at.y),
                weights(word.z, step) * scale_of(at.z),
                weights(word.w, step) * scale_of(at.w),
            ));
            w_tile[put] = m[0];
            w_tile[put + 16u] = m[1];
            w_tile[put + 32u] = m[2];
            w_tile[put + 48u] = m[3];
        }
        workgroupBarrier();
        sums = add_tiles(sums, tx, ty);
        workgroupBarrier();
    }
    put_tiles(sums, token_base + ty * 4u, row_base + tx * 4u, tokens, rows);
}
