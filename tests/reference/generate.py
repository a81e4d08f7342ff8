"""Writes the fixtures of small random models under tests/fixtures; see its README.md.

    python tests/reference/generate.py [--seed PATH_OF_THE_AUTHORS_NOTEBOOK_TEXT]

With --seed, every TemporalSAE result is checked against the notebook's own module.
"""

import argparse
from pathlib import Path

import torch

import gemma_cases
import sae_cases
import tiny_tokenizer

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=Path, help="text of the authors' notebook, to check against")
    parser.add_argument("--out", type=Path, default=FIXTURES, help="default: tests/fixtures")
    args = parser.parse_args()

    # One thread, so that sums come in the same order on every machine.
    torch.set_num_threads(1)
    tokenizer = tiny_tokenizer.write(args.out)
    models = gemma_cases.generate(args.out)
    sae_cases.generate(args.out, models, tokenizer, args.seed)


if __name__ == "__main__":
    main()
