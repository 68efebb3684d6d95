"""Read `compact.safetensors`: an encoder in a fifth to a quarter of its bytes, widened to float32.

It is a safetensors file whose matrices may be stored in fewer bits, each beside a tensor of its
scales. What a number stands for is its quotient, a small whole number, times a scale:

| NAME | NAME.scale | a number of NAME, row r and column c |
|---|---|---|
| I8 (rows, columns) | F32 (rows,) | `NAME[r, c] * scale[r]` |
| U8 (rows, columns / 2) | F16 (rows, columns / 32) | `(nibble - 8) * scale[r, c // 32]` |
| F32, any shape | none | itself |

The nibble of column c is the lower half of byte `NAME[r, c // 2]` where c is even, else the upper
half; columns are a multiple of 32. Products are those of float32, rounded once.

`embedpipe.json` beside it declares `"compact": {"version": 1, "crc32": CHECKSUM}`: the version of
this form, and CRC-32 of all bytes of the file, which is compared before anything else. Names are
transformers', as in `model.safetensors`. It is written by `compact_writer`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import Field, check_fields, listed, whole_number
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.huggingface.safetensors import parse_safetensors
from embedpipe.formats.own_record import OWN_RECORD, read_record

__all__ = ["GROUP", "SCALE", "VERSION", "read_compact", "widen"]

VERSION = 1
GROUP = 32
"""Numbers of four bits that share a scale."""

SCALE = ".scale"
"""What the name of a matrix's scales ends in."""

_ZERO = 8
"""The nibble that stands for zero."""

_LARGEST_SCALE = 1e36
"""A product with 128 is still a float32."""

_DECLARATION = {
    "version": Field(f"{VERSION}, as this version of embedpipe reads", lambda v: v == VERSION),
    "crc32": whole_number(0, 2**32 - 1),
}

_Tensors = Mapping[str, npt.NDArray[Any]]
_Float32 = npt.NDArray[np.float32]


def read_compact(tree: FileTree, name: str) -> dict[str, _Float32]:
    """The float32 tensors of the compact file `name`.

    Raises ModelFormatError if the record beside it does not declare it or has another version, if
    the file is not the one that the record was written with, or is not as the form demands.
    """
    where, record = tree.where(name), tree.where(OWN_RECORD)
    declared = read_record(tree).get("compact")
    if not isinstance(declared, dict):
        raise ModelFormatError(
            f"{record} declares no compact weights, which {where} holds; copy both from the same "
            "model"
        )
    remedy = "Read it with the embedpipe that wrote it, or take another copy of the model"
    check_fields(declared, _DECLARATION, f"{record}: compact", remedy=remedy)
    content = tree.read(name)
    found = zlib.crc32(content)
    if found != declared["crc32"]:
        raise ModelFormatError(
            f"{where}: CRC-32 is {found}; {OWN_RECORD} says {declared['crc32']}. The file is "
            "damaged, or belongs to another model: get a new copy of both"
        )
    return widen(parse_safetensors(content, where), where)


def widen(stored: _Tensors, source: str) -> dict[str, _Float32]:
    """What stored tensors stand for; `source` names them in errors.

    Raises ModelFormatError that lists all that do not fit together.

    >>> stored = {"a": np.array([[2, -3]], np.int8), "a.scale": np.array([0.5], np.float32)}
    >>> widen(stored, "here")["a"].tolist()
    [[1.0, -1.5]]
    """
    scales = {name for name, tensor in stored.items() if _is_scale(name, stored)}
    problems = [
        problem
        for name in sorted(stored.keys() - scales)
        if (problem := _problem(name, stored[name], stored.get(name + SCALE)))
    ]
    if problems:
        raise ModelFormatError(
            f"{source} is not in the compact form:{listed(problems)}\nGet a new copy of the model"
        )
    return {
        name: _widened(tensor, stored.get(name + SCALE))
        for name, tensor in stored.items()
        if name not in scales
    }


def _is_scale(name: str, stored: _Tensors) -> bool:
    owner = stored.get(name.removesuffix(SCALE)) if name.endswith(SCALE) else None
    return owner is not None and owner.dtype.kind in "iu"


def _problem(name: str, tensor: npt.NDArray[Any], scale: npt.NDArray[Any] | None) -> str | None:
    shown = f"{name[:80]!r}: {tensor.dtype} {tensor.shape}"
    if tensor.dtype == np.float32:
        return None
    if tensor.dtype not in (np.int8, np.uint8) or tensor.ndim != 2:
        return f"{shown}; expected float32, or a matrix of int8 or uint8"
    rows, width = tensor.shape
    groups = 2 * width // GROUP
    if tensor.dtype == np.uint8 and 2 * width != groups * GROUP:
        return f"{shown}; expected a multiple of {GROUP // 2} bytes a row"
    expected = (rows,) if tensor.dtype == np.int8 else (rows, groups)
    dtype = np.dtype(np.float32 if tensor.dtype == np.int8 else np.float16)
    if scale is None or scale.shape != expected or scale.dtype != dtype:
        found = "none" if scale is None else f"{scale.dtype} {scale.shape}"
        return f"{shown}, scales: {found}; expected {dtype} {expected} under {name[:80]}{SCALE}"
    if not (np.abs(scale.astype(np.float32)) <= _LARGEST_SCALE).all():  # nor where it is NaN
        return f"{shown}: a scale is NaN, infinite or too large; expected at most {_LARGEST_SCALE}"
    return None


def _widened(tensor: npt.NDArray[Any], scale: npt.NDArray[Any] | None) -> _Float32:
    if scale is None:
        return np.asarray(tensor)
    if tensor.dtype == np.int8:
        return np.asarray(np.multiply(tensor, scale[:, np.newaxis], dtype=np.float32))
    rows, width = tensor.shape
    pairs: _Float32 = _both_nibbles()[tensor].view(np.float32)
    groups = pairs.reshape(rows, 2 * width // GROUP, GROUP)
    groups *= scale.astype(np.float32)[:, :, np.newaxis]
    return pairs


def _both_nibbles() -> npt.NDArray[np.uint64]:
    """The two float32 of each byte, as one item each, so that a lookup copies both at once."""
    values = np.arange(256)
    halves = np.stack([values & 15, values >> 4], axis=1) - _ZERO
    return halves.astype(np.float32).view(np.uint64)[:, 0]
