//! Launches the WGSL kernels on burn's GPU buffers.

use burn::backend::Cube;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim, KernelId};
use burn_cubecl::cubecl::server::KernelArguments;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
use burn_cubecl::tensor::CubeTensor;
use lens_weights::block::{BLOCK, Precision};

use super::{ATTENTION_TOKENS_MAX, AttentionOptions, LensOps, PackedShape};

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

/// The kernels; what distinguishes them goes into their text, and so into the cache's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kernel {
    Linear(Precision),
    LinearTransposed(Precision),
    Attention,
    GeGlu,
    KeepTopK,
}

/// A product with a packed matrix: the shared beginning, then the product itself.
fn product(source: &'static str, precision: Precision) -> SourceTemplate {
    SourceTemplate::new(include_str!("packed.wgsl"))
        .add_template(source)
        .register("block_words", (BLOCK / precision.values_per_word()).to_string())
        .register("quantized", precision.is_quantized().to_string())
        .register("unpack", unpack_source(precision))
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        match self {
            Self::Linear(precision) => product(include_str!("packed_linear.wgsl"), *precision),
            Self::LinearTransposed(precision) => product(include_str!("packed_linear_transposed.wgsl"), *precision),
            Self::Attention => SourceTemplate::new(include_str!("attention.wgsl"))
                .register("capacity", ATTENTION_TOKENS_MAX.to_string()),
            Self::GeGlu => SourceTemplate::new(include_str!("geglu.wgsl")),
            Self::KeepTopK => SourceTemplate::new(include_str!("keep_top_k.wgsl")),
        }
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(*self)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Runs `kernel` over `inputs` and a small buffer of `sizes`; the result is `shape`, f32.
fn launch<const D: usize>(
    kernel: Kernel,
    inputs: Vec<CubeTensor>,
    shape: [usize; D],
    sizes: &[u32],
    cube_dim: CubeDim,
    cubes: [usize; 2],
) -> CubeTensor {
    let client = inputs[0].client.clone();
    let device = inputs[0].device.clone();
    let out = client.empty(shape.iter().product::<usize>() * size_of::<f32>());
    let sizes = client.create_from_slice(bytemuck::cast_slice(sizes));
    let mut bindings: Vec<_> = inputs.into_iter().map(|tensor| tensor.handle.binding()).collect();
    bindings.extend([out.clone().binding(), sizes.binding()]);
    client.launch(
        Box::new(SourceKernel::new(kernel, cube_dim)),
        CubeCount::Static(cubes[0] as u32, cubes[1] as u32, 1),
        KernelArguments::new().with_buffers(bindings),
    );
    CubeTensor::new_contiguous(client, device, Shape::new(shape), out, DType::F32)
}

impl LensOps for Cube {
    fn packed_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let tokens = x.meta.shape()[0];
        let blocks = shape.padded_cols() / BLOCK;
        launch(
            Kernel::Linear(shape.precision),
            vec![x, words, scales],
            [tokens, shape.rows],
            &[tokens as u32, shape.rows as u32, blocks as u32, shape.cols as u32],
            CubeDim::new_2d(8, 8),
            [shape.rows.div_ceil(32), tokens.div_ceil(32)],
        )
    }

    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let tokens = x.meta.shape()[0];
        let blocks = shape.padded_cols() / BLOCK;
        launch(
            Kernel::LinearTransposed(shape.precision),
            vec![x, words, scales],
            [tokens, shape.cols],
            &[tokens as u32, shape.rows as u32, blocks as u32, shape.cols as u32],
            CubeDim::new_1d(64),
            [shape.cols.div_ceil(256), tokens.div_ceil(4)],
        )
    }

    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = into_contiguous(z);
        let [tokens, width] = [z.meta.shape()[0], z.meta.shape()[1]];
        launch(Kernel::KeepTopK, vec![z], [tokens, width], &[width as u32, k as u32], CubeDim::new_1d(64), [tokens, 1])
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
    ) -> FloatTensor<Self> {
        let inputs = vec![into_contiguous(q), into_contiguous(k), into_contiguous(v)];
        let shape = |i: usize, dim: usize| inputs[i].meta.shape()[dim];
        let (heads, tokens, d) = (shape(0, 0), shape(0, 1), shape(0, 2));
        let (kv_heads, dv) = (shape(2, 0), shape(2, 2));
        let sizes = [
            tokens as u32,
            d as u32,
            dv as u32,
            (heads / kv_heads) as u32,
            options.window.map_or(u32::MAX, |w| w as u32),
            options.scale.to_bits(),
            options.soft_cap.unwrap_or(0.0).to_bits(),
        ];
        launch(Kernel::Attention, inputs, [heads, tokens, dv], &sizes, CubeDim::new_1d(64), [tokens, heads])
    }

    fn geglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        let inputs = vec![into_contiguous(gate), into_contiguous(up)];
        let [tokens, n] = [inputs[0].meta.shape()[0], inputs[0].meta.shape()[1]];
        let values = tokens * n;
        // Long rows of workgroups would pass the 65,535 that a dimension allows.
        let row = values.div_ceil(64).min(4096);
        let rows = values.div_ceil(64 * row);
        launch(Kernel::GeGlu, inputs, [tokens, n], &[values as u32, 64 * row as u32], CubeDim::new_1d(64), [row, rows])
    }
}
