//! The products that keep a tile of sums in registers, written out for one size and precision.
//!
//! For adapters that run on the CPU (docs/performance.md has the costs that shape it): there a read of a
//! buffer costs as much as thirty multiplications, a shift as much as five, and so does a write to a
//! variable. So weights are taken from their words without shifts, a block of 32 columns is written out
//! with its sums as values, and what is read is used for the whole tile.

use std::fmt::Write;

use burn_cubecl::template::SourceTemplate;
use lens_pack::block::Precision;

use super::source::{EpilogueKind, each, product};

/// Vectors of four columns in a block.
const STEPS: u32 = 8;

/// A tile of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    /// Tokens; with `quad_exchange` a multiple of four.
    pub tokens: u32,
    /// Rows of W.
    pub outputs: u32,
    /// Whether the four invocations of a quad, which need the same x, fetch it together: each reads every
    /// fourth token and quad_exchange the others' by swapping.
    pub quad_exchange: bool,
    /// Invocations of a workgroup.
    pub threads: u32,
}

impl Tile {
    /// Tokens whose x an invocation reads itself.
    fn reads(self) -> u32 {
        if self.quad_exchange { self.tokens / 4 } else { self.tokens }
    }

    /// WGSL of read `#`'s token, past the tile's first.
    fn read_token(self) -> &'static str {
        if self.quad_exchange { "4u * #u + lane" } else { "#u" }
    }

    /// WGSL of the token that value `i` is of, past the tile's first.
    fn token(self) -> &'static str {
        if self.quad_exchange { "(i ^ lane)" } else { "i" }
    }

    /// Which read value `i` comes from, and by which swap.
    fn source_of(self, i: u32) -> (u32, u32) {
        if self.quad_exchange { (i / 4, i % 4) } else { (i, 0) }
    }
}

/// Where in its word a column lies, by precision: words are taken apart by masks and converted where they
/// lie. That scales a column by a power of two, which x is divided by: both are exact. The sign bit
/// of every value but the word's topmost is flipped, which adds `offset`.
struct Packing {
    /// Bits of a value.
    bits: u32,
    /// Values in a word.
    values: u32,
    /// The sign bits to flip.
    flips: u32,
    /// What that adds to a value.
    offset: f32,
}

impl Packing {
    fn of(precision: Precision) -> Option<Self> {
        match precision {
            Precision::F32 | Precision::F16 => None,
            Precision::Q8 => Some(Self { bits: 8, values: 4, flips: 0x0080_8080, offset: 128.0 }),
            // Stored with 8 added; the topmost becomes two's complement.
            Precision::Q4 => Some(Self { bits: 4, values: 8, flips: 0x8000_0000, offset: 8.0 }),
        }
    }

    /// By how many bits the columns of vector `step` lie above the bottom of their word.
    fn places(&self, step: u32) -> [u32; 4] {
        [0, 1, 2, 3].map(|column| (4 * step + column) % self.values * self.bits)
    }

    /// The vector that x is multiplied by.
    fn factors(&self, step: u32) -> String {
        vector(self.places(step).map(|place| 1.0 / (1u32 << place) as f32))
    }

    /// Columns of vector `step`, from their word.
    fn weights(&self, word: &str, step: u32) -> String {
        let places = self.places(step);
        let top = 32 - self.bits;
        let mask = (1u32 << self.bits) - 1;
        let [a, b, c, d] = places.map(|place| format!("{:#x}u", mask << place));
        let added = vector(places.map(|place| if place == top { 0.0 } else { self.offset * (1u32 << place) as f32 }));
        format!("vec4<f32>(bitcast<vec4<i32>>(vec4<u32>({word}) & vec4<u32>({a}, {b}, {c}, {d}))) - {added}")
    }
}

fn vector(values: [f32; 4]) -> String {
    let [a, b, c, d] = values.map(|value| format!("{value:e}"));
    format!("vec4<f32>({a}, {b}, {c}, {d})")
}

/// What invocation `lane` of a quad holds after swap `turn`: what invocation `lane ^ turn` had.
fn swapped(turn: u32, value: &str) -> String {
    match turn {
        0 => value.to_owned(),
        1 => format!("quadSwapX({value})"),
        2 => format!("quadSwapY({value})"),
        _ => format!("quadSwapDiagonal({value})"),
    }
}

/// The products of one block: sums `p{token}_{output}_7`.
fn block(precision: Precision, tile: Tile) -> String {
    let packing = Packing::of(precision);
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "        {args}");
    };
    for k in 0..STEPS {
        let factors = packing.as_ref().map_or_else(String::new, |it| format!(" * {}", it.factors(k)));
        for i in 0..tile.tokens {
            let (read, turn) = tile.source_of(i);
            if turn == 0 {
                line(format_args!("let v{read}_{k} = x[a{read} + {k}u]{factors};"));
            }
            line(format_args!("let u{i}_{k} = {};", swapped(turn, &format!("v{read}_{k}"))));
        }
        for j in 0..tile.outputs {
            let weights = match &packing {
                None => format!("weights(at{j}, {k}u)"),
                Some(packing) => {
                    let word = 4 * k / packing.values;
                    if (4 * k).is_multiple_of(packing.values) {
                        line(format_args!("let word{j}_{word} = words[at{j} + {word}u] ^ {:#x}u;", packing.flips));
                    }
                    packing.weights(&format!("word{j}_{word}"), k)
                }
            };
            line(format_args!("let w{j}_{k} = {weights};"));
            for i in 0..tile.tokens {
                let before = if k == 0 { String::new() } else { format!("p{i}_{j}_{} + ", k - 1) };
                line(format_args!("let p{i}_{j}_{k} = {before}dot(u{i}_{k}, w{j}_{k});"));
            }
        }
    }
    text
}

/// The kernel.
pub fn source(precision: Precision, epilogue: EpilogueKind, tile: Tile) -> SourceTemplate {
    let Tile { tokens, outputs, quad_exchange, threads } = tile;
    let (reads, token) = (tile.reads(), tile.read_token());
    let sums: Vec<String> = (0..tokens)
        .flat_map(|i| (0..outputs).map(move |j| (i, j)))
        .map(|(i, j)| format!("sums[{}] += p{i}_{j}_{} * scale{j};", i * outputs + j, STEPS - 1))
        .collect();
    product(&[include_str!("wgsl/linear_tile.wgsl")], precision, epilogue)
        .register("threads", threads.to_string())
        .register("tile", tokens.to_string())
        .register("outputs", outputs.to_string())
        .register("count", (tokens * outputs).to_string())
        // Invocations past the last row go on where others get x from them.
        .register("begin", if quad_exchange { "" } else { "if (row_base >= rows) { return; }" })
        .register("tokens", each(reads, &format!("let t# = min(token_base + {token}, tokens - 1u) * blocks * 8u;")))
        .register("rows", each(outputs, "let r# = row_of(min(row_base + #u, rows - 1u), rows) * blocks;"))
        .register("begin_x", each(reads, "let a# = t# + b * 8u;"))
        .register("begin_w", each(outputs, "let at# = (r# + b) * BLOCK_WORDS;"))
        .register("block", block(precision, tile))
        .register("scales", each(outputs, "let scale# = scale_of(r# + b);"))
        .register("end_block", sums.join("\n        "))
        .register("token", tile.token())
}

/// Rows of W that the transposed product takes at a time.
const ROWS: u32 = 4;

/// The kernel of the product with the transpose; a tile has eight outputs.
pub fn transposed_source(precision: Precision, tile: Tile) -> SourceTemplate {
    let tokens = tile.tokens;
    let packing = Packing::of(precision);
    let (reads, token) = (tile.reads(), tile.read_token());
    let (mut fetch, mut weights, mut products) = (Vec::new(), Vec::new(), Vec::new());
    for q in 0..ROWS {
        fetch.push(format!("let r{q} = min(r + {q}u, rows - 1u);"));
        for g in 0..reads {
            fetch.push(format!("let v{g}_{q} = select(0.0, x[t{g} + r{q}], r + {q}u < rows);"));
        }
        for i in 0..tokens {
            let (read, turn) = tile.source_of(i);
            fetch.push(format!("let u{i}_{q} = {};", swapped(turn, &format!("v{read}_{q}"))));
        }
        weights.push(format!("let index{q} = r{q} * blocks + block; let scale{q} = scale_of(index{q});"));
        weights.push(format!("let at{q} = index{q} * BLOCK_WORDS;"));
        for half in 0..2 {
            let columns = match &packing {
                None => format!("weights(at{q}, 2u * within + {half}u)"),
                Some(packing) => {
                    let words = 8 / packing.values;
                    let word =
                        format!("(words[at{q} + {words}u * within + {}u] ^ {:#x}u)", half * words / 2, packing.flips);
                    format!("({}) * {}", packing.weights(&word, half), packing.factors(half))
                }
            };
            weights.push(format!("let w{q}_{half} = ({columns}) * scale{q};"));
        }
    }
    for i in 0..tokens {
        for half in 0..2 {
            let terms: Vec<String> = (0..ROWS).map(|q| format!("u{i}_{q} * w{q}_{half}")).collect();
            products.push(format!("sums[{}] += {};", 2 * i + half, terms.join(" + ")));
        }
    }
    // Not a number is not zero.
    let all = (0..tokens).flat_map(|i| (0..ROWS).map(move |q| format!("abs(u{i}_{q})")));
    let used = format!("{} != 0.0", all.collect::<Vec<_>>().join(" + "));
    let lines = |lines: Vec<String>| lines.join("\n            ");
    product(&[include_str!("wgsl/transposed_tile.wgsl")], precision, EpilogueKind::Plain)
        .register("threads", tile.threads.to_string())
        .register("tile", tokens.to_string())
        .register("count", (2 * tokens).to_string())
        .register("tokens", each(reads, &format!("let t# = min(token_base + {token}, tokens - 1u) * rows;")))
        .register("fetch", lines(fetch))
        .register("used", used)
        .register("weights", lines(weights))
        .register("products", lines(products))
        .register("token", tile.token())
}
