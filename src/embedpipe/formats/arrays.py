"""Arrays over bytes that nobody vouches for: which shapes there can be, and bfloat16."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

__all__ = ["are_sizes", "byte_size", "is_size", "widen_bfloat16"]

_HIGHEST_RANK = 32  # NumPy 1's limit
_LARGEST_SIZE = 2**63 - 1


def is_size(value: Any) -> TypeGuard[int]:
    """Whether it is an integer from 0 to 2^63 - 1 (true and false are none)."""
    return type(value) is int and 0 <= value <= _LARGEST_SIZE


def are_sizes(value: Any) -> TypeGuard[Sequence[int]]:
    """Whether it is a list or tuple of as many sizes as an array may have."""
    is_short = isinstance(value, (list, tuple)) and len(value) <= _HIGHEST_RANK
    return is_short and all(map(is_size, value))


def byte_size(shape: Any, dtype: npt.DTypeLike) -> int:
    """How many bytes an array takes; ValueError says why there can be none of this shape.

    >>> byte_size((2, 3), "<f4"), byte_size((0, 5), "<f4")
    (24, 0)
    """
    if not are_sizes(shape):
        raise ValueError(f"shape {str(shape)[:80]}; expected at most {_HIGHEST_RANK} sizes")
    item = np.dtype(dtype).itemsize
    # Python's integers do not overflow; NumPy's do, even for an empty array of huge sides
    if math.prod(side or 1 for side in shape) * item > _LARGEST_SIZE:
        raise ValueError(f"shape {tuple(shape)} has more than 2^63 bytes")
    return math.prod(shape) * item


def widen_bfloat16(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Float32 of the same numbers, of which bfloat16 is the upper half.

    >>> widen_bfloat16(np.array([0x3F80, 0xC000], np.uint16)).tolist()
    [1.0, -2.0]
    """
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
