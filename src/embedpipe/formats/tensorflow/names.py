"""TensorFlow's variable names to transformers' names, as tables; shapes and data are not read here.

Sources: google-research/bert and google-research/albert (modeling.py); tensorflow/models
(tf1_checkpoint_converter_lib.py) for TensorFlow 2; transformers' TensorFlow classes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from embedpipe.engine.architecture import KNOWN_ARCHITECTURES
from embedpipe.errors import ModelFormatError

__all__ = ["NameMap", "Placement", "map_tensorflow_names", "placed_shape", "placed_tensor"]

Shape = tuple[int, ...]

# How the axes of heads are joined: those of an output follow the input, those of an input lead.
Heads = Literal["last", "first"]

_WORDS = "embeddings.word_embeddings"
_POSITIONS = "embeddings.position_embeddings"
_TYPES = "embeddings.token_type_embeddings"
_NORM = "embeddings.LayerNorm"
_LAYER = "encoder.layer.{}."
_ALBERT_LAYER = "encoder.albert_layer_groups.{}.albert_layers.{}."

# Each table: a pattern of whole names without prefix and leaf (`kernel`, `gamma`, ...), and
# transformers' name with the numbers filled in. The first row must be the word embeddings: where
# it fits tells the table and the prefix. Tables of TensorFlow 2 keep heads as an axis of their own.
_GOOGLE_LAYER = r"encoder/layer_([0-9]{1,4})/"
_GOOGLE_EMBEDDINGS = {
    r"embeddings/word_embeddings": _WORDS,
    r"embeddings/position_embeddings": _POSITIONS,
    r"embeddings/token_type_embeddings": _TYPES,
    r"embeddings/LayerNorm": _NORM,
}
_GOOGLE_BERT = {
    **_GOOGLE_EMBEDDINGS,
    _GOOGLE_LAYER + r"attention/self/(query|key|value)": _LAYER + "attention.self.{}",
    _GOOGLE_LAYER + r"attention/output/(dense|LayerNorm)": _LAYER + "attention.output.{}",
    _GOOGLE_LAYER + r"intermediate/dense": _LAYER + "intermediate.dense",
    _GOOGLE_LAYER + r"output/(dense|LayerNorm)": _LAYER + "output.{}",
    r"pooler/dense": "pooler.dense",
}
# ELECTRA's discriminator has BERT's layers under its own name.
_ELECTRA = "electra/"
_GOOGLE_ELECTRA = {
    **{_ELECTRA + row: name for row, name in _GOOGLE_BERT.items() if "pooler" not in row},
    _ELECTRA + "embeddings_project": "embeddings_project",
}
# ALBERT's later layers of one scope get a number: LayerNorm_1, attention_1, ffn_1.
_INNER = r"encoder/transformer/group_([0-9]{1,4})/inner_group_([0-9]{1,4})/"
_GOOGLE_ALBERT = {
    **_GOOGLE_EMBEDDINGS,
    r"encoder/embedding_hidden_mapping_in": "encoder.embedding_hidden_mapping_in",
    _INNER + r"attention_1/self/(query|key|value)": _ALBERT_LAYER + "attention.{}",
    _INNER + r"attention_1/output/dense": _ALBERT_LAYER + "attention.dense",
    _INNER + r"LayerNorm": _ALBERT_LAYER + "attention.LayerNorm",
    _INNER + r"ffn_1/intermediate/dense": _ALBERT_LAYER + "ffn",
    _INNER + r"ffn_1/intermediate/output/dense": _ALBERT_LAYER + "ffn_output",
    _INNER + r"LayerNorm_1": _ALBERT_LAYER + "full_layer_layer_norm",
    r"pooler/dense": "pooler",
}
_TF2_LAYER = r"transformer/layer_([0-9]{1,4})/"
_TF2_BERT = {
    r"word_embeddings/embeddings": _WORDS,
    r"position_embedding/embeddings": _POSITIONS,
    r"type_embeddings/embeddings": _TYPES,
    r"embeddings/layer_norm": _NORM,
    _TF2_LAYER + r"self_attention/(query|key|value)": _LAYER + "attention.self.{}",
    _TF2_LAYER + r"self_attention/attention_output": _LAYER + "attention.output.dense",
    _TF2_LAYER + r"self_attention_layer_norm": _LAYER + "attention.output.LayerNorm",
    _TF2_LAYER + r"intermediate": _LAYER + "intermediate.dense",
    _TF2_LAYER + r"output": _LAYER + "output.dense",
    _TF2_LAYER + r"output_layer_norm": _LAYER + "output.LayerNorm",
    r"pooler_transform": "pooler.dense",
}
# An older naming of the same, in which the attention's output is a layer of its own.
_OLD_LAYER = r"encoder/layer_([0-9]{1,4})/"
_OLD_TF2_BERT = {
    r"word_embeddings/embeddings": _WORDS,
    r"embedding_postprocessor/position_embeddings": _POSITIONS,
    r"embedding_postprocessor/type_embeddings": _TYPES,
    r"embedding_postprocessor/layer_norm": _NORM,
    _OLD_LAYER + r"self_attention/(query|key|value)": _LAYER + "attention.self.{}",
    _OLD_LAYER + r"self_attention_output": _LAYER + "attention.output.dense",
    _OLD_LAYER + r"self_attention_layer_norm": _LAYER + "attention.output.LayerNorm",
    _OLD_LAYER + r"intermediate": _LAYER + "intermediate.dense",
    _OLD_LAYER + r"output": _LAYER + "output.dense",
    _OLD_LAYER + r"output_layer_norm": _LAYER + "output.LayerNorm",
    r"pooler_transform": "pooler.dense",
}
# What transformers' own TensorFlow classes save, which later Spark NLP models were made from.
_KERAS_LAYER = r"encoder/layer_\._([0-9]{1,4})/"
_KERAS_INNER = r"encoder/albert_layer_groups_\._([0-9]{1,4})/albert_layers_\._([0-9]{1,4})/"
_KERAS_EMBEDDINGS = {
    r"embeddings/word_embeddings/weight": _WORDS,
    r"embeddings/position_embeddings/embeddings": _POSITIONS,
    r"embeddings/token_type_embeddings/embeddings": _TYPES,
    r"embeddings/LayerNorm": _NORM,
}
_KERAS_BERT = {
    **_KERAS_EMBEDDINGS,
    **{
        row.replace(_GOOGLE_LAYER, _KERAS_LAYER): name
        for row, name in _GOOGLE_BERT.items()
        if row not in _GOOGLE_EMBEDDINGS
    },
}
_KERAS_ELECTRA = {
    **{_ELECTRA + row: name for row, name in _KERAS_BERT.items() if "pooler" not in row},
    _ELECTRA + "embeddings_project": "embeddings_project",
}
_KERAS_ALBERT = {
    **_KERAS_EMBEDDINGS,
    r"encoder/embedding_hidden_mapping_in": "encoder.embedding_hidden_mapping_in",
    _KERAS_INNER + r"attention/(query|key|value|dense|LayerNorm)": _ALBERT_LAYER + "attention.{}",
    _KERAS_INNER + r"(ffn|ffn_output|full_layer_layer_norm)": _ALBERT_LAYER + "{}",
    r"pooler": "pooler",
}
_TABLES: tuple[tuple[str, dict[str, str]], ...] = (
    ("electra", _GOOGLE_ELECTRA),
    ("bert", _GOOGLE_BERT),
    ("albert", _GOOGLE_ALBERT),
    ("bert", _TF2_BERT),
    ("bert", _OLD_TF2_BERT),
    ("electra", _KERAS_ELECTRA),
    ("bert", _KERAS_BERT),
    ("albert", _KERAS_ALBERT),
)

_LEAVES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
_EMBEDDINGS = {_WORDS, _POSITIONS, _TYPES}
_SPLIT_OUTPUT = re.compile(r"attention\.(self\.)?(query|key|value)\.")
_SPLIT_INPUT = re.compile(r"attention\.(output\.)?dense\.weight$")


@dataclass(frozen=True)
class Placement:
    """Where a tensor of transformers comes from, and what is done to it.

    transposed: TensorFlow multiplies by kernels (in, out). heads: which axes to join before.
    """

    source: str
    transposed: bool
    heads: Heads


@dataclass(frozen=True)
class NameMap:
    """The outcome: placements by transformers' name, and the names that no row fits."""

    architecture: str
    placements: dict[str, Placement]
    unused: tuple[str, ...]


def map_tensorflow_names(names: Mapping[str, str], *, source: str) -> NameMap:
    """Map variables, given as full names by the keys they are stored under.

    A prefix, such as `module/` or `bert_model/`, may stand before all of them; it is found by the
    word embeddings. Training heads, optimizer slots and counters are left over in `unused`.

    Raises ModelFormatError if no table fits, and if there are two encoders.

    >>> found = map_tensorflow_names(
    ...     {name: name for name in ("bert/embeddings/word_embeddings", "bert/pooler/dense/bias")},
    ...     source="example")
    >>> sorted(found.placements)
    ['embeddings.word_embeddings.weight', 'pooler.dense.bias']
    """
    maps = [
        NameMap(architecture, *_apply(table, prefix, names, source))
        for architecture, table in _TABLES
        for prefix in _prefixes(next(iter(table)), names)
    ]
    if not maps:
        shown = ", ".join(repr(name[:80]) for name in sorted(names.values())[:5])
        raise ModelFormatError(
            f"{source}: no word embeddings under a known name among {len(names)} variables "
            f"({shown}, ...). Expected a {KNOWN_ARCHITECTURES} encoder of Google, TF-Hub or "
            "Spark NLP"
        )
    best = max(maps, key=lambda item: len(item.placements))
    others = {
        item.placements[f"{_WORDS}.weight"].source
        for item in maps
        if item.placements[f"{_WORDS}.weight"] != best.placements[f"{_WORDS}.weight"]
    }
    if others:
        raise ModelFormatError(
            f"{source} holds more than one encoder: word embeddings also at "
            f"{', '.join(sorted(others))[:200]}. Save one of them by itself"
        )
    return best


def _prefixes(words: str, names: Mapping[str, str]) -> list[str]:
    pattern = re.compile(rf"((?:.+/)?){words}")
    return [match[1] for name in names.values() if (match := pattern.fullmatch(name))]


def _apply(
    table: dict[str, str], prefix: str, names: Mapping[str, str], source: str
) -> tuple[dict[str, Placement], tuple[str, ...]]:
    rows = [(re.compile(pattern), target) for pattern, target in table.items()]
    placements: dict[str, Placement] = {}
    unused = []
    for key, name in names.items():
        target = _target(name.removeprefix(prefix), rows) if name.startswith(prefix) else None
        if target is None:
            unused.append(name)
            continue
        if target in placements:
            raise ModelFormatError(
                f"{source}: both {placements[target].source[:80]!r} and {key[:80]!r} are "
                f"{target}; expected one. Save the encoder by itself"
            )
        transposed = name.endswith("/kernel")
        heads: Heads = "first" if _SPLIT_INPUT.search(target) else "last"
        placements[target] = Placement(key, transposed, heads)
    return placements, tuple(sorted(unused))


def _target(name: str, rows: list[tuple[re.Pattern[str], str]]) -> str | None:
    """Transformers' name, or None."""
    stem, _, leaf = name.rpartition("/")
    for pattern, target in rows:
        if target in _EMBEDDINGS:
            if pattern.fullmatch(name):
                return f"{target}.weight"
        elif leaf in _LEAVES and (match := pattern.fullmatch(stem)):
            return f"{target.format(*match.groups())}.{_LEAVES[leaf]}"
    return None


def placed_shape(name: str, placement: Placement, shape: Shape) -> Shape:
    """The shape that a tensor will have under its new name."""
    flat = _without_heads(name, placement, shape)
    return flat[::-1] if placement.transposed else flat


def placed_tensor(
    name: str, placement: Placement, tensor: npt.NDArray[np.generic]
) -> npt.NDArray[np.generic]:
    """The tensor under its new name: heads joined, transposed if a kernel; a view."""
    flat = tensor.reshape(_without_heads(name, placement, tensor.shape))
    return flat.T if placement.transposed else flat


def _without_heads(name: str, placement: Placement, shape: Shape) -> Shape:
    """Join the axes of heads: kernels (H, heads, d) or (heads, d, H), biases (heads, d)."""
    if placement.transposed and len(shape) == 3:
        first, middle, last = shape
        return (first * middle, last) if placement.heads == "first" else (first, middle * last)
    if name.endswith(".bias") and len(shape) == 2 and _SPLIT_OUTPUT.search(name):
        return (shape[0] * shape[1],)
    return shape
