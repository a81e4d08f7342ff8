"""What PyTorch made of the fixtures (tests/fixtures), read with numpy."""

import json
import struct
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"
CASES = ["topk-tied", "relu-untied-2-layers", "topk-bottleneck-3-layers-bf16", "sae-lens-topk"]

#: The first tokens: a text that a test names has these words.
TEXT = ["▁Tensors", "▁of", "▁a", "▁notebook"]


def fixture(case):
    """Tensors of ``expected.safetensors`` by name."""
    data = (FIXTURES / "sae" / case / "expected.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    kinds = {"F32": "<f4", "I64": "<i8"}
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[8 + size + start : 8 + size + end], kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def arguments(case, **changes):
    """What ``from_tensors`` is called with."""
    found = fixture(case)
    named = {"residual": found["x"], **{name: found[name] for name in ("pred_codes", "novel_codes", "recons", "pred_recons", "novel_recons", "attn_graphs")}}
    tokens = ["<bos>", *TEXT] + [f"▁w{t}" for t in range(1 + len(TEXT), len(found["x"]))]
    return {"tokens": tokens, **named, **changes}
