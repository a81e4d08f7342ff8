// y[t, r] = finish(sum over c of x[t, c] * W[r, c]), W packed in whole blocks of 32 columns.
//
// An invocation owns a tile of {{ tile }} tokens by 4 rows and keeps its sums in registers: every
// value of W that it loads is used {{ tile }} times, every value of x four times. No shared memory:
// for adapters that run on the CPU, whose caches do that work.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let row_base = id.x * 4u;
    let token_base = id.y * {{ tile }}u;
    if (row_base >= rows) {
        return;
    }
    // Tiles at the edge read their last token and row again and drop the result.
    let r = min(vec4<u32>(row_base) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(rows - 1u)) * blocks;
    {{ begin }}
    for (var b = 0u; b < blocks; b++) {
        let at = (r + vec4<u32>(b)) * BLOCK_WORDS;
        {{ begin_block }}
        for (var s = 0u; s < 8u; s++) {
            let w0 = weights(at.x, s);
            let w1 = weights(at.y, s);
            let w2 = weights(at.z, s);
            let w3 = weights(at.w, s);
            {{ step }}
        }
        let scale = vec4<f32>(scale_of(r.x + b), scale_of(r.y + b), scale_of(r.z + b), scale_of(r.w + b));
        {{ end_block }}
    }
    let width = min(rows - row_base, 4u);
    {{ store }}
}
