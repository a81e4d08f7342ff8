"""Small TemporalSAEs in every configuration and file form, and their results; then the pairs:
a Gemma case and an SAE case that fit each other, from text to similarity.

Weights are drawn at random, then scaled on the residual stream of their Gemma case, so that
attention is sharp, predictable and novel codes both count, and no token's k-th and k+1-th novel
codes are near a tie.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from gemma_cases import relative_rms, residuals
from temporal_sae import SaeConfig, check_against_seed, load_sae, similarity, temporal_sae, topk_gap

TOPK_GAP_LEAST = 1e-3


@dataclass(frozen=True)
class SaeCase:
    """One folder under fixtures/sae, made for the output of `layer` of a Gemma case."""

    name: str
    gemma: str
    layer: int
    exp_factor: int
    n_heads: int
    text: str
    sae_diff_type: str = "topk"
    kval_topk: int | None = None
    tied_weights: bool = True
    n_attn_layers: int = 1
    bottleneck_factor: int = 1
    dtype: torch.dtype = torch.float32
    scaling: bool = False
    sae_lens: bool = False
    inf_k: tuple[int, ...] = ()


ALICE = "Once upon a time, a little girl named Alice loved looking at the night sky."
CASES = [
    SaeCase("topk-tied", "gemma2-softcap", 2, 2, 4, ALICE, kval_topk=12),
    SaeCase(
        "relu-untied-2-layers",
        "gemma3-sharded",
        6,
        exp_factor=2,
        n_heads=2,
        text="the tide is in and the sand is cold.\n  she sat on the stone and she sang.",
        sae_diff_type="relu",
        kval_topk=12,
        tied_weights=False,
        n_attn_layers=2,
    ),
    SaeCase(
        "nullify",
        "gemma2-odd-sizes",
        1,
        exp_factor=2,
        n_heads=4,
        text=" a café, an inn, a lane ",
        sae_diff_type="nullify",
        bottleneck_factor=2,
    ),
    SaeCase(
        "topk-bottleneck-3-layers-bf16",
        "gemma3-linear-rope",
        6,
        exp_factor=3,
        n_heads=6,
        text="rain on the lake that night, then the train",
        kval_topk=8,
        n_attn_layers=3,
        bottleneck_factor=4,
        dtype=torch.bfloat16,
        inf_k=(3, 20),
    ),
    SaeCase(
        "topk-scaling-bf16",
        "gemma3-nested",
        5,
        exp_factor=3,
        n_heads=4,
        text="stir the rice, add salt, let it stand. 😀 then the storm hit the harbour",
        kval_topk=10,
        bottleneck_factor=4,
        dtype=torch.bfloat16,
        scaling=True,
    ),
    SaeCase(
        "relu-f16",
        "gemma3-nested-v5",
        1,
        exp_factor=4,
        n_heads=4,
        text="<start_of_turn>what is it?<end_of_turn>\n\r\nit's a line of ten ants",
        sae_diff_type="relu",
        dtype=torch.float16,
    ),
    SaeCase("sae-lens-topk", "gemma2-softcap", 3, 2, 4, ALICE, kval_topk=9, sae_lens=True),
    SaeCase(
        "sae-lens-relu-untied",
        "gemma2-odd-sizes",
        2,
        exp_factor=2,
        n_heads=2,
        text="the end",
        sae_diff_type="relu",
        tied_weights=False,
        bottleneck_factor=4,
        sae_lens=True,
    ),
]


def released_conf(case: SaeCase, config: SaeConfig) -> dict:
    """conf.yaml as the authors' training code leaves it."""
    llm = {"dimin": config.dimin, "model_hf_name": f"fixture/{case.gemma}", "tokenizer_hf_name": f"fixture/{case.gemma}"}
    if case.scaling:
        llm["target_layer"] = case.layer
    return {
        "data": {"cached_activations": True, "dtype": "bfloat16", "num_total_tokens": 1000000000},
        "llm": llm,
        "optimizer": {"grad_clip": 1.0, "lr": 0.001, "weight_decay": 0.0001},
        "sae": {
            "block_id": 1,
            "bottleneck_factor": config.bottleneck_factor,
            "exp_factor": case.exp_factor,
            "gamma_reg": 10,
            "kval_topk": config.kval_topk,
            "n_attn_layers": config.n_attn_layers,
            "n_heads": config.n_heads,
            "sae_diff_type": config.sae_diff_type,
            "sae_type": "temporal",
            "scaling_factor": config.scaling_factor,
            "tied_weights": config.tied_weights,
        },
        "seed": 42,
    }


def sae_lens_cfg(case: SaeCase, config: SaeConfig) -> dict:
    """cfg.json as sae-lens 6 saves the SAEs that it converts from the authors' release."""
    return {
        "d_in": config.dimin,
        "d_sae": config.width,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "constant_scalar_rescale",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.54.12",
            "sae_lens_training_version": None,
            "model_name": case.gemma,
            "hook_name": f"blocks.{case.layer}.hook_resid_post",
        },
        "n_heads": config.n_heads,
        "n_attn_layers": config.n_attn_layers,
        "bottleneck_factor": config.bottleneck_factor,
        "sae_diff_type": config.sae_diff_type,
        "kval_topk": config.kval_topk,
        "tied_weights": config.tied_weights,
        "activation_normalization_factor": config.scaling_factor,
        "architecture": "temporal",
    }


def random_sae(case: SaeCase, x: torch.Tensor, seed: int) -> tuple[SaeConfig, dict[str, torch.Tensor]]:
    """Random weights, scaled on the residual stream x [T, d]."""
    rng = torch.Generator().manual_seed(seed)

    def normal(std: float, *shape: int) -> torch.Tensor:
        return std * torch.randn(*shape, generator=rng)

    d = x.shape[1]
    config = SaeConfig(
        dimin=d,
        width=d * case.exp_factor,
        n_heads=case.n_heads,
        sae_diff_type=case.sae_diff_type,
        kval_topk=case.kval_topk,
        tied_weights=case.tied_weights,
        n_attn_layers=case.n_attn_layers,
        bottleneck_factor=case.bottleneck_factor,
        # Not a round number, and with `scaling` not 1 either: both factors must be applied.
        scaling_factor=0.75 if case.scaling else round(1 / x.norm(dim=1).mean().item(), 6),
    )
    width, n_embds = config.width, config.width // config.bottleneck_factor
    w = {"D": normal(1.0, width, d)}
    factor = config.scaling_factor
    if case.scaling:
        w["scaling"] = 1 / (x.std(dim=0) * d**0.5)
        factor = factor * w["scaling"]
    w["b"] = (x * factor).mean(dim=0) + normal(0.02, d)
    if not case.tied_weights:
        w["E"] = w["D"].T + normal(0.5, d, width)

    for layer in range(case.n_attn_layers):
        before = SaeConfig(**{**config.__dict__, "n_attn_layers": layer})
        left = x * factor - w["b"]
        if layer:
            left = left - temporal_sae(before, w, x)["pred_codes"] @ w["D"]
        E = w["D"].T if case.tied_weights else w["E"]
        codes = torch.relu(left / (4 * d) @ E)
        mean, size = codes.mean(dim=0), codes.std().item()

        # Queries and keys nearly alike, so that tokens look at tokens like them; then scaled to
        # scores of standard deviation 3.
        prefix = f"attn_layers.{layer}"
        q = normal(width**-0.5, n_embds, width)
        k = q + normal(0.5 * width**-0.5, n_embds, width)
        queries, keys = (codes - mean) @ q.T, (codes - mean) @ k.T
        queries = queries.unflatten(-1, (case.n_heads, -1))
        keys = keys.unflatten(-1, (case.n_heads, -1))
        scores = torch.einsum("qhe,khe->hqk", queries, keys) / (n_embds // case.n_heads) ** 0.5
        c = (3.0 / scores.std().item()) ** 0.5
        w[f"{prefix}.q_target.weight"], w[f"{prefix}.q_target.bias"] = c * q, -c * q @ mean
        w[f"{prefix}.k_ctx.weight"], w[f"{prefix}.k_ctx.bias"] = c * k, -c * k @ mean
        v = torch.eye(width) + normal(0.3 * width**-0.5, width, width)
        w[f"{prefix}.v_ctx.weight"], w[f"{prefix}.v_ctx.bias"] = v, normal(0.3 * size, width) - v @ mean
        w[f"{prefix}.c_proj.weight"] = torch.eye(width) + normal(0.3 * width**-0.5, width, width)
        w[f"{prefix}.c_proj.bias"] = normal(0.3 * size, width)
    return config, w


def write_folder(case: SaeCase, config: SaeConfig, w: dict[str, torch.Tensor], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # `scaling` stays in float32, as in the SAE of this repository.
    tensors = {n: (t if n == "scaling" else t.to(case.dtype)).contiguous() for n, t in w.items()}
    if case.sae_lens:
        names = {"D": "W_dec", "b": "b_dec", "E": "W_enc"}
        save_file({names.get(n, n): t for n, t in tensors.items()}, folder / "sae_weights.safetensors")
        (folder / "cfg.json").write_text(json.dumps(sae_lens_cfg(case, config)) + "\n")
    else:
        save_file(tensors, folder / "latest_ckpt.safetensors")
        (folder / "conf.yaml").write_text(yaml.safe_dump(released_conf(case, config)))


def checked_results(
    config: SaeConfig, w: dict[str, torch.Tensor], x: torch.Tensor, inf_k: int | None, seed: Path | None
) -> dict[str, torch.Tensor]:
    """The SAE's results on x, with similarity; checked for stability and against the notebook."""
    results = temporal_sae(config, w, x, inf_k)
    if seed:
        check_against_seed(seed, config, w, x, inf_k, results)
    precise = temporal_sae(config, w, x, inf_k, torch.float64)
    for name, result in results.items():
        if precise[name].norm() > 0:
            error = relative_rms(result, precise[name])
            assert error < 1e-5, f"{name}: float32 is {error:.1e} away from float64"
    results["similarity"] = similarity(results["pred_codes"])
    return results


def describe(config: SaeConfig, w: dict[str, torch.Tensor], x: torch.Tensor, results: dict[str, torch.Tensor]) -> str:
    """What makes the case worth having, in figures; asserts the least of it."""
    factor = config.scaling_factor * w.get("scaling", 1.0)
    pred, novel = (results[n] * factor for n in ("pred_recons", "novel_recons"))
    total = pred.norm() ** 2 + novel.norm() ** 2
    share = (pred.norm() ** 2 / total).item()
    blunt = {n: torch.zeros_like(t) if "q_target" in n else t for n, t in w.items()}
    blunted = temporal_sae(config, blunt, x)["pred_codes"]
    moved = relative_rms(blunted, results["pred_codes"])
    assert moved > 0.1, f"uniform attention moves predictable codes by only {moved:.1e}"
    assert config.sae_diff_type == "nullify" or 0.1 < share < 0.9, f"predictable share {share:.2f}"
    l0 = {n: (results[f"{n}_codes"] != 0).float().sum(-1).mean().item() for n in ("novel", "pred")}
    s = results["similarity"]
    return (
        f"predictable share {share:.2f}, uniform attention moves {moved:.2f}, "
        f"L0 {l0['novel']:.0f}/{l0['pred']:.0f} of {config.width}, similarity {s.min():.2f}..{s.mean():.2f}"
    )


def min_gap(case: SaeCase, config: SaeConfig, w: dict, xs: list[torch.Tensor]) -> float:
    ks = (case.kval_topk, *case.inf_k) if case.sae_diff_type == "topk" else ()
    return min((topk_gap(config, w, x, k).min().item() for x in xs for k in ks), default=float("inf"))


def generate(fixtures: Path, models: dict[str, torch.nn.Module], tokenizer: Tokenizer, seed: Path | None) -> None:
    """Writes fixtures/sae, fixtures/pairs and fixtures/pairs.json."""
    pairs = []
    for number, case in enumerate(CASES):
        folder = fixtures / "sae" / case.name
        model = models[case.gemma]
        # The SAE alone runs on the Gemma fixture's residual stream; the pair starts from a text.
        x = load_file(fixtures / "gemma" / case.gemma / "expected.safetensors")[f"residual.{case.layer}"][:33]
        token_ids = torch.tensor(tokenizer.encode(case.text).ids)
        x_text = residuals(model, token_ids)[case.layer]
        for attempt in range(200):
            write_folder(case, *random_sae(case, x, seed=1000 * (number + 1) + attempt), folder)
            config, w = load_sae(folder)
            gap = min_gap(case, config, w, [x, x_text])
            if gap > TOPK_GAP_LEAST:
                break
        else:
            raise AssertionError(f"{case.name}: some token is near a tie with every seed")

        results = checked_results(config, w, x, None, seed)
        save_file({"x": x.contiguous(), **contiguous(results)}, folder / "expected.safetensors")
        print(f"sae/{case.name}: seed {attempt}, top-k gap {gap:.0e}, {describe(config, w, x, results)}")
        for k in case.inf_k:
            results = checked_results(config, w, x, k, seed)
            save_file({"x": x.contiguous(), **contiguous(results)}, folder / f"expected-inf-k-{k}.safetensors")

        for text, inf_k in [(case.text, None), *((case.text, k) for k in case.inf_k[:1])]:
            pairs.append(pair(fixtures, case, config, w, model, tokenizer, text, inf_k, seed))
    # BOS alone.
    case = CASES[0]
    config, w = load_sae(fixtures / "sae" / case.name)
    pairs.append(pair(fixtures, case, config, w, models[case.gemma], tokenizer, "", None, seed))
    (fixtures / "pairs.json").write_text(json.dumps(pairs, ensure_ascii=False, indent=1) + "\n")


def contiguous(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: t.contiguous() for name, t in tensors.items()}


def pair(
    fixtures: Path,
    case: SaeCase,
    config: SaeConfig,
    w: dict[str, torch.Tensor],
    model: torch.nn.Module,
    tokenizer: Tokenizer,
    text: str,
    inf_k: int | None,
    seed: Path | None,
) -> dict:
    """One text through both networks: what `analyze --dump` must write."""
    token_ids = torch.tensor(tokenizer.encode(text).ids)
    residual = residuals(model, token_ids)[case.layer]
    results = checked_results(config, w, residual, inf_k, seed)
    name = f"{case.gemma}--{case.name}" + (f"--inf-k-{inf_k}" if inf_k else "") + ("" if text else "--empty")
    path = fixtures / "pairs" / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({"token_ids": token_ids, "residual": residual.contiguous(), **contiguous(results)}, path)
    print(f"pairs/{name}: {len(token_ids)} tokens")
    return {
        "name": name,
        "gemma": f"gemma/{case.gemma}",
        "sae": f"sae/{case.name}",
        "tokenizer": "tokenizer/tiny.json",
        "layer": case.layer,
        "inf_k": inf_k,
        "text": text,
        "token_ids": token_ids.tolist(),
        "expected": f"pairs/{name}.safetensors",
    }
