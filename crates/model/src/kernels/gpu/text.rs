//! The kernels' WGSL.

use burn_cubecl::cubecl::prelude::KernelId;
use burn_cubecl::template::{KernelSource, SourceTemplate};
use lens_pack::block::{BLOCK, Precision};

use super::tile::{self, Tile};
use crate::kernels::ATTENTION_TOKENS_MAX;
use crate::kernels::variant::Variant;

/// WGSL that returns four columns of the block at word `at` as vec4<f32>, before scaling.
fn unpack_source(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => {
            "let w = at + step * 4u;
    return bitcast<vec4<f32>>(vec4<u32>(words[w], words[w + 1u], words[w + 2u], words[w + 3u]));"
        }
        Precision::F16 => {
            "let w = at + step * 2u;
    return vec4<f32>(unpack2x16float(words[w]), unpack2x16float(words[w + 1u]));"
        }
        // Shifting left and back extends the sign of each byte.
        Precision::Q8 => {
            "let w = bitcast<i32>(words[at + step]);
    return vec4<f32>((vec4<i32>(w) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));"
        }
        Precision::Q4 => {
            "let w = words[at + (step >> 1u)] >> ((step & 1u) * 16u);
    return vec4<f32>((vec4<u32>(w) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u)) - vec4<f32>(8.0);"
        }
    }
}

/// Keys that four queries take at a time: their scores fill 9 KiB of workgroup memory, and a window of 512 is
/// done at once.
const FOUR_CAPACITY: usize = 576;

/// [`Finish`] without its numbers: what goes into a kernel's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinishText {
    Plain,
    Bias,
    BiasRelu,
    Relu,
    Gate,
}

impl FinishText {
    fn source(self) -> &'static str {
        match self {
            Self::Plain => "return sum;",
            Self::Bias => "return sum + extra[r];",
            Self::BiasRelu => "return max(sum + extra[r], 0.0);",
            Self::Relu => "return max(sum * bitcast<f32>(sizes[1].x), 0.0);",
            // gelu(g) = g * sigmoid(2 z). Written with exp: tanh of large arguments is NaN on some
            // drivers, and Gemma's gates are large.
            Self::Gate => {
                "let z = 0.7978845608028654 * (sum + 0.044715 * sum * sum * sum);
    return sum / (1.0 + exp(min(-2.0 * z, 80.0))) * extra[t * width + r];"
            }
        }
    }

    fn has_extra(self) -> bool {
        matches!(self, Self::Bias | Self::BiasRelu | Self::Gate)
    }
}

/// The kernels; what distinguishes them goes into their text, and so into the cache's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    Linear(Precision, FinishText, Variant),
    Transposed(Precision, Variant),
    /// By workgroups of so many invocations, with vectors of four where widths allow.
    Attention {
        vectors: bool,
        threads: u32,
    },
    /// Four queries at once.
    AttentionFour {
        threads: u32,
    },
    /// Row by row, by workgroups of so many invocations.
    Row(Row, u32),
    TopK {
        list: bool,
    },
}

/// The kernels that own a row a workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    RmsNorm,
    AddNorm,
    Rotate { norm: bool },
    Sums,
    Project,
}

/// `line` once for each of `n` tokens or rows of a tile, `#` being its number: tiles live in registers
/// only when their accesses are written out.
pub fn each(n: u32, line: &str) -> String {
    (0..n).map(|i| line.replace('#', &i.to_string())).collect::<Vec<_>>().join("\n    ")
}

/// A product with a packed matrix: the shared beginning, then the variant's `bodies`.
pub fn product(bodies: &[&'static str], precision: Precision, finish: FinishText) -> SourceTemplate {
    let extra = "@group(0) @binding(3) var<storage, read_write> extra: array<f32>;";
    let y_binding = if finish.has_extra() { 4 } else { 3 };
    bodies
        .iter()
        .fold(SourceTemplate::new(include_str!("wgsl/packed.wgsl")), |source, body| source.add_template(*body))
        .register("block_words", (BLOCK / precision.values_per_word()).to_string())
        .register("quantized", precision.is_quantized().to_string())
        .register("unpack", unpack_source(precision))
        .register("extra", if finish.has_extra() { extra } else { "" })
        .register("finish", finish.source())
        .register("y_binding", y_binding.to_string())
        .register("sizes_binding", (y_binding + 1).to_string())
        .register("enable", "")
}

/// An attention: what both share, then `body`. Operands are read as `number`; a key has a `score`.
fn attention(body: &'static str, number: &str, score: &str, capacity: usize, threads: u32) -> SourceTemplate {
    SourceTemplate::new(include_str!("wgsl/softmax.wgsl"))
        .add_template(body)
        .register("number", number)
        .register("score", score)
        .register("capacity", capacity.to_string())
        .register("threads", threads.to_string())
}

/// The attention of four queries at once. In small workgroups, those of processors, an invocation takes four
/// keys at a time: fewer reads of the queries, fewer writes to sums.
fn attention_four(threads: u32) -> SourceTemplate {
    let keys = if threads < 16 { 4 } else { 1 };
    let sum = |query: &str| (0..keys).map(|i| format!("weight{i}.{query} * value{i}")).collect::<Vec<_>>().join(" + ");
    attention(include_str!("wgsl/attention_four.wgsl"), "vec4<f32>", "vec4<f32>", FOUR_CAPACITY, threads)
        .register("keys", keys.to_string())
        .register(
            "begin_keys",
            each(keys, "let at# = k_at + min(j + #u, count - 1u) * kv_heads * d; var product# = vec4<f32>(0.0);"),
        )
        .register(
            "products",
            each(keys, "let key# = k[at# + c]; product# += vec4<f32>(dot(q0, key#), dot(q1, key#), dot(q2, key#), dot(q3, key#));"),
        )
        .register("scores", each(keys, "if (j + #u < count) { mine = max(mine, put(product#, j + #u, begin, position)); }"))
        .register(
            "values",
            each(
                keys,
                "let from# = min(j + #u, count - 1u); let value# = v[v_at + from# * kv_heads * dv + c];
                let weight# = select(vec4<f32>(0.0), scores[from#], j + #u < count);",
            ),
        )
        .register("sum0", sum("x"))
        .register("sum1", sum("y"))
        .register("sum2", sum("z"))
        .register("sum3", sum("w"))
}

/// A kernel that owns one row a workgroup.
fn row_source(kernel: Row, threads: u32) -> SourceTemplate {
    let rows = |body: &'static str| {
        let source = SourceTemplate::new(include_str!("wgsl/rows.wgsl")).add_template(body);
        source.register("threads", threads.to_string())
    };
    match kernel {
        Row::RmsNorm => rows(include_str!("wgsl/rms_norm.wgsl")),
        Row::AddNorm => rows(include_str!("wgsl/add_norm.wgsl")),
        Row::Sums => rows(include_str!("wgsl/row_sums.wgsl")),
        Row::Project => rows(include_str!("wgsl/project.wgsl")),
        Row::Rotate { norm } => {
            let at = if norm { 3 } else { 2 };
            let weight = "@group(0) @binding(2) var<storage, read_write> weight: array<f32>;";
            let sum = "var squares = 0.0;
for (var c = thread; c < width; c += THREADS) {
    squares += x[row + c] * x[row + c];
}
let mean = reduce(vec4<f32>(squares, 0.0, 0.0, 0.0), thread).x / f32(width);
let factor = 1.0 / sqrt(mean + bitcast<f32>(sizes[0].z));";
            rows(include_str!("wgsl/rotate.wgsl"))
                .register("weight", if norm { weight } else { "" })
                .register("norm", if norm { sum } else { "" })
                .register("scale_first", if norm { " * factor * weight[c]" } else { "" })
                .register("scale_second", if norm { " * factor * weight[half + c]" } else { "" })
                .register("y_binding", at.to_string())
                .register("sizes_binding", (at + 1).to_string())
        }
    }
}

/// Browsers want the extension named where it is used; naga takes its functions without it and does
/// not know the word.
const ENABLE_SUBGROUPS: &str = if cfg!(target_family = "wasm") { "enable subgroups;" } else { "" };

const SHARED_LINEAR: [&str; 2] = [include_str!("wgsl/tiles.wgsl"), include_str!("wgsl/linear_shared.wgsl")];
const SHARED_TRANSPOSED: [&str; 2] = [include_str!("wgsl/tiles.wgsl"), include_str!("wgsl/transposed_shared.wgsl")];

/// A tile of `tokens` through workgroup memory: an invocation has four of them by four of 64 outputs.
fn shared(source: SourceTemplate, tokens: u32) -> SourceTemplate {
    source.register("tile", tokens.to_string()).register("threads", (4 * tokens).to_string())
}

fn linear_source(precision: Precision, finish: FinishText, variant: Variant) -> SourceTemplate {
    match variant {
        Variant::Shared(n) => shared(product(&SHARED_LINEAR, precision, finish), n),
        Variant::Tile(n, m) => tile::source(precision, finish, Tile { tokens: n, outputs: m, hears: false }),
        Variant::Quad(n, m) => tile::source(precision, finish, Tile { tokens: n, outputs: m, hears: true })
            .register("enable", ENABLE_SUBGROUPS),
        Variant::Few(n) => product(&[include_str!("wgsl/linear_few.wgsl")], precision, finish)
            .register("tile", n.to_string())
            .register("partials", (64 * n).to_string())
            .register("begin", each(n, "var sum# = 0.0; let t# = min(token_base + #u, tokens - 1u) * blocks * 8u;"))
            .register("begin_block", each(n, "var p# = 0.0; let a# = t# + b * 8u;"))
            .register("step", each(n, "p# += dot(x[a# + s], w);"))
            .register("end_block", each(n, "sum# += p# * scale;"))
            .register("share", each(n, "partial[#u * 64u + thread] = sum#;")),
    }
}

fn transposed_source(precision: Precision, variant: Variant) -> SourceTemplate {
    match variant {
        Variant::Tile(tokens, outputs) => tile::transposed_source(precision, Tile { tokens, outputs, hears: false }),
        Variant::Quad(tokens, outputs) => tile::transposed_source(precision, Tile { tokens, outputs, hears: true })
            .register("enable", ENABLE_SUBGROUPS),
        Variant::Few(_) | Variant::Shared(_) => {
            shared(product(&SHARED_TRANSPOSED, precision, FinishText::Plain), variant.shared_tokens())
        }
    }
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        match *self {
            Self::Linear(precision, finish, variant) => linear_source(precision, finish, variant),
            Self::Transposed(precision, variant) => transposed_source(precision, variant),
            Self::Attention { vectors, threads } => {
                let number = if vectors { "vec4<f32>" } else { "f32" };
                attention(include_str!("wgsl/attention.wgsl"), number, "f32", ATTENTION_TOKENS_MAX, threads)
                    .register("total", if vectors { "dot(sum, vec4<f32>(1.0))" } else { "sum" })
            }
            Self::AttentionFour { threads } => attention_four(threads),
            Self::Row(kernel, threads) => row_source(kernel, threads),
            Self::TopK { list } => {
                SourceTemplate::new(include_str!("wgsl/keep_top_k.wgsl")).register("list", list.to_string())
            }
        }
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(*self)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}
