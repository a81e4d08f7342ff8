"""Writes the fixtures under tests/fixtures; see its README.md.

    python tests/reference/generate.py
        [--seed NOTEBOOK.txt] [--gguf MODEL.gguf] [--tokenizer tokenizer.json]
        [--gemma2-tokenizer tokenizer.json] [--corpus DIR]

Small random models need nothing else. With --seed, every TemporalSAE result is checked against
the authors' notebook. With --tokenizer (Gemma 3's), the token ids are made; with --gguf (Gemma 3
270M) in addition, the results of the real model; with --corpus in addition, the held-out passages.
"""

import argparse
from pathlib import Path

import torch

import gemma_cases
import gguf_case
import heldout
import real_model
import sae_cases
import tiny_tokenizer
import tokenizer_ids

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=Path, help="text of the authors' notebook, to check against")
    parser.add_argument("--gguf", type=Path, help="Gemma 3 270M")
    parser.add_argument("--tokenizer", type=Path, help="Gemma 3's tokenizer.json")
    parser.add_argument("--gemma2-tokenizer", type=Path, help="Gemma 2's tokenizer.json")
    parser.add_argument("--corpus", type=Path, help="folder with heldout.jsonl.gz and NOTICE")
    parser.add_argument("--out", type=Path, default=FIXTURES, help="default: tests/fixtures")
    args = parser.parse_args()
    if (args.gguf or args.corpus) and not args.tokenizer:
        parser.error("--gguf and --corpus need --tokenizer")

    # One thread, so that sums come in the same order on every machine.
    torch.set_num_threads(1)
    tokenizer = tiny_tokenizer.write(args.out)
    models = gemma_cases.generate(args.out)
    sae_cases.generate(args.out, models, tokenizer, args.seed)
    gguf_case.generate(args.out)
    if args.tokenizer:
        tokenizer_ids.generate(args.tokenizer, "Gemma 3", args.out / "tokenizer" / "gemma3-ids.json")
    if args.gemma2_tokenizer:
        tokenizer_ids.generate(args.gemma2_tokenizer, "Gemma 2", args.out / "tokenizer" / "gemma2-ids.json")
    if args.gguf:
        real_model.generate(args.gguf, args.tokenizer, real_model.DEMO_SAE, args.out / "real")
    if args.corpus:
        heldout.generate(args.corpus, args.tokenizer, args.out / "heldout.jsonl")


if __name__ == "__main__":
    main()
