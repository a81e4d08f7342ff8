"""What a view is opened with: parameters of a link. The page passes over what it does not know, since links pass through many
programs; here it was typed (crates/session/src/keys.rs and docs/embed.md have the parameters)."""

from __future__ import annotations

import re
from typing import Any, Collection, Dict, Tuple
from urllib.parse import parse_qsl

from ._arrays import kind, utf8_bytes

_SOURCES = ("predictable", "novel", "total", "residual")
_SHADES = (
    "novel-share", "predictable-share", "top-feature", "novel-l0", "predictable-l0", "novel-energy", "variance-explained", "boundary",
)  # fmt: skip
#: Parameters with values of their own.
CHOICES: Dict[str, Tuple[str, ...]] = {
    "view": ("scenes", "matrix", "path", "features", "sources", "compare", "numbers", "export", "text", "word"),
    "of": _SOURCES,
    "mode": ("neuronpedia", "notebook"),
    "scale": ("signed", "unit", "data"),
    "events": ("yes", "no"),
    "order": ("tree", "text"),
    "shade": (*_SHADES, "none"),
    "tof": _SOURCES,
    "tby": ("umap", "pca"),
    "tin": ("3d", "2d"),
    "ttokens": ("all", "notebook"),
    "tcolour": (*_SHADES, "position"),
    "metric": ("euclidean", "cosine"),
    "words": ("true", "false"),
    "theme": ("light", "dark", "system"),
    "device": ("webgpu", "cpu"),
}
#: Parameters that are whole numbers, from and to.
NUMBERS: Dict[str, Tuple[int, int]] = {
    "v": (0, 3),
    "inf_k": (1, 2**32 - 1),
    "neighbours": (2, 200),
    "seed": (0, 2**32 - 1),
    "t": (1, 1 << 20),
    "feature": (0, 1 << 24),
}
_SPAN = r"\d{1,7}-\d{1,7}"
#: Parameters of another form, and what it is.
FORMS: Dict[str, Tuple[str, str]] = {
    "pin": (r"\d{1,7}(\.\d{1,7})?", "a token (5) or a cell (5.9)"),
    "span": (rf"{_SPAN}(\.{_SPAN})?", "one span of tokens or two (10-20.40-44)"),
    "attention": (r"\d{1,4}\.(\d{1,4}|mean)", "layer and head (0.3 or 0.mean)"),
    "zoom": (r"[^_]+_[^_]+_[^_]+", "first column, first row and number of cells (x_y_n)"),
    "camera": (r"[^_]+_[^_]+_[^_]+(_[^_]+_[^_]+)?", "yaw_pitch_zoom or yaw_pitch_zoom_x_y"),
}


def query_of(view: Any, keys: Collection[str]) -> str:
    """The query without its question mark. Raises ``TypeError`` where ``view`` is not a string, ``ValueError`` where it has another
    parameter than ``keys`` (any where there are none), or a value that a parameter does not have."""
    if not isinstance(view, str):
        raise TypeError(f"view: this is {kind(view)}; it has to be a link's query, such as view=path")
    if utf8_bytes(view) is None:
        raise ValueError("view: it holds half a character (a lone surrogate), which no link can hold")
    query = view.lstrip("?")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if keys and name not in keys:
            raise ValueError(f"view: {name!r} is not a parameter of a link, such as view=path; it is one of {', '.join(sorted(keys))}")
        wanted = _wanted(name, value)
        if wanted:
            raise ValueError(f"view: {name}={value:.40} is not a value of this parameter; it is {wanted}")
    return query


def _wanted(name: str, value: str) -> str:
    """What a value has to be, where it is something else."""
    if name in CHOICES and value not in CHOICES[name]:
        return f"one of {', '.join(CHOICES[name])}"
    if name in NUMBERS:
        low, high = NUMBERS[name]
        if not re.fullmatch(r"[0-9]{1,20}", value) or not low <= int(value) <= high:
            return f"a whole number, {low} to {high}"
    if name in FORMS and not re.fullmatch(FORMS[name][0], value, re.ASCII):
        return FORMS[name][1]
    return ""
