"""TensorFlow checkpoints ("tensor bundles"): an index of names and places, and the data beside it.

The index is a LevelDB table (`leveldb`); what the names mean is in `names`.
Messages: tensorflow/core/protobuf/tensor_bundle.proto and trackable_object_graph.proto.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.errors import ModelFormatError
from embedpipe.files.protobuf import Message, read_varint
from embedpipe.formats.arrays import byte_size
from embedpipe.formats.tensorflow.crc32c import crc32c, unmask
from embedpipe.formats.tensorflow.leveldb import read_table

__all__ = ["OBJECT_GRAPH", "BundleEntry", "BundleIndex", "TensorBundle", "read_bundle_index"]

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"

_STRING = 7
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    4: np.dtype("u1"),
    6: np.dtype("i1"),
    9: np.dtype("<i8"),
    10: np.dtype("?"),
    19: np.dtype("<f2"),
}
_MOST_SHARDS = 1024


@dataclass(frozen=True)
class BundleEntry:
    """One tensor's line of the index: its TensorFlow dtype number, shape, and place in a shard.

    `checksum` is the CRC-32C, still masked, of the tensor's bytes.
    """

    name: str
    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


@dataclass(frozen=True)
class BundleIndex:
    """What an index says: how many data files there are, and each tensor's entry by its key."""

    source: str
    num_shards: int
    entries: dict[str, BundleEntry]


def read_bundle_index(data: memoryview, source: str) -> BundleIndex:
    """Read and check an index by itself, without the data; `source` names it in errors.

    Raises ModelFormatError for a damaged table, and for an entry of an impossible shape or size.
    """
    table = read_table(data, source)
    if "" not in table:
        raise ModelFormatError(
            f"{source} is a table without the header of a checkpoint; give the .index file of one"
        )
    header = Message(table.pop(""), f"{source}: header")
    shards = header.integer(1)
    if not 1 <= shards <= _MOST_SHARDS:
        raise ModelFormatError(
            f"{source}: {shards} data files; expected 1 to {_MOST_SHARDS}. Get a new copy of it"
        )
    if header.integer(2):
        raise ModelFormatError(
            f"{source}: a big-endian checkpoint; embedpipe reads little-endian ones. Load and save "
            "it with TensorFlow on a little-endian machine"
        )
    entries = {name: _entry(name, value, shards, source) for name, value in table.items()}
    return BundleIndex(source, shards, entries)


def _entry(name: str, value: memoryview, shards: int, source: str) -> BundleEntry:
    where = f"{source}: tensor {name[:80]!r}"
    message = Message(value, where)
    sizes = tuple(dimension.signed(1) for dimension in message.message(2).messages(2))
    entry = BundleEntry(
        name=name,
        dtype=message.integer(1),
        shape=sizes,
        shard=message.integer(3),
        offset=message.integer(4),
        size=message.integer(5),
        checksum=int.from_bytes(message.view(6), "little"),
    )
    if any(message.views(7)):
        raise _wrong(where, "it is stored in slices, by a partitioner; save it whole")
    if entry.shard >= shards:
        raise _wrong(where, f"it lies in data file {entry.shard} of {shards}")
    try:
        size = byte_size(sizes, _DTYPES.get(entry.dtype, "u1"))
    except ValueError as error:
        raise _wrong(where, str(error)) from error
    if entry.dtype in _DTYPES and size != entry.size:
        raise _wrong(where, f"shape {sizes} takes {size} bytes; its size is {entry.size}")
    return entry


class TensorBundle:
    """The tensors of a checkpoint, each read when it is asked for.

    `open_shard(number, of)` gives the bytes of a data file, mapped into memory.
    """

    def __init__(
        self, index: BundleIndex, open_shard: Callable[[int, int], tuple[memoryview, str]]
    ) -> None:
        """Keep the parts; data files are opened when first needed."""
        self.index = index
        self._open_shard = open_shard
        self._shards: dict[int, tuple[memoryview, str]] = {}

    def tensor(self, key: str) -> npt.NDArray[Any]:
        """A tensor by its key: a read-only view of the file, after its checksum is compared.

        Raises ModelFormatError if it reaches beyond the data, has another checksum, or is of a
        type that no encoder has.
        """
        entry = self.index.entries[key]
        if entry.dtype not in _DTYPES:
            raise _wrong(
                f"{self.index.source}: tensor {key[:80]!r}",
                f"TensorFlow's type {entry.dtype}; expected floating-point numbers",
            )
        content, where = self._bytes(entry)
        _compare_checksum(crc32c(content), entry, where)
        return np.frombuffer(content, _DTYPES[entry.dtype]).reshape(entry.shape)

    def object_names(self) -> dict[str, str]:
        """Full names by key, from the object graph that TensorFlow 2 stores; {} if it has none.

        Keys of TensorFlow 2 say where a variable hangs in Python's objects, which differs from
        program to program; its full name is the one it was made with.
        """
        entry = self.index.entries.get(OBJECT_GRAPH)
        if entry is None:
            return {}
        graph = Message(self._string(entry), f"{self.index.source}: {OBJECT_GRAPH}")
        names: dict[str, str] = {}
        for node in graph.messages(1):
            for attribute in node.messages(2):
                names[attribute.text(3)] = attribute.text(2)
        return names

    def _bytes(self, entry: BundleEntry) -> tuple[memoryview, str]:
        if entry.shard not in self._shards:
            self._shards[entry.shard] = self._open_shard(entry.shard, self.index.num_shards)
        data, source = self._shards[entry.shard]
        where = f"{source}: tensor {entry.name[:80]!r}"
        if entry.offset + entry.size > len(data):
            raise _wrong(
                where,
                f"bytes {entry.offset} to {entry.offset + entry.size} of a file of {len(data)}",
            )
        return data[entry.offset : entry.offset + entry.size], where

    def _string(self, entry: BundleEntry) -> memoryview:
        """The value of a scalar string: its length, that length's CRC, its bytes."""
        content, where = self._bytes(entry)
        if entry.dtype != _STRING or entry.shape != ():
            raise _wrong(where, f"type {entry.dtype} of shape {entry.shape}; expected one string")
        length, position = read_varint(content, 0, where)
        value = content[position + 4 :]
        if len(value) != length:
            raise _wrong(where, f"a string of {length} bytes in a place for {len(value)}")
        # The CRC covers the length as four or, beyond 2^32, eight bytes
        prefix = length.to_bytes(4 if length < 2**32 else 8, "little")
        prefix += bytes(content[position : position + 4])
        _compare_checksum(crc32c(prefix + bytes(value)), entry, where)
        return value


def _compare_checksum(found: int, entry: BundleEntry, where: str) -> None:
    if found != unmask(entry.checksum):
        raise _wrong(where, "its checksum does not fit its bytes")


def _wrong(where: str, finding: str) -> ModelFormatError:
    return ModelFormatError(f"{where}: {finding}. Get a new copy of the file")
