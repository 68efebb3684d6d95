"""From a checkpoint's variables to an encoder's tensors: shared by all of TensorFlow's formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.graph_facts import GraphFacts
from embedpipe.formats.inferred_config import infer_config
from embedpipe.formats.model import Model
from embedpipe.formats.tensorflow.bundle import (
    OBJECT_GRAPH,
    BundleIndex,
    TensorBundle,
    read_bundle_index,
)
from embedpipe.formats.tensorflow.names import (
    NameMap,
    map_tensorflow_names,
    placed_shape,
    placed_tensor,
)

__all__ = ["VariablesModel", "mapped_shapes", "open_bundle", "read_variables"]

_CASE = "do_lower_case"
_QUERY = re.compile(r"encoder\..*attention\.(self\.)?query\.weight")


@dataclass(frozen=True, eq=False)
class VariablesModel:
    """An encoder's tensors by transformers' names, its configuration, and what was left over."""

    source: str
    raw_config: dict[str, Any]
    tensors: dict[str, npt.NDArray[Any]]
    origins: dict[str, str]
    unused: tuple[str, ...]
    do_lower_case: bool | None

    def as_model(self, format_name: str, tokenizer_files: Mapping[str, bytes]) -> Model:
        """The whole model, checked."""
        configured = f"{self.source}: configuration"
        return Model(
            source=self.source,
            format=format_name,
            config=EncoderConfig.from_huggingface(self.raw_config, source=configured),
            huggingface_config=self.raw_config,
            tensors=self.tensors,
            tokenizer_files=tokenizer_files,
            origins=self.origins,
            unused=self.unused,
        ).checked()


def open_bundle(tree: FileTree, prefix: str) -> TensorBundle:
    """The checkpoint whose files' names begin with `prefix` in a tree."""
    index = read_bundle_index(tree.read(f"{prefix}.index"), tree.where(f"{prefix}.index"))

    def open_shard(number: int, count: int) -> tuple[memoryview, str]:
        name = f"{prefix}.data-{number:05d}-of-{count:05d}"
        return tree.read(name), tree.where(name)

    return TensorBundle(index, open_shard)


def read_variables(
    bundle: TensorBundle,
    *,
    source: str,
    declared: Mapping[str, Any] | None = None,
    facts: GraphFacts | None = None,
) -> VariablesModel:
    """Map a checkpoint's names, and read the tensors that belong to the encoder.

    declared: its configuration file, if there is one. facts: of its graph, if there is one. One of
    the two, or kernels with an axis of heads, must tell the number of heads. Without a graph, GELU
    is the tanh form: that is what Google's code computes, though configurations say "gelu".

    Raises ModelFormatError where names, shapes, configuration and graph do not fit together.
    """
    facts = facts or GraphFacts()
    names = bundle.object_names()
    full_names = {key: names.get(key, key) for key in bundle.index.entries if key != OBJECT_GRAPH}
    name_map = map_tensorflow_names(full_names, source=source)
    shapes = mapped_shapes(name_map, bundle.index)
    raw_config = infer_config(
        shapes,
        architecture=name_map.architecture,
        heads=_heads(name_map, bundle.index, shapes, facts, source),
        facts=facts,
        declared=declared,
        source=source,
    )
    tensors = {
        name: placed_tensor(name, placement, bundle.tensor(placement.source))
        for name, placement in name_map.placements.items()
    }
    origins = {name: full_names[place.source] for name, place in name_map.placements.items()}
    case = _do_lower_case(bundle, full_names)
    return VariablesModel(source, raw_config, tensors, origins, name_map.unused, case)


def _do_lower_case(bundle: TensorBundle, full_names: Mapping[str, str]) -> bool | None:
    """What the variable of that name holds; None if there is none."""
    key = next((key for key, name in full_names.items() if name == _CASE), None)
    return None if key is None else bool(bundle.tensor(key).any())


def mapped_shapes(name_map: NameMap, index: BundleIndex) -> dict[str, tuple[int, ...]]:
    """The shapes of all mapped tensors as transformers has them, from the index alone."""
    return {
        name: placed_shape(name, placement, index.entries[placement.source].shape)
        for name, placement in name_map.placements.items()
    }


def _heads(
    name_map: NameMap,
    index: BundleIndex,
    shapes: Mapping[str, tuple[int, ...]],
    facts: GraphFacts,
    source: str,
) -> int | None:
    """From an axis of heads in the query's kernel, else from the scale of attention."""
    for name, placement in name_map.placements.items():
        if not _QUERY.fullmatch(name):
            continue
        stored = index.entries[placement.source].shape
        if len(stored) == 3:
            return stored[1]
        return heads_from_scale(facts, shapes[name], source)
    return None


def heads_from_scale(facts: GraphFacts, query_shape: tuple[int, ...], source: str) -> int | None:
    """How many heads of the size that the scale of attention tells make up the query."""
    if facts.head_size is None:
        return None
    heads, rest = divmod(query_shape[0], facts.head_size)
    if rest or not heads:
        raise ModelFormatError(
            f"{source}: attention is scaled for heads of {facts.head_size}, the query has "
            f"{query_shape[0]} numbers; expected a multiple. Such models are not supported"
        )
    return heads
