"""Exact search: every vector is compared with every query."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from embedpipe.errors import InputError, ParameterError

__all__ = ["Neighbors", "rescored", "search", "top", "unit"]

_BLOCK = 1 << 24  # numbers that are compared at once
_SPARE = 16  # candidates beyond k, as float32 may order those at the end otherwise


class Neighbors(NamedTuple):
    """rows: int64 (m, k), best first; scores: float64 (m, k), cosines. Where there are fewer than
    k, rows are -1 and scores -inf. For one query (k,).
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


def search(vectors: Any, query: Any, k: int = 10) -> Neighbors:
    """The rows of `vectors` with the largest cosine to each query.

    Args:
        vectors: float (n, dimension), or a column of vectors, as `embedpipe.vectors` takes it.
            Rows with NaN, which stand for missing vectors, are passed over.
        query: float (dimension,) for one query, (m, dimension) for several.
        k: how many for each query; with fewer vectors there are fewer.

    Equal scores come in the order of rows. Raises InputError for other shapes.

    >>> found = search(np.array([[0.0, 2.0], [3.0, 3.0], [1.0, 0.0]]), np.array([1.0, 0.1]), k=2)
    >>> found.rows.tolist(), found.scores.round(3).tolist()
    ([2, 1], [0.995, 0.774])
    """
    if not (isinstance(vectors, np.ndarray) and vectors.dtype.kind == "f"):
        from embedpipe.frames.vectors import vectors as matrix

        vectors = matrix(vectors)
    matrix_, queries = np.asarray(vectors), np.asarray(query)
    if matrix_.ndim != 2 or queries.ndim not in (1, 2) or matrix_.shape[1:] != queries.shape[-1:]:
        raise InputError(
            f"vectors: found the shape {matrix_.shape}, query: {queries.shape}; expected "
            "(n, dimension) and (dimension,) or (m, dimension)"
        )
    if not (isinstance(k, (int, np.integer)) and k >= 1):
        raise ParameterError(f"k: found {k!r}; expected a number of at least 1")
    asked = unit(np.atleast_2d(queries))
    k = min(int(k), len(matrix_))
    rows, _ = top(matrix_, asked, k + _SPARE, is_unit=False)
    found = rescored(matrix_, asked, rows, k)
    return Neighbors(*(part[0] for part in found)) if queries.ndim == 1 else found


def unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(n, D) scaled to length 1 in float64; a row of zeros stays zero."""
    wide = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths > 0, lengths, 1)


def top(
    vectors: npt.NDArray[Any],
    queries: npt.NDArray[np.float64],
    k: int,
    *,
    allowed: npt.NDArray[np.bool_] | None = None,
    is_unit: bool = True,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows (m, k) and scores by products in float32, block by block; -1 and -inf where none is.

    queries: unit (m, D). allowed: (n,), which rows may be found. is_unit: whether those of
    `vectors` are.
    """
    asked = queries.astype(np.float32)
    rows = np.full((len(asked), k), -1, np.int64)
    scores = np.full((len(asked), k), -np.inf, np.float32)
    step = max(1, _BLOCK // max(vectors.shape[1] + len(asked), 1))
    for begin in range(0, len(vectors), step):
        block = np.asarray(vectors[begin : begin + step], np.float32)
        found = asked @ block.T
        if not is_unit:
            lengths = np.linalg.norm(block, axis=1)
            found /= np.where(lengths > 0, lengths, 1)
            found[:, np.isnan(lengths)] = -np.inf
        if allowed is not None:
            found[:, ~allowed[begin : begin + step]] = -np.inf
        numbers = np.broadcast_to(np.arange(begin, begin + len(block)), found.shape)
        rows, scores = _best(
            np.concatenate([rows, numbers], axis=1), np.concatenate([scores, found], axis=1), k
        )
    return rows, scores


def _best(
    rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    chosen = np.argpartition(-scores, min(k, scores.shape[1] - 1), axis=1)[:, :k]
    scores = np.take_along_axis(scores, chosen, 1)
    rows = np.where(scores > -np.inf, np.take_along_axis(rows, chosen, 1), -1)
    return rows, scores


def rescored(
    vectors: npt.NDArray[Any], queries: npt.NDArray[np.float64], rows: npt.NDArray[np.int64], k: int
) -> Neighbors:
    """The best k among candidates (m, c), -1 for none, by cosines in float64."""
    found = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf)
    for i, candidates in enumerate(rows):
        known = np.sort(candidates[candidates >= 0])
        cosines = unit(vectors[known]) @ queries[i]
        order = np.argsort(-cosines, kind="stable")[:k]
        found[i, : len(order)] = known[order]
        scores[i, : len(order)] = cosines[order]
    return Neighbors(found, scores)
