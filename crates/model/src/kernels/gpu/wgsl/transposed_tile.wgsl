// y[t, c] = sum over r of x[t, r] * W[r, c], W packed in whole blocks of 32 columns: the same
// matrix as in linear_tile.wgsl, read the other way, so that a tied dictionary is stored once.
//
// An invocation owns {{ tile }} tokens by eight neighboring columns and takes four rows at a time; neighboring
// invocations read neighboring words of the same row. Rows that none of the tokens uses are passed over:
// codes are sparse. tile.rs writes the products of four rows out.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;

fn put_four(sums: vec4<f32>, t: u32, c: u32) {
    for (var j = 0u; j < 4u; j++) {
        put(sums[j], 0.0, t, c + j, sizes[0].w);
    }
}

@compute @workgroup_size({{ threads }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tokens = sizes[0].x;
    let rows = sizes[0].y;
    let blocks = sizes[0].z;
    let lane = thread & 3u;
    let token_base = id.y * {{ tile }}u;
    // Past the last block it is computed again; its result is dropped.
    let octet = min(id.x, blocks * 4u - 1u);
    let block = octet / 4u;
    let within = octet % 4u;
    {{ tokens }}
    // The left and the right half of each token's eight columns.
    var sums: array<vec4<f32>, {{ count }}>;
    for (var r = 0u; r < rows; r += 4u) {
        {{ fetch }}
        // A processor that plays GPU jumps over a loop, not over a branch.
        for (var once = {{ used }}; once; once = false) {
            {{ weights }}
            {{ products }}
        }
    }
    for (var i = 0u; i < {{ tile }}u; i++) {
        let t = token_base + {{ token }};
        put_four(sums[2u * i], t, id.x * 8u);
        put_four(sums[2u * i + 1u], t, id.x * 8u + 4u);
    }
}
