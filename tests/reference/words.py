"""Readouts in words, in PyTorch: what `analyze --words` is compared with.

    python tests/reference/words.py [--gguf MODEL.gguf]

score(w) = ((r - mean_r) * (1 + final norm)) . (W_U[w] - mean of the vocabulary's rows), for the predictable and the novel
part of each token, and for the means over all tokens but BOS of the residual stream and of the predictable part.
What comes next is the softmax over words and pieces of y . W_U[w], y = (x - mean_x) M + mean_y through the fitted lens,
capped where the model caps its logits; surprise is minus the logarithm of the probability of the token that did come, at
the token before it, which is counted in addition where it is listed as neither. On the random models of pairs.json, with
vocabulary, means and lens drawn at random, and with --gguf on the texts of real/ with those of demo/words. Writes
tests/fixtures/words/random.json and real.safetensors.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from gemma_cases import residuals
from gguf_model import load_gguf
from temporal_sae import load_sae, temporal_sae

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
WORDS = 24
PIECES = 12
TOKENS = 16
FEATURES = 6
BEST = 16
# Standard deviation of the logits of random models; half of what a cap is where there is one, so that it shows.
LOGITS = 3.0


def checkpoint_tensor(folder: Path, suffix: str) -> torch.Tensor:
    """The tensor of a Hugging Face folder whose name ends with `suffix`, in float64."""
    for file in sorted(folder.glob("model*.safetensors")):
        with safe_open(file, "pt") as shard:
            for name in shard.keys():
                if name.endswith(suffix) and "vision" not in name:
                    return shard.get_tensor(name).double()
    raise SystemExit(f"{folder} has no {suffix}")


def scores(r: torch.Tensor, mean: torch.Tensor, norm: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """[T, words] for a part r [T, d]."""
    return ((r - mean) * (1 + norm)) @ (rows - rows.mean(0)).T


# Ids of tokenizer/tiny.json that show as characters, and of these the letters, parts of words and words of which no two are
# spelled alike but for a space before them: of such words a list has only the best.
PRINTED = torch.tensor([id for id in range(4, 62) if id not in (37, 42, 61)])
SPELLED_APART = torch.tensor([*range(11, 37), 45, 47, 50, 52, 53, 55, 57, 58, 60])


class Lens:
    """y = (x - mean_x) M + mean_y, and logits of rows of the unembedding from there."""

    def __init__(self, transposed: torch.Tensor, mean_x: torch.Tensor, mean_y: torch.Tensor, cap: float | None):
        # M transposed: a pack stores it as f16.
        self.transposed = transposed.half().double()
        self.mean_x, self.mean_y, self.cap = mean_x.double(), mean_y.double(), cap

    def logits(self, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """[T, rows] of the residual stream x [T, d]."""
        logits = ((x.double() - self.mean_x) @ self.transposed.T + self.mean_y) @ rows.T
        return logits if self.cap is None else (logits / self.cap).tanh() * self.cap

    def next(self, x: torch.Tensor, listed: torch.Tensor, came: list[bool], came_rows: torch.Tensor) -> tuple[torch.Tensor, list[float | None]]:
        """Probabilities [T, listed] after each token of x, and the surprise at each, None at the first two: nothing comes
        before BOS, and the lens is not fitted on it. `came` says of each token whether it is listed, `came_rows` are all
        tokens' rows of the unembedding."""
        logits = self.logits(x, listed)
        surprise: list[float | None] = [None, None]
        for t in range(2, len(x)):
            own = self.logits(x[t - 1 : t], came_rows[t : t + 1])[0]
            all_logits = logits[t - 1] if came[t] else torch.cat([logits[t - 1], own])
            surprise.append((all_logits.logsumexp(0) - own[0]).item())
        return logits.softmax(-1), surprise[: len(x)]


def coherence(rows: torch.Tensor) -> float:
    """Mean cosine of pairs of rows [n, d]."""
    unit = rows / rows.norm(dim=1, keepdim=True)
    n = len(rows)
    return ((unit @ unit.T).sum() - n).item() / (n * (n - 1))


def case(pair: dict, seed: int) -> dict:
    rng = torch.Generator().manual_seed(seed)
    folder = FIXTURES / pair["gemma"]
    embedding = checkpoint_tensor(folder, "embed_tokens.weight")
    norm = final_norm(folder)
    expected = {name: tensor.double() for name, tensor in load_file(FIXTURES / pair["expected"]).items() if tensor.is_floating_point()}
    pred, novel, residual = expected["pred_recons"], expected["novel_recons"], expected["residual"]
    ids = SPELLED_APART[torch.randperm(len(SPELLED_APART), generator=rng)[:WORDS]].sort().values
    rows = embedding[ids]

    def drawn_mean(part: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(part.shape[1], generator=rng).double()
        return (part.mean(0) + 0.3 * part.std() * noise).float().double()

    means = {"predictable": drawn_mean(pred), "novel": drawn_mean(novel), "residual": drawn_mean(residual)}
    about = scores(residual[1:].mean(0, keepdim=True), means["residual"], norm, rows)[0]
    best = about.topk(12).indices
    best = best[about[best] > 0]

    d = residual.shape[1]
    # Directions of the decoder in the residual stream's own units; nothing is subtracted from them.
    config, sae = load_sae(FIXTURES / pair["sae"])
    directions = sae["D"][:FEATURES].double() / config.scaling_factor
    if "scaling" in sae:
        directions = directions / sae["scaling"].double()

    cap = json.loads((folder / "config.json").read_text()).get("final_logit_softcapping")
    others = PRINTED[~torch.isin(PRINTED, ids)]
    pieces = others[torch.randperm(len(others), generator=rng)[:PIECES]].sort().values
    listed = torch.cat([rows, embedding[pieces]])
    mean_x = drawn_mean(residual)
    matrix = torch.randn(d, d, generator=rng).double()
    mean_y = 0.3 * torch.randn(d, generator=rng).double()
    scale = (cap / 2 if cap else LOGITS) / ((residual[1:] - mean_x) @ matrix @ listed.T).std()
    lens = Lens((matrix * scale).T, mean_x, mean_y.float(), cap)
    tokens = torch.tensor(pair["token_ids"])
    is_listed = torch.isin(tokens, torch.cat([ids, pieces])).tolist()
    probabilities, surprise = lens.next(residual, listed, is_listed, embedding[tokens])
    # Both kinds occur: a listed token that came, and one that is not.
    assert set(is_listed[2:]) == {True, False}, pair["name"]
    return {
        "pair": pair["name"],
        "ids": ids.tolist(),
        "means": {name: mean.tolist() for name, mean in means.items()},
        "predictable": scores(pred, means["predictable"], norm, rows)[:TOKENS].tolist(),
        "novel": scores(novel, means["novel"], norm, rows)[:TOKENS].tolist(),
        "about": about.tolist(),
        "expected": scores(pred[1:].mean(0, keepdim=True), means["predictable"], norm, rows)[0].tolist(),
        "coherence": coherence((rows - rows.mean(0))[best]),
        "features": scores(directions, torch.zeros(d), norm, rows).tolist(),
        "pieces": pieces.tolist(),
        "lens": {"matrix": lens.transposed.flatten().tolist(), "mean_x": lens.mean_x.tolist(), "mean_y": lens.mean_y.tolist(), "cap": cap},
        "next": probabilities[:TOKENS].tolist(),
        "surprise": surprise,
    }


def final_norm(folder: Path) -> torch.Tensor:
    """The weight of the norm after the last layer [d]."""
    for file in sorted(folder.glob("model*.safetensors")):
        with safe_open(file, "pt") as shard:
            for name in shard.keys():
                if name.endswith(("model.norm.weight", "language_model.norm.weight")):
                    return shard.get_tensor(name).double()
    raise SystemExit(f"{folder} has no final norm")


@torch.no_grad()
def real(gguf_file: Path) -> dict[str, torch.Tensor]:
    """The best words of the real model."""
    # One thread, so that sums come in the same order on every machine.
    torch.set_num_threads(1)
    model = load_gguf(gguf_file)
    embedding, norm = model.model.embed_tokens.weight.double(), model.model.norm.weight.double()
    config, w = load_sae(ROOT / "demo" / "sae")
    means = load_file(ROOT / "demo" / "words" / "means.safetensors")
    # The ids of the listed words, each with a space before it.
    tokenizer = Tokenizer.from_file(str(gguf_file.parent / "tokenizer.json"))
    words = (ROOT / "demo" / "words" / "vocabulary.txt").read_text().splitlines()
    ids = torch.tensor(sorted(tokenizer.token_to_id(f"\u2581{word}") for word in words))
    pieces = [int(line.split("\t")[0]) for line in (ROOT / "demo" / "words" / "pieces.txt").read_text().splitlines()]
    listed = torch.cat([ids, torch.tensor(pieces)])
    fitted = load_file(ROOT / "demo" / "words" / "lens.safetensors")
    lens = Lens(*(fitted[f"lens.{name}"] for name in ("matrix", "mean_x", "mean_y")), None)
    texts = json.loads((FIXTURES / "real" / "texts.json").read_text())
    found = {}
    for text in texts["texts"]:
        x = residuals(model.model, torch.tensor(text["token_ids"]))[texts["layer"]]
        results = temporal_sae(config, w, x)
        for part in ("predictable", "novel"):
            r = results["pred_recons" if part == "predictable" else "novel_recons"].double()
            top = scores(r, means[f"words.mean.{part}"].double(), norm, embedding[ids]).topk(BEST, dim=-1)
            found[f"{text['name']}.{part}.words"] = top.indices.int()
            found[f"{text['name']}.{part}.scores"] = top.values.float()
        tokens = torch.tensor(text["token_ids"])
        is_listed = torch.isin(tokens, listed).tolist()
        probabilities, surprise = lens.next(x, embedding[listed], is_listed, embedding[tokens])
        top = probabilities.topk(BEST, dim=-1)
        found[f"{text['name']}.next.tokens"] = listed[top.indices].int()
        found[f"{text['name']}.next.probabilities"] = top.values.float()
        found[f"{text['name']}.surprise"] = torch.tensor([float("nan") if it is None else it for it in surprise])
    return found


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, help="Gemma 3 270M, beside its tokenizer.json")
    args = parser.parse_args()
    if args.gguf:
        save_file({name: it.contiguous() for name, it in real(args.gguf).items()}, FIXTURES / "words" / "real.safetensors")
    pairs = json.loads((FIXTURES / "pairs.json").read_text())
    cases = [case(pair, seed) for seed, pair in enumerate(pairs) if len(pair["token_ids"]) > 4 and pair["inf_k"] is None]
    lines = ",\n".join(json.dumps(rounded(it)) for it in cases)
    (FIXTURES / "words" / "random.json").write_text(f"[\n{lines}\n]\n")
    for it in cases:
        print(it["pair"], "coherence", round(it["coherence"], 3))


if __name__ == "__main__":
    main()
