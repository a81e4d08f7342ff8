"""A small synthetic GGUF of Gemma 3's architecture with every tensor type that is read here.

gguf-py writes Q4_0, Q5_0, Q8_0 and BF16 itself; for K-quants the blocks are random bytes with
sensible scales, which any reader must take. Norms carry llama.cpp's 1 + weight.
"""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from safetensors.torch import save_file

from gemma_cases import check_stability, residuals
from gguf_model import dequantized, load_gguf

LAYERS, HIDDEN, FFN, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 2, 256, 32, 2, 1, 16, 64
# K-quants need rows of a multiple of 256: only tensors that read the residual stream have them.
TYPES = {
    "token_embd": Type.Q8_0,
    "blk.0.attn_q": Type.Q4_K,
    "blk.0.attn_k": Type.Q5_K,
    "blk.0.attn_v": Type.Q6_K,
    "blk.0.attn_output": Type.Q5_0,
    "blk.0.ffn_gate": Type.Q4_K,
    "blk.0.ffn_up": Type.F16,
    "blk.0.ffn_down": Type.Q4_0,
    "blk.1.attn_q": Type.Q5_K,
    "blk.1.attn_k": Type.BF16,
    "blk.1.attn_v": Type.F32,
    "blk.1.attn_output": Type.Q8_0,
    "blk.1.ffn_gate": Type.Q6_K,
    "blk.1.ffn_up": Type.Q5_0,
    "blk.1.ffn_down": Type.F16,
}
# The types with a minimum or a table, to which quantizers turn where rows are no multiple of 256.
MORE_TYPES = {
    "token_embd": Type.Q4_1,
    "blk.0.attn_q": Type.Q4_1,
    "blk.0.attn_k": Type.Q5_1,
    "blk.0.attn_v": Type.IQ4_NL,
    "blk.0.attn_output": Type.Q5_1,
    "blk.0.ffn_gate": Type.IQ4_NL,
    "blk.0.ffn_up": Type.Q4_1,
    "blk.0.ffn_down": Type.IQ4_NL,
    "blk.1.attn_q": Type.Q5_1,
    "blk.1.attn_k": Type.IQ4_NL,
    "blk.1.attn_v": Type.Q4_1,
    "blk.1.attn_output": Type.IQ4_NL,
    "blk.1.ffn_gate": Type.Q5_1,
    "blk.1.ffn_up": Type.Q5_1,
    "blk.1.ffn_down": Type.Q4_1,
}
# [rows, columns]: gguf-py writes dimensions in ggml's order, columns first.
SHAPES = {
    "token_embd": (VOCAB, HIDDEN),
    "attn_q": (HEADS * HEAD_DIM, HIDDEN),
    "attn_k": (KV_HEADS * HEAD_DIM, HIDDEN),
    "attn_v": (KV_HEADS * HEAD_DIM, HIDDEN),
    "attn_output": (HIDDEN, HEADS * HEAD_DIM),
    "ffn_gate": (FFN, HIDDEN),
    "ffn_up": (FFN, HIDDEN),
    "ffn_down": (HIDDEN, FFN),
}
NORMS = {
    "attn_norm": HIDDEN,
    "post_attention_norm": HIDDEN,
    "ffn_norm": HIDDEN,
    "post_ffw_norm": HIDDEN,
    "attn_q_norm": HEAD_DIM,
    "attn_k_norm": HEAD_DIM,
}


def k_quant_blocks(rng: np.random.Generator, kind: Type, rows: int, columns: int) -> np.ndarray:
    """Random blocks of 256 values, of a standard deviation near 1/16 [rows, bytes]."""
    block_size, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    n = rows * columns // block_size
    blocks = rng.integers(0, 256, (n, block_bytes), dtype=np.uint8)
    spread = rng.uniform(0.5, 1.5, n)

    def f16(values: np.ndarray) -> np.ndarray:
        return values.astype("<f2")[:, None].view(np.uint8)

    if kind == Type.IQ4_NL:
        # gguf-py reads this type and writes none.
        blocks[:, 0:2] = f16(8e-4 * spread * rng.choice([1, 1, 1, -1], n))
    elif kind == Type.Q6_K:
        # Below float16's smallest normal number at times, and negative now and then.
        blocks[:, -2:] = f16(4.6e-5 * spread * rng.choice([1, 1, 1, -1], n))
    else:
        # d * scale * q - dmin * min: dmin sits so that values center on zero.
        d, middle = {Type.Q4_K: (3.3e-4, 7.5), Type.Q5_K: (1.6e-4, 15.5)}[kind]
        blocks[:, 0:2], blocks[:, 2:4] = f16(d * spread), f16(d * middle * spread)
    return blocks.reshape(rows, -1)


def write_gguf(path: Path, types: dict[str, Type], seed: int) -> None:
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_name("Temporal Lens fixture")
    writer.add_context_length(32768)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1_000_000.0)
    # As in files of 4B and up; it applies to full layers alone.
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(8.0)
    writer.add_sliding_window(8)
    for name, kind in types.items():
        rows, columns = SHAPES[name.split(".")[-1]]
        if kind in (Type.Q4_K, Type.Q5_K, Type.Q6_K, Type.IQ4_NL):
            data = k_quant_blocks(rng, kind, rows, columns)
        else:
            values = rng.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)
            data = gguf.quantize(values, kind)
        writer.add_tensor(f"{name}.weight", data, raw_dtype=kind)
    for layer in range(LAYERS):
        for name, size in NORMS.items():
            mean = 2.0 if name in ("attn_q_norm", "attn_k_norm") else 1.0
            writer.add_tensor(f"blk.{layer}.{name}.weight", rng.normal(mean, 0.3, size).astype(np.float32))
    writer.add_tensor("output_norm.weight", rng.normal(1.0, 0.3, HIDDEN).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def generate(fixtures: Path) -> None:
    """Writes fixtures/gguf."""
    folder = fixtures / "gguf"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gemma3-types.gguf"
    write_gguf(path, TYPES, 31)
    reader = gguf.GGUFReader(path)
    assert {t.name.removesuffix(".weight"): t.tensor_type for t in reader.tensors if t.name.removesuffix(".weight") in TYPES} == TYPES
    tensors = dequantized(reader)
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / "expected.safetensors")

    # The same file as a model: what a reader must make of its metadata and of the norms.
    model = load_gguf(path).model
    token_ids = torch.randint(3, VOCAB, (17,), generator=torch.Generator().manual_seed(31))
    token_ids[0] = 2
    expected = residuals(model, token_ids)
    rounding = check_stability(model, token_ids, expected)
    save_file(
        {"token_ids": token_ids, **{f"residual.{n}": r for n, r in enumerate(expected)}},
        folder / "expected-residual.safetensors",
    )
    config = model.config.to_dict()
    for key in ("_name_or_path", "chunk_size_feed_forward", "id2label", "label2id", "problem_type"):
        config.pop(key, None)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True, default=str) + "\n")
    spread = {n: f"{t.std():.3f}" for n, t in tensors.items() if t.dim() == 2}
    more = folder / "gemma3-more-types.gguf"
    write_gguf(more, MORE_TYPES, 37)
    save_file(
        {name: t.contiguous() for name, t in dequantized(gguf.GGUFReader(more)).items()},
        folder / "expected-more.safetensors",
    )
    print(f"gguf/{path.name}: {path.stat().st_size} bytes, rounding {rounding:.1e}, standard deviations {spread}")
