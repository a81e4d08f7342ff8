"""Whether a document is one: the rules by which the page and the command line read it (crates/analysis/src/document), so that whatever
is read or made here opens there. ``tests/test_agreement.py`` asks both about the same documents."""

from __future__ import annotations

import base64
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional, Sequence

import numpy as np

from ._arrays import BYTES_MAX, Array, kind, utf8_bytes

#: Formats that this package reads.
FORMATS = ("temporal-lens-analysis/2", "temporal-lens-analysis/1")
COMPARISON = "temporal-lens-comparison/"
SOURCES = ("predictable", "novel", "total", "residual")

#: How much of everything a document may hold (crates/analysis/src/document/bounds.rs).
TOKENS_MAX = 1 << 13
WIDTH_MAX = 1 << 24
NOVEL_TOP_MAX = 4096
LAYERS_MAX, HEADS_MAX = 1024, 4096
_LIST_MAX = 64
#: The page counts in 32 bits.
COUNT_MAX = 2**32 - 1
#: How far numbers may lie outside the range that they have by definition: other programs compute in bfloat16.
_ROUNDING = np.float32(0.01)

FLOAT_MAX = float(np.finfo(np.float32).max)
Check = Callable[[Any], None]


def text_bytes_max(tokens: int) -> int:
    """Bytes of a text of so many tokens, at most."""
    return 1024 * (tokens + 4)


class _Refused(ValueError):
    """What is wrong, and where: the place grows on the way out, so that what fits costs nothing."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what, self.place = what, ""

    def inside(self, place: str) -> _Refused:
        self.place = place + (f".{self.place}" if self.place and not self.place.startswith("[") else self.place)
        return self


def check(name: str, document: Any) -> None:
    """Raises ``ValueError`` with ``name``, the field and what is wrong with it; ``TypeError`` where it is no object at all."""
    if not isinstance(document, dict):
        raise TypeError(f"{name}: an analysis is a JSON object, this is {kind(document)}")
    found = document.get("format")
    if isinstance(found, str) and found.startswith(COMPARISON):
        raise ValueError(
            f"{name}: it is a comparison of two texts, not an analysis; the page opens it, and so does "
            "temporal-lens html RESULT.json --comparison COMPARISON.json --out story.html"
        )
    if found not in FORMATS:
        raise ValueError(f"{name}: its format is {found!r:.100}; this package reads {' and '.join(FORMATS)}")
    try:
        _DOCUMENT(document)
        _fits(document)
    except _Refused as refused:
        place = f"{name}: {refused.place}" if refused.place else name
        raise ValueError(f"{place}{'' if refused.what.startswith('has ') else ':'} {refused.what}") from None


# Values


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Any) -> None:
    if not _is_number(value):
        raise _Refused(f"it is not a number, but {kind(value)}")
    try:
        with np.errstate(over="ignore"):
            is_finite = bool(np.isfinite(np.float32(float(value))))
    except OverflowError:
        is_finite = False
    if not is_finite:
        why = "not a finite number" if value != value or value in (float("inf"), -float("inf")) else "more than float32 holds"
        raise _Refused(f"it is {value!r:.40}, which is {why}")


def _within(least: float, most: float) -> Check:
    # In the reader's precision, so that both draw the line at the same number.
    low = np.float32(least) - _ROUNDING
    high = np.float32(most) + _ROUNDING

    def check(value: Any) -> None:
        _number(value)
        if not low <= np.float32(value) <= high:
            wanted = f"{least:g} at least" if most == FLOAT_MAX else f"{most:g} at most" if least == -FLOAT_MAX else f"{least:g} to {most:g}"
            raise _Refused(f"it is {value!r:.40}; it has to be {wanted}")

    return check


def _whole(value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Refused(f"it is not a whole number, but {repr(value)[:40] if _is_number(value) else kind(value)}")
    if not 0 <= value <= COUNT_MAX:
        raise _Refused(f"it is {value!r:.40}; it has to be a whole number, 0 to {COUNT_MAX}")


def _flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise _Refused(f"it is not true or false, but {kind(value)}")


def _string(value: Any) -> None:
    if not isinstance(value, str):
        raise _Refused(f"it is not a string, but {kind(value)}")
    if utf8_bytes(value) is None:
        raise _Refused("it holds half a character (a lone surrogate), which no file can hold")


def _name(value: Any) -> None:
    _string(value)
    length = utf8_bytes(value) or 0
    if length > BYTES_MAX:
        raise _Refused(f"has {length} bytes; a name, a token or a word has {BYTES_MAX} at most")


# Of values


def _or_null(of: Check) -> Check:
    def check(value: Any) -> None:
        if value is not None:
            of(value)

    return check


def _list(of: Check, most: Optional[int] = None) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise _Refused(f"it is not a list, but {kind(value)}")
        if most is not None and len(value) > most:
            raise _Refused(f"has {len(value)} entries, {most} at most")
        for at, it in enumerate(value):
            try:
                of(it)
            except _Refused as refused:
                raise refused.inside(f"[{at}]") from None

    return check


def _object(needed: Mapping[str, Check], optional: Optional[Mapping[str, Check]] = None) -> Check:
    checks = [*needed.items(), *(optional or {}).items()]

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise _Refused(f"it is not an object, but {kind(value)}")
        for name, of in checks:
            if name not in value:
                if name in needed:
                    raise _Refused(f"it has no {name}")
                continue
            try:
                of(value[name])
            except _Refused as refused:
                raise refused.inside(name) from None

    return check


_COSINE = _or_null(_within(-1, 1))
_SHARE = _within(0, 1)
_ENERGY = _list(_within(0, FLOAT_MAX))
_CODES = _list(_list(_object({"feature": _whole, "value": _number})))
_WORDS = _list(_object({"word": _name, "score": _number}), _LIST_MAX)
_SPREAD = _object({name: _or_null(_number) for name in ("mean", "min", "max")})
_EVENT = _object(
    {"first": _whole, "last": _whole, "expectation_from": _whole},
    {"words": _WORDS, "expected": _WORDS, "coherence": _or_null(_number), "unclear": _flag},
)
_STATISTIC = _object({"name": _name, "own": _or_null(_number), "text": _SPREAD, "events": _SPREAD})
_DOCUMENT = _object(
    {
        "text": _string,
        "model": _object(
            {"name": _name, "pack_hash": _name, "layer": _whole, "precision": _name, "width": _whole}, {"neuronpedia": _or_null(_name)}
        ),
        "token_ids": _list(_whole),
        "tokens": _list(_name),
        "variance_explained": _or_null(_within(-FLOAT_MAX, 1)),
        "l0_novel": _list(_whole),
        "l0_pred": _list(_whole),
        "l0_total": _list(_whole),
        "similarity_stats": _object({"min": _COSINE, "max": _COSINE, "mean": _COSINE}),
        "novel_top": _CODES,
    },
    {
        "selected": _or_null(_object({"position": _whole, "feature": _whole, "value": _number})),
        "inf_k": _or_null(_whole),
        "similarity": _list(_list(_COSINE)),
        "pred_top": _or_null(_CODES),
        "sources": _or_null(_list(_list(_object({"position": _whole, "weight": _SHARE}), _LIST_MAX))),
        "events": _or_null(_list(_EVENT)),
        "words": _or_null(
            _object(
                {"vocabulary": _whole, "predictable": _list(_WORDS), "novel": _list(_WORDS)},
                {"next": _list(_list(_object({"word": _name, "probability": _SHARE}), _LIST_MAX))},
            )
        ),
        "surprise": _or_null(_list(_or_null(_within(0, FLOAT_MAX)))),
        "shuffled": _or_null(_object({"orders": _whole, "statistics": _list(_STATISTIC, _LIST_MAX)})),
        "energy": _or_null(_object({name: _ENERGY for name in ("residual", "error", "predictable", "novel")})),
        "attention": _or_null(_object({"layers": _whole, "heads": _whole, "weights": _list(_string)})),
        "grams": _or_null(_object({source: _string for source in SOURCES})),
    },
)


# Of fields together


def _refuse(place: str, what: str) -> NoReturn:
    raise _Refused(what).inside(place)


def _fits(document: Dict[str, Any]) -> None:
    """That the parts of a document fit its tokens and its SAE; every field is of its kind."""
    tokens, width = document["tokens"], document["model"]["width"]
    count = len(tokens)
    if count == 0:
        _refuse("", "it has no tokens")
    if count > TOKENS_MAX:
        _refuse("tokens", f"has {count} entries, {TOKENS_MAX} at most")
    if width > WIDTH_MAX:
        _refuse("model.width", f"it is {width}, {WIDTH_MAX} at most")
    length = utf8_bytes(document["text"]) or 0
    if length > text_bytes_max(count):
        _refuse("text", f"has {length} bytes; a text of {count} tokens has {text_bytes_max(count)} at most")
    words, energy = document.get("words") or {}, document.get("energy") or {}
    of_tokens: Dict[str, Any] = {name: document.get(name) for name in _PER_TOKEN}
    of_tokens.update({f"words.{part}": words.get(part) for part in ("predictable", "novel")})
    # None at all without a lens.
    of_tokens["words.next"] = words.get("next") or None
    of_tokens.update({f"energy.{part}": values for part, values in energy.items() if part in _ENERGIES})
    for name, values in of_tokens.items():
        if values is not None and len(values) != count:
            _refuse(name, f"has {len(values)} entries for {count} tokens")
    for name in ("l0_novel", "l0_pred", "l0_total"):
        for at, found in enumerate(document[name]):
            if found > width:
                _refuse(f"{name}[{at}]", f"it is {found}; the SAE has {width} features")
    for name, most in (("novel_top", min(NOVEL_TOP_MAX, width)), ("pred_top", min(_LIST_MAX, width))):
        for at, row in enumerate(document.get(name) or []):
            if len(row) > most:
                _refuse(f"{name}[{at}]", f"has {len(row)} features, {most} at most")
            for i, code in enumerate(row):
                if code["feature"] >= width:
                    _refuse(f"{name}[{at}][{i}].feature", f"it is {code['feature']}; the SAE has {width} features")
    selected = document.get("selected")
    if selected is not None:
        if selected["feature"] > max(width - 1, 0):
            _refuse("selected.feature", f"it is {selected['feature']}; the SAE has {width} features")
        if selected["position"] >= count:
            _refuse("selected.position", f"it is {selected['position']}; there are {count} tokens")
    for at, row in enumerate(document.get("sources") or []):
        for i, source in enumerate(row):
            if source["position"] >= count:
                _refuse(f"sources[{at}][{i}].position", f"it is {source['position']}; there are {count} tokens")
    if document.get("events") is not None:
        _check_events(document["events"], count)
    _check_matrices(document, count)


_PER_TOKEN = ("token_ids", "l0_novel", "l0_pred", "l0_total", "novel_top", "pred_top", "sources", "surprise")
_ENERGIES = ("residual", "error", "predictable", "novel")


def _check_events(events: Sequence[Mapping[str, Any]], count: int) -> None:
    """That events follow each other through all tokens; the start token is in none, unless it is all there is."""
    after = 1 if count > 1 else 0
    for at, event in enumerate(events):
        first, last, expected = event["first"], event["last"], event["expectation_from"]
        if not first <= last < count:
            _refuse(f"events[{at}]", f"{[first, last]!r} are not the first and the last of {count} tokens")
        if first != after:
            _refuse(f"events[{at}].first", f"it is {first}; events follow each other without gaps, and the next one begins at {after}")
        if not first <= expected <= count:
            _refuse(f"events[{at}].expectation_from", f"it is {expected}; it has to be {first} to {count}")
        after = last + 1
    if after != count:
        _refuse("events", f"they end before token {after}; the text has {count} tokens")


def _check_matrices(document: Mapping[str, Any], count: int) -> None:
    attention, grams, similarity = document.get("attention"), document.get("grams"), document.get("similarity") or []
    if attention is not None:
        layers, heads, graphs = attention["layers"], attention["heads"], attention["weights"]
        if layers > LAYERS_MAX or not 1 <= heads <= HEADS_MAX:
            _refuse("attention", f"it has {layers} layers of {heads} heads; there are 0 to {LAYERS_MAX} layers of 1 to {HEADS_MAX}")
        if layers * heads != len(graphs):
            _refuse("attention", f"it has {len(graphs)} graphs for {layers} layers of {heads} heads")
        for at, graph in enumerate(graphs):
            _triangle(f"attention.weights[{at}]", graph, "<u2", count)
    for source, text in (grams or {}).items():
        if source in SOURCES and not np.isfinite(_triangle(f"grams.{source}", text, "<f4", count)).all():
            _refuse(f"grams.{source}", "one of its numbers is not finite")
    # It follows from the Gram matrix.
    if not similarity and grams is not None:
        return
    if len(similarity) != count:
        also = "" if similarity else ", and there is no grams in its place"
        _refuse("similarity", f"has {len(similarity)} entries for {count} tokens{also}")
    for at, row in enumerate(similarity):
        if len(row) != count:
            _refuse(f"similarity[{at}]", f"has {len(row)} entries for {count} tokens")


def _triangle(place: str, text: str, of: str, count: int) -> Array:
    """A triangle of [T, T] with the diagonal."""
    try:
        numbers = decoded(text, of)
    except ValueError as error:
        what = "32-bit floats" if of == "<f4" else "16-bit integers"
        _refuse(place, f"it is not base64 of {what} ({error})")
    wanted = count * (count + 1) // 2
    if len(numbers) != wanted:
        _refuse(place, f"has {len(numbers)} numbers; {count} tokens have {wanted}")
    return numbers


def decoded(text: str, of: str) -> Array:
    """Numbers out of base64, as one writes it: other spellings of the same bytes are refused there, too."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(str(error).lower()) from None
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("its last character has bits that mean nothing")
    return np.frombuffer(data, of)
