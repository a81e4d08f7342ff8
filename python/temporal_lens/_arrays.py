"""Arrays out of whatever a notebook has: numpy, torch (any device, any precision), or lists."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def array(name: str, value: Any, dimensions: int) -> Array:
    """``value`` as float32 with so many dimensions; a batch of one is taken out.

    Raises ``TypeError`` where it holds no numbers, ``ValueError`` where it has another number of dimensions or a value that
    is not finite.
    """
    if hasattr(value, "detach"):
        # numpy knows no bfloat16; every one is a float32.
        value = value.detach().float().cpu().numpy()
    try:
        # Sums are then the same whatever way it lies in memory.
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
