"""The contents of a `config.json` for models without: from tensors' shapes and what else is known.

Such are TensorFlow's and ONNX's formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedpipe.engine.architecture import ARCHITECTURES, KNOWN_ARCHITECTURES, WORDS, Architecture
from embedpipe.engine.config import huggingface_name
from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import listed
from embedpipe.formats.graph_facts import GraphFacts

__all__ = ["infer_config"]

Shape = tuple[int, ...]

# What is taken from a configuration file besides the architecture's sizes; the rest is of training.
_KEPT = {"layer_norm_eps", "pad_token_id"}


def infer_config(  # noqa: PLR0913
    shapes: Mapping[str, Shape],
    *,
    architecture: str,
    heads: int | None,
    facts: GraphFacts,
    declared: Mapping[str, Any] | None,
    source: str,
) -> dict[str, Any]:
    """The contents of a `config.json`.

    shapes: by transformers' names. heads: None where only `declared` can tell. facts: of the graph,
    whose form of GELU overrules what is declared; without one it is the tanh form, which Google's
    code computes. declared: the configuration file beside the model, if any: its sizes go first, so
    that a contradiction to the tensors is found.
    """
    row = ARCHITECTURES[architecture]
    found = {**_sizes(shapes, row, source), "num_attention_heads": heads}
    if row.shares_layers:
        found["num_hidden_layers"] = facts.passes
    _refuse_contradictions(declared or {}, found, source)
    kept = {*row.sizes, *row.defaults, *_KEPT}
    merged: dict[str, Any] = {key: value for key, value in found.items() if value is not None}
    merged |= {key: value for key, value in (declared or {}).items() if key in kept}
    unknown = [key for key in ("num_attention_heads", "num_hidden_layers") if key not in merged]
    if unknown:
        raise ModelFormatError(
            f"{source}: {' and '.join(unknown)} cannot be told from the tensors. Put the model's "
            "bert_config.json or albert_config.json beside them"
        )
    merged.setdefault("layer_norm_eps", facts.layer_norm_eps or 1e-12)
    return {
        "architectures": [row.model_class],
        **merged,
        "model_type": row.model_types[0],
        "hidden_act": huggingface_name(facts.activation or "gelu_tanh"),
    }


def _refuse_contradictions(
    declared: Mapping[str, Any], found: Mapping[str, int | None], source: str
) -> None:
    problems = [
        f"{key}: {declared[key]!r:.80} is declared; the model itself has {value}"
        for key, value in found.items()
        if value is not None and declared.get(key, value) != value
    ]
    if problems:
        raise ModelFormatError(
            f"{source}: the configuration contradicts the tensors:{listed(problems)}\n"
            "Take both from the same model."
        )


def _sizes(shapes: Mapping[str, Shape], row: Architecture, source: str) -> dict[str, int | None]:
    """Every size that the tensors' shapes give."""

    def size(name: str, axis: int) -> int:
        shape = shapes.get(name, ())
        if len(shape) != 2:
            raise ModelFormatError(
                f"{source}: {name} is missing or no matrix (shape {shape}); expected the tensors "
                f"of a {KNOWN_ARCHITECTURES} encoder"
            )
        return shape[axis]

    first = row.layers.format(0, 0)
    numbers = [match.groups() for name in shapes if (match := row.layer_pattern.match(name))]
    counts = [1 + max(map(int, column)) for column in zip(*numbers, strict=True)]
    names = (
        ("num_hidden_groups", "inner_group_num") if row.shares_layers else ("num_hidden_layers",)
    )
    sizes: dict[str, int | None] = {
        "vocab_size": size(WORDS, 0),
        "max_position_embeddings": size("embeddings.position_embeddings.weight", 0),
        "type_vocab_size": size("embeddings.token_type_embeddings.weight", 0),
        "hidden_size": size(f"{first}.{row.parts['query']}.weight", 0),
        "intermediate_size": size(f"{first}.{row.parts['intermediate']}.weight", 0),
        **dict(zip(names, counts, strict=True)),
    }
    return sizes | ({"embedding_size": size(WORDS, 1)} if "embedding_size" in row.sizes else {})
