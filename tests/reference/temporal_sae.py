"""The TemporalSAE in PyTorch, as plain functions over a state dict, in any float dtype.

It restates the math of "Priors in Time" (Lubana, Rager et al. 2025, arXiv 2511.01836) as the
authors' demo notebook has it. `check_against_seed` runs the notebook's own module on the same
weights and asserts equality; the notebook itself is not part of this repository.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file

CODES = ("novel_codes", "pred_codes")
RECONS = ("recons", "novel_recons", "pred_recons")


@dataclass(frozen=True)
class SaeConfig:
    """Fields are named as in the notebook's module."""

    dimin: int
    width: int
    n_heads: int
    sae_diff_type: str
    kval_topk: int | None
    tied_weights: bool
    n_attn_layers: int
    bottleneck_factor: int
    scaling_factor: float

    @classmethod
    def from_released(cls, conf: dict) -> "SaeConfig":
        """From `conf.yaml` of the authors' release."""
        sae, dimin = conf["sae"], conf["llm"]["dimin"]
        return cls(
            dimin=dimin,
            width=dimin * sae["exp_factor"],
            n_heads=sae["n_heads"],
            sae_diff_type=sae["sae_diff_type"],
            kval_topk=sae.get("kval_topk"),
            tied_weights=sae["tied_weights"],
            n_attn_layers=sae["n_attn_layers"],
            bottleneck_factor=sae["bottleneck_factor"],
            scaling_factor=sae["scaling_factor"],
        )

    @classmethod
    def from_sae_lens(cls, cfg: dict) -> "SaeConfig":
        """From `cfg.json` of the sae-lens package."""
        assert cfg["architecture"] == "temporal" and cfg["apply_b_dec_to_input"]
        assert cfg["normalize_activations"] == "constant_scalar_rescale"
        return cls(
            dimin=cfg["d_in"],
            width=cfg["d_sae"],
            n_heads=cfg["n_heads"],
            sae_diff_type=cfg["sae_diff_type"],
            kval_topk=cfg["kval_topk"],
            tied_weights=cfg["tied_weights"],
            n_attn_layers=cfg["n_attn_layers"],
            bottleneck_factor=cfg["bottleneck_factor"],
            scaling_factor=cfg["activation_normalization_factor"],
        )


SAE_LENS_NAMES = {"W_dec": "D", "b_dec": "b", "W_enc": "E"}


def load_sae(folder: Path) -> tuple[SaeConfig, dict[str, torch.Tensor]]:
    """Reads an SAE folder of either form; tensors come as float32 under the notebook's names."""
    if (folder / "cfg.json").exists():
        config = SaeConfig.from_sae_lens(json.loads((folder / "cfg.json").read_text()))
        tensors = load_file(folder / "sae_weights.safetensors")
        tensors = {SAE_LENS_NAMES.get(name, name): t for name, t in tensors.items()}
    else:
        config = SaeConfig.from_released(yaml.safe_load((folder / "conf.yaml").read_text()))
        tensors = load_file(folder / "latest_ckpt.safetensors")
    return config, {name: t.float() for name, t in tensors.items()}


def _linear(w: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _heads(x: torch.Tensor, n_heads: int) -> torch.Tensor:
    """[T, n_heads * e] -> [n_heads, T, e]"""
    return x.unflatten(-1, (n_heads, -1)).transpose(0, 1)


def attention(w: dict, layer: int, n_heads: int, context: torch.Tensor, target: torch.Tensor):
    """Causal attention without positions, from each token's codes to the codes before it.

    Returns its output [T, width] and its graph [n_heads, T, T].
    """
    prefix = f"attn_layers.{layer}"
    q = _heads(_linear(w, f"{prefix}.q_target", target), n_heads)
    k = _heads(_linear(w, f"{prefix}.k_ctx", context), n_heads)
    v = _heads(_linear(w, f"{prefix}.v_ctx", context), n_heads)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(diagonal=1)
    graph = scores.masked_fill(hidden, float("-inf")).softmax(dim=-1)
    mixed = (graph @ v).transpose(0, 1).flatten(1)
    return _linear(w, f"{prefix}.c_proj", mixed), graph


def temporal_sae(
    config: SaeConfig,
    tensors: dict[str, torch.Tensor],
    x: torch.Tensor,
    inf_k: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, torch.Tensor]:
    """Splits a residual stream x [T, dimin] into what its past predicts and what is novel."""
    w = {name: t.to(dtype) for name, t in tensors.items()}
    D, b = w["D"], w["b"]
    E = D.T if config.tied_weights else w["E"]
    lam, eps = 1 / (4 * config.dimin), 1e-6
    # Our extension: a factor a dimension on top of the scalar one; lam stays as it is.
    factor = config.scaling_factor * w["scaling"] if "scaling" in w else config.scaling_factor

    left = x.to(dtype) * factor - b
    pred_codes = torch.zeros(len(x), config.width, dtype=dtype)
    graphs = []
    for layer in range(config.n_attn_layers):
        target = torch.relu(left * lam @ E)
        # Token t sees the codes of tokens before it; what stands first is a zero code.
        context = torch.cat([torch.zeros_like(target[:1]), target[:-1]])
        out, graph = attention(w, layer, config.n_heads, context, target)
        codes = torch.relu(out)
        direction = codes @ D
        norm = direction.norm(dim=-1, keepdim=True) + eps
        length = (direction * left).sum(dim=-1, keepdim=True) / norm**2
        pred_codes = pred_codes + codes * length
        left = left - length * direction
        graphs.append(graph)

    if config.sae_diff_type == "nullify":
        novel_codes = torch.zeros_like(pred_codes)
    else:
        novel_codes = torch.relu(left * lam @ E)
        if config.sae_diff_type == "topk":
            k = config.kval_topk if inf_k is None else inf_k
            top = novel_codes.topk(k, dim=-1)
            novel_codes = torch.zeros_like(novel_codes).scatter(-1, top.indices, top.values)

    return {
        "recons": ((novel_codes + pred_codes) @ D + b) / factor,
        "novel_codes": novel_codes,
        "novel_recons": novel_codes @ D / factor,
        "pred_codes": pred_codes,
        "pred_recons": pred_codes @ D / factor,
        "attn_graphs": torch.stack(graphs),
    }


def similarity(pred_codes: torch.Tensor) -> torch.Tensor:
    """Cosine between centered predictable codes, the notebook's way: BOS counts and stays."""
    unit = torch.nn.functional.normalize(pred_codes - pred_codes.mean(dim=0), dim=-1)
    return unit @ unit.T


def variance_explained(recons: torch.Tensor, x: torch.Tensor) -> float:
    """The notebook's formula: over all tokens but BOS, variance taken around one scalar mean."""
    return (1 - ((recons[1:] - x[1:]) ** 2).mean() / x[1:].var()).item()


def topk_gap(config: SaeConfig, tensors: dict, x: torch.Tensor, k: int) -> torch.Tensor:
    """How far, relatively, the k-th novel code of each token stands above the next [T].

    Small gaps make the choice of features depend on rounding. Infinite where the k-th is zero.
    """
    codes = temporal_sae(config, tensors, x, inf_k=k + 1, dtype=torch.float64)["novel_codes"]
    top = codes.topk(k + 1, dim=-1).values
    kth, following = top[:, k - 1], top[:, k]
    return torch.where(kth > 0, (kth - following) / kth, torch.inf)


def seed_module(seed: Path) -> type:
    """The class TemporalSAE of the authors' notebook, from its text."""
    text = seed.read_text()
    start = text.index("def get_attention(")
    end = text.index("## Load Pretrained SAE")
    code = re.sub(r"^In \[.*\]:$", "", text[start:end], flags=re.MULTILINE)
    scope = {"th": torch, "nn": torch.nn, "F": torch.nn.functional, "math": __import__("math")}
    exec(code, scope)
    return scope["TemporalSAE"]


def check_against_seed(
    seed: Path,
    config: SaeConfig,
    tensors: dict[str, torch.Tensor],
    x: torch.Tensor,
    inf_k: int | None,
    results: dict[str, torch.Tensor],
) -> None:
    """Asserts that the notebook's module, run on the same weights and input, gives `results`."""
    module = seed_module(seed)(
        dimin=config.dimin,
        width=config.width,
        n_heads=config.n_heads,
        sae_diff_type=config.sae_diff_type,
        kval_topk=config.kval_topk,
        tied_weights=config.tied_weights,
        n_attn_layers=config.n_attn_layers,
        bottleneck_factor=config.bottleneck_factor,
        activation_scaling_factor=config.scaling_factor,
    )
    tensors = dict(tensors)
    scaling = tensors.pop("scaling", torch.ones(config.dimin))
    module.load_state_dict(tensors)
    with torch.no_grad():
        recons, theirs = module((x * scaling)[None], return_graph=True, inf_k=inf_k)
    theirs["recons"] = recons
    for name in RECONS:
        theirs[name] = theirs[name] / scaling
    for name in (*CODES, *RECONS, "attn_graphs"):
        error = (theirs[name][0] - results[name]).norm() / results[name].norm().clamp(min=1e-30)
        assert error < 1e-5, f"{name} differs from the notebook's by {error:.1e}"
