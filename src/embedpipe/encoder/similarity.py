"""How alike vectors are, by cosine, dot product or distance; as sentence-transformers has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.pooling import normalize
from embedpipe.errors import InputError, ParameterError

__all__ = ["check_similarity", "pairwise", "similarity"]

Floats = npt.NDArray[Any]

_SPACE = 2**22  # differences of vectors that are in memory at once


def check_similarity(name: Any) -> str:
    """The name itself; ParameterError for what is none of the four."""
    if name not in _MATRICES:
        raise ParameterError(
            f"similarity_fn_name: found {name!r:.80}; expected one of {', '.join(_MATRICES)}"
        )
    return str(name)


def similarity(first: Any, second: Any, kind: str = "cosine") -> Floats:
    """How alike each of the vectors (n, D) is to each of others (m, D): (n, m).

    A single vector (D,) counts as one row. Distances are negative, so that more is more alike.

    >>> similarity(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([3.0, 0.0])).tolist()
    [[1.0], [0.0]]
    """
    a, b = _rows(first, "first"), _rows(second, "second")
    if a.shape[1] != b.shape[1]:
        raise InputError(
            f"vectors of {a.shape[1]} and of {b.shape[1]}; expected both of the same model"
        )
    return _MATRICES[check_similarity(kind)](a, b)


def pairwise(first: Any, second: Any, kind: str = "cosine") -> Floats:
    """How alike the vectors in the same row (n, D) of both are: (n,).

    >>> pairwise(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), "euclidean").round(3).tolist()
    [-1.414]
    """
    a, b = _rows(first, "first"), _rows(second, "second")
    if a.shape != b.shape:
        raise InputError(f"vectors of shape {a.shape} and {b.shape}; expected equal ones")
    return _PAIRS[check_similarity(kind)](a, b)


def _rows(vectors: Any, name: str) -> Floats:
    found = np.asarray(vectors)
    if found.ndim == 1:
        found = found[None]
    if found.ndim != 2 or not np.issubdtype(found.dtype, np.number):
        raise InputError(
            f"{name}: found {found.dtype} of shape {found.shape}; expected vectors, (n, dimension)"
        )
    return found if found.dtype == np.float64 else found.astype(np.float32, copy=False)


def _cosines(a: Floats, b: Floats) -> Floats:
    made: Floats = normalize(a) @ normalize(b).T
    return made


def _dots(a: Floats, b: Floats) -> Floats:
    made: Floats = a @ b.T
    return made


def _distances(a: Floats, b: Floats, order: int) -> Floats:
    """Negative distances, a few rows at a time: all differences would fill the memory."""
    made = np.empty((len(a), len(b)), np.result_type(a, b))
    step = max(_SPACE // max(b.size, 1), 1)
    for begin in range(0, len(a), step):
        differences = a[begin : begin + step, None, :] - b[None, :, :]
        made[begin : begin + step] = -np.linalg.norm(differences, ord=order, axis=2)
    return made


_MATRICES: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "cosine": _cosines,
    "dot": _dots,
    "euclidean": lambda a, b: _distances(a, b, 2),
    "manhattan": lambda a, b: _distances(a, b, 1),
}
_PAIRS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "cosine": lambda a, b: np.einsum("nd,nd->n", normalize(a), normalize(b)),
    "dot": lambda a, b: np.einsum("nd,nd->n", a, b),
    "euclidean": lambda a, b: -np.linalg.norm(a - b, axis=1),
    "manhattan": lambda a, b: -np.abs(a - b).sum(axis=1),
}
