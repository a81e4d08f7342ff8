"""Gemma 3 270M from its GGUF and the SAE of demo/, in PyTorch: what the page is held against.

    python tests/reference/real_model.py --gguf MODEL.gguf --tokenizer tokenizer.json [--sae DIR]

The GGUF is dequantized by gguf-py into a transformers model in float32 with eager attention.
Writes tests/fixtures/real: texts.json and a safetensors file for each text. No weights of Gemma
go into them.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import Gemma3ForCausalLM

from gemma_cases import relative_rms, residuals
from gguf_model import load_gguf
from temporal_sae import load_sae, similarity, temporal_sae, topk_gap, variance_explained

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
DEMO_SAE = Path(__file__).resolve().parent.parent.parent / "demo" / "sae"

# The last two were chosen among a few wordings: no token's k-th novel code is within a relative
# 1e-4 of the next, so that rounding does not decide what is in the top k.
TEXTS = {
    # The prompt of the authors' notebook.
    "alice": "Once upon a time, a little girl named Alice loved looking at the night sky.",
    "two-events": (
        "The harbour was quiet that morning. Two boats came in with the tide, and the crews sold herring on the "
        "wet stones before the rain began. Meanwhile, in the kitchen, her grandmother rolled the dough thin, "
        "brushed it with butter and honey, and slid the tray of biscuits into the oven."
    ),
    "mixed": "def f(x):\n\treturn x * x  # 🌙👩‍🚀 Привет, 世界! ¿Qué tal?\r\n",
}
# Ids that are known to be right for "alice".
ALICE_IDS = [2, 14946, 3324, 496, 990, 236764, 496, 2268, 3953, 7489, 32858, 9312, 3182, 657, 506, 3446, 7217, 236761]

@torch.no_grad()
def nll(model: Gemma3ForCausalLM, token_ids: torch.Tensor) -> float:
    """Mean negative log likelihood of a text's tokens after BOS."""
    logits = model(input_ids=token_ids[None], use_cache=False).logits[0]
    return torch.nn.functional.cross_entropy(logits[:-1], token_ids[1:]).item()


def rounding_noise(model: Gemma3ForCausalLM, token_ids: torch.Tensor, layer: int, expected: torch.Tensor) -> float:
    """Relative RMS of what float32 rounding can do to the residual stream of tokens after BOS."""
    embedding = model.model.embed_tokens.weight.data
    rows = embedding[token_ids].clone()
    rng = torch.Generator().manual_seed(0)
    embedding[token_ids] = rows * (1 + 6e-8 * torch.randn(rows.shape, generator=rng))
    noisy = residuals(model.model, token_ids)[layer]
    embedding[token_ids] = rows
    return relative_rms(noisy[1:], expected[1:])


def generate(gguf_file: Path, tokenizer_file: Path, sae_folder: Path, out: Path) -> None:
    """Writes texts.json and a safetensors file a text into `out`."""
    # One thread, so that sums come in the same order on every machine.
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    model = load_gguf(gguf_file)
    config, w = load_sae(sae_folder)
    layer = yaml.safe_load((sae_folder / "conf.yaml").read_text())["llm"]["target_layer"]

    out.mkdir(parents=True, exist_ok=True)
    texts = []
    for name, text in TEXTS.items():
        encoding = tokenizer.encode(text)
        token_ids = torch.tensor(encoding.ids)
        assert name != "alice" or encoding.ids == ALICE_IDS
        x = residuals(model.model, token_ids)[layer]
        results = temporal_sae(config, w, x)
        precise = temporal_sae(config, w, x, dtype=torch.float64)
        for key, result in results.items():
            assert relative_rms(result, precise[key]) < 1e-5, key
        novel, pred = results["novel_codes"], results["pred_codes"]
        top = novel.topk(config.kval_topk, dim=-1)
        s = similarity(pred)
        value, feature = novel[-2].max(dim=-1)
        gap = topk_gap(config, w, x, config.kval_topk)
        assert gap.min() > 1e-4, f"{name}: a top-k near a tie ({gap.min():.1e})"
        tensors = {
            "token_ids": token_ids,
            "residual": x,
            "pred_codes": pred,
            # The k novel codes of each token, largest first: [T, k] each.
            "novel_features": top.indices,
            "novel_values": top.values,
            "similarity": s,
        }
        save_file({n: t.contiguous() for n, t in tensors.items()}, out / f"{name}.safetensors")
        texts.append(
            {
                "name": name,
                "text": text,
                "token_ids": encoding.ids,
                "tokens": encoding.tokens,
                "nll": nll(model, token_ids),
                "variance_explained": variance_explained(results["recons"], x),
                "l0_novel": (novel != 0).sum(-1).tolist(),
                "l0_pred": (pred != 0).sum(-1).tolist(),
                "l0_total": (novel + pred != 0).sum(-1).tolist(),
                "selected": {"position": len(x) - 2, "feature": feature.item(), "value": value.item()},
                "similarity_stats": {"min": s.min().item(), "max": s.max().item(), "mean": s.mean().item()},
                # (k-th code - next code) / k-th code: where it is small, rounding chooses.
                "topk_gap": [round(g, 6) for g in gap.tolist()],
                "rounding_noise": rounding_noise(model, token_ids, layer, x),
            }
        )
        t = texts[-1]
        print(
            f"{name}: {len(x)} tokens, NLL {t['nll']:.3f}, variance explained {t['variance_explained']:.4f}, "
            f"smallest top-k gap {gap.min():.1e}, rounding {t['rounding_noise']:.1e}, "
            f"BOS norm {x[0].norm():.0f}, others {x[1:].norm(dim=1).mean():.0f}, similarity {t['similarity_stats']}"
        )

    sha256 = hashlib.sha256(gguf_file.read_bytes()).hexdigest()
    sae_file = hashlib.sha256((sae_folder / "latest_ckpt.safetensors").read_bytes()).hexdigest()
    document = {"gguf_sha256": sha256, "sae_sha256": sae_file, "layer": layer, "texts": texts}
    (out / "texts.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--sae", type=Path, default=DEMO_SAE, help="folder with conf.yaml; default: demo/sae")
    parser.add_argument("--out", type=Path, default=FIXTURES / "real", help="default: tests/fixtures/real")
    args = parser.parse_args()
    generate(args.gguf, args.tokenizer, args.sae, args.out)


if __name__ == "__main__":
    main()
