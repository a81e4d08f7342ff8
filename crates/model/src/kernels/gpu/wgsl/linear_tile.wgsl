// y[t, r] = finish(sum over c of x[t, c] * W[r, c]), W packed in whole blocks of 32 columns.
//
// An invocation owns a tile of {{ tile }} tokens by {{ outputs }} rows: every value of W that it reads is used {{ tile }}
// times, every value of x {{ outputs }} times. No shared memory: for adapters that run on the CPU, where it is as
// slow as any other. tile.rs writes a block's products out.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size({{ threads }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let lane = thread & 3u;
    let row_base = id.x * {{ outputs }}u;
    let token_base = id.y * {{ tile }}u;
    {{ begin }}
    {{ tokens }}
    {{ rows }}
    var sums: array<f32, {{ count }}>;
    for (var b = 0u; b < blocks; b++) {
        {{ begin_x }}
        {{ begin_w }}
        {{ block }}
        {{ scales }}
        {{ end_block }}
    }
    // A loop: writing a sum is a page of machine code, and happens once. Tiles at the edge read their last token and row again;
    // that result is dropped.
    for (var i = 0u; i < {{ tile }}u; i++) {
        for (var j = 0u; j < {{ outputs }}u; j++) {
            put(sums[i * {{ outputs }}u + j], sums[i * {{ outputs }}u + (j ^ 1u)], token_base + {{ token }}, row_base + j, rows);
        }
    }
}
