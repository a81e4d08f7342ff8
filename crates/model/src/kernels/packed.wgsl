// What both products share: a matrix W [rows, cols] packed in whole blocks of 32 columns, four
// columns of it at a time, and the scales of its blocks.

@group(0) @binding(1) var<storage, read_write> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// tokens, rows, blocks in a row, columns
@group(0) @binding(4) var<storage, read_write> sizes: array<u32>;

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

