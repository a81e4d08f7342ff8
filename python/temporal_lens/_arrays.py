"""Arrays out of whatever a notebook has: numpy, torch (any device, any precision), or lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import index
from typing import Any, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def kind(value: Any) -> str:
    """What a value is, as a sentence says it: None, a str, an int."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def utf8_bytes(text: str) -> Optional[int]:
    """Its length in a file; None where it holds half a character (a lone surrogate), which no file can hold."""
    try:
        return len(text) if text.isascii() else len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return None


def array(name: str, value: Any, dimensions: int) -> Array:
    """``value`` as float32 with so many dimensions; a batch of one is taken out.

    Raises ``TypeError`` where it holds no numbers, ``ValueError`` where it has another number of dimensions or a value that
    is not finite.
    """
    if value is None:
        raise TypeError(f"{name}: it is None")
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # numpy knows no bfloat16; every one is a float32. What is complex is none.
        value = (value if "complex" in str(getattr(value, "dtype", "")) else value.float()).numpy()
    try:
        if np.iscomplexobj(value):
            raise TypeError("they are complex")
        # Sums are then the same whatever way it lies in memory.
        with np.errstate(over="ignore"):
            found = np.asarray(value, dtype=np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: this is not an array of numbers ({error})") from None
    shape = found.shape
    if found.ndim == dimensions + 1:
        if shape[0] != 1:
            raise ValueError(f"{name}: its shape is {shape}, a batch of {shape[0]}: pass one text, {name}[0]")
        found = found[0]
    if found.ndim != dimensions:
        raise ValueError(f"{name}: its shape is {shape}; it has to have {dimensions} dimensions, or {dimensions + 1} with a batch of one")
    finite = np.isfinite(found)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(f"{name}: the value at {where} is {found[where]}")
    return found


def strings(name: str, values: Any, what: str) -> List[str]:
    """``values`` as a list of strings. Raises ``TypeError`` where they are something else: ids, one string, or a mapping, whose order
    is another one."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: this is one {type(values).__name__}; it has to be a list of strings: {what}")
    if isinstance(values, Mapping):
        raise TypeError(f"{name}: this is a mapping; it has to be a list of strings: {what}")
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{name}: {value!r:.60} is not a string; it has to be a list of strings: {what}")
    return [str(value) for value in values]


def whole(name: str, value: Any, least: int) -> int:
    """``value``, of Python, numpy or torch, as a whole number that is not below ``least``."""
    try:
        found = index(value)
    except TypeError:
        found = least - 1
    if found < least:
        raise ValueError(f"{name}: it is {value!r}; it has to be a whole number, {least} at least")
    return found


def fits(name: str, found: Array, wanted: Sequence[Optional[int]], other: str, shape: Sequence[int]) -> None:
    """Raises ``ValueError`` where ``found`` has not the wanted shape (None is any size), which ``other`` of that shape asks for."""
    is_right = len(wanted) == found.ndim and all(w is None or w == f for w, f in zip(wanted, found.shape))
    if not is_right:
        sizes = ", ".join("any" if size is None else str(size) for size in wanted)
        raise ValueError(f"{name}: its shape is {found.shape}, which does not fit {other} {tuple(shape)}: it has to be ({sizes})")


def triangle(matrix: Array) -> Array:
    """The upper triangle with the diagonal, row by row."""
    return matrix[np.triu_indices(len(matrix))]


def from_triangle(values: Array) -> Array:
    """The symmetric matrix of a triangle."""
    size = int(round((np.sqrt(8 * len(values) + 1) - 1) / 2))
    if size * (size + 1) // 2 != len(values):
        raise ValueError(f"{len(values)} numbers are not a triangle of a matrix")
    matrix = np.zeros((size, size), values.dtype)
    upper = np.triu_indices(size)
    matrix[upper] = values
    matrix.T[upper] = values
    return matrix
