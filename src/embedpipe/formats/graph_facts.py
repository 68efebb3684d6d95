"""What a computation graph tells about an encoder beyond its tensors: scale, passes, GELU, epsilon.

Nothing is run: these are patterns of a few neighboring operations, the same in TensorFlow's and in
ONNX's graphs. How the two are read into a `Graph` is in `tensorflow.graph` and `onnx.weights`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from embedpipe.engine.config import Activation
from embedpipe.errors import ModelFormatError

__all__ = ["Graph", "GraphFacts", "Node", "find_facts"]

_MOST_PASSES = 1024
_STEPS = 8  # from a softmax back to the product of queries and keys: mask, scale, reshapes
_SUMS = {"Add", "AddV2", "BiasAdd"}
_PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "Einsum"}
_PASSED = _SUMS | {"Identity", "Reshape", "Transpose", "Where", "Cast", "Sub", "SelectV2"}
_ROOTS = {"Rsqrt", "Sqrt"}


@dataclass(frozen=True)
class Node:
    """An operation and the names of what it takes."""

    operation: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes by the name of what they give, and the values of constants that are single numbers."""

    nodes: Mapping[str, Node]
    scalars: Mapping[str, float]


@dataclass(frozen=True)
class GraphFacts:
    """What was found; None where a graph does not show it.

    head_size: d of the attention's scale 1/sqrt(d). passes: through layers, one softmax each.
    """

    head_size: int | None = None
    passes: int | None = None
    activation: Activation | None = None
    layer_norm_eps: float | None = None


def find_facts(graph: Graph, source: str) -> GraphFacts:
    """Read the facts; ModelFormatError names `source` where layers differ from each other."""
    operations = [node.operation for node in graph.nodes.values()]
    softmaxes = [name for name, node in graph.nodes.items() if node.operation == "Softmax"]
    if len(softmaxes) > _MOST_PASSES:
        raise ModelFormatError(
            f"{source} has {len(softmaxes)} softmaxes; at most {_MOST_PASSES} are allowed, one for "
            "each layer. Such models are not supported"
        )
    sizes = {size for name in softmaxes for size in _head_sizes(graph, name)}
    epsilons = {round(value, 15) for value in _epsilons(graph)}
    for what, found in (("attention scale", sizes), ("LayerNorm epsilon", epsilons)):
        if len(found) > 1:
            raise ModelFormatError(
                f"{source}: more than one {what}: {', '.join(map(str, sorted(found)))}; expected "
                "the same in every layer. Such models are not supported"
            )
    activation: Activation | None = None
    if softmaxes:
        # Without erf, the tanh in each layer is that of GELU; the pooler's is beside it
        activation = "gelu_erf" if _has_erf(operations) else None
        tanhs = operations.count("Tanh")
        if activation is None and tanhs >= len(softmaxes):
            activation = "gelu_tanh"
    return GraphFacts(
        head_size=next(iter(sizes), None),
        passes=len(softmaxes) or None,
        activation=activation,
        layer_norm_eps=next(iter(epsilons), None),
    )


def _has_erf(operations: list[str]) -> bool:
    return any(operation in ("Erf", "Erfc") for operation in operations)


def _head_sizes(graph: Graph, softmax: str) -> Iterator[int]:
    """The size d, if the scores before the softmax are scaled by 1/sqrt(d).

    The scale may stand behind the product of queries and keys, before it at the queries, or as
    its root at both.
    """
    names = graph.nodes[softmax].inputs[:1]
    found = _path_to_product(graph, names[0], _STEPS) if names else None
    if found is None:
        return
    scale, product = found
    for name in product.inputs[:2]:
        branch = _path_to_product(graph, name, _STEPS)
        scale *= 1.0 if branch is None else branch[0]
    if 0 < scale < 1:
        size = round(scale**-2)
        if abs(scale * size**0.5 - 1) < 1e-3:
            yield size


def _path_to_product(graph: Graph, name: str, steps: int) -> tuple[float, Node] | None:
    """The next product of matrices above a name, and the scalars multiplied on the way to it."""
    node = graph.nodes.get(name)
    if node is None or not steps:
        return None
    if node.operation in _PRODUCTS:
        return 1.0, node
    scale = _scalar_operand(graph, node)
    if scale is None and node.operation not in _PASSED:
        return None
    for inner in node.inputs[:2]:
        found = _path_to_product(graph, inner, steps - 1)
        if found is not None:
            return found[0] * (1.0 if scale is None else scale), found[1]
    return None


def _scalar_operand(graph: Graph, node: Node) -> float | None:
    """What a product or quotient multiplies its other operand by; None for other operations."""
    if node.operation not in ("Mul", "Div", "RealDiv") or len(node.inputs) != 2:
        return None
    first, second = (graph.scalars.get(name) for name in node.inputs)
    if node.operation == "Mul":
        return second if first is None else first
    return 1 / second if second else None


def _epsilons(graph: Graph) -> Iterator[float]:
    """The constant that is added under each root of a LayerNorm."""
    for node in graph.nodes.values():
        if node.operation not in _ROOTS:
            continue
        inner = graph.nodes.get(node.inputs[0]) if node.inputs else None
        if inner is None or inner.operation not in _SUMS:
            continue
        for name in inner.inputs:
            value = graph.scalars.get(name)
            if value is not None and 0 < value < 1e-2:
                # Written as float32, read as the decimal number that was meant
                yield float(f"{value:.4g}")
