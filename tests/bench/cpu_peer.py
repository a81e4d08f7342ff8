"""PyTorch's times for the layers that ours runs, on the same cores: `cargo xtask bench --only cpu`.

    python tests/bench/cpu_peer.py --pack FOLDER --rounds N --tokens N [N ...]

Prints a line of JSON for each number of tokens: least and median milliseconds in f32 and in bf16. The model is of the
shape that the pack's manifest names, up to its layer, with random weights, since no time depends on them; it takes
embeddings, as ours does, and has no head.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from transformers import Gemma3TextConfig, Gemma3TextModel


def model_of(pack: Path) -> Gemma3TextModel:
    """The pack's layers, with random weights."""
    manifest = json.loads((pack / "manifest.json").read_text())
    gemma = manifest["gemma"]
    config = Gemma3TextConfig(
        # The embedding is not run.
        vocab_size=8,
        hidden_size=gemma["hidden_size"],
        intermediate_size=gemma["intermediate_size"],
        num_hidden_layers=manifest["layer"] + 1,
        num_attention_heads=gemma["num_attention_heads"],
        num_key_value_heads=gemma["num_key_value_heads"],
        head_dim=gemma["head_dim"],
        sliding_window=gemma["sliding_window"],
        attn_implementation="sdpa",
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return Gemma3TextModel(config).eval()


def times(model: Gemma3TextModel, tokens: int, rounds: int) -> dict:
    """Milliseconds of the whole text at once."""
    rows = torch.randn(1, tokens, model.config.hidden_size, dtype=next(model.parameters()).dtype)
    found = []
    with torch.inference_mode():
        # The first two rounds fill caches.
        for _ in range(rounds + 2):
            start = time.perf_counter()
            model(inputs_embeds=rows, use_cache=False)
            found.append(1e3 * (time.perf_counter() - start))
    return {"least": min(found[2:]), "median": statistics.median(found[2:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--tokens", type=int, nargs="+", required=True)
    options = parser.parse_args()
    torch.manual_seed(1)
    model = model_of(options.pack)
    lines = {tokens: {"tokens": tokens} for tokens in options.tokens}
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        model = model.to(dtype)
        for tokens in options.tokens:
            lines[tokens][name] = times(model, tokens, options.rounds)
    for line in lines.values():
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
