"""From piece vectors to one vector per sequence, and its normalization.

Every row of a result has the same bits whatever other sequences stand beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from embedpipe.engine.ragged import check_offsets
from embedpipe.engine.weights import LinearWeights
from embedpipe.errors import InputError, ParameterError

__all__ = [
    "FURTHER_POOLINGS",
    "POOLINGS",
    "Pooling",
    "check_pooling",
    "is_pooling",
    "normalize",
    "pool",
    "poolings_of",
]

Floats = npt.NDArray[Any]
Int64 = npt.NDArray[np.int64]

Pooling: TypeAlias = str
"""One of POOLINGS or FURTHER_POOLINGS, or several of them with "+" between: "cls+mean" is the
vector of "cls" and behind it that of "mean"."""

POOLINGS = ("cls", "mean", "pooler")
"""What every engine computes by itself."""

FURTHER_POOLINGS = ("max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""What is computed here of all pieces' vectors; by sentence-transformers' names."""

_KNOWN = ", ".join((*POOLINGS, *FURTHER_POOLINGS))

_SMALLEST_NORM = 1e-12  # torch.nn.functional.normalize's eps


def poolings_of(pooling: Pooling) -> tuple[str, ...]:
    """The names in a pooling, whose vectors stand one behind the other.

    >>> poolings_of("cls+mean")
    ('cls', 'mean')
    """
    return tuple(pooling.split("+"))


def is_pooling(value: Any) -> bool:
    """Whether it is a pooling's name, or several with "+" between, each once."""
    parts = poolings_of(value) if isinstance(value, str) else ()
    known = {*POOLINGS, *FURTHER_POOLINGS}
    return bool(parts) and known.issuperset(parts) and len(set(parts)) == len(parts)


def check_pooling(pooling: Any, *, has_pooler: bool) -> Pooling:
    """The pooling itself; ParameterError for what is none, or a pooler that the model lacks."""
    if not is_pooling(pooling):
        raise ParameterError(
            f"pooling: {pooling!r:.80}; expected one of {_KNOWN}, or several such as 'cls+mean'"
        )
    if "pooler" in poolings_of(pooling) and not has_pooler:
        raise ParameterError(
            "pooling 'pooler' needs the model's pooler, and this model has none; "
            "use 'mean' or 'cls'"
        )
    return str(pooling)


def pool(
    hidden: Floats,
    offsets: Int64,
    pooling: Pooling,
    pooler: LinearWeights | None = None,
    before: Int64 | None = None,
) -> Floats:
    """One vector per sequence: hidden (T, D) with offsets (n + 1,) gives (n, D) of hidden's dtype.

    - "mean": over all pieces, [CLS] and [SEP] among them, as sentence-transformers does;
    - "cls": the first piece's vector; "lasttoken": the last one's, that of [SEP];
    - "pooler": `tanh(W @ first + b)` with the weights of `pooler`: transformers' `pooler_output`;
    - "max": the largest value of each element; "mean_sqrt_len_tokens": the sum over the square root
      of the number of pieces; "weightedmean": the mean by places, which count from 1.

    before: how many pieces of each sequence (n,) stood before those in `hidden`; places count them.
    Several with "+" between stand one behind the other: (n, parts * D).

    Raises InputError for bad offsets or an empty sequence, ParameterError for a missing `pooler`.

    >>> hidden = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> pool(hidden, np.array([0, 2, 3]), "mean").tolist()
    [[2.0, 3.0], [5.0, 6.0]]
    >>> pool(hidden, np.array([0, 2, 3]), "cls+max").tolist()
    [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 5.0, 6.0]]
    """
    check_offsets(offsets, len(hidden))
    parts = poolings_of(check_pooling(pooling, has_pooler=pooler is not None))
    lengths = np.diff(offsets)
    if not lengths.all():
        raise InputError(
            f"sequence {int(np.argmin(lengths))} has no pieces to pool; expected at least one"
        )
    if len(lengths) == 0:
        return np.empty((0, len(parts) * hidden.shape[1]), dtype=hidden.dtype)
    made = [_pooled(hidden, offsets, part, pooler, before) for part in parts]
    return made[0] if len(made) == 1 else np.concatenate(made, axis=1)


def _pooled(
    hidden: Floats,
    offsets: Int64,
    pooling: str,
    pooler: LinearWeights | None,
    before: Int64 | None,
) -> Floats:
    """The vectors (n, D) of one pooling."""
    if pooling == "lasttoken":
        last: Floats = hidden[offsets[1:] - 1]
        return last
    first: Floats = hidden[offsets[:-1]]
    if pooling == "cls":
        return first
    if pooling == "pooler" and pooler is not None:
        return _pooler_output(first, pooler)
    reduce = _REDUCTIONS[pooling]
    starts = np.zeros(len(offsets) - 1, np.int64) if before is None else before
    made = np.empty((len(offsets) - 1, hidden.shape[1]))
    # A loop over sequences is several times faster than np.add.reduceat, which walks columns
    for i, (begin, end) in enumerate(itertools.pairwise(offsets.tolist())):
        reduce(hidden[begin:end], int(starts[i]), made[i])
    return made.astype(hidden.dtype)


def _pooler_output(first: Floats, pooler: LinearWeights) -> Floats:
    """`tanh(W @ first + b)` of vectors (n, D)."""
    # einsum, not BLAS, whose order of summation depends on the number of rows
    projected = np.einsum("nd,od->no", first, pooler.weight.astype(first.dtype, copy=False))
    pooled: Floats = np.tanh(projected + pooler.bias.astype(first.dtype, copy=False))
    return pooled


def _mean(rows: Floats, _: int, out: Floats) -> None:
    np.add.reduce(rows, axis=0, dtype=np.float64, out=out)
    out /= len(rows)


def _mean_by_root(rows: Floats, _: int, out: Floats) -> None:
    np.add.reduce(rows, axis=0, dtype=np.float64, out=out)
    out /= np.sqrt(len(rows))


def _weighted_mean(rows: Floats, before: int, out: Floats) -> None:
    places = np.arange(before + 1, before + len(rows) + 1, dtype=np.float64)
    np.add.reduce(rows * places[:, None], axis=0, out=out)
    out /= places.sum()


def _largest(rows: Floats, _: int, out: Floats) -> None:
    out[:] = np.maximum.reduce(rows, axis=0)


_REDUCTIONS: Mapping[str, Callable[[Floats, int, Floats], None]] = {
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _weighted_mean,
    "max": _largest,
}
"""By name: what makes a vector of a sequence's rows, before which some stood."""


def normalize(vectors: Floats) -> Floats:
    """Divide each row of (n, D) by its Euclidean length; rows of zeros stay zeros.

    As `torch.nn.functional.normalize`: lengths below 1e-12 count as 1e-12.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    normalized: Floats = (vectors / np.maximum(lengths, _SMALLEST_NORM)).astype(vectors.dtype)
    return normalized
