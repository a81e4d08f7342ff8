// y[t, c] = sum over r of x[t, r] * W[r, c], W packed in whole blocks of 32 columns: the same
// matrix as in linear_tile.wgsl, read the other way, so that a tied dictionary is stored once.
//
// An invocation owns {{ tile }} tokens by 4 neighbouring columns; neighbouring invocations read
// neighbouring words of the same row. Rows that none of the tokens uses are passed over: codes are
// sparse.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let cols = sizes[0].w;
    let col_base = id.x * 4u;
    let token_base = id.y * {{ tile }}u;
    if (col_base >= cols) {
        return;
    }
    let block = col_base / 32u;
    let step = (col_base % 32u) / 4u;
    {{ begin }}
    for (var r = 0u; r < rows; r++) {
        {{ load }}
        if ({{ any }}) {
            let index = r * blocks + block;
            let w = weights(index * BLOCK_WORDS, step) * scale_of(index);
            {{ step }}
        }
    }
    let width = min(cols - col_base, 4u);
    {{ store }}
}
