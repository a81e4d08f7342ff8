"""Analyses by the command line, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Optional

from ._analysis import Analysis, load
from ._files import PathLike

_HOW = (
    "the command line temporal-lens is not installed, or not on PATH: take it from a release of Temporal Lens, or build it in a "
    "checkout (cargo build --release --bin temporal-lens); program= names it anywhere else"
)


def analyze(text: str, *, pack: PathLike, program: PathLike = "temporal-lens", device: Optional[str] = None, attention: bool = True) -> Analysis:
    """Analyzes a text with the packed model in the folder ``pack``; ``device`` is gpu or cpu, by default the GPU where there is one."""
    if not isinstance(text, str):
        raise TypeError(f"text: this is a {type(text).__name__}; it has to be one string")
    if not text:
        raise ValueError("text: it is empty")
    found = shutil.which(os.fspath(program))
    if found is None:
        raise FileNotFoundError(_HOW)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [found, "analyze", "--model", os.fspath(pack), f"--text={text}", "--json", os.fspath(out)]
        command += ["--attention"] if attention else []
        command += ["--device", device] if device else []
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            raise RuntimeError(said[-1] if said else f"temporal-lens ended with {done.returncode}")
        return load(out)
