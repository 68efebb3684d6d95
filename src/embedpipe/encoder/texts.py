"""Checks what callers pass as texts or as piece ids, in whatever container; computes nothing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Set
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedpipe.engine.ragged import Ragged
from embedpipe.errors import InputError, ParameterError, TruncationWarning

__all__ = [
    "Missing",
    "as_piece_ids",
    "as_texts",
    "check_switch",
    "present_texts",
    "warn_of_cut",
    "with_gaps",
]

Missing = Literal["null", "error"]
"""What becomes of a missing text: a row of NaN, or an InputError."""

_COLUMN_METHODS = ("to_pylist", "tolist", "to_list")
"""How Arrow arrays, NumPy arrays and pandas series, and Polars series give a Python list."""


def as_texts(texts: Any) -> list[str]:
    """A list, tuple, iterator, array or column of strings, as a list of strings.

    Raises InputError for a single string, for what has no order or more than one dimension, and
    for the first element that is not a string.

    >>> as_texts(np.array(["one", "two"]))
    ['one', 'two']
    """
    _check_column(texts)
    found = _as_list(texts, "texts", "a list, column or iterator of str")
    if set(map(type, found)) <= {str}:
        return found
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"texts[{index}]: {_complaint(text)}")
    return [str(text) for text in found]  # NumPy's str_ and other subclasses


def present_texts(texts: Any, missing: Missing) -> tuple[list[str], npt.NDArray[np.bool_] | None]:
    """The texts that are there, and which those are (n,), None for all.

    Missing are None, NaN, and pandas' NA and NaT. Raises the errors of `as_texts`, also for a
    missing text unless `missing` is "null".

    >>> present_texts(["one", None, "two"], "null")
    (['one', 'two'], array([ True, False,  True]))
    """
    if missing not in ("null", "error"):
        raise ParameterError(f"missing: {missing!r:.80}; expected 'null' or 'error'")
    _check_column(texts)
    found = _as_list(texts, "texts", "a list, column or iterator of str")
    if set(map(type, found)) <= {str}:
        return found, None
    if missing == "error":
        return as_texts(found), None
    present = np.fromiter((not _is_missing(text) for text in found), np.bool_, len(found))
    for index in np.flatnonzero(present).tolist():
        if not isinstance(found[index], str):
            raise InputError(f"texts[{index}]: {_complaint(found[index])}")
    kept = [str(found[index]) for index in np.flatnonzero(present).tolist()]
    return kept, None if present.all() else present


def with_gaps(
    vectors: npt.NDArray[np.float32], present: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.float32]:
    """The vectors (m, D) in the rows (n, D) that are present, and NaN in the others."""
    if present is None:
        return vectors
    rows = np.full((len(present), vectors.shape[1]), np.nan, dtype=np.float32)
    rows[present] = vectors
    return rows


def warn_of_cut(cut: int, total: int, max_length: int) -> None:
    """Warn the caller's caller that so many of all texts were cut; once for them all."""
    if cut:
        warnings.warn(
            f"{cut} of {total} texts have more than {max_length} pieces, the most that this model "
            "reads of a text, and were cut there; tokenize tells which ones",
            TruncationWarning,
            stacklevel=3,
        )


def as_piece_ids(sequences: Any) -> Ragged:
    """Sequences of piece ids, as int32 ids end to end. Their range is checked by the encoder.

    Raises InputError for what is no sequence of sequences of integers; booleans are none.

    >>> as_piece_ids([[101, 102], np.array([101, 7592, 102])]).values
    array([ 101,  102,  101, 7592,  102], dtype=int32)
    """
    if isinstance(sequences, Ragged):
        if sequences.values.dtype == np.int32:
            return sequences
        whole = Ragged.from_sequences([sequences.values], np.int32)
        return Ragged(whole.values, sequences.offsets)
    listed = _as_sequences(sequences)
    for index, sequence in enumerate(listed):
        # NumPy would take True for 1 beside integers
        if isinstance(sequence, (list, tuple)) and {bool, np.bool_} & set(map(type, sequence)):
            raise InputError(f"sequence {index}: found bool; expected integers, the piece ids")
    return Ragged.from_sequences(listed, np.int32)


def check_switch(name: str, value: Any) -> bool:
    """True or False; ParameterError that names the argument for anything else."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ParameterError(f"{name}: found {value!r}; expected True, False or None")


def _check_column(texts: Any) -> None:
    """Refuse a single text, and what has no order or more than one dimension."""
    if isinstance(texts, (str, bytes)):
        raise InputError(
            f"texts: found a single {type(texts).__name__}; expected several str. "
            "Put one text into a list: [text]"
        )
    if isinstance(texts, (Mapping, Set)) or getattr(texts, "ndim", 1) != 1:
        raise InputError(
            f"texts: found {_described(texts)}; expected a list or one column of str. "
            "Pass one column of a table, the values of a dict, a list instead of a set"
        )


def _as_sequences(sequences: Any) -> list[npt.ArrayLike]:
    if isinstance(sequences, np.ndarray) and sequences.ndim == 2:
        return list(sequences)
    if isinstance(sequences, (str, bytes, Mapping, Set)):
        raise InputError(
            f"sequences: found {_described(sequences)}; expected a list of lists of piece ids"
        )
    return _as_list(sequences, "sequences", "a list of lists of piece ids")


def _as_list(values: Any, name: str, expected: str) -> list[Any]:
    for method in _COLUMN_METHODS:
        if hasattr(values, method):
            try:
                listed = getattr(values, method)()
            except UnicodeDecodeError as error:  # Arrow's strings may hold any bytes
                raise InputError(
                    f"{name}: one is not UTF-8 ({error}); expected str. Correct it, or decode the "
                    "column's bytes yourself"
                ) from error
            if isinstance(listed, list):
                return listed
    if not isinstance(values, Iterable):
        raise InputError(f"{name}: found {_described(values)}; expected {expected}")
    return list(values)


def _complaint(text: Any) -> str:
    if _is_missing(text):
        return (
            f"found {text!r}, a missing value; expected str. "
            "Leave such rows out, or put an empty string in their place"
        )
    kind = type(text).__name__
    remedy = "decode it, such as with .decode('utf-8')" if kind == "bytes" else "convert it to str"
    return f"found {kind} {text!r:.80}; expected str: {remedy}"


def _is_missing(value: Any) -> bool:
    # pandas' missing values, recognized without importing pandas
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, (float, np.floating)) and math.isnan(value))
    )


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__}" + (f" of shape {shape}" if shape is not None else "")
