"""The peer's model of Gemma-2-2B's size for `cargo xtask bench --only full-size`: random weights, 13 layers.

    python tests/bench/peer_full_size.py --tokenizer tokenizer.json --out FOLDER

Writes into FOLDER what peer_model.py does, at accuracy level 0, for the lengths that the bench takes of both.
The tokens are any: no time depends on them.
"""

import argparse
from pathlib import Path

import torch
from peer_model import export
from transformers import Gemma2Config, Gemma2ForCausalLM

TOKENS = (18, 141, 512)
# Few, since neither embedding nor head is exported.
VOCABULARY = 512


def gemma_2_2b(layers: int) -> Gemma2ForCausalLM:
    """The first layers of a model of Gemma-2-2B's shapes."""
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=VOCABULARY,
        hidden_size=2304,
        intermediate_size=9216,
        num_hidden_layers=layers,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=256,
        query_pre_attn_scalar=256,
        sliding_window=4096,
        attn_logit_softcapping=50.0,
        rms_norm_eps=1e-6,
    )
    # Soft capping is nowhere else.
    config._attn_implementation = "eager"
    return Gemma2ForCausalLM(config).float().eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    numbers = torch.Generator().manual_seed(1)
    ids = {tokens: torch.randint(VOCABULARY, (tokens,), generator=numbers).tolist() for tokens in TOKENS}
    chosen = [{"tokens": tokens, "ids": ids[tokens]} for tokens in TOKENS]
    export(gemma_2_2b(13), chosen, args.tokenizer, (0,), args.out, {})


if __name__ == "__main__":
    main()
