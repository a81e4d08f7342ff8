// y[t, c] = sum over r of x[t, r] * W[r, c] for many tokens on a GPU, 32 rows of W at a time: W comes
// with four neighboring columns to a vector as it is stored.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;

// x[t, r] of four tokens; zero past the last row.
fn fetch(t: vec4<u32>, r: u32, rows: u32) -> vec4<f32> {
    if (r >= rows) {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(x[t.x + r], x[t.y + r], x[t.z + r], x[t.w + r]);
}

// Where four tokens from `first` begin; past the last one it is read again.
fn four_tokens(first: u32) -> vec4<u32> {
    return min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(sizes[0].x - 1u)) * sizes[0].y;
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let cols = sizes[0].w;
    let col_base = group.x * 64u;
    let token_base = group.y * {{ tile }}u;
    let tx = thread & 15u;
    let ty = thread >> 4u;
    // x: neighboring invocations read neighboring rows of W's dimension, twice four tokens each.
    let x_row = thread & 31u;
    let x_four = thread >> 5u;
    let t_low = four_tokens(token_base + x_four * 4u);
    let t_high = four_tokens(token_base + (x_four + GROUPS / 2u) * 4u);
    let w_col = min(col_base + tx * 4u, blocks * 32u - 4u);
    let block = w_col / 32u;
    let step = (w_col % 32u) / 4u;
    var sums = mat4x4<f32>();
    for (var base = 0u; base < rows; base += 32u) {
        x_tile[x_row * GROUPS + x_four] = fetch(t_low, base + x_row, rows);
        x_tile[x_row * GROUPS + x_four + GROUPS / 2u] = fetch(t_high, base + x_row, rows);
        for (var row = ty; row < 32u; row += THREADS / 16u) {
            let index = min(base + row, rows - 1u) * blocks + block;
            w_tile[row * 16u + tx] = weights(index * BLOCK_WORDS, step) * scale_of(index);
        }
        workgroupBarrier();
        sums = add_tiles(sums, tx, ty);
        workgroupBarrier();
    }
    put_tiles(sums, token_base + ty * 4u, col_base + tx * 4u, cols);
}
