"""Sequences of different lengths end to end in one array, without padding."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.arrays import offsets_of
from embedpipe.errors import InputError

__all__ = ["Ragged", "check_offsets", "check_piece_ids"]


def check_offsets(offsets: npt.NDArray[Any], total: int, *, what: str = "offsets") -> None:
    """Raise InputError unless `offsets` is int64 (n + 1,) and rises from 0 to `total`.

    `what` names the array in the message. Empty sequences (two equal offsets) are allowed here.
    """
    if offsets.dtype != np.int64 or offsets.ndim != 1 or offsets.size == 0:
        raise InputError(
            f"{what}: found {offsets.dtype} of shape {offsets.shape}; expected int64 of shape "
            "(number of sequences + 1,)"
        )
    if offsets[0] != 0 or offsets[-1] != total:
        raise InputError(
            f"{what}: from {offsets[0]} to {offsets[-1]}; expected from 0 to {total}, "
            "the number of values"
        )
    falls = np.flatnonzero(offsets[1:] < offsets[:-1])
    if falls.size:
        raise InputError(
            f"{what}: sequence {falls[0]} ends at {offsets[falls[0] + 1]}, before its begin at "
            f"{offsets[falls[0]]}; offsets must not decrease"
        )


def check_piece_ids(
    ids: npt.NDArray[Any],
    offsets: npt.NDArray[Any],
    *,
    vocab_size: int,
    max_position_embeddings: int,
) -> None:
    """Raise InputError unless an encoder of that vocabulary and number of positions can take them.

    ids: int32 (T,), each from 0 to vocab_size - 1; offsets: int64 (n + 1,), see `check_offsets`;
    each sequence has 1 to max_position_embeddings ids. No sequences at all are fine.
    """
    if ids.dtype != np.int32 or ids.ndim != 1:
        raise InputError(
            f"ids: found {ids.dtype} of shape {ids.shape}; expected int32 of shape (T,)"
        )
    check_offsets(offsets, len(ids))
    lengths = np.diff(offsets)
    empty = np.flatnonzero(lengths == 0)
    if empty.size:
        raise InputError(
            f"sequence {empty[0]} has no piece ids ({empty.size} such sequences); an encoder needs "
            "at least one, normally the two special pieces around the text"
        )
    long = np.flatnonzero(lengths > max_position_embeddings)
    if long.size:
        raise InputError(
            f"sequence {long[0]} has {lengths[long[0]]} piece ids ({long.size} such sequences); "
            f"the model has {max_position_embeddings} positions: truncate or split the sequence"
        )
    foreign = np.flatnonzero((ids < 0) | (ids >= vocab_size))
    if foreign.size:
        at = foreign[0]
        sequence = int(np.searchsorted(offsets, at, side="right")) - 1
        raise InputError(
            f"sequence {sequence}, position {at - offsets[sequence]}: piece id {ids[at]} "
            f"({foreign.size} such ids); the vocabulary has ids 0 to {vocab_size - 1}: "
            "use the model's own tokenizer"
        )


@dataclass(frozen=True, eq=False)
class Ragged:
    """`values` (T, ...) cut into n sequences: the i-th is `values[offsets[i]:offsets[i + 1]]`.

    `offsets` is int64 (n + 1,), begins with 0, never falls and ends at T; otherwise InputError.
    Two instances are compared by their arrays, not with `==`.

    >>> ragged = Ragged.from_sequences([[7, 8], [], [9]], dtype=np.int32)
    >>> len(ragged), ragged.values.tolist(), ragged.offsets.tolist()
    (3, [7, 8, 9], [0, 2, 2, 3])
    >>> ragged[-1].tolist()
    [9]
    """

    values: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.values.ndim == 0:
            raise InputError("values: found a single number; expected an array of shape (T, ...)")
        check_offsets(self.offsets, len(self.values))

    @classmethod
    def from_sequences(cls, sequences: Iterable[npt.ArrayLike], dtype: npt.DTypeLike) -> Ragged:
        """Lay sequences of equal trailing shape end to end, converted to `dtype`.

        Raises InputError for a sequence whose numbers do not fit `dtype` exactly (fractions, text,
        integers out of range). No sequences give values (0,) and offsets [0].
        """
        wanted = np.dtype(dtype)
        found: list[Any] = list(sequences)
        values = _lists_of_int32(found) if wanted == np.int32 else None
        if values is None:
            found = [_as_exact(sequence, wanted, i) for i, sequence in enumerate(found)]
            values = np.concatenate(found) if found else np.empty(0, dtype=wanted)
        return cls(values, offsets_of(np.fromiter(map(len, found), np.int64, len(found))))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> npt.NDArray[Any]:
        """The sequence at `index` (negative counts from the end), as a view."""
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"sequence {index} of {count}")
        index %= count
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return (self[index] for index in range(len(self)))

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The length of each sequence, int64 (n,)."""
        return np.diff(self.offsets)


def _lists_of_int32(sequences: list[Any]) -> npt.NDArray[np.int32] | None:
    """Lists of integers end to end; None for anything else, and for integers that do not fit.

    An array for each of many short lists would cost more than a small model on their pieces.
    """
    if not all(type(each) is list and each and type(each[0]) is int for each in sequences):
        return None
    try:
        return np.frombuffer(array("i", list(chain.from_iterable(sequences))), np.int32)
    except (TypeError, OverflowError):
        return None  # what is wrong, and where, is for the way that looks at each list


def _as_exact(sequence: npt.ArrayLike, dtype: np.dtype[Any], index: int) -> npt.NDArray[Any]:
    """`sequence` as an array of `dtype`, refused if the conversion would change an integer."""
    try:
        found = np.asarray(sequence)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"sequence {index} is not an array of numbers: {error}") from error
    if found.dtype == dtype and found.ndim:
        return found
    if found.ndim and found.size == 0:
        return found.astype(dtype)
    if found.ndim == 0 or found.dtype.kind not in "iufb":
        raise InputError(
            f"sequence {index}: found {type(sequence).__name__} of {found.dtype}; expected a "
            f"sequence of numbers that fit {dtype}"
        )
    if dtype.kind in "iu":
        _check_integers(found, dtype, index)
    return found.astype(dtype)


def _check_integers(found: npt.NDArray[Any], dtype: np.dtype[Any], index: int) -> None:
    limits = np.iinfo(dtype)
    fits = found.dtype.kind in "iu" and limits.min <= found.min() and found.max() <= limits.max
    if not fits:
        raise InputError(
            f"sequence {index}: found {found.dtype} from {found.min()} to {found.max()}; expected "
            f"integers from {limits.min} to {limits.max}"
        )
