"""Write safetensors files as transformers saves them; the format is described in `safetensors`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["safetensors_parts"]

_ALIGNMENT = 8
_ITEM = 4  # bytes of a float32
# Versions 4 of transformers refuse a file that does not say which framework's layout it has
_METADATA = {"format": "pt"}


def safetensors_parts(tensors: Mapping[str, npt.NDArray[Any]]) -> Iterator[bytes | memoryview]:
    """The bytes of a safetensors file of float32 tensors, in the order given, to be put end to end.

    tensors: by name, of any shape and numeric dtype. They are converted one by one when their turn
    comes, so that at most one copy of one tensor is in memory.

    >>> from embedpipe.formats.huggingface.safetensors import parse_safetensors
    >>> content = b"".join(safetensors_parts({"bias": np.array([0.5, 1.0], np.float16)}))
    >>> parse_safetensors(memoryview(content), "content")
    {'bias': array([0.5, 1. ], dtype=float32)}
    """
    yield _header({name: tensor.shape for name, tensor in tensors.items()})
    for tensor in tensors.values():
        yield np.ascontiguousarray(tensor, dtype="<f4").reshape(-1).view(np.uint8).data


def _header(shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """The header, its length before it, padded so that the tensors begin at an aligned place."""
    entries: dict[str, Any] = {"__metadata__": _METADATA}
    begin = 0
    for name, shape in shapes.items():
        end = begin + _ITEM * math.prod(shape)
        entries[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(entries, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text
