"""Write an encoder's weights compactly; the form is described in `compact`."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.architecture import WORDS
from embedpipe.engine.tensors import as_float32
from embedpipe.formats.huggingface.compact import GROUP, SCALE, VERSION

__all__ = ["compact_file"]

_DTYPES = {"float32": "F32", "float16": "F16", "int8": "I8", "uint8": "U8"}
_ALIGNMENT = 64
_FEWEST_ROWS = 16
"""Of a matrix that is stored in 8 bits; smaller ones would save nothing."""

_SHRINKS = np.linspace(0.7, 1.0, 13)
"""By which a group's largest number may be cut off: often the others gain more by it."""

_Array = npt.NDArray[Any]


def compact_file(tensors: Mapping[str, _Array]) -> tuple[bytes, dict[str, int]]:
    """The bytes of the file, and what `embedpipe.json` says of it under "compact".

    tensors: by transformers' names. Word embeddings get 4 bits a number where their columns are a
    multiple of 32, other matrices 8, all else stays float32.
    """
    stored: dict[str, _Array] = {}
    for name, tensor in tensors.items():
        values = np.ascontiguousarray(as_float32(tensor))
        if name.endswith(WORDS) and values.shape[1] % GROUP == 0:
            stored[name], stored[name + SCALE] = _four_bits(values)
        elif values.ndim == 2 and len(values) >= _FEWEST_ROWS:
            stored[name], stored[name + SCALE] = _eight_bits(values)
        else:
            stored[name] = values
    content = _safetensors(stored)
    return content, {"version": VERSION, "crc32": zlib.crc32(content)}


def _eight_bits(values: npt.NDArray[np.float32]) -> tuple[_Array, _Array]:
    largest = np.abs(values).max(axis=1)
    scale = np.where(largest > 0, largest / np.float32(127), np.float32(1))
    return np.rint(values / scale[:, np.newaxis]).astype(np.int8), scale


def _four_bits(values: npt.NDArray[np.float32]) -> tuple[_Array, _Array]:
    """The nibbles in pairs, and the scale of each group that errs least."""
    groups = values.reshape(len(values), -1, GROUP)
    largest = np.abs(groups).max(axis=2, keepdims=True)
    best = np.full(largest.shape, np.inf, np.float32)
    quotients = np.zeros(groups.shape, np.int8)
    scales = np.ones(largest.shape, np.float16)
    for shrink in _SHRINKS:
        scale = (largest * np.float32(shrink / 7)).astype(np.float16)
        scale[scale == 0] = 1  # of a group of zeros, or of numbers that float16 cannot tell from it
        wide = scale.astype(np.float32)
        tried = np.clip(np.rint(groups / wide), -8, 7)
        error = np.square(tried * wide - groups).sum(axis=2, keepdims=True)
        better = error < best
        best = np.where(better, error, best)
        scales = np.where(better, scale, scales)
        quotients = np.where(better, tried.astype(np.int8), quotients)
    nibbles = (quotients.reshape(values.shape) + 8).astype(np.uint8)
    return nibbles[:, ::2] | nibbles[:, 1::2] << 4, scales[:, :, 0]


def _safetensors(stored: Mapping[str, _Array]) -> bytes:
    """A safetensors file, the tensors of wide items first, so that all are aligned."""
    entries: dict[str, Any] = {}
    begin = 0
    order = sorted(stored, key=lambda name: -stored[name].itemsize)
    for name in order:
        tensor = stored[name]
        end = begin + tensor.itemsize * math.prod(tensor.shape)
        entries[name] = {
            "dtype": _DTYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
        begin = end
    text = json.dumps(entries, separators=(",", ":")).encode("ascii")
    text += b" " * (-(len(text) + 8) % _ALIGNMENT)
    data = (np.ascontiguousarray(stored[name]).tobytes() for name in order)
    return b"".join([len(text).to_bytes(8, "little"), text, *data])
