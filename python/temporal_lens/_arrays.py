"""Arrays out of whatever a notebook has: numpy, torch (any device, any precision), or lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from operator import index
from typing import Any, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: Bytes of a token, a word or a name in a document.
BYTES_MAX = 1024


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

    Raises ``TypeError`` where it is not an array of numbers, ``ValueError`` where it has another number of dimensions, no numbers, or
    one that is not finite, as float32 has it.
    """
    if value is None:
        raise TypeError(f"{name}: it is None")
    value = _plain(name, value)
    try:
        given = np.asarray(value)
        if given.dtype.kind in "cSUMm":
            raise TypeError("they are complex" if given.dtype.kind == "c" else f"they are of the kind {given.dtype}")
        # Sums are then the same whatever way it lies in memory.
        with np.errstate(over="ignore"):
            found = np.asarray(given, dtype=np.float32, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name}: this is not an array of numbers ({error})") from None
    shape = found.shape
    if found.ndim == dimensions + 1:
        if shape[0] != 1:
            raise ValueError(f"{name}: its shape is {shape}, a batch of {shape[0]}: pass one text, {name}[0]")
        found, given = found[0], given[0]
    if found.ndim != dimensions:
        raise ValueError(f"{name}: its shape is {shape}; it has to have {dimensions} dimensions, or {dimensions + 1} with a batch of one")
    if found.size == 0:
        raise ValueError(f"{name}: its shape is {shape}: it holds no numbers")
    finite = np.isfinite(found)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        value = float(given[where])
        raise ValueError(f"{name}: the value at {where} is {value}{', which exceeds float32' if np.isfinite(value) else ''}")
    return found


def _plain(name: str, value: Any) -> Any:
    """What numpy can take as it is. Raises where values are missing: sparse, masked, or on no device."""
    if isinstance(value, np.ma.MaskedArray) and np.any(value.mask):
        raise ValueError(f"{name}: it is a masked array with masked values, which the numbers would count: pass what is there")
    if hasattr(value, "toarray"):
        raise TypeError(f"{name}: it is sparse; pass {name}.toarray()")
    if not hasattr(value, "detach"):
        return value
    if str(getattr(value, "layout", "torch.strided")) != "torch.strided":
        raise TypeError(f"{name}: it is a sparse tensor; pass {name}.to_dense()")
    if getattr(value, "is_meta", False):
        raise TypeError(f"{name}: it is a tensor on the device meta, which holds no values")
    precision = str(getattr(value, "dtype", ""))
    try:
        value = value.detach().cpu()
        # numpy knows no bfloat16; every one is a float32. What is complex is none, and a float64 may exceed it.
        return (value if "complex" in precision or "float64" in precision else value.float()).numpy()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: numpy cannot take this tensor ({str(error).splitlines()[0]:.200})") from None


def strings(name: str, values: Any, what: str) -> List[str]:
    """``values`` as a list of strings. Raises ``TypeError`` where they are something else: ids, one string, or a mapping or a set, whose
    order is another one; ``ValueError`` where no document can hold one of them."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: this is one {type(values).__name__}; it has to be a list of strings: {what}")
    if isinstance(values, (Mapping, Set)):
        which = "mapping" if isinstance(values, Mapping) else "set"
        raise TypeError(f"{name}: this is a {which}, whose order is another one; it has to be a list of strings: {what}")
    found: List[str] = []
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{name}: {value!r:.60} is not a string; it has to be a list of strings: {what}")
        length = utf8_bytes(value)
        if length is None:
            raise ValueError(f"{name}: entry {len(found)} holds half a character (a lone surrogate), which no file can hold")
        if length > BYTES_MAX:
            raise ValueError(f"{name}: entry {len(found)} has {length} bytes; a token or a word has {BYTES_MAX} at most")
        found.append(str(value))
    return found


def string(name: str, value: Any, most: int) -> str:
    """``value`` as a string of so many bytes at most, which a file can hold."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: {value!r:.60} is not a string")
    length = utf8_bytes(value)
    if length is None:
        raise ValueError(f"{name}: it holds half a character (a lone surrogate), which no file can hold")
    if length > most:
        raise ValueError(f"{name}: it has {length} bytes, {most} at most")
    return str(value)


def whole(name: str, value: Any, least: int, most: Optional[int] = None) -> int:
    """``value``, of Python, numpy or torch, as a whole number that is neither below ``least`` nor above ``most``."""
    wanted = f"it has to be a whole number, {least} at least" if most is None else f"it has to be a whole number, {least} to {most}"
    try:
        found = least - 1 if isinstance(value, (bool, np.bool_)) else index(value)
    except TypeError:
        found = least - 1
    if found < least or most is not None and found > most:
        raise ValueError(f"{name}: it is {value!r:.60}; {wanted}")
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
