"""A Gemma 3 GGUF file as a transformers model in float32, dequantized by gguf-py."""

from pathlib import Path

import gguf
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

TENSOR_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def hf_name(name: str) -> str:
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, kind, _ = name.split(".")
    return f"model.layers.{layer}.{TENSOR_NAMES[kind]}.weight"


def dequantized(reader: gguf.GGUFReader) -> dict[str, torch.Tensor]:
    """Every tensor in float32, under its name and with its values in the file."""
    return {t.name: torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).copy()).float() for t in reader.tensors}


def load_gguf(path: Path) -> Gemma3ForCausalLM:
    reader = gguf.GGUFReader(path)

    def field(key: str, default=None):
        found = reader.fields.get(f"gemma3.{key}")
        if found is None and default is not None:
            return default
        return found.contents()

    assert reader.fields["general.architecture"].contents() == "gemma3"
    # llama.cpp stores the norms' 1 + weight.
    tensors = {hf_name(n): t - 1 if n.endswith("_norm.weight") else t for n, t in dequantized(reader).items()}
    vocab_size = len(tensors["model.embed_tokens.weight"])
    full_rope = {"rope_type": "default", "rope_theta": field("rope.freq_base")}
    if field("rope.scaling.type", "none") == "linear":
        full_rope |= {"rope_type": "linear", "factor": field("rope.scaling.factor")}
    config = Gemma3TextConfig(
        vocab_size=vocab_size,
        hidden_size=field("embedding_length"),
        intermediate_size=field("feed_forward_length"),
        num_hidden_layers=field("block_count"),
        num_attention_heads=field("attention.head_count"),
        num_key_value_heads=field("attention.head_count_kv"),
        head_dim=field("attention.key_length"),
        query_pre_attn_scalar=field("attention.key_length"),
        rms_norm_eps=field("attention.layer_norm_rms_epsilon"),
        sliding_window=field("attention.sliding_window"),
        # The GGUF says nothing of the pattern (every sixth layer is full) and of the local base.
        rope_parameters={
            "full_attention": full_rope,
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        },
        max_position_embeddings=field("context_length"),
    )
    config._attn_implementation = "eager"
    with torch.device("meta"):
        model = Gemma3ForCausalLM(config)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    model.load_state_dict(tensors, assign=True)
    # What is computed and not loaded: it still lies on the meta device.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    embed = model.model.embed_tokens
    embed.embed_scale = torch.nn.Buffer(torch.tensor(embed.scalar_embed_scale), persistent=False)
    assert not any(t.is_meta for t in (*model.parameters(), *model.buffers()))
    return model.eval()
