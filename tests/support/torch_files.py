"""PyTorch's files of tensors, written without PyTorch: the zip layout, and that before 1.6.

That the real torch reads them is in tests/oracles/formats/test_torch_save.py.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C  # of the old layout


def write_torch(path: Path, tensors: Mapping[str, np.ndarray], *, new: bool = True) -> None:
    """Write float32 tensors as `torch.save` writes a state, each with a storage of its own."""
    storages = [np.ascontiguousarray(values, "<f4").tobytes() for values in tensors.values()]
    if new:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", _state(tensors, new=True))
            for key, storage in enumerate(storages):
                archive.writestr(f"archive/data/{key}", storage)
            archive.writestr("archive/version", "3\n")
        return
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4, "long": 4}}
    parts = [pickle.dumps(value, protocol=2) for value in (_MAGIC, 1001, system)]
    parts += [_state(tensors, new=False), pickle.dumps([*map(str, range(len(storages)))], 2)]
    parts += [struct.pack("<q", len(storage) // 4) + storage for storage in storages]
    path.write_bytes(b"".join(parts))


def _state(tensors: Mapping[str, np.ndarray], *, new: bool) -> bytes:
    """The pickle of an ordered dictionary of tensors."""
    empty = b"ccollections\nOrderedDict\n)R"
    result = b"\x80\x02" + empty + b"("
    for key, (name, values) in enumerate(tensors.items()):
        storage = [_text("storage"), b"ctorch\nFloatStorage\n", _text(str(key)), _text("cpu")]
        storage += [_number(values.size)] if new else [_number(values.size), b"N"]
        strides = [stride // 4 for stride in np.empty(values.shape, np.float32).strides]
        arguments = [_tuple(*storage) + b"Q", _number(0)]
        arguments += [_tuple(*map(_number, side)) for side in (values.shape, strides)]
        rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(*arguments, b"\x89", empty) + b"R"
        result += _text(name) + rebuilt
    return result + b"u."


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"
