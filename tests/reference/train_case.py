"""Two training steps of a small TemporalSAE in PyTorch: losses, gradients, and parameters after AdamW.

What the Rust trainer is held against. Loss, clipping and learning rates by group are as the short
recipe has them; weights are random, attention sharp enough to matter.
"""

import math
from pathlib import Path

import torch
from safetensors.torch import save_file

from temporal_sae import SaeConfig, temporal_sae

D_MODEL, WIDTH_FACTOR, K, HEADS, BOTTLENECK = 12, 4, 6, 2, 2
AUXILIARY, CLIP, RATE, WARM_UP, STEPS, RATE_END = 0.1, 1.0, 1e-3, 2, 10, 0.05
FACTORS = {"D": 10.0, "scores": 0.5, "other": 0.05}
TOKENS = (9, 7)


def rate_of(name: str) -> float:
    if name == "D":
        return FACTORS["D"]
    return FACTORS["scores"] if "q_target" in name or "k_ctx" in name else FACTORS["other"]


def losses(config: SaeConfig, w: dict, contexts: list[torch.Tensor]):
    factor = config.scaling_factor * w["scaling"]
    whole = predicted = 0.0
    counted = 0
    for x in contexts:
        out = temporal_sae(config, w, x)
        whole = whole + (((out["recons"] - x) * factor)[1:] ** 2).sum()
        predicted = predicted + (((x - out["pred_recons"]) * factor - w["b"])[1:] ** 2).sum()
        counted += len(x) - 1
    return whole / counted, predicted / counted


def main(out: Path) -> None:
    torch.manual_seed(7)
    width = D_MODEL * WIDTH_FACTOR
    config = SaeConfig(D_MODEL, width, HEADS, "topk", K, True, 1, BOTTLENECK, 1.0)
    narrow = width // BOTTLENECK
    w = {
        "D": torch.randn(width, D_MODEL) * 2,
        "b": torch.randn(D_MODEL) * 0.1,
        "scaling": 0.2 + torch.rand(D_MODEL),
    }
    for name, rows in (("k_ctx", narrow), ("q_target", narrow), ("v_ctx", width), ("c_proj", width)):
        w[f"attn_layers.0.{name}.weight"] = torch.randn(rows, width)
        w[f"attn_layers.0.{name}.bias"] = torch.randn(rows) * 0.1
    contexts = [torch.randn(n, D_MODEL) * 3 for n in TOKENS]
    tensors = {f"start.{k}": v.clone() for k, v in w.items()}
    tensors |= {f"x.{i}": x for i, x in enumerate(contexts)}

    learned = {k: v.requires_grad_() for k, v in w.items() if k != "scaling"}
    optimizer = torch.optim.AdamW(
        [{"params": [v], "name": k} for k, v in learned.items()], lr=1.0, betas=(0.9, 0.95), eps=1e-8, weight_decay=1e-4
    )
    for step in range(3):
        if step < WARM_UP:
            rate = RATE * (step + 1) / WARM_UP
        else:
            done = (step - WARM_UP) / (STEPS - WARM_UP)
            low = RATE * RATE_END
            rate = low + (RATE - low) * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate * rate_of(group["name"])
        optimizer.zero_grad()
        reconstruction, prediction = losses(config, w, contexts)
        (reconstruction + AUXILIARY * prediction).backward()
        torch.nn.utils.clip_grad_norm_(list(learned.values()), CLIP)
        tensors[f"loss.{step}"] = torch.stack([reconstruction, prediction]).detach()
        if step == 0:
            tensors |= {f"grad.{k}": v.grad.clone() for k, v in learned.items()}
        optimizer.step()
    tensors |= {f"end.{k}": v.detach().clone() for k, v in w.items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, out / "steps.safetensors")


if __name__ == "__main__":
    main(Path(__file__).parent.parent / "fixtures" / "train")
