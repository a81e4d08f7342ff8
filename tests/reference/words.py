"""Readouts in words, in PyTorch: what `analyze --words` is held against.

    python tests/reference/words.py [--gguf MODEL.gguf]

score(w) = ((r - mean_r) * (1 + final norm)) . (W_U[w] - mean of the vocabulary's rows), for the predictable and the novel
part of each token, and for the means over all tokens but BOS of the residual stream and of the predictable part. On the
random models of pairs.json, with a vocabulary and means drawn at random. Writes """

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
TOKENS = 16
BEST = 16


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
    # Ids that every tokenizer of the fixtures has.
    ids = (3 + torch.randperm(60, generator=rng)[:WORDS]).sort().values
    rows = embedding[ids]

    def drawn_mean(part: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(part.shape[1], generator=rng).double()
        return (part.mean(0) + 0.3 * part.std() * noise).float().double()

    means = {"predictable": drawn_mean(pred), "novel": drawn_mean(novel), "residual": drawn_mean(residual)}
    about = scores(residual[1:].mean(0, keepdim=True), means["residual"], norm, rows)[0]
    best = about.topk(12).indices
    best = best[about[best] > 0]
    return {
        "pair": pair["name"],
        "ids": ids.tolist(),
        "means": {name: mean.tolist() for name, mean in means.items()},
        "predictable": scores(pred, means["predictable"], norm, rows)[:TOKENS].tolist(),
        "novel": scores(novel, means["novel"], norm, rows)[:TOKENS].tolist(),
        "about": about.tolist(),
        "expected": scores(pred[1:].mean(0, keepdim=True), means["predictable"], norm, rows)[0].tolist(),
        "coherence": coherence((rows - rows.mean(0))[best]),
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
