"""An encoder's tensors out of an ONNX graph; the graph is read, not run.

Exporters keep the names of biases and of LayerNorm, but fold kernels into transposed tensors with
names of their own. So a kernel is named after the bias that is added to its product.
Messages: onnx/onnx.proto.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.architecture import KNOWN_ARCHITECTURES, WORDS, architecture_of
from embedpipe.engine.config import Activation
from embedpipe.errors import ModelFormatError
from embedpipe.files.protobuf import Message
from embedpipe.formats.arrays import byte_size, widen_bfloat16
from embedpipe.formats.graph_facts import Graph, GraphFacts, Node, find_facts

__all__ = ["OnnxModel", "read_onnx"]

_MOST_NODES = 500_000
_EXTERNAL = 1
_INT64 = 7
_BFLOAT16 = 16
# By ONNX's numbers: how raw data is read, and the field that holds numbers one by one instead.
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    7: np.dtype("<i8"),
}
_DTYPES |= {6: np.dtype("<i4"), 9: np.dtype("u1"), 16: np.dtype("<u2")}
_FLOATS = {1, 10, 11, 16}
_FLOAT_DATA, _INT64_DATA, _DOUBLE_DATA = 4, 7, 10
_NUMBERS = {1: (_FLOAT_DATA, "<f4"), 11: (_DOUBLE_DATA, "<f8")}
_QUANTIZED = {"MatMulInteger", "QLinearMatMul", "QAttention", "DynamicQuantizeMatMul"}
_QUANTIZED |= {"MatMulNBits", "DequantizeLinear"}


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """Tensors by transformers' names, the graph's names of them, what is left, and the facts."""

    architecture: str
    tensors: dict[str, npt.NDArray[Any]]
    origins: dict[str, str]
    unused: tuple[str, ...]
    facts: GraphFacts


@dataclass(frozen=True)
class _Operation:
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Message]


class _Contents:
    """A graph's operations, and its constant tensors as messages by every name they go by."""

    def __init__(self, graph: Message, source: str) -> None:
        self.source = source
        self.tensors = {tensor.text(8): tensor for tensor in graph.messages(5)}
        self.operations: list[_Operation] = []
        for message in graph.messages(1):
            if len(self.operations) >= _MOST_NODES:
                raise ModelFormatError(
                    f"{source} has more than {_MOST_NODES} nodes; no encoder has"
                )
            self._add(_operation(message))

    def _add(self, operation: _Operation) -> None:
        value = operation.attributes.get("value")
        if operation.kind == "Constant" and value is not None and operation.outputs:
            self.tensors[operation.outputs[0]] = value.message(5)
        elif operation.kind == "Identity" and operation.inputs and operation.outputs:
            # Exporters store equal tensors once, and give them further names like this
            known = self.tensors.get(operation.inputs[0])
            if known is not None:
                self.tensors[operation.outputs[0]] = known
        self.operations.append(operation)


def _operation(message: Message) -> _Operation:
    return _Operation(
        kind=message.text(4),
        inputs=tuple(_texts(message, 1)),
        outputs=tuple(_texts(message, 2)),
        attributes={attribute.text(1): attribute for attribute in message.messages(5)},
    )


def _texts(message: Message, number: int) -> Iterator[str]:
    for value in message.views(number):
        yield str(value, "utf-8", "replace")


def read_onnx(data: memoryview, source: str) -> OnnxModel:
    """The tensors of an ONNX model that belong to an encoder; views where possible.

    Raises ModelFormatError for a damaged file, for quantized models, for tensors outside the file,
    and if there are no word embeddings under transformers' name.
    """
    contents = _Contents(Message(data, source).message(7), source)
    quantized = sorted({op.kind for op in contents.operations} & _QUANTIZED)
    if quantized:
        raise ModelFormatError(
            f"{source} is quantized ({', '.join(quantized)}); expected float tensors. Take the "
            "model that was not quantized"
        )
    prefixes = [name.removesuffix(WORDS) for name in contents.tensors if name.endswith(WORDS)]
    if len(prefixes) != 1:
        raise ModelFormatError(
            f"{source}: {len(prefixes)} tensors named {WORDS}; expected one. Export "
            f"a {KNOWN_ARCHITECTURES} encoder with the names that transformers gives"
        )
    placed = dict(_placements(contents, prefixes[0]))
    tensors = {
        name: array.T if transposed else array
        for name, (origin, transposed) in placed.items()
        for array in [_array(contents.tensors[origin], f"{source}: tensor {origin[:80]!r}")]
    }
    used = {origin for origin, _ in placed.values()}
    weights = {name for name, tensor in contents.tensors.items() if _is_weight(tensor)}
    return OnnxModel(
        architecture=architecture_of(placed, prefixes[0]).name,
        tensors=tensors,
        origins={name: origin for name, (origin, _) in placed.items()},
        unused=tuple(sorted(weights - used)),
        facts=_facts(contents),
    )


def _is_weight(tensor: Message) -> bool:
    """Whether it is an array of floating-point numbers; others steer the graph."""
    return bool(tensor.integers(1)) and tensor.integer(2) in _FLOATS


def _placements(contents: _Contents, prefix: str) -> Iterator[tuple[str, tuple[str, bool]]]:
    """By transformers' names: the constant, and whether it is stored transposed."""
    kernels: dict[str, str] = {}  # the kernel's constant by what its product gives
    multiplied: set[str] = set()
    for operation in contents.operations:
        second = operation.inputs[1] if len(operation.inputs) > 1 else ""
        if operation.kind == "MatMul" and second in contents.tensors and operation.outputs:
            kernels[operation.outputs[0]] = second
            multiplied.add(second)
    for operation in contents.operations:
        if operation.kind == "Add" and len(operation.inputs) == 2:
            for product, bias in (operation.inputs, operation.inputs[::-1]):
                if product in kernels and bias.startswith(prefix) and bias.endswith(".bias"):
                    name = bias.removeprefix(prefix).removesuffix("bias") + "weight"
                    yield name, (kernels[product], True)
        elif operation.kind == "Gemm" and len(operation.inputs) == 3:
            _, kernel, bias = operation.inputs
            if kernel in contents.tensors and bias.startswith(prefix) and bias.endswith(".bias"):
                transposed = operation.attributes.get("transB")
                name = bias.removeprefix(prefix).removesuffix("bias") + "weight"
                multiplied.add(kernel)
                yield name, (kernel, transposed is None or not transposed.integer(3))
    for name in contents.tensors:
        if (
            name.startswith(prefix)
            and name not in multiplied
            and name.endswith((".weight", ".bias"))
        ):
            yield name.removeprefix(prefix), (name, False)


def _array(tensor: Message, where: str) -> npt.NDArray[Any]:
    """The numbers of a tensor, a view of the file if they are stored raw."""
    shape, kind = tuple(tensor.integers(1)), tensor.integer(2)
    if tensor.integer(14) == _EXTERNAL:
        raise _wrong(where, "its numbers lie in another file; save the model with all in one file")
    if kind not in _DTYPES:
        raise _wrong(where, f"ONNX's type {kind}; expected floating-point numbers")
    dtype = _DTYPES[kind]
    raw = tensor.view(9)
    if not raw and kind in _NUMBERS:
        field, stored = _NUMBERS[kind]
        raw = memoryview(b"".join(bytes(part) for part in tensor.views(field)))
        dtype = np.dtype(stored)
    elif not raw and kind == _INT64:
        raw = memoryview(struct.pack(f"<{len(tensor.integers(7))}q", *tensor.integers(7)))
    try:
        size = byte_size(shape, dtype)
    except ValueError as error:
        raise _wrong(where, str(error)) from error
    if size != len(raw):
        raise _wrong(where, f"shape {shape} of {dtype} with {len(raw)} bytes")
    array: npt.NDArray[Any] = np.frombuffer(raw, dtype).reshape(shape)
    return widen_bfloat16(array) if kind == _BFLOAT16 else array


def _facts(contents: _Contents) -> GraphFacts:
    nodes = {
        operation.outputs[0]: Node(operation.kind, operation.inputs)
        for operation in contents.operations
        if operation.outputs
    }
    facts = find_facts(Graph(nodes, dict(_scalars(contents))), contents.source)
    epsilons = set()
    activations: set[Activation] = set()
    for operation in contents.operations:
        if operation.kind == "LayerNormalization" and "epsilon" in operation.attributes:
            stored = bytes(operation.attributes["epsilon"].view(2))
            if len(stored) == 4:
                epsilons.add(float(f"{struct.unpack('<f', stored)[0]:.4g}"))
        elif operation.kind == "Gelu":
            form = operation.attributes.get("approximate")
            tanh = form is not None and bytes(form.view(4)) == b"tanh"
            activations.add("gelu_tanh" if tanh else "gelu_erf")
    if len(epsilons) > 1 or len(activations) > 1:
        raise ModelFormatError(
            f"{contents.source}: layers differ in LayerNorm's epsilon or in GELU; expected the "
            "same in every layer. Such models are not supported"
        )
    return dataclasses.replace(
        facts,
        layer_norm_eps=next(iter(epsilons), facts.layer_norm_eps),
        activation=next(iter(activations), facts.activation),
    )


def _scalars(contents: _Contents) -> Iterator[tuple[str, float]]:
    for name, tensor in contents.tensors.items():
        float32 = tensor.integer(2) == 1 and tensor.integer(14) != _EXTERNAL
        if float32 and math.prod(tensor.integers(1)) == 1:
            yield name, float(_array(tensor, f"{contents.source}: {name[:80]!r}").reshape(()))


def _wrong(where: str, finding: str) -> ModelFormatError:
    return ModelFormatError(f"{where}: {finding}. Get a new copy of the file")
