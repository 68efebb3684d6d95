"""A LevelDB table, such as the index of a TensorFlow checkpoint: keys and values, checksummed.

File: data blocks; a meta-index block; an index block that gives each data block's place; a footer
of 48 bytes with the places of the two. Each block is followed by its compression and its CRC-32C.
"""

from __future__ import annotations

from collections.abc import Iterator

from embedpipe.errors import ModelFormatError
from embedpipe.files.protobuf import read_varint
from embedpipe.formats.tensorflow.crc32c import crc32c, unmask

__all__ = ["read_table"]

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # compression, then the CRC of the block and of that byte
_LARGEST_TABLE = 64 * 2**20  # the index of the largest encoders takes 100 KB
_LONGEST_KEY = 4096


def read_table(data: memoryview, source: str) -> dict[str, memoryview]:
    """The values of all keys, in the table's order; `source` names the file in errors.

    Raises ModelFormatError for what is no table: no magic number, a place outside the file, a CRC
    that does not fit, keys that are not in ascending order, snappy compression (which TensorFlow
    does not use for checkpoints).
    """
    if len(data) < _FOOTER_BYTES or data[-len(_MAGIC) :] != _MAGIC:
        raise _damaged(source, "it does not end with the magic number of a LevelDB table")
    if len(data) > _LARGEST_TABLE:
        raise ModelFormatError(
            f"{source} has {len(data)} bytes; at most {_LARGEST_TABLE} are allowed for the index "
            "of a checkpoint. Give the .index file of an encoder"
        )
    footer = data[-_FOOTER_BYTES:]
    _, position = _read_place(footer, 0, source)  # the meta-index: filters, which are not needed
    place, _ = _read_place(footer, position, source)
    table: dict[str, memoryview] = {}
    last, covered = b"", 0
    for index_key, block_place in _entries(_block(data, place, source), source):
        (offset, size), end = _read_place(block_place, 0, source)
        # Blocks lie one after another, so none is read twice, however often it is listed
        if end != len(block_place) or offset < covered:
            raise _damaged(source, f"the block for keys up to {index_key[:80]!r} is out of place")
        covered = offset + size
        for key, value in _entries(_block(data, (offset, size), source), source):
            if table and key <= last:
                raise _damaged(source, f"the key {key[:80]!r} does not follow {last[:80]!r}")
            try:
                table[key.decode()] = value
            except UnicodeDecodeError as error:
                raise _damaged(source, f"the key {key[:80]!r} is not UTF-8") from error
            last = key
    return table


def _read_place(data: memoryview, position: int, source: str) -> tuple[tuple[int, int], int]:
    offset, position = read_varint(data, position, source)
    size, position = read_varint(data, position, source)
    return (offset, size), position


def _block(data: memoryview, place: tuple[int, int], source: str) -> memoryview:
    """A block's contents, after its CRC has been compared."""
    offset, size = place
    end = offset + size
    if end + _TRAILER_BYTES > len(data) - _FOOTER_BYTES:
        raise _damaged(source, f"a block claims bytes {offset} to {end}; the file has {len(data)}")
    stored = int.from_bytes(data[end + 1 : end + _TRAILER_BYTES], "little")
    if crc32c(data[offset : end + 1]) != unmask(stored):
        raise _damaged(source, f"the checksum of the block at byte {offset} does not fit")
    if data[end] != 0:
        raise ModelFormatError(
            f"{source}: the block at byte {offset} has compression {data[end]}; embedpipe reads "
            "uncompressed tables, as TensorFlow writes them. Save the checkpoint again"
        )
    return data[offset:end]


def _entries(block: memoryview, source: str) -> Iterator[tuple[bytes, memoryview]]:
    """The keys and values of a block; a key repeats the beginning of the one before it."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if len(block) < 4 or end < 0:
        raise _damaged(source, f"a block of {len(block)} bytes claims {restarts} restart points")
    content = block[:end]
    position, key = 0, b""
    while position < end:
        shared, position = read_varint(content, position, source)
        unshared, position = read_varint(content, position, source)
        size, position = read_varint(content, position, source)
        value_begin = position + unshared
        if shared > len(key) or value_begin + size > end or shared + unshared > _LONGEST_KEY:
            raise _damaged(
                source,
                f"an entry claims {shared} shared, {unshared} further bytes of key and {size} of "
                f"value; {len(key)} and {end - position} are there",
            )
        key = key[:shared] + bytes(content[position:value_begin])
        position = value_begin + size
        yield key, content[value_begin:position]


def _damaged(source: str, finding: str) -> ModelFormatError:
    return ModelFormatError(
        f"{source} is damaged or no checkpoint index: {finding}. Get a new copy of the file"
    )
