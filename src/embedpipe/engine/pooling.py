"""From piece vectors to one vector per sequence, and its normalization.

Every row of a result has the same bits whatever other sequences stand beside it.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from embedpipe.engine.ragged import check_offsets
from embedpipe.engine.weights import LinearWeights
from embedpipe.errors import InputError, ParameterError

__all__ = ["POOLINGS", "Pooling", "check_pooling", "normalize", "pool"]

Pooling = Literal["cls", "mean", "pooler"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)

Floats = npt.NDArray[Any]

_SMALLEST_NORM = 1e-12  # torch.nn.functional.normalize's eps


def check_pooling(pooling: str, *, has_pooler: bool) -> Pooling:
    """The pooling of that name; ParameterError for another, or a pooler that the model lacks."""
    for known in POOLINGS:
        if known == pooling:
            if known == "pooler" and not has_pooler:
                raise ParameterError(
                    "pooling 'pooler' needs the model's pooler, and this model has none; "
                    "use 'mean' or 'cls'"
                )
            return known
    raise ParameterError(f"pooling: {pooling!r}; expected one of {', '.join(POOLINGS)}")


def pool(
    hidden: Floats,
    offsets: npt.NDArray[np.int64],
    pooling: Pooling,
    pooler: LinearWeights | None = None,
) -> Floats:
    """One vector per sequence: hidden (T, D) with offsets (n + 1,) gives (n, D) of hidden's dtype.

    - "mean": over all pieces, [CLS] and [SEP] among them, as sentence-transformers does;
    - "cls": the first piece's vector;
    - "pooler": `tanh(W @ first + b)` with the weights of `pooler`: transformers' `pooler_output`.

    Raises InputError for bad offsets or an empty sequence, ParameterError for a missing `pooler`.

    >>> hidden = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> pool(hidden, np.array([0, 2, 3]), "mean").tolist()
    [[2.0, 3.0], [5.0, 6.0]]
    """
    check_offsets(offsets, len(hidden))
    check_pooling(pooling, has_pooler=pooler is not None)
    lengths = np.diff(offsets)
    if not lengths.all():
        raise InputError(
            f"sequence {int(np.argmin(lengths))} has no pieces to pool; expected at least one"
        )
    if len(lengths) == 0:
        return np.empty((0, hidden.shape[1]), dtype=hidden.dtype)
    if pooling == "mean":
        totals = np.empty((len(lengths), hidden.shape[1]))
        # A loop over sequences is several times faster than np.add.reduceat, which walks columns
        for i, (begin, end) in enumerate(itertools.pairwise(offsets.tolist())):
            np.add.reduce(hidden[begin:end], axis=0, dtype=np.float64, out=totals[i])
        return (totals / lengths[:, None]).astype(hidden.dtype)
    first: Floats = hidden[offsets[:-1]]
    if pooling == "cls" or pooler is None:
        return first
    # einsum, not BLAS, whose order of summation depends on the number of rows
    projected = np.einsum("nd,od->no", first, pooler.weight.astype(hidden.dtype, copy=False))
    pooled: Floats = np.tanh(projected + pooler.bias.astype(hidden.dtype, copy=False))
    return pooled


def normalize(vectors: Floats) -> Floats:
    """Divide each row of (n, D) by its Euclidean length; rows of zeros stay zeros.

    As `torch.nn.functional.normalize`: lengths below 1e-12 count as 1e-12.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    normalized: Floats = (vectors / np.maximum(lengths, _SMALLEST_NORM)).astype(vectors.dtype)
    return normalized
