"""The metadata of many annotations as one Arrow array."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.annotation.schema import METADATA_TYPE
from embedpipe.arrays import offsets_of

__all__ = ["metadata_map"]


def metadata_map(fields: Mapping[str, pa.Array | str], length: int) -> pa.MapArray:
    """The metadata of `length` annotations, from an array with one string per annotation and key.

    A plain str stands for the same value everywhere; a null leaves the key out of that annotation.
    Where values repeat, a dictionary array, which must have no nulls, takes less time.

    >>> metadata_map({"sentence": pa.array(["0", "1"]), "id": pa.array([None, "a"])}, 2).to_pylist()
    [[('sentence', '0')], [('sentence', '1'), ('id', 'a')]]
    """
    width = len(fields)
    if width == 0:
        return pa.array([[]] * length, METADATA_TYPE)
    places, texts = zip(*(_distinct(values, length) for values in fields.values()), strict=True)
    # The texts of all keys lie end to end; in `order`, those of one annotation do.
    begins = offsets_of(np.array([len(some) for some in texts]))[:-1].astype(np.int32)
    order = (np.array(places, np.int32) + begins[:, None]).T.ravel()
    values = pa.concat_arrays(texts).take(pa.array(order))
    keys = _repeated(pa.array(list(fields), pa.string()), length)
    offsets = np.arange(length + 1, dtype=np.int32) * np.int32(width)
    if values.null_count:
        there = values.is_valid()
        keys, values = keys.filter(there), values.filter(there)
        offsets = offsets_of(there.to_numpy(zero_copy_only=False))[offsets].astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), keys, values, METADATA_TYPE)


def _distinct(values: pa.Array | str, length: int) -> tuple[npt.NDArray[Any], pa.StringArray]:
    """The index of each value (length,) in an array of strings, and that array."""
    if isinstance(values, str):
        return np.zeros(length, np.int32), pa.array([values])
    if isinstance(values, pa.DictionaryArray):
        return values.indices.to_numpy(), values.dictionary
    return np.arange(length, dtype=np.int32), values


def _repeated(array: pa.Array, times: int) -> pa.Array:
    """The array repeated; copying long stretches is faster than taking single values."""
    root = isqrt(times) + 1
    stretch = array.take(pa.array(np.tile(np.arange(len(array)), root)))
    return pa.concat_arrays([stretch] * root)[: len(array) * times]
