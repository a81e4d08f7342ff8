//! Launches the WGSL kernels on burn's GPU buffers.

use burn::backend::Cube;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim, KernelId};
use burn_cubecl::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
use burn_cubecl::tensor::CubeTensor;
use lens_weights::block::{BLOCK, Precision};

use super::variant::{self, Variant};
use super::{ATTENTION_TOKENS_MAX, AttentionOptions, Finish, LensOps, PackedShape};

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

/// WGSL that reads columns 8 * o .. 8 * o + 8 of the block at word `at#` of row `#` of a tile: what of it
/// the two halves share, then each half as a vec4<f32> `w#`. Reading a word is what costs.
fn octet_source(precision: Precision) -> [&'static str; 3] {
    match precision {
        Precision::F32 | Precision::F16 => {
            ["", "let w# = weights(at#, 2u * o);", "let w# = weights(at#, 2u * o + 1u);"]
        }
        Precision::Q8 => ["", "let w# = weights(at#, 2u * o);", "let w# = weights(at#, 2u * o + 1u);"],
        Precision::Q4 => [
            "let both# = vec4<u32>(words[at# + o]);",
            "let w# = vec4<f32>((both# >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u)) - vec4<f32>(8.0);",
            "let w# = vec4<f32>((both# >> vec4<u32>(16u, 20u, 24u, 28u)) & vec4<u32>(15u)) - vec4<f32>(8.0);",
        ],
    }
}

/// Keys whose scores four queries at once have room for: 8 KiB of workgroup memory.
const FOUR_CAPACITY: usize = 512;

/// The most keys that four neighbouring queries see together.
fn keys_of_four(tokens: usize, options: AttentionOptions) -> usize {
    let keys = options.first + tokens;
    options.window.map_or(keys, |window| keys.min(window + 3))
}

/// [`Finish`] without its numbers: what goes into a kernel's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum FinishText {
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
enum Kernel {
    Linear(Precision, FinishText, Variant),
    Transposed(Precision, Variant),
    /// With vectors of four where widths allow.
    Attention {
        vectors: bool,
    },
    /// Four queries at once.
    AttentionFour,
    RmsNorm,
    AddNorm,
    Rotate {
        norm: bool,
    },
    TopK {
        list: bool,
    },
    RowSums,
    Project,
}

/// `line` once for each of `n` tokens of a tile, `#` being the token's number: tiles live in
/// registers only when their accesses are written out.
fn each(n: u32, line: &str) -> String {
    (0..n).map(|i| line.replace('#', &i.to_string())).collect::<Vec<_>>().join("\n    ")
}

/// A product with a packed matrix: the shared beginning, then the variant's `bodies`.
fn product(bodies: &[&'static str], precision: Precision, finish: FinishText) -> SourceTemplate {
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
fn attention(body: &'static str, number: &str, score: &str, capacity: usize) -> SourceTemplate {
    SourceTemplate::new(include_str!("wgsl/softmax.wgsl"))
        .add_template(body)
        .register("number", number)
        .register("score", score)
        .register("capacity", capacity.to_string())
}

/// A kernel that owns one row a workgroup.
fn rows(body: &'static str) -> SourceTemplate {
    SourceTemplate::new(include_str!("wgsl/rows.wgsl")).add_template(body)
}

/// As [`each`], for every pair of one of `n` tokens (`#`) and one of `m` outputs (`@`).
fn each_pair(n: u32, m: u32, line: &str) -> String {
    (0..m).map(|j| each(n, &line.replace('@', &j.to_string()))).collect::<Vec<_>>().join("\n    ")
}

/// Browsers want the extension named where it is used; naga takes its functions without it and does
/// not know the word.
const ENABLE_SUBGROUPS: &str = if cfg!(target_family = "wasm") { "enable subgroups;" } else { "" };

const STORE: &str = "if (token_base + #u < tokens) {
        for (var j = 0u; j < width; j++) {
            y[(token_base + #u) * cols + col_base + j] = finish(sum#[j], token_base + #u, col_base + j, cols);
        }
    }";

/// A tile of `n` tokens by `m` outputs. Of x it makes `reads` reads, of tokens `token` past the tile's
/// first; `uses` says for each read what it is and which tokens' values it holds.
fn tile_source(
    precision: Precision,
    finish: FinishText,
    [n, m]: [u32; 2],
    token: &str,
    reads: u32,
    uses: impl Fn(u32) -> Vec<(String, Vec<(u32, String)>)>,
) -> SourceTemplate {
    let [shared, low, high] = octet_source(precision);
    let multiply = |offset: u32| {
        let mut lines = Vec::new();
        for (read, values) in uses(offset) {
            let dots = values
                .into_iter()
                .map(|(i, value)| format!("{{ let u = {value}; {} }}", each(m, &format!("p{i}_# += dot(u, w#);"))));
            lines.push(format!("{{ {read}\n    {} }}", dots.collect::<Vec<_>>().join("\n    ")));
        }
        lines.join("\n    ")
    };
    product(&[include_str!("wgsl/linear_tile.wgsl")], precision, finish)
        .register("tile", n.to_string())
        .register("outputs", m.to_string())
        .register("tokens", each(reads, &format!("let t# = min(token_base + {token}, tokens - 1u) * blocks * 8u;")))
        .register("rows", each(m, "let r# = min(row_base + #u, rows - 1u) * blocks;"))
        .register("sums", each_pair(n, m, "var s#_@ = 0.0;"))
        .register("begin_x", each(reads, "let a# = t# + b * 8u;"))
        .register("begin_w", each(m, "let at# = (r# + b) * BLOCK_WORDS;"))
        .register("begin_sums", each_pair(n, m, "var p#_@ = 0.0;"))
        .register("fetch", each(m, shared))
        .register("low", each(m, low))
        .register("high", each(m, high))
        .register("multiply_low", multiply(0))
        .register("multiply_high", multiply(1))
        .register("scales", each(m, "let scale# = scale_of(r# + b);"))
        .register("end_block", each_pair(n, m, "s#_@ += p#_@ * scale@;"))
        .register("store", each_pair(n, m, "put(s#_@, token_base + #u, row_base + @u);"))
}

const SHARED_LINEAR: [&str; 2] = [include_str!("wgsl/tiles.wgsl"), include_str!("wgsl/linear_shared.wgsl")];
const SHARED_TRANSPOSED: [&str; 2] = [include_str!("wgsl/tiles.wgsl"), include_str!("wgsl/transposed_shared.wgsl")];

fn linear_source(precision: Precision, finish: FinishText, variant: Variant) -> SourceTemplate {
    match variant {
        Variant::Shared => product(&SHARED_LINEAR, precision, finish),
        Variant::Tile(n, m) => {
            let fetch = |i: u32, offset: u32| format!("let v = x[a{i} + 2u * o + {offset}u];");
            tile_source(precision, finish, [n, m], "#u", n, |offset| {
                (0..n).map(|i| (fetch(i, offset), vec![(i, "v".to_owned())])).collect()
            })
            .register("begin", "if (row_base >= rows) { return; }")
        }
        Variant::Quad(n, m) => {
            let fetch = |i: u32, offset: u32| format!("let v = x[a{i} + 2u * o + {offset}u];");
            let heard = |i: u32| (0..4).map(|l| (4 * i + l, format!("quadBroadcast(v, {l}u)"))).collect();
            // Neighbours past the last row go on: others hear from them.
            tile_source(precision, finish, [n, m], "4u * #u + (thread & 3u)", n / 4, |offset| {
                (0..n / 4).map(|i| (fetch(i, offset), heard(i))).collect()
            })
            .register("begin", "")
            .register("enable", ENABLE_SUBGROUPS)
        }
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
    let Variant::Tile(n, _) = variant else {
        return product(&SHARED_TRANSPOSED, precision, FinishText::Plain);
    };
    let any: Vec<String> = (0..n).map(|i| format!("x{i} != 0.0")).collect();
    product(&[include_str!("wgsl/transposed_tile.wgsl")], precision, FinishText::Plain)
        .register("tile", n.to_string())
        .register("begin", each(n, "var sum# = vec4<f32>(0.0); let t# = min(token_base + #u, tokens - 1u) * rows;"))
        .register("load", each(n, "let x# = x[t# + r];"))
        .register("any", any.join(" || "))
        .register("step", each(n, "sum# += x# * w;"))
        .register("store", each(n, STORE))
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        match *self {
            Self::Linear(precision, finish, variant) => linear_source(precision, finish, variant),
            Self::Transposed(precision, variant) => transposed_source(precision, variant),
            Self::Attention { vectors } => {
                let number = if vectors { "vec4<f32>" } else { "f32" };
                attention(include_str!("wgsl/attention.wgsl"), number, "f32", ATTENTION_TOKENS_MAX)
                    .register("total", if vectors { "dot(sum, vec4<f32>(1.0))" } else { "sum" })
            }
            Self::AttentionFour => {
                attention(include_str!("wgsl/attention_four.wgsl"), "vec4<f32>", "vec4<f32>", FOUR_CAPACITY)
            }
            Self::RmsNorm => rows(include_str!("wgsl/rms_norm.wgsl")),
            Self::AddNorm => rows(include_str!("wgsl/add_norm.wgsl")),
            Self::Rotate { norm } => {
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
            Self::TopK { list } => {
                SourceTemplate::new(include_str!("wgsl/keep_top_k.wgsl")).register("list", list.to_string())
            }
            Self::RowSums => rows(include_str!("wgsl/row_sums.wgsl")),
            Self::Project => rows(include_str!("wgsl/project.wgsl")),
        }
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(*self)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Runs `kernel` over `inputs` with eight numbers; one f32 output for each of `shapes`.
fn launch<const N: usize>(
    kernel: Kernel,
    inputs: Vec<CubeTensor>,
    shapes: [[usize; 2]; N],
    sizes: &[u32],
    threads: u32,
    cubes: [usize; 2],
) -> [CubeTensor; N] {
    let client = inputs[0].client.clone();
    let device = inputs[0].device.clone();
    let outputs = shapes.map(|shape| client.empty(shape.iter().product::<usize>() * size_of::<f32>()));
    let mut words = [0u32; 8];
    words[..sizes.len()].copy_from_slice(sizes);
    let info = words.as_chunks::<2>().0.iter().map(|[low, high]| u64::from(*low) | u64::from(*high) << 32).collect();
    let mut bindings: Vec<_> = inputs.into_iter().map(|tensor| tensor.handle.binding()).collect();
    bindings.extend(outputs.iter().map(|output| output.clone().binding()));
    client.launch(
        Box::new(SourceKernel::new(kernel, CubeDim::new_1d(threads))),
        CubeCount::Static(cubes[0] as u32, cubes[1] as u32, 1),
        KernelArguments::new().with_buffers(bindings).with_info(MetadataBindingInfo::custom(info)),
    );
    let mut shapes = shapes.into_iter();
    outputs.map(|output| {
        let shape = shapes.next().unwrap_or_default();
        CubeTensor::new_contiguous(client.clone(), device.clone(), Shape::new(shape), output, DType::F32)
    })
}

fn dims(tensor: &CubeTensor) -> [usize; 2] {
    [tensor.meta.shape()[0], tensor.meta.shape()[1]]
}

/// x Wᵀ; `inputs` are x, words, scales and, where `finish` has one, the extra operand.
fn linear(inputs: Vec<CubeTensor>, shape: PackedShape, finish: Finish) -> CubeTensor {
    let tokens = dims(&inputs[0])[0];
    let blocks = shape.padded_cols() / BLOCK;
    let (text, factor) = match finish {
        Finish::Plain => (FinishText::Plain, 1.0),
        Finish::Bias => (FinishText::Bias, 1.0),
        Finish::BiasRelu => (FinishText::BiasRelu, 1.0),
        Finish::Relu { factor } => (FinishText::Relu, factor),
        Finish::Gate => (FinishText::Gate, 1.0),
    };
    let variant = variant::linear(tokens);
    let (threads, cubes) = match variant {
        Variant::Tile(n, m) | Variant::Quad(n, m) => {
            (64, [shape.rows.div_ceil(64 * m as usize), tokens.div_ceil(n as usize)])
        }
        Variant::Few(n) => (64, [shape.rows.div_ceil(8), tokens.div_ceil(n as usize)]),
        Variant::Shared => (256, [shape.rows.div_ceil(64), tokens.div_ceil(64)]),
    };
    let sizes = [tokens as u32, shape.rows as u32, blocks as u32, shape.cols as u32, factor.to_bits()];
    let [y] =
        launch(Kernel::Linear(shape.precision, text, variant), inputs, [[tokens, shape.rows]], &sizes, threads, cubes);
    y
}

/// `inputs` are x, the table and, for a norm before it, the weight.
fn rotate(inputs: Vec<CubeTensor>, heads: usize, eps: f32) -> CubeTensor {
    let [tokens, width] = dims(&inputs[0]);
    let kernel = Kernel::Rotate { norm: inputs.len() == 3 };
    let sizes = [(width / heads) as u32, heads as u32, eps.to_bits()];
    let [y] = launch(kernel, inputs, [[tokens, width]], &sizes, 64, [tokens, heads]);
    y
}

impl LensOps for Cube {
    fn packed_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        finish: Finish,
    ) -> FloatTensor<Self> {
        linear(vec![into_contiguous(x), words, scales], shape, finish)
    }

    fn packed_linear_with(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        extra: FloatTensor<Self>,
        shape: PackedShape,
        finish: Finish,
    ) -> FloatTensor<Self> {
        linear(vec![into_contiguous(x), words, scales, into_contiguous(extra)], shape, finish)
    }

    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let tokens = dims(&x)[0];
        let blocks = shape.padded_cols() / BLOCK;
        let variant = variant::transposed(tokens);
        let (threads, cubes) = match variant {
            Variant::Tile(n, _) | Variant::Quad(n, _) | Variant::Few(n) => {
                (64, [shape.cols.div_ceil(256), tokens.div_ceil(n as usize)])
            }
            Variant::Shared => (256, [shape.cols.div_ceil(64), tokens.div_ceil(64)]),
        };
        let sizes = [tokens as u32, shape.rows as u32, blocks as u32, shape.cols as u32];
        let kernel = Kernel::Transposed(shape.precision, variant);
        let [y] = launch(kernel, vec![x, words, scales], [[tokens, shape.cols]], &sizes, threads, cubes);
        y
    }

    fn products(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let (a, b) = (into_contiguous(a), into_contiguous(b));
        let [rows, cols] = dims(&b);
        // An f32 matrix whose width is whole blocks is its own packed form; scales are never read.
        let scales = a.client.create_from_slice(&[0u8; 4]);
        let scales =
            CubeTensor::new_contiguous(a.client.clone(), a.device.clone(), Shape::new([1]), scales, DType::U32);
        linear(vec![a, b, scales], PackedShape { rows, cols, precision: Precision::F32 }, Finish::Plain)
    }

    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = into_contiguous(z);
        let [tokens, width] = dims(&z);
        let kernel = Kernel::TopK { list: false };
        let [y] = launch(kernel, vec![z], [[tokens, width]], &[width as u32, k as u32], 64, [tokens, 1]);
        y
    }

    fn top_entries(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = into_contiguous(z);
        let [tokens, width] = dims(&z);
        let k = k.min(width);
        let kernel = Kernel::TopK { list: true };
        let [y] = launch(kernel, vec![z], [[tokens, 2 * k]], &[width as u32, k as u32], 64, [tokens, 1]);
        y
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
    ) -> FloatTensor<Self> {
        let inputs = vec![into_contiguous(q), into_contiguous(k), into_contiguous(v)];
        let [tokens, width] = dims(&inputs[0]);
        let AttentionOptions { heads, kv_heads, .. } = options;
        let (d, dv) = (width / heads, dims(&inputs[2])[1] / kv_heads);
        let vectors = d.is_multiple_of(4) && dv.is_multiple_of(4);
        let unit = if vectors { 4 } else { 1 };
        let sizes = [
            heads as u32 | (kv_heads as u32) << 16,
            tokens as u32,
            (d / unit) as u32,
            (dv / unit) as u32,
            options.first as u32,
            options.window.map_or(u32::MAX, |w| w as u32),
            options.scale.to_bits(),
            options.soft_cap.unwrap_or(0.0).to_bits(),
        ];
        let four = vectors && tokens > 1 && keys_of_four(tokens, options) <= FOUR_CAPACITY;
        let (kernel, groups) =
            if four { (Kernel::AttentionFour, tokens.div_ceil(4)) } else { (Kernel::Attention { vectors }, tokens) };
        let [y] = launch(kernel, inputs, [[tokens, heads * dv]], &sizes, 64, [groups, heads]);
        y
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let [tokens, width] = dims(&x);
        let inputs = vec![x, into_contiguous(weight)];
        let [y] = launch(Kernel::RmsNorm, inputs, [[tokens, width]], &[width as u32, eps.to_bits()], 64, [tokens, 1]);
        y
    }

    fn add_norm(
        hidden: FloatTensor<Self>,
        x: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inputs: Vec<_> = [hidden, x, post, next].into_iter().map(into_contiguous).collect();
        let shape = dims(&inputs[0]);
        let sizes = [shape[1] as u32, eps.to_bits()];
        let [sum, normed] = launch(Kernel::AddNorm, inputs, [shape, shape], &sizes, 64, [shape[0], 1]);
        (sum, normed)
    }

    fn rotate(x: FloatTensor<Self>, table: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        rotate(vec![into_contiguous(x), into_contiguous(table)], heads, 0.0)
    }

    fn norm_rotate(
        x: FloatTensor<Self>,
        table: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        heads: usize,
        eps: f32,
    ) -> FloatTensor<Self> {
        rotate(vec![into_contiguous(x), into_contiguous(table), into_contiguous(weight)], heads, eps)
    }

    fn project(x: FloatTensor<Self>, dz: FloatTensor<Self>, eps: f32) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inputs = vec![into_contiguous(x), into_contiguous(dz)];
        let shape = dims(&inputs[0]);
        let sizes = [shape[1] as u32, eps.to_bits()];
        let [factors, left] = launch(Kernel::Project, inputs, [[shape[0], 1], shape], &sizes, 64, [shape[0], 1]);
        (factors, left)
    }

    fn row_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let [tokens, width] = dims(&x);
        let [y] = launch(Kernel::RowSums, vec![x], [[tokens, 3]], &[width as u32], 64, [tokens, 1]);
        y
    }
}
