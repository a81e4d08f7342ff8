"""An analysis: what the page shows, the command line writes, and :func:`temporal_lens.from_tensors` makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from ._arrays import from_triangle, kind
from ._check import SOURCES, check, decoded
from ._files import PathLike, as_json, read_json, write_whole

if TYPE_CHECKING:
    import pandas

Source = Literal["predictable", "novel", "total", "residual"]
Mode = Literal["notebook", "neuronpedia"]


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
        check(name, document)
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
        if source not in SOURCES:
            raise ValueError(f"source: there is no {source!r}; it is one of {', '.join(SOURCES)}")
        if mode not in ("notebook", "neuronpedia"):
            raise ValueError(f"mode: there is no {mode!r}; it is notebook or neuronpedia")
        grams = self.document.get("grams")
        if grams is None and source == "predictable" and self.document.get("similarity"):
            cosines = np.array(self.document["similarity"], np.float32)
        elif grams is None:
            raise ValueError("this result was saved without Gram matrices: analyze the text again")
        else:
            gram = from_triangle(decoded(grams[source], "<f4")).astype(np.float64)
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
        write_whole(path, self.checked())

    def checked(self) -> str:
        """The document as JSON, checked again: it may have been changed."""
        check("document", self.document)
        return as_json("document", self.document)

    def _repr_html_(self) -> str:
        from ._show import frame

        return frame(self)


def load(path: PathLike) -> Analysis:
    """Reads an analysis's file."""
    return Analysis(read_json(path), str(path))


def save(analysis: Analysis, path: PathLike) -> None:
    """Writes an analysis's file."""
    is_analysis(analysis).save(path)


def is_analysis(analysis: Any) -> Analysis:
    """Raises ``TypeError`` where it is something else."""
    if not isinstance(analysis, Analysis):
        raise TypeError(f"analysis: this is {kind(analysis)}; it has to be an Analysis, as load(path) or Analysis(document) gives one")
    return analysis
