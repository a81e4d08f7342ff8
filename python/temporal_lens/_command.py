"""Analyses by the command line, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import List, Optional

from ._analysis import Analysis, load
from ._arrays import kind, utf8_bytes
from ._files import PathLike, path_of

_HOW = (
    "the command line temporal-lens is not installed, or not on PATH: take it from a release of Temporal Lens, or build it in a "
    "checkout (cargo build --release --bin temporal-lens); program= names it anywhere else"
)


def analyze(text: str, *, pack: PathLike, program: PathLike = "temporal-lens", device: Optional[str] = None, attention: bool = True) -> Analysis:
    """Analyzes a text with the packed model in the folder ``pack``; ``device`` is gpu or cpu, by default the GPU where there is one."""
    if not isinstance(text, str):
        raise TypeError(f"text: this is {kind(text)}; it has to be one string")
    if not text:
        raise ValueError("text: it is empty")
    if "\0" in text:
        raise ValueError(f"text: character {text.index(chr(0))} is a NUL, which no text file holds")
    if utf8_bytes(text) is None:
        raise ValueError("text: it holds half a character (a lone surrogate), which no file can hold")
    if device is not None and not isinstance(device, str):
        raise TypeError(f"device: this is {kind(device)}; it has to be gpu or cpu")
    folder_of_pack, named = path_of("pack", pack), path_of("program", program)
    found = shutil.which(named)
    if found is None:
        raise FileNotFoundError(_HOW)
    with tempfile.TemporaryDirectory() as folder:
        out, file = Path(folder) / "result.json", Path(folder) / "text.txt"
        # In a file, however long it is. With a mark: the command line then takes whatever follows verbatim.
        file.write_bytes(text.encode("utf-8-sig"))
        command = [found, "analyze", "--model", folder_of_pack, "--text-file", os.fspath(file), "--json", os.fspath(out)]
        command += ["--attention"] if attention else []
        command += ["--device", device] if device else []
        done = _run(named, command)
        if done.returncode == 0 and out.is_file():
            return load(out)
        said = _reason(done.stderr).replace(os.fspath(file), "text")
        version = _run(named, [found, "--version"])
        if not version.stdout.startswith("temporal-lens "):
            raise RuntimeError(f"program: {named} is not the command line temporal-lens{': it said ' + said if said else ''}")
        raise RuntimeError(said or f"temporal-lens ended with {done.returncode}{'' if done.returncode else ' and wrote no result'}")


def _run(named: str, command: List[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise RuntimeError(f"program: {named} cannot be run ({error.strerror}): it has to be the command line temporal-lens") from None


def _reason(said: str) -> str:
    """Why the command line failed: what is wrong with its options, with the values that there are, or its last words."""
    lines = said.strip().splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith("error:")]
    if not starts:
        return lines[-1] if lines else ""
    # Up to its tips and usage, which are about the command line.
    about = lines[starts[0] :]
    end = next((at for at, line in enumerate(about) if not line.strip()), len(about))
    return " ".join(line.strip() for line in about[:end])
