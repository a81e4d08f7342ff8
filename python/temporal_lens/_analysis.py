"""An analysis: what the page shows, the command line writes, and :func:`temporal_lens.from_tensors` makes."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, TypedDict, Union

import numpy as np
from numpy.typing import NDArray

from ._arrays import Array, from_triangle

if TYPE_CHECKING:
    import pandas

#: Formats that this package reads.
FORMATS = ("temporal-lens-analysis/2", "temporal-lens-analysis/1")

Source = Literal["predictable", "novel", "total", "residual"]
Mode = Literal["notebook", "neuronpedia"]
PathLike = Union[str, "os.PathLike[str]"]

_SOURCES = ("predictable", "novel", "total", "residual")
_REQUIRED = ("text", "model", "token_ids", "tokens", "variance_explained", "l0_novel", "l0_pred", "l0_total", "selected", "similarity_stats", "novel_top")
_PER_TOKEN = ("token_ids", "l0_novel", "l0_pred", "l0_total", "novel_top", "pred_top", "sources", "surprise")
_ENERGIES = ("residual", "error", "predictable", "novel")
_WORDS = ("predictable", "novel", "next")
_OF_MODEL = ("name", "pack_hash", "layer", "precision", "width")


class TokenWords(TypedDict):
    """A token, and its words, best first."""

    token: str
    #: What the past foretold.
    predictable: List[str]
    #: What the token added.
    novel: List[str]


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
        _check(name, document)
        self.document = document

    def __len__(self) -> int:
        return len(self.document["tokens"])

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return f"<Analysis of {text!r}: {len(self)} tokens>"

    @property
    def text(self) -> str:
        """The text, verbatim."""
        text: str = self.document["text"]
        return text

    @property
    def tokens(self) -> List[str]:
        """Tokens as strings of the vocabulary."""
        return list(self.document["tokens"])

    @property
    def words(self) -> List[TokenWords]:
        """At each token, what the past foretold and what the token added, best first: ``{"token", "predictable", "novel"}``,
        lists of words. Empty lists where the document has no words."""
        words = self.document.get("words") or {}

        def of(part: str, t: int) -> List[str]:
            return [it["word"] for it in words[part][t]] if words.get(part) else []

        return [{"token": token, "predictable": of("predictable", t), "novel": of("novel", t)} for t, token in enumerate(self.tokens)]

    @property
    def events(self) -> List[Dict[str, Any]]:
        """The text's events in order, as the document has them; none where it has none (the page then finds them itself)."""
        return [dict(event) for event in self.document.get("events") or []]

    def similarity(self, source: Source = "predictable", mode: Mode = "notebook") -> NDArray[np.float32]:
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

    def to_pandas(self) -> pandas.DataFrame:
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
            columns["predictable_words"] = [", ".join(row["predictable"]) for row in self.words]
            columns["novel_words"] = [", ".join(row["novel"]) for row in self.words]
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
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path}: it is not JSON, or only a part of it ({error})") from None


def save(analysis: Analysis, path: PathLike) -> None:
    """Writes an analysis's file."""
    is_analysis(analysis).save(path)


def is_analysis(analysis: Any) -> Analysis:
    """Raises ``TypeError`` where it is something else."""
    if not isinstance(analysis, Analysis):
        raise TypeError(f"analysis: this is a {type(analysis).__name__}; it has to be an Analysis, as load(path) or Analysis(document) gives one")
    return analysis


def write_whole(path: PathLike, text: str) -> None:
    """Writes a file beside its place and moves it there."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{os.fspath(path)}: there is no folder {folder}")
    unfinished = Path(f"{os.fspath(path)}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(text.encode("utf-8"))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check(name: str, document: Dict[str, Any]) -> None:
    """That every part of a document fits its tokens, and that its numbers are finite: the views would show what is none."""
    tokens = _list(f"{name}: tokens", document["tokens"], None)
    count = len(tokens)
    if count == 0:
        raise ValueError(f"{name}: it has no tokens")
    if not all(isinstance(token, str) for token in tokens):
        raise ValueError(f"{name}: tokens: one of them is not a string")
    if not isinstance(document["text"], str):
        raise ValueError(f"{name}: text: it is not a string")
    model = _object(f"{name}: model", document["model"])
    for field in _OF_MODEL:
        if field not in model:
            raise ValueError(f"{name}: model: it has no {field}")
    for field in _PER_TOKEN:
        if document.get(field) is not None:
            _list(f"{name}: {field}", document[field], count)
    for field in ("novel_top", "pred_top"):
        for row in document.get(field) or []:
            for it in _list(f"{name}: {field}", row, None):
                if not isinstance(it, dict) or not isinstance(it.get("feature"), int) or not _is_finite(it.get("value")):
                    raise ValueError(f"{name}: {field}: {it!r} is not a feature with a value")
    for t, row in enumerate(document.get("sources") or []):
        for it in _list(f"{name}: sources", row, None):
            if not isinstance(it, dict) or it.get("position") not in range(t) or not _is_finite(it.get("weight")):
                raise ValueError(f"{name}: sources: {it!r} is not an earlier token of token {t}, with a weight")
    energy = document.get("energy")
    if energy is not None:
        _object(f"{name}: energy", energy)
        for part in _ENERGIES:
            values = _list(f"{name}: energy.{part}", energy.get(part), count)
            if not all(_is_finite(value) for value in values):
                raise ValueError(f"{name}: energy.{part}: one of them is not a finite number")
    words = document.get("words")
    if words is not None:
        _object(f"{name}: words", words)
        for part in _WORDS:
            for row in _list(f"{name}: words.{part}", words[part], count) if part in words else []:
                for it in _list(f"{name}: words.{part}", row, None):
                    if not isinstance(it, dict) or not isinstance(it.get("word"), str):
                        raise ValueError(f"{name}: words.{part}: {it!r} is not a word")
    for event in _list(f"{name}: events", document.get("events") or [], None):
        first, last = (event.get("first"), event.get("last")) if isinstance(event, dict) else (None, None)
        if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last < count:
            raise ValueError(f"{name}: events: {[first, last]!r} are not the first and the last of {count} tokens")
    attention = document.get("attention")
    if attention is not None:
        _object(f"{name}: attention", attention)
        graphs = _list(f"{name}: attention.weights", attention.get("weights"), None)
        if len(graphs) != (attention.get("layers") or 0) * (attention.get("heads") or 0):
            raise ValueError(f"{name}: attention: it has {len(graphs)} graphs for {attention.get('layers')} layers of {attention.get('heads')} heads")
        for graph in graphs:
            _numbers(f"{name}: attention.weights", graph, "<u2", count)
    grams = document.get("grams")
    if grams is not None:
        _object(f"{name}: grams", grams)
        for source in _SOURCES:
            if source not in grams:
                raise ValueError(f"{name}: grams: it has no {source}")
        for source, text in grams.items():
            if not np.isfinite(_numbers(f"{name}: grams.{source}", text, "<f4", count)).all():
                raise ValueError(f"{name}: grams.{source}: one of its numbers is not finite")
    similarity = document.get("similarity")
    if similarity is not None:
        for row in _list(f"{name}: similarity", similarity, count):
            if not all(_is_finite(value) for value in _list(f"{name}: similarity", row, count)):
                raise ValueError(f"{name}: similarity: one of its numbers is not finite")


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and bool(np.isfinite(value))


def _object(name: str, value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name}: it is not an object, but {type(value).__name__}")
    return value


def _list(name: str, value: Any, count: Optional[int]) -> List[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name}: it is not a list, but {type(value).__name__}")
    if count is not None and len(value) != count:
        raise ValueError(f"{name} has {len(value)} entries for {count} tokens")
    return value


def _numbers(name: str, text: Any, kind: str, count: int) -> Array:
    """The lower triangle of [T, T]."""
    numbers, wanted = _decoded(name, text, kind), count * (count + 1) // 2
    if len(numbers) != wanted:
        raise ValueError(f"{name} has {len(numbers)} numbers; {count} tokens have {wanted}")
    return numbers


def _floats(name: str, text: str) -> Array:
    return _decoded(name, text, "<f4")


def _decoded(name: str, text: Any, kind: str) -> Array:
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), kind)
    except (TypeError, ValueError) as error:
        what = "32-bit floats" if kind == "<f4" else "16-bit integers"
        raise ValueError(f"{name}: it is not base64 of {what} ({error})") from None
