//! The kernels, and their WGSL: templates of `wgsl/` with what a precision, an epilogue or a variant changes.

use burn_cubecl::cubecl::prelude::KernelId;
use burn_cubecl::template::{KernelSource, SourceTemplate};
use lens_pack::block::Precision;

use super::source::{EpilogueKind, each, product};
use super::tile::{self, Tile};
use crate::kernels::config::Variant;
use crate::ops::ATTENTION_TOKENS_MAX;

/// Keys that four queries take at a time: their scores fill 9 KiB of workgroup memory, and a window of 512 is
/// done at once.
const FOUR_CAPACITY: usize = 576;

/// The kernels. Whatever changes the source is in here, as this is the key of the compiled kernels' cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// A product with a packed matrix.
    Linear {
        precision: Precision,
        epilogue: EpilogueKind,
        variant: Variant,
        threads: u32,
    },
    /// A product with the transpose of a packed matrix.
    Transposed {
        precision: Precision,
        variant: Variant,
        threads: u32,
    },
    /// By workgroups of so many invocations, with vectors of four where widths allow.
    Attention {
        vectors: bool,
        threads: u32,
    },
    /// Four queries at once.
    AttentionFour {
        threads: u32,
    },
    /// The weights of an attention, the mean of its heads.
    MeanAttention {
        vectors: bool,
        threads: u32,
    },
    /// Row by row, by workgroups of so many invocations.
    Row(Row, u32),
    TopK {
        list: bool,
    },
    /// The highest entries of long rows.
    Highest,
}

/// The kernels that own a row a workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    RmsNorm,
    AddNorm,
    Rotate { norm: bool },
    PairSums,
    Project,
}

/// What attention reads of its operands at a time, and the sum of its entries as WGSL.
fn attention_number(vectors: bool) -> [&'static str; 2] {
    if vectors { ["vec4<f32>", "dot(sum, vec4<f32>(1.0))"] } else { ["f32", "sum"] }
}

/// An attention: `operands` after queries and keys, what all share, then `body`. Operands are read as `number`; a key has a
/// `score`.
fn attention(
    operands: &[&str],
    body: &'static str,
    number: &str,
    score: &str,
    capacity: usize,
    threads: u32,
) -> SourceTemplate {
    let binding =
        |(i, operand): (usize, &&str)| format!("@group(0) @binding({}) var<storage, read_write> {operand};", i + 2);
    SourceTemplate::new(include_str!("wgsl/softmax.wgsl"))
        .add_template(body)
        .register("operands", operands.iter().enumerate().map(binding).collect::<Vec<_>>().join("\n"))
        .register("sizes_binding", (operands.len() + 2).to_string())
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
    let operands = ["v: array<vec4<f32>>", "y: array<vec4<f32>>"];
    attention(&operands, include_str!("wgsl/attention_four.wgsl"), "vec4<f32>", "vec4<f32>", FOUR_CAPACITY, threads)
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
        Row::PairSums => rows(include_str!("wgsl/pair_sums.wgsl")),
        Row::Project => rows(include_str!("wgsl/project.wgsl")),
        Row::Rotate { norm } => rows(include_str!("wgsl/rotate.wgsl")).register("normed", norm.to_string()),
    }
}

/// Browsers require the extension to be enabled where it is used; naga has its functions without it and rejects
/// the directive.
const ENABLE_SUBGROUPS: &str = if cfg!(target_family = "wasm") { "enable subgroups;" } else { "" };

const SHARED_LINEAR: [&str; 2] = [include_str!("wgsl/tiles.wgsl"), include_str!("wgsl/linear_shared.wgsl")];
const SHARED_TRANSPOSED: [&str; 2] = [include_str!("wgsl/tiles.wgsl"), include_str!("wgsl/transposed_shared.wgsl")];

/// A tile of `tokens` through workgroup memory: an invocation has four of them by four of 64 outputs.
fn shared(source: SourceTemplate, tokens: u32) -> SourceTemplate {
    source.register("tile", tokens.to_string()).register("threads", (4 * tokens).to_string())
}

fn linear_source(precision: Precision, epilogue: EpilogueKind, variant: Variant, threads: u32) -> SourceTemplate {
    match variant {
        Variant::Shared(n) => shared(product(&SHARED_LINEAR, precision, epilogue), n),
        Variant::Tile(n, m) => {
            tile::source(precision, epilogue, Tile { tokens: n, outputs: m, quad_exchange: false, threads })
        }
        Variant::Quad(n, m) => {
            tile::source(precision, epilogue, Tile { tokens: n, outputs: m, quad_exchange: true, threads })
                .register("enable", ENABLE_SUBGROUPS)
        }
        Variant::Gemv(n) => product(&[include_str!("wgsl/linear_gemv.wgsl")], precision, epilogue)
            .register("tile", n.to_string())
            .register("partials", (64 * n).to_string())
            .register("begin", each(n, "var sum# = 0.0; let t# = min(token_base + #u, tokens - 1u) * blocks * 8u;"))
            .register("begin_block", each(n, "var p# = 0.0; let a# = t# + b * 8u;"))
            .register("step", each(n, "p# += dot(x[a# + s], w);"))
            .register("end_block", each(n, "sum# += p# * scale;"))
            .register("share", each(n, "partial[#u * 64u + thread] = sum#;")),
    }
}

fn transposed_source(precision: Precision, variant: Variant, threads: u32) -> SourceTemplate {
    match variant {
        Variant::Tile(tokens, outputs) => {
            tile::transposed_source(precision, Tile { tokens, outputs, quad_exchange: false, threads })
        }
        Variant::Quad(tokens, outputs) => {
            tile::transposed_source(precision, Tile { tokens, outputs, quad_exchange: true, threads })
                .register("enable", ENABLE_SUBGROUPS)
        }
        Variant::Gemv(_) | Variant::Shared(_) => {
            shared(product(&SHARED_TRANSPOSED, precision, EpilogueKind::Plain), variant.shared_tokens())
        }
    }
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        match *self {
            Self::Linear { precision, epilogue, variant, threads } => {
                linear_source(precision, epilogue, variant, threads)
            }
            Self::Transposed { precision, variant, threads } => transposed_source(precision, variant, threads),
            Self::Attention { vectors, threads } => {
                let [number, total] = attention_number(vectors);
                let operands = [format!("v: array<{number}>"), format!("y: array<{number}>")];
                let operands = operands.each_ref().map(String::as_str);
                attention(&operands, include_str!("wgsl/attention.wgsl"), number, "f32", ATTENTION_TOKENS_MAX, threads)
                    .register("total", total)
            }
            Self::MeanAttention { vectors, threads } => {
                let [number, total] = attention_number(vectors);
                let body = include_str!("wgsl/mean_attention.wgsl");
                attention(&["y: array<f32>"], body, number, "f32", ATTENTION_TOKENS_MAX, threads)
                    .register("total", total)
            }
            Self::AttentionFour { threads } => attention_four(threads),
            Self::Row(kernel, threads) => row_source(kernel, threads),
            Self::Highest => SourceTemplate::new(include_str!("wgsl/highest.wgsl")),
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
