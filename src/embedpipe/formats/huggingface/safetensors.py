"""Read safetensors files, trusting nothing in them; what a model needs is checked elsewhere.

A file is: the header's length N as a little-endian uint64; N bytes of JSON that give each tensor's
dtype, shape and place; the tensors' bytes, end to end, little-endian, row by row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from embedpipe.errors import ModelFormatError
from embedpipe.files.reading import check_is_no_pointer
from embedpipe.files.strict_json import parse_json
from embedpipe.formats.archives.tree import map_file
from embedpipe.formats.arrays import are_sizes, byte_size, widen_bfloat16

__all__ = ["parse_safetensors", "read_safetensors"]

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # the format's own limit

# BF16 is read as uint16, then widened; BOOL as uint8, so that bytes other than 0 and 1 do no harm.
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "<u1",
}


class _Entry(NamedTuple):
    """One tensor's line of the header; begin and end count from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_safetensors(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a safetensors file by name, in the order of their place, read-only.

    The file is mapped into memory: a tensor that lies at a multiple of its item size is a view,
    read from disk when first touched; others are copied. BF16 is widened to float32, which is
    exact; other dtypes come as NumPy's. While the arrays are in use, the file may be replaced
    but must not be overwritten.

    Raises ModelNotFoundError if there is no such file, ModelFormatError for whatever breaks the
    format: a header that is too long, no JSON or has a key twice; an unknown dtype; a shape that
    does not fit its bytes; tensors that overlap, leave a gap or reach beyond the end.
    """
    return parse_safetensors(map_file(Path(path)), str(path))


def parse_safetensors(content: memoryview, source: str) -> dict[str, npt.NDArray[Any]]:
    """The same of a file that is in memory, or mapped, already; `source` names it in errors."""
    check_is_no_pointer(content, source)
    if len(content) < _LENGTH_BYTES:
        raise _damaged(source, f"shorter than the {_LENGTH_BYTES} bytes of a header length")
    data = np.frombuffer(content, np.uint8)
    header_end, header = _read_header(data, source)
    entries = sorted(
        (_entry(name, value, source) for name, value in header.items() if name != "__metadata__"),
        key=lambda entry: (entry.begin, entry.end),
    )
    _check_places(entries, len(data) - header_end, source)
    return {entry.name: _tensor(data[header_end:], entry) for entry in entries}


def _damaged(path: str, finding: str) -> ModelFormatError:
    return ModelFormatError(
        f"{path}: {finding}. The file is damaged or no safetensors file: get a new copy of it"
    )


def _read_header(data: npt.NDArray[np.uint8], path: str) -> tuple[int, dict[str, Any]]:
    """Where the header ends, and its contents."""
    length = int.from_bytes(data[:_LENGTH_BYTES].tobytes(), "little")
    available = len(data) - _LENGTH_BYTES
    if length > min(available, _LONGEST_HEADER):
        raise _damaged(
            path,
            f"the header claims {length} bytes; {available} follow, {_LONGEST_HEADER} are allowed",
        )
    end = _LENGTH_BYTES + length
    text = data[_LENGTH_BYTES:end].tobytes()
    if not text.startswith(b"{"):
        raise _damaged(path, f"the header begins with {text[:1]!r}; expected {b'{'!r}")
    header: dict[str, Any] = parse_json(text, dict, source=f"{path}: the header")
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _damaged(path, "__metadata__ in the header does not map names to strings")
    return end, header


def _entry(name: str, value: Any, path: str) -> _Entry:
    """Check one tensor's line by itself."""
    shown = f"tensor {name[:80]!r}"
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"{shown}: expected an object of dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ModelFormatError(
            f"{path}: {shown}: dtype {str(dtype)[:80]!r}; embedpipe reads {', '.join(_DTYPES)}: "
            "save the model in one of these"
        )
    if not are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _damaged(path, f"{shown}: data_offsets {str(offsets)[:80]}; expected [begin, end]")
    begin, end = offsets
    try:
        size = byte_size(shape, _DTYPES[dtype])
    except ValueError as error:
        raise _damaged(path, f"{shown}: {error}") from error
    if size != end - begin:
        raise _damaged(
            path,
            f"{shown}: {dtype} of shape {shape} takes {size} bytes; "
            f"data_offsets {offsets} span {end - begin}",
        )
    return _Entry(name, dtype, tuple(shape), begin, end)


def _check_places(entries: list[_Entry], available: int, path: str) -> None:
    """The tensors, in order of place, must cover all bytes after the header, each once."""
    covered = 0
    for entry in entries:
        if entry.begin != covered:
            what = "overlaps the one before it" if entry.begin < covered else "leaves a gap"
            raise _damaged(
                path,
                f"tensor {entry.name[:80]!r} {what}: begins at {entry.begin}; expected {covered}",
            )
        covered = entry.end
    if covered != available:
        raise _damaged(path, f"the tensors take {covered} bytes; {available} follow the header")


def _tensor(data: npt.NDArray[np.uint8], entry: _Entry) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = data[entry.begin : entry.end].view(_DTYPES[entry.dtype])
    if not values.flags.aligned:
        values = values.copy()
    if entry.dtype == "BF16":
        values = widen_bfloat16(values)
    elif entry.dtype == "BOOL":
        values = values != 0
    values.flags.writeable = False
    return values.reshape(entry.shape)
