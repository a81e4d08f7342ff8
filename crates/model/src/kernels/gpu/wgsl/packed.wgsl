{{ enable }}
// What every product shares: a matrix W [rows, cols] packed in whole blocks of 32 columns, four
// columns of it at a time, the scales of its blocks, and what happens to a finished sum.

@group(0) @binding(1) var<storage, read_write> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
{{ extra }}
@group(0) @binding({{ y_binding }}) var<storage, read_write> y: array<f32>;
// x: tokens, y: rows of W, z: blocks in a row of W, w: columns of W; then x: bits of the factor
@group(0) @binding({{ sizes_binding }}) var<uniform> sizes: array<vec4<u32>, 2>;

// Words that hold one block.
const BLOCK_WORDS: u32 = {{ block_words }}u;
const QUANTIZED: bool = {{ quantized }};

fn scale_of(index: u32) -> f32 {
    if (!QUANTIZED) {
        return 1.0;
    }
    let pair = unpack2x16float(scales[index >> 1u]);
    return select(pair.x, pair.y, (index & 1u) == 1u);
}

// Columns 4 * step .. 4 * step + 4 of the block that starts at word `at`, before scaling.
fn weights(at: u32, step: u32) -> vec4<f32> {
    {{ unpack }}
}

// Whether output r is made of two rows of W, r and rows / 2 + r. Kernels take such rows in pairs, one after the other.
const GATED: bool = {{ gated }};

// The row of W that the kernel's row r of `rows` is.
fn row_of(r: u32, rows: u32) -> u32 {
    if (GATED) {
        return (r & 1u) * (rows >> 1u) + (r >> 1u);
    }
    return r;
}

// What becomes of finished sum r; `mate` is the other one of its pair.
fn finish(sum: f32, mate: f32, r: u32) -> f32 {
    {{ finish }}
}

// Writes the result of sum r, one of `sums`, of token t, unless it lies past the edge.
fn put(sum: f32, mate: f32, t: u32, r: u32, sums: u32) {
    if (t >= sizes[0].x || r >= sums) {
        return;
    }
    if (!GATED) {
        y[t * sums + r] = finish(sum, mate, r);
    } else if ((r & 1u) == 0u) {
        y[t * (sums >> 1u) + (r >> 1u)] = finish(sum, mate, r);
    }
}
