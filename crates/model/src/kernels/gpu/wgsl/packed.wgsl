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

// What becomes of the finished sum of token t and output r, of `width` outputs.
fn finish(sum: f32, t: u32, r: u32, width: u32) -> f32 {
    {{ finish }}
}

