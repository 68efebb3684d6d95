"""TensorFlow's graphs: SavedModel and bare GraphDef, read for facts and signatures, never run.

Messages: tensorflow/core/protobuf/{saved_model,meta_graph}.proto, core/framework/{graph,function,
node_def,attr_value,tensor}.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from embedpipe.errors import ModelFormatError
from embedpipe.files.protobuf import Message
from embedpipe.formats.graph_facts import Graph, GraphFacts, Node, find_facts

__all__ = ["SavedModelFacts", "read_graph_def", "read_saved_model"]

_LARGEST_GRAPH = 256 * 2**20  # graphs of encoders without their weights take 1 to 10 MB
_MOST_NODES = 500_000
_FLOAT, _BOOL = 1, 10
_TOKENIZATION = "tokenization_info"  # the signature that TF-Hub's BERT /1 and ALBERT publish


@dataclass(frozen=True)
class SavedModelFacts:
    """A graph's facts, and whether the model's texts are lowercased if a signature says so."""

    facts: GraphFacts
    do_lower_case: bool | None = None


def read_graph_def(data: memoryview, source: str) -> GraphFacts:
    """The facts of a bare GraphDef, as Spark NLP keeps it (under the name saved_model.pb)."""
    _check_size(data, source)
    return _facts(Message(data, source), source)


def read_saved_model(data: memoryview, source: str) -> SavedModelFacts:
    """The facts of a SavedModel's last MetaGraph: with several, that is the one for inference.

    TF-Hub's modules of TensorFlow 1 hold one with the tag "train" and one without tags.
    """
    _check_size(data, source)
    graphs = [Message(view, source) for view in Message(data, source).views(2)]
    if not graphs:
        raise ModelFormatError(f"{source} holds no graph; expected a SavedModel")
    untagged = [graph for graph in graphs if "train" not in _tags(graph)]
    chosen = (untagged or graphs)[-1]
    graph_def = chosen.message(2)
    return SavedModelFacts(_facts(graph_def, source), _lower_case(chosen, graph_def))


def _check_size(data: memoryview, source: str) -> None:
    if len(data) > _LARGEST_GRAPH:
        raise ModelFormatError(
            f"{source} has {len(data)} bytes; at most {_LARGEST_GRAPH} are allowed for a graph. "
            "Save the model with its weights in the variables folder"
        )


def _tags(meta_graph: Message) -> list[str]:
    return [str(tag, "utf-8", "replace") for tag in meta_graph.message(1).views(4)]


def _facts(graph_def: Message, source: str) -> GraphFacts:
    """Facts of the body with the most passes: the graph itself or, in TensorFlow 2, a function."""
    found = [_read_graph(graph_def.messages(1), source)]
    for function in graph_def.message(2).messages(1):
        found.append(_read_graph(function.messages(3), source))
    facts = [find_facts(graph, source) for graph in found]
    return max(facts, key=lambda item: item.passes or 0)


def _read_graph(nodes: Iterable[Message], source: str) -> Graph:
    found: dict[str, Node] = {}
    scalars: dict[str, float] = {}
    for node in nodes:
        if len(found) >= _MOST_NODES:
            raise ModelFormatError(f"{source} has more than {_MOST_NODES} nodes; no encoder has")
        name, operation = node.text(1), node.text(2)
        found[name] = Node(operation, tuple(_inputs(node)))
        if operation == "Const":
            value = _scalar(node)
            if value is not None:
                scalars[name] = value
    return Graph(found, scalars)


def _inputs(node: Message) -> Iterator[str]:
    """Names of the nodes whose outputs it takes, without the output's number or name."""
    for value in node.views(3):
        name = str(value, "utf-8", "replace")
        if not name.startswith("^"):  # waits for that node, but takes nothing from it
            yield name.partition(":")[0]


def _scalar(node: Message) -> float | None:
    """The value of a constant that is one float32 or bool."""
    for attribute in node.messages(5):
        if attribute.text(1) != "value":
            continue
        tensor = attribute.message(2).message(8)
        if any(size.signed(1) != 1 for size in tensor.message(2).messages(2)):
            return None
        if tensor.integer(1) == _BOOL:
            return float(next(iter(tensor.integers(11)), bytes(tensor.view(4)) == b"\1"))
        if tensor.integer(1) == _FLOAT:
            content = bytes(tensor.view(4)) or bytes(tensor.view(5))
            if len(content) == 4:
                return float(struct.unpack("<f", content)[0])
    return None


def _lower_case(meta_graph: Message, graph_def: Message) -> bool | None:
    """The constant behind the output `do_lower_case` of the signature `tokenization_info`."""
    for entry in meta_graph.messages(5):
        if entry.text(1) != _TOKENIZATION:
            continue
        for output in entry.message(2).messages(2):
            if output.text(1) == "do_lower_case":
                return _constant(output.message(2).text(1).partition(":")[0], graph_def)
    return None


def _constant(name: str, graph_def: Message) -> bool | None:
    nodes = {node.text(1): node for node in graph_def.messages(1)}
    for _ in range(4):  # through Identity
        node = nodes.get(name)
        if node is None:
            return None
        if node.text(2) == "Const":
            value = _scalar(node)
            return None if value is None else bool(value)
        name = next(_inputs(node), "")
    return None
