"""PyTorch's times for a step of training, on the same cores as ours: `cargo xtask bench --only cpu`.

    python tests/bench/train_peer.py --rounds N

Prints a line of JSON: least and median milliseconds of a step in f32, and with bf16 autocast. The step is that of the short
recipe: width 1,920, k 64, 4 heads, bottleneck 4, q_target and k_ctx frozen, the prediction's own error in the loss, clipped gradients,
AdamW. Both contexts are one batch, attention is PyTorch's own; weights and streams are random, since no time depends on them.
"""

import argparse
import contextlib
import json
import statistics
import time

import torch
import torch.nn.functional as F

D_MODEL, WIDTH, NARROW, HEADS, K = 640, 1920, 480, 4, 64
CONTEXTS, TOKENS, AUXILIARY = 2, 500, 0.1
WARM_UP = 2


def parameters() -> dict[str, torch.Tensor]:
    found = {"D": torch.randn(WIDTH, D_MODEL), "b": torch.zeros(D_MODEL)}
    for name, rows in (("k_ctx", NARROW), ("q_target", NARROW), ("v_ctx", WIDTH), ("c_proj", WIDTH)):
        found[f"{name}.weight"] = torch.randn(rows, WIDTH) / WIDTH**0.5
        found[f"{name}.bias"] = torch.zeros(rows)
    for name, value in found.items():
        value.requires_grad_("k_ctx" not in name and "q_target" not in name)
    return found


def loss_of(w: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The loss of streams [contexts, T, d_model] in scaled units."""
    x = x - w["b"]
    encoder = w["D"] / (4 * D_MODEL)

    def linear(name: str, z: torch.Tensor) -> torch.Tensor:
        return F.linear(z, w[f"{name}.weight"], w[f"{name}.bias"])

    def heads(z: torch.Tensor) -> torch.Tensor:
        return z.unflatten(-1, (HEADS, -1)).transpose(1, 2)

    z = F.relu(F.linear(x, encoder))
    context = F.pad(z[:, :-1], (0, 0, 1, 0))
    attended = F.scaled_dot_product_attention(
        heads(linear("q_target", z)), heads(linear("k_ctx", context)), heads(linear("v_ctx", context)), is_causal=True
    )
    z = F.relu(linear("c_proj", attended.transpose(1, 2).flatten(2)))
    predicted = z @ w["D"]
    norm = predicted.float().square().sum(-1, keepdim=True).add(1e-30).sqrt() + 1e-6
    predicted = predicted * ((predicted * x).sum(-1, keepdim=True) / norm.square())
    left = x - predicted
    z = F.relu(F.linear(left, encoder))
    best = z.topk(K, dim=-1)
    novel = torch.zeros_like(z).scatter(-1, best.indices, best.values) @ w["D"]

    def error(of: torch.Tensor) -> torch.Tensor:
        return of[:, 1:].float().square().sum() / (CONTEXTS * (TOKENS - 1))

    return error(left - novel) + AUXILIARY * error(left)


def times(rounds: int, precision: contextlib.AbstractContextManager) -> dict:
    w = parameters()
    learned = [value for value in w.values() if value.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-5, betas=(0.9, 0.95), weight_decay=1e-4)
    x = torch.randn(CONTEXTS, TOKENS, D_MODEL) / D_MODEL**0.5
    found = []
    for _ in range(WARM_UP + rounds):
        start = time.perf_counter()
        optimizer.zero_grad()
        with precision:
            loss = loss_of(w, x)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        found.append(1e3 * (time.perf_counter() - start))
    return {"least": min(found[WARM_UP:]), "median": statistics.median(found[WARM_UP:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, required=True)
    rounds = parser.parse_args().rounds
    torch.manual_seed(1)
    f32 = times(rounds, contextlib.nullcontext())
    bf16 = times(rounds, torch.autocast("cpu", dtype=torch.bfloat16))
    print(json.dumps({"tokens": CONTEXTS * TOKENS, "f32": f32, "bf16": bf16}), flush=True)


if __name__ == "__main__":
    main()
