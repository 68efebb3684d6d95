"""PyTorch's `pytorch_model.bin`, without PyTorch, and without running what a pickle asks to run.

A pickle is a program that can call any function. Here only the few that PyTorch needs to describe
tensors have a meaning, and they give descriptions; everything else is refused by its name.
Layouts: torch/serialization.py, the zip file of PyTorch 1.6 and later and the older one of pickles
and bytes; torch/_utils.py for what the functions mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.zip import ZipArchive
from embedpipe.formats.arrays import are_sizes, is_size, widen_bfloat16
from embedpipe.formats.pytorch.machine import PickleMachine

__all__ = ["read_torch_pickle"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_LARGEST_PICKLE = 16 * 2**20  # names and shapes of the largest encoders take 100 KB

# By the storage classes that pickles name: how the bytes are read. bfloat16 is the upper half of a
# float32, to which it is widened; bool is read as bytes, so that others than 0 and 1 do no harm.
_STORAGES: dict[str, np.dtype[Any]] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype("<u2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("u1"),
}


@dataclass(frozen=True)
class _Storage:
    """One block of numbers, by its key; several tensors may look at it."""

    kind: str
    key: str
    numel: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.numel * _STORAGES[self.kind].itemsize


@dataclass(frozen=True)
class _Tensor:
    """A look at a storage; offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


_Blocks = Callable[[_Storage], memoryview]


def read_torch_pickle(data: memoryview, source: str) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a state dictionary by name; `source` names the file in errors.

    They are read-only views of the file, with the strides that PyTorch gave them, so that nothing
    is in memory twice. Tensors that share a storage share its bytes.

    Raises ModelFormatError for a damaged file, for a pickle that names any function or class but
    those of plain tensors, and for tensors that reach beyond their storage.
    """
    read = _read_zip if bytes(data[:2]) == b"PK" else _read_legacy
    state, blocks = read(data, source)
    if not isinstance(state, dict) or not state:
        raise ModelFormatError(
            f"{source} holds no dictionary of tensors (found {type(state).__name__}); expected one "
            "as torch.save(model.state_dict(), ...) writes"
        )
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise ModelFormatError(
                f"{source}: {str(name)[:80]!r} is no tensor but {type(value).__name__}; expected "
                "tensors by name. Save model.state_dict() by itself"
            )
    return {name: _array(name, tensor, blocks, source) for name, tensor in state.items()}


def _machine(data: memoryview, source: str) -> PickleMachine:
    """A machine that knows what tensors need."""

    def persistent(value: Any) -> _Storage:
        # The older layout adds what the storage is a view of: None since PyTorch 0.4
        if isinstance(value, tuple) and len(value) in (5, 6) and value[5:] in ((), (None,)):
            tag, storage, key, _, numel = value[:5]
            known = isinstance(storage, _Storage) and isinstance(key, str)
            if tag == "storage" and known and is_size(numel):
                return _Storage(storage.kind, key, numel)
        raise machine.refuse("a persistent id that is no storage")

    def tensor(arguments: tuple[Any, ...]) -> _Tensor:
        storage, offset, shape, strides = (*arguments, None, None, None, None)[:4]
        if not isinstance(storage, _Storage) or not is_size(offset):
            raise machine.refuse("a tensor without a storage")
        layout = (shape, strides)
        known = all(isinstance(sizes, tuple) and are_sizes(sizes) for sizes in layout)
        if not known or len(shape) != len(strides):
            raise machine.refuse(
                f"a tensor of shape {str(shape)[:80]}, strides {str(strides)[:80]}"
            )
        return _Tensor(storage, offset, shape, strides)

    def parameter(arguments: tuple[Any, ...]) -> _Tensor:
        if arguments and isinstance(arguments[0], _Tensor):
            return arguments[0]
        raise machine.refuse("a parameter without a tensor")

    def dictionary(arguments: tuple[Any, ...]) -> dict[str, Any]:
        if arguments:
            raise machine.refuse("an OrderedDict from something else than items")
        return {}

    functions: dict[str, Any] = {
        **{f"torch.{kind}": _Storage(kind, "", 0) for kind in _STORAGES},
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_parameter": parameter,
        "collections.OrderedDict": dictionary,
    }
    machine = PickleMachine(data, source=source, functions=functions, persistent=persistent)
    return machine


def _read_zip(data: memoryview, source: str) -> tuple[Any, _Blocks]:
    archive = ZipArchive(data, source)
    pickles = [name for name in archive.names if name.split("/")[1:] == ["data.pkl"]]
    if len(pickles) != 1 or archive.size(pickles[0]) > _LARGEST_PICKLE:
        raise _damaged(
            source,
            f"{len(pickles)} pickles; expected one data.pkl of up to {_LARGEST_PICKLE} bytes",
        )
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}byteorder" in archive.names:
        order = bytes(archive.read(f"{folder}byteorder")[:10])
        if order != b"little":
            raise ModelFormatError(
                f"{source}: byte order {order!r}; expected b'little'. Load it with PyTorch and "
                "save it as safetensors"
            )
    state = _machine(archive.read(pickles[0]), source).load()
    contents: dict[str, memoryview] = {}

    def block(storage: _Storage) -> memoryview:
        name = f"{folder}data/{storage.key}"
        if name not in archive.names:
            raise _damaged(source, f"the storage {storage.key[:80]!r} is missing")
        if name not in contents:
            contents[name] = archive.read(name)
        return contents[name]

    return state, block


def _read_legacy(data: memoryview, source: str) -> tuple[Any, _Blocks]:
    """Five pickles: a magic number, a version, the machine, the state, the storages' keys. Then of
    each storage, in the order of the keys, the count of its numbers and their bytes.
    """
    machine = _machine(data[:_LARGEST_PICKLE], source)
    if machine.load() != _MAGIC or machine.load() != _PROTOCOL:
        raise _damaged(source, "neither a zip archive nor the numbers that the older layout has")
    system = machine.load()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise _damaged(source, "it does not say that it is little-endian")
    state, keys = machine.load(), machine.load()
    if not isinstance(keys, list):
        raise _damaged(source, "the storages' keys are no list")
    tensors = state.values() if isinstance(state, dict) else ()
    known = {value.storage.key: value.storage for value in tensors if isinstance(value, _Tensor)}
    contents: dict[str, memoryview] = {}
    position = machine.position
    for key in keys:
        storage = known.get(key) if isinstance(key, str) else None
        if storage is None or key in contents:
            raise _damaged(source, f"the storage {str(key)[:80]!r} belongs to no tensor")
        count = int.from_bytes(data[position : position + 8], "little")
        begin, end = position + 8, position + 8 + storage.size
        if count != storage.numel or end > len(data):
            raise _damaged(
                source,
                f"the storage {key[:80]!r} has {count} numbers and {max(len(data) - begin, 0)} "
                f"bytes; its tensors expect {storage.numel} and {storage.size}",
            )
        contents[key] = data[begin:end]
        position = end

    def block(storage: _Storage) -> memoryview:
        if storage.key not in contents:
            raise _damaged(source, f"the storage {storage.key[:80]!r} is missing")
        return contents[storage.key]

    return state, block


def _array(name: str, tensor: _Tensor, blocks: _Blocks, source: str) -> npt.NDArray[Any]:
    """The numbers that a tensor looks at, after a check that they are there."""
    storage, dtype = tensor.storage, _STORAGES[tensor.storage.kind]
    content = blocks(storage)
    shown = f"tensor {name[:80]!r}"
    if len(content) != storage.size:
        raise _damaged(
            source, f"{shown}: its storage has {len(content)} bytes; expected {storage.size}"
        )
    count = math.prod(tensor.shape)
    if not count:
        raise _damaged(source, f"{shown}: shape {tensor.shape}; expected one with numbers in it")
    last = tensor.offset + sum(
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    # More numbers than the storage has would mean repeated ones, which weights are not
    if last >= storage.numel or count > storage.numel:
        raise _damaged(
            source,
            f"{shown}: shape {tensor.shape} from number {tensor.offset} on reaches beyond its "
            f"storage of {storage.numel}",
        )
    numbers = np.frombuffer(content, dtype)[tensor.offset :]
    strides = tuple(stride * dtype.itemsize for stride in tensor.strides)
    array: npt.NDArray[Any] = np.lib.stride_tricks.as_strided(
        numbers, tensor.shape, strides, writeable=False
    )
    if storage.kind == "BFloat16Storage":
        array = widen_bfloat16(array)
    elif storage.kind == "BoolStorage":
        array = array != 0
    return array


def _damaged(source: str, finding: str) -> ModelFormatError:
    return ModelFormatError(
        f"{source} is damaged or no file of PyTorch tensors: {finding}. Get a new copy of the file"
    )
