"""Picks the passages that the fidelity of quantized packs is measured on, one a held-out source.

    python tests/reference/heldout.py --corpus DIR --tokenizer tokenizer.json

The corpus is not part of this repository; the default SAE was not trained on its held-out file.
Writes tests/fixtures/heldout.jsonl: {"source", "kind", "title", "attribution", "licence", "text"}.
"""

import argparse
import gzip
import json
import re
from pathlib import Path

from tokenizers import Tokenizer

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
TOKENS_LEAST, TOKENS_MOST = 140, 300


def notices(corpus: Path) -> dict[str, dict[str, str]]:
    """source -> its line in NOTICE, in parts."""
    found = {}
    for line in (corpus / "NOTICE").read_text().splitlines():
        match = re.fullmatch(r'\* (\S+): "(.*?)"; (.*)\. Project: (.*)\. Licence: (.*)\.', line)
        if match:
            source, title, credit, project, licence = match.groups()
            found[source] = {"title": title, "attribution": f"{credit}; project {project}", "licence": licence}
    return found


def beginning(text: str, tokenizer: Tokenizer) -> str | None:
    """As many whole sentences of a passage as fit, or None if that is too few tokens."""
    ends = [m.end() for m in re.finditer(r"[.!?]['\"”’)]*(?=\s|$)", text)]
    for end in reversed(ends):
        tokens = len(tokenizer.encode(text[:end]).ids)
        if tokens <= TOKENS_MOST:
            return text[:end] if tokens >= TOKENS_LEAST else None
    return None


def is_clean(text: str) -> bool:
    """No left-over markup, no quotation cut in two, no telephone numbers, a start at a sentence's start."""
    return "{" not in text and text.count('"') % 2 == 0 and not re.search(r"\d{7}", text) and not text[0].islower()


def generate(corpus: Path, tokenizer_file: Path, out: Path) -> None:
    """Writes the passages into the file `out`."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    credits = notices(corpus)
    picked: dict[str, dict] = {}
    with gzip.open(corpus / "heldout.jsonl.gz", "rt", encoding="utf-8") as lines:
        for passage in map(json.loads, lines):
            source = passage["source"]
            if source in picked:
                continue
            text = beginning(passage["text"], tokenizer)
            if text and is_clean(text):
                picked[source] = {"source": source, "kind": passage["kind"], **credits[source], "text": text}
    rows = sorted(picked.values(), key=lambda row: (row["kind"], row["source"]))
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    for row in rows:
        tokens = len(tokenizer.encode(row["text"]).ids)
        print(f"{row['source']} ({row['kind']}, {row['licence']}): {tokens} tokens: {row['text'][:70]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with heldout.jsonl.gz and NOTICE")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=FIXTURES / "heldout.jsonl")
    args = parser.parse_args()
    generate(args.corpus, args.tokenizer, args.out)


if __name__ == "__main__":
    main()
