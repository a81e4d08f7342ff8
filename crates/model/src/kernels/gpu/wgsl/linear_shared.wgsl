// y[t, r] = finish(sum over c of x[t, c] * W[r, c]) for many tokens on a GPU, one block of 32 columns
// at a time: both operands are read by rows and transposed on their way into the tiles.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

// Four neighbors from `first` on; beyond the edge the last one is read again: its result is dropped.
fn four(first: u32, last: u32) -> vec4<u32> {
    return min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last));
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let row_base = group.x * 64u;
    let token_base = group.y * {{ tile }}u;
    let step = thread & 7u;
    let tx = thread & 15u;
    let ty = thread >> 4u;
    var sums = mat4x4<f32>();
    for (var b = 0u; b < blocks; b++) {
        // Fours of rows, eight vectors of columns each: those of x, then those of W.
        for (var i = thread >> 3u; i < GROUPS + 16u; i += THREADS / 8u) {
            if (i < GROUPS) {
                let at = (four(token_base + i * 4u, tokens - 1u) * blocks + vec4<u32>(b)) * 8u + vec4<u32>(step);
                let m = transpose(mat4x4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]));
                let place = step * 4u * GROUPS + i;
                x_tile[place] = m[0];
                x_tile[place + GROUPS] = m[1];
                x_tile[place + 2u * GROUPS] = m[2];
                x_tile[place + 3u * GROUPS] = m[3];
            } else {
                let r = four(row_base + (i - GROUPS) * 4u, rows - 1u);
                let row = vec4<u32>(row_of(r.x, rows), row_of(r.y, rows), row_of(r.z, rows), row_of(r.w, rows));
                let at = row * blocks + vec4<u32>(b);
                let word = at * BLOCK_WORDS;
                let m = transpose(mat4x4<f32>(
                    weights(word.x, step) * scale_of(at.x),
                    weights(word.y, step) * scale_of(at.y),
                    weights(word.z, step) * scale_of(at.z),
                    weights(word.w, step) * scale_of(at.w),
                ));
                let place = step * 64u + i - GROUPS;
                w_tile[place] = m[0];
                w_tile[place + 16u] = m[1];
                w_tile[place + 32u] = m[2];
                w_tile[place + 48u] = m[3];
            }
        }
        workgroupBarrier();
        sums = add_tiles(sums, tx, ty);
        workgroupBarrier();
    }
    put_tiles(sums, token_base + ty * 4u, row_base + tx * 4u, rows);
}
