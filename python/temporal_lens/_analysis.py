"""An analysis: what the page shows, the command line writes, and :func:`temporal_lens.from_tensors` makes."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any, Dict, List, Literal, Union

import numpy as np

from ._arrays import from_triangle

#: Formats that this package reads.
FORMATS = ("temporal-lens-analysis/2", "temporal-lens-analysis/1")

Source = Literal["predictable", "novel", "total", "residual"]
Mode = Literal["notebook", "neuronpedia"]
PathLike = Union[str, "os.PathLike[str]"]

_SOURCES = ("predictable", "novel", "total", "residual")
_REQUIRED = ("text", "model", "token_ids", "tokens", "variance_explained", "l0_novel", "l0_pred", "l0_total", "selected", "similarity_stats", "novel_top")
_PER_TOKEN = ("token_ids", "l0_novel", "l0_pred", "l0_total", "novel_top")


class Analysis:
    """One text, analyzed. :attr:`document` is what its file holds (docs/analysis.schema.json)."""

    def __init__(self, document: Dict[str, Any], name: str = "document") -> None:
        if not isinstance(document, dict):
            raise TypeError(f"{name}: an analysis is a JSON object, this is {type(document).__name__}")
        found = document.get("format")
        if found not in FORMATS:
            raise ValueError(f"{name}: its format is {found!r}; this package reads {' and '.join(FORMATS)}")
        missing = [field for field in _REQUIRED if field not in document]
        if missing:
            raise ValueError(f"{name}: it has no {missing[0]}")
        count = len(document["tokens"])
        if count == 0:
            raise ValueError(f"{name}: it has no tokens")
        for field in _PER_TOKEN:
            if len(document[field]) != count:
                raise ValueError(f"{name}: {field} has {len(document[field])} entries for {count} tokens")
        wanted = count * (count + 1) // 2
        for source, text in document.get("grams", {}).items():
            numbers = len(_floats(f"{name}: grams.{source}", text))
            if numbers != wanted:
                raise ValueError(f"{name}: grams.{source} has {numbers} numbers; {count} tokens have {wanted}")
        self.document = document

    def __len__(self) -> int:
        return len(self.document["tokens"])

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return f"<Analysis of {text!r}: {len(self)} tokens>"

    @property
    def text(self) -> str:
        """The text, verbatim."""
        return self.document["text"]

    @property
    def tokens(self) -> List[str]:
        """Tokens as strings of the vocabulary."""
        return list(self.document["tokens"])

    @property
    def words(self) -> List[Dict[str, Any]]:
        """At each token, what the past foretold and what the token added, best first: ``{"token", "predictable", "novel"}``,
        lists of words. Empty lists where the document has no words."""
        words = self.document.get("words") or {}
        parts = {part: words.get(part) or [[] for _ in range(len(self))] for part in ("predictable", "novel")}
        return [
            {"token": token, **{part: [it["word"] for it in lists[t]] for part, lists in parts.items()}}
            for t, token in enumerate(self.tokens)
        ]

    @property
    def events(self) -> List[Dict[str, Any]]:
        """The text's events in order, as the document has them; none where it has none (the page then finds them itself)."""
        return [dict(event) for event in self.document.get("events") or []]

    def similarity(self, source: Source = "predictable", mode: Mode = "notebook") -> np.ndarray:
        """Cosine similarity between tokens, centered over all of them: [T, T] as the authors' notebook has it, or
        [T - 1, T - 1] without the first token as Neuronpedia draws it."""
        if source not in _SOURCES:
            raise ValueError(f"source: there is no {source!r}; it is one of {', '.join(_SOURCES)}")
        if mode not in ("notebook", "neuronpedia"):
            raise ValueError(f"mode: there is no {mode!r}; it is notebook or neuronpedia")
        grams = self.document.get("grams")
        if grams is None and source == "predictable" and "similarity" in self.document:
            cosines = np.array(self.document["similarity"], np.float32)
        elif grams is None:
            raise ValueError("this result was saved without Gram matrices: analyze the text again")
        else:
            gram = from_triangle(_floats(f"grams.{source}", grams[source])).astype(np.float64)
            norms = np.maximum(np.sqrt(np.maximum(np.diag(gram), 0)), 1e-12)
            cosines = (gram / np.outer(norms, norms)).astype(np.float32)
        return cosines[1:, 1:] if mode == "neuronpedia" else cosines

    def to_pandas(self) -> Any:
        """A table with a row for each token: the token and its id, how many codes it has, its strongest novel feature, and, where the
        document has them, energies, surprise and words. Needs pandas."""
        try:
            import pandas
        except ImportError:
            raise ImportError("to_pandas needs pandas: pip install pandas") from None
        document = self.document
        columns: Dict[str, Any] = {"token": self.tokens, "token_id": document["token_ids"]}
        columns.update({name: document[name] for name in ("l0_novel", "l0_pred", "l0_total")})
        # Whole numbers that may be missing: a token can have no novel code.
        columns["top_feature"] = pandas.array([top[0]["feature"] if top else None for top in document["novel_top"]], dtype="Int64")
        columns.update({f"energy_{part}": values for part, values in (document.get("energy") or {}).items()})
        if document.get("surprise"):
            columns["surprise"] = document["surprise"]
        if document.get("words"):
            for part in ("predictable", "novel"):
                columns[f"{part}_words"] = [", ".join(row[part]) for row in self.words]
        return pandas.DataFrame(columns)

    def save(self, path: PathLike) -> None:
        """Writes the analysis's file, whole or not at all: the page opens it with "Open a saved analysis"."""
        write_whole(path, json.dumps(self.document, ensure_ascii=False, allow_nan=False))

    def _repr_html_(self) -> str:
        from ._show import frame

        return frame(self)


def load(path: PathLike) -> Analysis:
    """Reads an analysis's file."""
    return Analysis(read_json(path), str(path))


def read_json(path: PathLike) -> Any:
    """What a file of JSON says."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: it is no JSON, or only a part of it ({error})") from None


def save(analysis: Analysis, path: PathLike) -> None:
    """Writes an analysis's file."""
    analysis.save(path)


def write_whole(path: PathLike, text: str) -> None:
    """Writes a file beside its place and moves it there."""
    unfinished = Path(f"{os.fspath(path)}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(text.encode("utf-8"))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _floats(name: str, text: str) -> np.ndarray:
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), "<f4")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: it is no base64 of 32-bit floats ({error})") from None
