"""The families of encoders, a row each: what their files call things, and where they differ.

Configurations, weights, importers and stages are read by these rows. docs/architecture.md tells
what a further one takes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

__all__ = ["ARCHITECTURES", "KNOWN_ARCHITECTURES", "WORDS", "Architecture", "architecture_of"]

WORDS = "embeddings.word_embeddings.weight"
"""The tensor that every encoder has, by transformers' name."""

_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
_BERT_PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "intermediate": "intermediate.dense",
    "output": "output.dense",
    "output_norm": "output.LayerNorm",
}
_ALBERT_PARTS = {
    "query": "attention.query",
    "key": "attention.key",
    "value": "attention.value",
    "attention_output": "attention.dense",
    "attention_norm": "attention.LayerNorm",
    "intermediate": "ffn",
    "output": "ffn_output",
    "output_norm": "full_layer_layer_norm",
}
_BERT_ANNOTATORS = ("BertEmbeddings", "BertSentenceEmbeddings")


class Architecture(NamedTuple):
    """One family; names are transformers', without the prefix of the model.

    name: as configurations of embedpipe and its catalog say. title: as people write it.
    model_types: in `config.json`. model_class: of transformers. annotators: the stages that may use
    it, by name. sizes: what `config.json` must say; defaults: what it may leave out, and is then.
    prefix: under which models with a head keep their encoder. layers: the name of a distinct layer,
    with its number, or where layers are shared those of its group and within it. parts: of a layer,
    in the order of LayerWeights' fields. pooler: None for families that have none. projection: from
    embedding size to hidden size; needed where these differ, and also where they are equal if
    `projects_always`. first_position: rows of the position table before it belong to no piece.
    special: the pieces around a text, unless its files name others.
    """

    name: str
    title: str
    model_types: tuple[str, ...]
    model_class: str
    annotators: tuple[str, ...]
    prefix: str
    sizes: tuple[str, ...] = _SIZES
    defaults: Mapping[str, int] = {"type_vocab_size": 2}
    layers: str = "encoder.layer.{}"
    parts: Mapping[str, str] = _BERT_PARTS
    pooler: str | None = "pooler.dense"
    projection: str | None = None
    projects_always: bool = False
    shares_layers: bool = False
    first_position: int = 0
    special: tuple[str, str] = ("[CLS]", "[SEP]")

    @property
    def groups(self) -> tuple[str, ...]:
        """What the names of all its tensors begin with."""
        heads = (self.pooler, self.projection)
        further = [name.partition(".")[0] for name in heads if name is not None]
        return tuple(dict.fromkeys(("embeddings", "encoder", *further)))

    @property
    def layer_pattern(self) -> re.Pattern[str]:
        """Fits the beginning of the names of a layer's tensors; its groups are the numbers."""
        return re.compile(re.escape(self.layers).replace(r"\{\}", "([0-9]{1,4})") + r"\.")

    def projects(self, embedding_size: int, hidden_size: int) -> bool:
        """Whether a model of these sizes has the projection."""
        differ = embedding_size != hidden_size
        return self.projection is not None and (self.projects_always or differ)


_ROWS = (
    Architecture(
        name="bert",
        title="BERT",
        model_types=("bert",),
        model_class="BertModel",
        annotators=_BERT_ANNOTATORS,
        prefix="bert.",
    ),
    Architecture(  # BERT's layers; the discriminator is the encoder, and has no pooler
        name="electra",
        title="ELECTRA",
        model_types=("electra",),
        model_class="ElectraModel",
        annotators=_BERT_ANNOTATORS,
        prefix="electra.",
        sizes=(*_SIZES, "embedding_size"),
        pooler=None,
        projection="embeddings_project",
    ),
    Architecture(
        name="albert",
        title="ALBERT",
        model_types=("albert",),
        model_class="AlbertModel",
        annotators=("AlbertEmbeddings",),
        prefix="albert.",
        sizes=(*_SIZES, "embedding_size"),
        defaults={"type_vocab_size": 2, "num_hidden_groups": 1, "inner_group_num": 1},
        layers="encoder.albert_layer_groups.{}.albert_layers.{}",
        parts=_ALBERT_PARTS,
        pooler="pooler",
        projection="encoder.embedding_hidden_mapping_in",
        projects_always=True,
        shares_layers=True,
    ),
)

ARCHITECTURES: dict[str, Architecture] = {row.name: row for row in _ROWS}
"""All rows by name."""

KNOWN_ARCHITECTURES = f"{', '.join(row.title for row in _ROWS[:-1])} or {_ROWS[-1].title}"
"""For errors: "BERT, ELECTRA or ALBERT"."""


def architecture_of(names: Collection[str], prefix: str) -> Architecture:
    """The row of tensors by transformers' names, which stood behind `prefix` in their file.

    >>> architecture_of(["encoder.layer.0.output.dense.bias"], "electra.").title
    'ELECTRA'
    """
    fitting = [row for row in _ROWS if any(map(row.layer_pattern.match, names))] or [*_ROWS[:1]]
    for row in fitting:
        if prefix.endswith(row.prefix) or f"{row.projection}.weight" in names:
            return row
    return fitting[0]
