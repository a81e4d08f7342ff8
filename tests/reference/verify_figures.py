"""The default pack's figures on the two published prompts, in PyTorch: what `verify` compares with.

    python tests/reference/verify_figures.py --gguf MODEL.gguf --tokenizer tokenizer.json

Writes demo/verify-gemma-3-270m.json, which the command line carries.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer

from gemma_cases import residuals
from gguf_model import load_gguf
from temporal_sae import load_sae, similarity, temporal_sae, variance_explained

DEMO = Path(__file__).resolve().parent.parent.parent / "demo"
LAYER = 12
# The authors' notebook ran these two with the released SAE.
PROMPTS = [
    "Once upon a time, a little girl named Alice loved looking at the night sky.",
    "The quick brown fox jumps over the lazy dog. This sentence contains every letter of the alphabet.",
]
# What packs of each precision may differ by: about twice what was measured on the CPU device.
TOLERANCES = {
    "f32": {"variance_explained": 0.001, "l0_pred": 0.002, "similarity": 0.002},
    "f16": {"variance_explained": 0.001, "l0_pred": 0.005, "similarity": 0.005},
    "q8": {"variance_explained": 0.015, "l0_pred": 0.02, "similarity": 0.02},
    "q4": {"variance_explained": 0.06, "l0_pred": 0.12, "similarity": 0.13},
}


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DEMO / "verify-gemma-3-270m.json")
    args = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    model = load_gguf(args.gguf)
    config, w = load_sae(DEMO / "sae")
    prompts = []
    for text in PROMPTS:
        token_ids = torch.tensor(tokenizer.encode(text).ids)
        x = residuals(model.model, token_ids)[LAYER]
        results = temporal_sae(config, w, x)
        s = similarity(results["pred_codes"])
        assert ((results["novel_codes"] != 0).sum(-1) == config.kval_topk).all()
        prompts.append(
            {
                "text": text,
                "tokens": len(token_ids),
                "variance_explained": round(variance_explained(results["recons"], x), 6),
                "l0_novel": config.kval_topk,
                "l0_pred": (results["pred_codes"] != 0).sum(-1).tolist(),
                "similarity": {k: round(v.item(), 6) for k, v in [("min", s.min()), ("max", s.max()), ("mean", s.mean())]},
            }
        )
    document = {
        "format": "temporal-lens-figures/1",
        "source": "PyTorch in float32 on the same GGUF and SAE",
        "of": {
            "model": "google/gemma-3-270m",
            "num_hidden_layers": model.config.num_hidden_layers,
            "hidden_size": model.config.hidden_size,
            "layer": LAYER,
            "width": config.width,
            "kval_topk": config.kval_topk,
            # Tells this SAE from others of its shape: packs of every precision store these bytes.
            "sae_b_sha256": hashlib.sha256(w["b"].numpy().astype("<f4").tobytes()).hexdigest(),
        },
        "tolerances": TOLERANCES,
        "prompts": prompts,
    }
    args.out.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
