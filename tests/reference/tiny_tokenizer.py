"""A tokenizer of 64 ids, built like Gemma's: BPE, spaces as U+2581, byte fallback, BOS first.

Bytes that it lacks become <unk>: it covers lower-case English, e with acute and one emoji.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer

SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>"]
BYTES = [0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80, 0x0D]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
OTHERS = "▁.,AO\n'?"
MERGES = [
    ("t", "h"), ("▁", "th"), ("▁th", "e"), ("▁", "a"), ("▁", "l"), ("i", "n"), ("▁", "n"), ("e", "r"), ("o", "n"),
    ("▁", "s"), ("a", "n"), ("▁", "h"), ("e", "d"), ("i", "t"), ("▁", "t"), ("i", "c"), ("▁", "▁"),
]  # fmt: skip


def tokenizer_json() -> dict:
    tokens = [*SPECIALS, *(f"<0x{b:02X}>" for b in BYTES), *LETTERS, *OTHERS]
    tokens += [a + b for a, b in MERGES]
    # The last two are in the text of prompts like Gemma's, and are cut out of it before BPE.
    added = [*SPECIALS, "<start_of_turn>", "<end_of_turn>"]
    tokens += added[len(SPECIALS) :]
    assert len(tokens) == len(set(tokens)) == 64, len(tokens)
    ids = {token: i for i, token in enumerate(tokens)}
    bos = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": ids[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in added
        ],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                bos,
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "<bos>", "type_id": 1}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": ids,
            "merges": [list(pair) for pair in MERGES],
        },
    }


def write(fixtures: Path) -> Tokenizer:
    """Writes tokenizer/tiny.json and loads it."""
    path = fixtures / "tokenizer" / "tiny.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tokenizer_json(), ensure_ascii=False, indent=1) + "\n")
    tokenizer = Tokenizer.from_file(str(path))
    text = "Once upon a time, é 😀<start_of_turn>the\r\n  end"
    ids = tokenizer.encode(text).ids
    assert ids[0] == 2 and ids.count(2) == 1
    # Only what the vocabulary lacks may be lost.
    assert tokenizer.decode(ids, skip_special_tokens=False) == "<bos>" + text, tokenizer.decode(ids)
    return tokenizer
