// y[t, r] = finish(sum over c of x[t, c] * W[r, c]) for up to {{ tile }} tokens on a GPU, where reading W
// is all the work: eight neighboring invocations share a row of W and read neighboring blocks of
// it, then add up what they have.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

var<workgroup> partial: array<f32, {{ partials }}>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let lane = thread & 7u;
    let row = group.x * 8u + (thread >> 3u);
    let token_base = group.y * {{ tile }}u;
    let row_at = row_of(min(row, rows - 1u), rows) * blocks;
    {{ begin }}
    for (var b = lane; b < blocks; b += 8u) {
        let at = (row_at + b) * BLOCK_WORDS;
        {{ begin_block }}
        for (var s = 0u; s < 8u; s++) {
            let w = weights(at, s);
            {{ step }}
        }
        let scale = scale_of(row_at + b);
        {{ end_block }}
    }
    {{ share }}
    workgroupBarrier();
    // Each of the eight finishes every eighth token.
    for (var i = lane; i < {{ tile }}u; i += 8u) {
        var sum = 0.0;
        var mate = 0.0;
        for (var l = 0u; l < 8u; l++) {
            sum += partial[i * 64u + (thread & 56u) + l];
            if (GATED) {
                mate += partial[i * 64u + ((thread & 56u) ^ 8u) + l];
            }
        }
        put(sum, mate, token_base + i, row, rows);
    }
}
