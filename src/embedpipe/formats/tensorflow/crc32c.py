"""CRC-32C (Castagnoli) as TensorFlow's files carry it, with NumPy; zip files' CRC-32 is in zlib.

The register after each word w of four bytes is Z(register ^ w), where Z, four bytes of zeros, is
linear over bits. So words that lie 2^k apart can be gathered side by side, a row of them at a time:
sums = Z^(2^k)(sums) ^ row. In the end the sums are themselves a message, which is folded in halves.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["crc32c", "unmask"]

_POLYNOMIAL = 0x82F63B78  # reflected
_MASK_DELTA = 0xA282EAD8  # TensorFlow's and LevelDB's, so that CRCs of CRCs are not weak
_LONGEST_ROW = 14  # 2^14 words: 64 KiB, which stays in cache with its tables

# The word that turns a register of zero into the initial one, all ones.
_START = np.frombuffer(bytes.fromhex("54641f64"), np.uint8)

Words = npt.NDArray[np.uint32]


def crc32c(data: bytes | memoryview | npt.NDArray[np.uint8]) -> int:
    """The CRC-32C of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    content = np.frombuffer(data, np.uint8)
    total = len(content) + len(_START)
    power = min(_LONGEST_ROW, (total // 4).bit_length() - 1)
    row_bytes = 4 << power
    # Zeros in front of a register that is zero change nothing: they fill the first row up.
    first = (total - 1) % row_bytes + 1
    if first < len(_START):
        first += row_bytes
    head = np.zeros(-(-first // row_bytes) * row_bytes, np.uint8)
    head[-first:] = np.concatenate([_START, content[: first - len(_START)]])
    sums = np.zeros(1 << power, np.uint32)
    for part, begin in ((head, 0), (content, first - len(_START))):
        for position in range(begin, len(part), row_bytes):
            sums = _advance(sums, power) ^ part[position : position + row_bytes].view("<u4")
    while power:
        power -= 1
        half = 1 << power
        sums = _advance(sums[:half], power) ^ sums[half:]
    return int(_advance(sums, 0)[0]) ^ 0xFFFFFFFF


def unmask(stored: int) -> int:
    """The CRC that a file keeps masked: rotated by 15 bits, and a constant added."""
    rotated = (stored - _MASK_DELTA) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


def _after_zero_byte(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
    return register


def _advance(registers: Words, power: int) -> Words:
    """Each register after 2^power words of zeros."""
    tables = _tables(power)
    result: Words = tables[0][registers & 0xFF]
    for index in range(1, 4):
        result ^= tables[index][(registers >> np.uint32(8 * index)) & 0xFF]
    return result


@functools.cache
def _tables(power: int) -> npt.NDArray[Any]:
    """What 2^power words of zeros make of each byte of a register: uint32 (4, 256)."""
    bits = _bits_after(power)
    tables = np.zeros((4, 256), np.uint32)
    for bit in range(32):
        index, place = divmod(bit, 8)
        size = 1 << place  # all values below it are filled already
        tables[index, size : 2 * size] = tables[index, :size] ^ np.uint32(bits[bit])
    return tables


@functools.cache
def _bits_after(power: int) -> tuple[int, ...]:
    """What 2^power words of zeros make of each bit of a register."""
    if power == 0:
        single = [1 << bit for bit in range(32)]
        for _ in range(4):
            single = [_after_zero_byte(register) for register in single]
        return tuple(single)
    half = _bits_after(power - 1)
    return tuple(_apply(half, register) for register in half)


def _apply(bits: tuple[int, ...], register: int) -> int:
    result = 0
    for bit, image in enumerate(bits):
        if register >> bit & 1:
            result ^= image
    return result
