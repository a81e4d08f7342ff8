// y[t, r] = finish(sum over c of x[t, c] * W[r, c]), W packed in whole blocks of 32 columns.
//
// An invocation owns a tile of {{ tile }} tokens by {{ outputs }} rows and keeps its sums in registers: every value
// of W that it loads is used {{ tile }} times, every value of x {{ outputs }} times. Where x is read for neighbours, too, four
// invocations, which need the same x, fetch it together: each reads one token of four, and all hear of
// it by broadcast. No shared memory: for adapters that run on the CPU, where every read of memory costs
// several multiplications.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

// Tiles at the edge read their last token and row again and drop the result.
fn put(sum: f32, t: u32, r: u32) {
    if (t < sizes[0].x && r < sizes[0].y) {
        y[t * sizes[0].y + r] = finish(sum, t, r, sizes[0].y);
    }
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let row_base = id.x * {{ outputs }}u;
    let token_base = id.y * {{ tile }}u;
    {{ begin }}
    {{ tokens }}
    {{ rows }}
    {{ sums }}
    for (var b = 0u; b < blocks; b++) {
        {{ begin_x }}
        {{ begin_w }}
        {{ begin_sums }}
        // Eight columns at a time.
        for (var o = 0u; o < 4u; o++) {
            {{ fetch }}
            {
                {{ low }}
                {{ multiply_low }}
            }
            {
                {{ high }}
                {{ multiply_high }}
            }
        }
        {{ scales }}
        {{ end_block }}
    }
    {{ store }}
}
