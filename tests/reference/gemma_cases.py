"""Small random Gemma checkpoints in every published form, and what transformers makes of them.

Attention is sharp on purpose: weights are scaled so that the soft cap bites, windows cut tokens
that mattered and the rope bases differ. `check_sensitivity` proves it: every such feature of the
configuration, changed or left out, moves the residual stream by far more than tests allow.
"""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForImageTextToText, Gemma2ForCausalLM, Gemma3ForCausalLM
from transformers.models.gemma3.modeling_gemma3 import Gemma3ForConditionalGeneration

LAYER_NORMS = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)


@dataclass(frozen=True)
class GemmaCase:
    """One folder under fixtures/gemma; `config` is its config.json as it is written."""

    name: str
    config: dict
    seed: int
    lengths: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    prefix: str = "model."
    shards: int = 1
    # Standard deviation of attention scores before the cap (Gemma 2) and of q/k norm weights (3).
    sharpness: float = 1.0
    # Changes to the text configuration that must show in the residual stream.
    mutations: dict[str, dict] = field(default_factory=dict)


COMMON = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "hidden_activation": "gelu_pytorch_tanh",
    "initializer_range": 0.02,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
    "rms_norm_eps": 1e-06,
    "use_cache": True,
}
SLIDING, FULL = "sliding_attention", "full_attention"


def rope_parameters(full_theta: float, sliding_theta: float, factor: float = 1.0) -> dict:
    """As transformers 5 writes it for Gemma 3."""
    full = {"rope_theta": full_theta, "rope_type": "default"}
    if factor != 1:
        full |= {"rope_type": "linear", "factor": factor}
    return {FULL: full, SLIDING: {"rope_theta": sliding_theta, "rope_type": "default"}}


CASES = [
    # As google/gemma-2-2b: transformers 4, neither layer_types nor a pattern.
    GemmaCase(
        name="gemma2-softcap",
        config={
            "architectures": ["Gemma2ForCausalLM"],
            **COMMON,
            "attn_logit_softcapping": 50.0,
            "cache_implementation": "hybrid",
            "final_logit_softcapping": 30.0,
            "head_dim": 16,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": 48,
            "intermediate_size": 96,
            "max_position_embeddings": 8192,
            "model_type": "gemma2",
            "num_attention_heads": 4,
            "num_hidden_layers": 4,
            "num_key_value_heads": 2,
            "query_pre_attn_scalar": 24,
            "rope_theta": 10000.0,
            "sliding_window": 6,
            "torch_dtype": "float32",
            "transformers_version": "4.42.4",
            "vocab_size": 96,
        },
        seed=21,
        lengths=(33, 1),
        sharpness=16.0,
        mutations={
            "no soft cap": {"attn_logit_softcapping": None},
            "window one longer": {"sliding_window": 7},
            "window one shorter": {"sliding_window": 5},
            "full and sliding swapped": {"layer_types": [FULL, SLIDING, FULL, SLIDING]},
            "scale from head_dim": {"query_pre_attn_scalar": 16},
            "another rope base": {"rope_parameters": {"rope_type": "default", "rope_theta": 20000.0}},
        },
    ),
    # As transformers 5 writes Gemma 2. Sizes that fit no tile: heads x head_dim is not hidden_size.
    GemmaCase(
        name="gemma2-odd-sizes",
        config={
            "architectures": ["Gemma2ForCausalLM"],
            **COMMON,
            "attn_logit_softcapping": 50.0,
            "dtype": "bfloat16",
            "final_logit_softcapping": 30.0,
            "head_dim": 12,
            "hidden_size": 40,
            "intermediate_size": 72,
            "layer_types": [SLIDING, FULL, SLIDING],
            "max_position_embeddings": 8192,
            "model_type": "gemma2",
            "num_attention_heads": 4,
            "num_hidden_layers": 3,
            "num_key_value_heads": 4,
            "query_pre_attn_scalar": 12,
            "rms_norm_eps": 0.001,
            "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
            "sliding_window": 16,
            "tie_word_embeddings": True,
            "transformers_version": "5.23.0",
            "vocab_size": 67,
        },
        seed=22,
        lengths=(70,),
        dtype=torch.bfloat16,
        sharpness=16.0,
        mutations={
            "no soft cap": {"attn_logit_softcapping": None},
            "window one longer": {"sliding_window": 17},
            "full and sliding swapped": {"layer_types": [FULL, SLIDING, FULL]},
        },
    ),
    # As transformers 5 writes Gemma 3: rope_parameters and layer_types. Several shards.
    GemmaCase(
        name="gemma3-sharded",
        config={
            "_sliding_window_pattern": 6,
            "architectures": ["Gemma3ForCausalLM"],
            **COMMON,
            "attn_logit_softcapping": None,
            "dtype": "float32",
            "final_logit_softcapping": None,
            "head_dim": 16,
            "hidden_size": 48,
            "intermediate_size": 80,
            "layer_types": [*[SLIDING] * 5, FULL, SLIDING, SLIDING],
            "max_position_embeddings": 32768,
            "model_type": "gemma3_text",
            "num_attention_heads": 4,
            "num_hidden_layers": 8,
            "num_key_value_heads": 1,
            "query_pre_attn_scalar": 20,
            "rope_parameters": rope_parameters(1_000_000.0, 10_000.0),
            "sliding_window": 8,
            "tie_word_embeddings": True,
            "transformers_version": "5.23.0",
            "use_bidirectional_attention": False,
            "vocab_size": 80,
        },
        seed=23,
        lengths=(33, 1),
        shards=3,
        sharpness=1.0,
        mutations={
            "window one longer": {"sliding_window": 9},
            "window one shorter": {"sliding_window": 7},
            "full everywhere": {"layer_types": [FULL] * 8},
            "full layer one earlier": {"layer_types": [*[SLIDING] * 4, FULL, *[SLIDING] * 3]},
            "one rope base, 10 k": {"rope_parameters": rope_parameters(10_000.0, 10_000.0)},
            "one rope base, 1 M": {"rope_parameters": rope_parameters(1_000_000.0, 1_000_000.0)},
            "scale from head_dim": {"query_pre_attn_scalar": 16},
        },
    ),
    # As Gemma 3 of 4B and up in transformers 4, text model alone: linear rope scaling on full
    # layers, the pattern as one number.
    GemmaCase(
        name="gemma3-linear-rope",
        config={
            "architectures": ["Gemma3ForCausalLM"],
            **COMMON,
            "attn_logit_softcapping": None,
            "cache_implementation": "hybrid",
            "final_logit_softcapping": None,
            "head_dim": 16,
            "hidden_size": 32,
            "intermediate_size": 64,
            "max_position_embeddings": 131072,
            "model_type": "gemma3_text",
            "num_attention_heads": 4,
            "num_hidden_layers": 7,
            "num_key_value_heads": 2,
            "query_pre_attn_scalar": 16,
            "rope_local_base_freq": 10000,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            "rope_theta": 1000000,
            "sliding_window": 12,
            "sliding_window_pattern": 3,
            "torch_dtype": "float16",
            "transformers_version": "4.50.0",
            "vocab_size": 72,
        },
        seed=24,
        lengths=(70,),
        dtype=torch.float16,
        sharpness=1.0,
        mutations={
            "no rope scaling": {"rope_parameters": rope_parameters(1_000_000.0, 10_000.0)},
            "scaling on sliding layers": {
                "rope_parameters": {kind: rope_parameters(base, 0.0, 8.0)[FULL] for kind, base in ((FULL, 1e6), (SLIDING, 1e4))}
            },
            "pattern of 6": {"layer_types": [*[SLIDING] * 5, FULL, SLIDING]},
            "window one longer": {"sliding_window": 13},
        },
    ),
    # As google/gemma-3-4b-pt on the hub (transformers 4): nested, most keys left to their
    # defaults (pattern 6, scalar 256, both rope bases), a vision tower beside it.
    GemmaCase(
        name="gemma3-nested",
        config={
            "architectures": ["Gemma3ForConditionalGeneration"],
            "boi_token_index": 60,
            "eoi_token_index": 61,
            "eos_token_id": [1, 62],
            "image_token_index": 63,
            "initializer_range": 0.02,
            "mm_tokens_per_image": 4,
            "model_type": "gemma3",
            "text_config": {
                "head_dim": 16,
                "hidden_size": 32,
                "intermediate_size": 64,
                "model_type": "gemma3_text",
                "num_attention_heads": 4,
                "num_hidden_layers": 7,
                "num_key_value_heads": 2,
                "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
                "sliding_window": 8,
                "vocab_size": 64,
            },
            "torch_dtype": "bfloat16",
            "transformers_version": "4.50.0.dev0",
            "vision_config": {
                "hidden_size": 8,
                "image_size": 8,
                "intermediate_size": 12,
                "model_type": "siglip_vision_model",
                "num_attention_heads": 2,
                "num_hidden_layers": 1,
                "patch_size": 4,
                "vision_use_head": False,
            },
        },
        seed=25,
        lengths=(33,),
        dtype=torch.bfloat16,
        prefix="language_model.model.",
        shards=2,
        # The default query_pre_attn_scalar of 256 wants larger q/k norms for the same scores.
        sharpness=3.0,
        mutations={
            "no rope scaling": {"rope_parameters": rope_parameters(1_000_000.0, 10_000.0)},
            "one rope base, 10 k": {"rope_parameters": rope_parameters(10_000.0, 10_000.0, 8.0)},
            "full everywhere": {"layer_types": [FULL] * 7},
            "sliding everywhere": {"layer_types": [SLIDING] * 7},
            "scale from head_dim": {"query_pre_attn_scalar": 16},
        },
    ),
    # The same kind of model as transformers 5 writes it.
    GemmaCase(
        name="gemma3-nested-v5",
        config={
            "architectures": ["Gemma3ForConditionalGeneration"],
            "boi_token_index": 60,
            "dtype": "float16",
            "eoi_token_index": 61,
            "image_token_index": 63,
            "initializer_range": 0.02,
            "mm_tokens_per_image": 4,
            "model_type": "gemma3",
            "text_config": {
                **COMMON,
                "_sliding_window_pattern": 6,
                "attn_logit_softcapping": None,
                "dtype": "float16",
                "final_logit_softcapping": None,
                "head_dim": 8,
                "hidden_size": 24,
                "intermediate_size": 56,
                "layer_types": [SLIDING, FULL, SLIDING],
                "max_position_embeddings": 131072,
                "model_type": "gemma3_text",
                "num_attention_heads": 4,
                "num_hidden_layers": 3,
                "num_key_value_heads": 4,
                "query_pre_attn_scalar": 8,
                "rope_parameters": rope_parameters(1_000_000.0, 10_000.0, 8.0),
                "sliding_window": 8,
                "tie_word_embeddings": True,
                "use_bidirectional_attention": False,
                "vocab_size": 64,
            },
            "tie_word_embeddings": True,
            "transformers_version": "5.23.0",
            "vision_config": {
                "hidden_size": 8,
                "image_size": 8,
                "intermediate_size": 12,
                "model_type": "siglip_vision_model",
                "num_attention_heads": 2,
                "num_hidden_layers": 1,
                "patch_size": 4,
                "vision_use_head": False,
            },
        },
        seed=26,
        lengths=(33,),
        dtype=torch.float16,
        prefix="model.language_model.",
        sharpness=1.0,
        mutations={
            "no rope scaling": {"rope_parameters": rope_parameters(1_000_000.0, 10_000.0)},
            "full and sliding swapped": {"layer_types": [FULL, SLIDING, FULL]},
        },
    ),
]


def text_config(case: GemmaCase) -> dict:
    return case.config.get("text_config", case.config)


def random_text_weights(case: GemmaCase, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """The language model's tensors under the names of the text model ("layers.0...")."""
    c = text_config(case)
    d, ffn, head_dim = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    heads, kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
    gemma2 = c["model_type"] == "gemma2"

    def normal(std: float, *shape: int, mean: float = 0.0) -> torch.Tensor:
        return mean + std * torch.randn(*shape, generator=rng)

    qk_std = d**-0.5
    if gemma2:
        # A score is a sum over d x d x head_dim products of normed inputs, times scalar^-1/2.
        qk_std = (case.sharpness / (d * (head_dim / c["query_pre_attn_scalar"]) ** 0.5)) ** 0.5

    w = {"embed_tokens.weight": normal(0.2, c["vocab_size"], d), "norm.weight": normal(0.3, d)}
    for i in range(c["num_hidden_layers"]):
        layer = f"layers.{i}"
        w[f"{layer}.self_attn.q_proj.weight"] = normal(qk_std, heads * head_dim, d)
        w[f"{layer}.self_attn.k_proj.weight"] = normal(qk_std, kv_heads * head_dim, d)
        w[f"{layer}.self_attn.v_proj.weight"] = normal(d**-0.5, kv_heads * head_dim, d)
        w[f"{layer}.self_attn.o_proj.weight"] = normal((heads * head_dim) ** -0.5, d, heads * head_dim)
        w[f"{layer}.mlp.gate_proj.weight"] = normal(d**-0.5, ffn, d)
        w[f"{layer}.mlp.up_proj.weight"] = normal(d**-0.5, ffn, d)
        w[f"{layer}.mlp.down_proj.weight"] = normal(ffn**-0.5, d, ffn)
        for norm in LAYER_NORMS:
            w[f"{layer}.{norm}.weight"] = normal(0.3, d)
        if not gemma2:
            for norm in ("q_norm", "k_norm"):
                w[f"{layer}.self_attn.{norm}.weight"] = normal(0.4, head_dim, mean=case.sharpness)
    return w


def random_vision_weights(case: GemmaCase, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """The vision tower and projector of a nested case: tensors that a text reader must pass over."""
    config = AutoConfig.for_model(**copy.deepcopy(case.config))
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    old_names = case.prefix.startswith("language_model.")
    w = {}
    for name, t in model.state_dict().items():
        if "vision_tower" in name or "multi_modal_projector" in name:
            if old_names:
                name = name.removeprefix("model.")
                name = name.replace("vision_tower.", "vision_tower.vision_model.")
                name = name.replace("vision_model.vision_model.", "vision_model.")
            w[name] = 0.1 * torch.randn(t.shape, generator=rng)
    return w


def write_folder(case: GemmaCase, folder: Path) -> None:
    """config.json and the checkpoint, as a hub would hold them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(case.config, indent=2) + "\n")
    rng = torch.Generator().manual_seed(case.seed)
    tensors = {case.prefix + name: t for name, t in random_text_weights(case, rng).items()}
    if "text_config" in case.config:
        tensors |= random_vision_weights(case, rng)
    tensors = {name: tensors[name].to(case.dtype) for name in sorted(tensors)}
    metadata = {"format": "pt"}
    if case.shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata)
        return
    # Dealt out in turn, so that every layer is spread over the shards.
    names = [f"model-{i + 1:05}-of-{case.shards:05}.safetensors" for i in range(case.shards)]
    weight_map = {tensor: names[i % case.shards] for i, tensor in enumerate(tensors)}
    for name in names:
        save_file({t: tensors[t] for t in tensors if weight_map[t] == name}, folder / name, metadata)
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def load_text_model(folder: Path) -> torch.nn.Module:
    """The text model of a folder, by transformers, in float32 with attention that knows soft caps."""
    config = AutoConfig.from_pretrained(folder)
    classes = {"gemma2": Gemma2ForCausalLM, "gemma3_text": Gemma3ForCausalLM, "gemma3": Gemma3ForConditionalGeneration}
    model, info = classes[config.model_type].from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    model = model.model
    return getattr(model, "language_model", model).eval()


@torch.no_grad()
def residuals(model: torch.nn.Module, token_ids: torch.Tensor) -> list[torch.Tensor]:
    """What each layer hands on, [T, d] each: residual N is the output of model.layers[N]."""
    seen: list[torch.Tensor] = []

    def hook(_module, _inputs, output):
        seen.append((output[0] if isinstance(output, tuple) else output)[0].clone())

    handles = [layer.register_forward_hook(hook) for layer in model.layers]
    model(input_ids=token_ids[None], use_cache=False)
    for handle in handles:
        handle.remove()
    return seen


def relative_rms(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


def check_stability(model: torch.nn.Module, token_ids: torch.Tensor, expected: list[torch.Tensor]) -> float:
    """Sharp attention must not make rounding visible: jitters weights by a float32 rounding step."""
    jittered = copy.deepcopy(model)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in jittered.parameters():
            p.mul_(1 + 6e-8 * torch.randn(p.shape, generator=rng))
    worst = max(relative_rms(a, b) for a, b in zip(residuals(jittered, token_ids), expected, strict=True))
    assert worst < 1e-5, f"rounding alone moves the residual by {worst:.1e}"
    return worst


def check_sensitivity(
    case: GemmaCase, model: torch.nn.Module, token_ids: torch.Tensor, expected: list[torch.Tensor]
) -> dict[str, float]:
    """Runs the same weights under each mutated configuration; all must differ visibly.

    A hundredth is far beyond any tolerance; the last three changes are small by nature, and a few
    times the tests' tolerance of 1e-4 must do.
    """
    moved = {}

    def against(name: str, least: float, changes: dict, change_weights=lambda _model: None) -> None:
        config = copy.deepcopy(model.config)
        for key, value in changes.items():
            setattr(config, key, value)
        config._attn_implementation = "eager"
        mutant = type(model)(config).eval()
        mutant.load_state_dict(model.state_dict())
        with torch.no_grad():
            change_weights(mutant)
        moved[name] = relative_rms(residuals(mutant, token_ids)[-1], expected[-1])
        assert moved[name] > least, f"{case.name}: {name} moves the residual by only {moved[name]:.1e}"

    def without_qk_norm_weights(mutant: torch.nn.Module) -> None:
        for layer in mutant.layers:
            layer.self_attn.q_norm.weight.zero_()
            layer.self_attn.k_norm.weight.zero_()

    def round_embedding_scale(mutant: torch.nn.Module) -> None:
        scale = torch.tensor(mutant.config.hidden_size**0.5)
        mutant.embed_tokens.weight.mul_(scale.bfloat16().float() / scale)

    for name, change in case.mutations.items():
        against(name, 1e-2, change)
    if hasattr(model.layers[0].self_attn, "q_norm"):
        against("no q/k norm weights", 1e-2, {}, without_qk_norm_weights)
    against("GELU by erf", 3e-4, {"hidden_activation": "gelu"})
    if model.config.rms_norm_eps != 1e-6:
        against("default eps", 5e-4, {"rms_norm_eps": 1e-6})
    if case.config.get("model_type") == "gemma2":
        against("sqrt(d) rounded to bf16", 5e-4, {}, round_embedding_scale)
    return moved


def generate(fixtures: Path) -> dict[str, torch.nn.Module]:
    """Writes fixtures/gemma; returns the models for the pairs."""
    models = {}
    for case in CASES:
        folder = fixtures / "gemma" / case.name
        write_folder(case, folder)
        model = models[case.name] = load_text_model(folder)
        rng = torch.Generator().manual_seed(case.seed + 1000)
        for i, length in enumerate(case.lengths):
            token_ids = torch.randint(3, text_config(case)["vocab_size"], (length,), generator=rng)
            token_ids[0] = 2
            expected = residuals(model, token_ids)
            file = "expected.safetensors" if i == 0 else f"expected-{length}.safetensors"
            tensors = {f"residual.{n}": r for n, r in enumerate(expected)}
            save_file({"token_ids": token_ids, **tensors}, folder / file)
            rounding = check_stability(model, token_ids, expected)
            print(f"gemma/{case.name}/{file}: {length} tokens, rounding {rounding:.1e}")
            if i == 0:
                for name, moved in check_sensitivity(case, model, token_ids, expected).items():
                    print(f"    {name}: {moved:.1e}")
    return models
