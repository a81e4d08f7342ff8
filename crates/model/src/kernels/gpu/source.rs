//! What the sources of all products with packed weights share.

use burn_cubecl::template::SourceTemplate;
use lens_pack::block::{BLOCK, Precision};

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

/// [`crate::ops::Epilogue`] without its numbers: the part of it that is in a kernel's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EpilogueKind {
    Plain,
    Bias,
    BiasRelu,
    Relu,
    Gate,
}

impl EpilogueKind {
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
    return sum / (1.0 + exp(min(-2.0 * z, 80.0))) * mate;"
            }
        }
    }

    fn has_extra(self) -> bool {
        matches!(self, Self::Bias | Self::BiasRelu)
    }
}

/// `line` once for each of `n` tokens or rows of a tile, `#` being its number: tiles live in registers
/// only when their accesses are written out.
pub fn each(n: u32, line: &str) -> String {
    (0..n).map(|i| line.replace('#', &i.to_string())).collect::<Vec<_>>().join("\n    ")
}

/// A product with a packed matrix: the shared beginning, then the variant's `bodies`.
pub fn product(bodies: &[&'static str], precision: Precision, epilogue: EpilogueKind) -> SourceTemplate {
    let extra = "@group(0) @binding(3) var<storage, read_write> extra: array<f32>;";
    let y_binding = if epilogue.has_extra() { 4 } else { 3 };
    bodies
        .iter()
        .fold(SourceTemplate::new(include_str!("wgsl/packed.wgsl")), |source, body| source.add_template(*body))
        .register("block_words", (BLOCK / precision.values_per_word()).to_string())
        .register("quantized", precision.is_quantized().to_string())
        .register("unpack", unpack_source(precision))
        .register("extra", if epilogue.has_extra() { extra } else { "" })
        .register("finish", epilogue.source())
        .register("gated", (epilogue == EpilogueKind::Gate).to_string())
        .register("y_binding", y_binding.to_string())
        .register("sizes_binding", (y_binding + 1).to_string())
        .register("enable", "")
}
