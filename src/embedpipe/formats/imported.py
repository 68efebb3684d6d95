"""What every importer gives, and the checks that all of them share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from embedpipe.engine.config import Activation, EncoderConfig
from embedpipe.engine.weights import check_tensors, expected_shapes, has_pooler
from embedpipe.errors import ModelFormatError
from embedpipe.formats.huggingface.sentence_transformers import SentenceSettings, check_settings

__all__ = ["ImportReport", "ImportedModel", "TokenizerFiles", "finish", "huggingface_config"]

Shape = tuple[int, ...]
Tensors = Mapping[str, npt.NDArray[Any]]

_HIDDEN_ACT: dict[Activation, str] = {"gelu_erf": "gelu", "gelu_tanh": "gelu_new"}
_ACTIVATIONS = {name: activation for activation, name in _HIDDEN_ACT.items()}


@dataclass(frozen=True)
class TokenizerFiles:
    """The vocabulary as it was published: the lines of `vocab.txt`, or a SentencePiece model.

    tokenizer_json: the file of that name, beside those or instead of them. do_lower_case: None
    where the files do not say. further: other entries of `tokenizer_config.json` on which the
    pieces of a text depend.
    """

    vocabulary: tuple[str, ...] | None = None
    sentencepiece: bytes | None = None
    do_lower_case: bool | None = None
    further: Mapping[str, Any] = field(default_factory=dict)
    tokenizer_json: bytes | None = None


@dataclass(frozen=True)
class ImportReport:
    """What became of each tensor: transformers' names with the file's, left over, not there."""

    mapped: Mapping[str, str]
    unused: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A model out of any format, as a Hugging Face folder would hold it.

    format: as `recognise` calls it. huggingface_config: the contents of `config.json`, from which
    `config` was read. tensors: by transformers' names without prefix, as they were stored (float32
    or float16), views of the mapped files where possible: read-only or not, in any order of memory.
    settings: what else the files say, such as Spark NLP's parameters, by their names there. usage:
    what the files declare about sentence vectors.
    """

    source: str
    format: str
    config: EncoderConfig
    huggingface_config: Mapping[str, Any]
    tensors: Mapping[str, npt.NDArray[Any]]
    tokenizer: TokenizerFiles
    report: ImportReport
    settings: Mapping[str, Any] = field(default_factory=dict)
    usage: SentenceSettings = field(default_factory=SentenceSettings)


def finish(  # noqa: PLR0913
    *,
    source: str,
    format_name: str,
    raw_config: Mapping[str, Any],
    tensors: Tensors,
    origins: Mapping[str, str],
    unused: tuple[str, ...],
    tokenizer: TokenizerFiles,
    settings: Mapping[str, Any] | None = None,
    usage: SentenceSettings | None = None,
) -> ImportedModel:
    """Check configuration, tensors and vocabulary against each other, and report.

    Raises ModelFormatError that lists everything missing, misshapen or not finite.
    """
    config = EncoderConfig.from_huggingface(raw_config, source=f"{source}: configuration")
    found = check_tensors(tensors, config, source=source)
    usage = usage or SentenceSettings()
    check_settings(usage, config, source, pooler=has_pooler(found, config))
    _check_vocabulary(tokenizer, config, source)
    missing = tuple(sorted(expected_shapes(config).keys() - tensors.keys()))
    return ImportedModel(
        source=source,
        format=format_name,
        config=config,
        huggingface_config=dict(raw_config),
        tensors=dict(tensors),
        tokenizer=tokenizer,
        report=ImportReport(dict(origins), unused, missing),
        settings=dict(settings or {}),
        usage=usage,
    )


def _check_vocabulary(tokenizer: TokenizerFiles, config: EncoderConfig, source: str) -> None:
    if tokenizer.vocabulary is not None and len(tokenizer.vocabulary) > config.vocab_size:
        raise ModelFormatError(
            f"{source}: the vocabulary has {len(tokenizer.vocabulary)} pieces, the word embeddings "
            f"have {config.vocab_size} rows. They belong to different models: fetch both again"
        )


def huggingface_config(  # noqa: PLR0913
    shapes: Mapping[str, Shape],
    *,
    architecture: str,
    heads: int | None,
    passes: int | None,
    activation: Activation | None,
    layer_norm_eps: float | None,
    declared: Mapping[str, Any] | None,
    source: str,
) -> dict[str, Any]:
    """The contents of a `config.json`, from tensors' shapes and whatever else is known.

    shapes: by transformers' names. declared: the configuration file beside the model, if any: its
    sizes go first, so that a contradiction to the tensors is found. activation: of the computation,
    which overrules what is declared.
    """
    found = _sizes(shapes, architecture, source)
    found["num_attention_heads"] = heads
    if architecture == "albert":
        found["num_hidden_layers"] = passes
    _refuse_contradictions(declared or {}, found, source)
    merged: dict[str, Any] = {key: value for key, value in found.items() if value is not None}
    merged |= {key: value for key, value in (declared or {}).items() if key in _KEPT}
    unknown = [key for key in ("num_attention_heads", "num_hidden_layers") if key not in merged]
    if unknown:
        raise ModelFormatError(
            f"{source}: {' and '.join(unknown)} cannot be told from the tensors. Put the model's "
            "bert_config.json or albert_config.json beside them"
        )
    merged["model_type"] = architecture
    merged["hidden_act"] = _HIDDEN_ACT[activation or "gelu_tanh"]
    merged.setdefault("layer_norm_eps", layer_norm_eps or 1e-12)
    return {**_ARCHITECTURES[architecture], **merged}


def _refuse_contradictions(
    declared: Mapping[str, Any], found: Mapping[str, int | None], source: str
) -> None:
    problems = [
        f"{key}: {declared[key]!r:.80} is declared; the model itself has {value}"
        for key, value in found.items()
        if value is not None and declared.get(key, value) != value
    ]
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise ModelFormatError(
            f"{source}: the configuration contradicts the tensors:{listed}\n"
            "Take both from the same model, and fetch it again."
        )


_ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": {"architectures": ["BertModel"]},
    "albert": {"architectures": ["AlbertModel"]},
}
_BERT_NUMBER = re.compile(r"encoder\.layer\.([0-9]{1,4})\.")
_ALBERT_NUMBERS = re.compile(
    r"encoder\.albert_layer_groups\.([0-9]{1,4})\.albert_layers\.([0-9]{1,4})\."
)
# What is taken from a configuration file; the rest concerns training.
_KEPT = {
    "vocab_size",
    "hidden_size",
    "embedding_size",
    "num_hidden_layers",
    "num_hidden_groups",
    "inner_group_num",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
    "pad_token_id",
}


def _sizes(shapes: Mapping[str, Shape], architecture: str, source: str) -> dict[str, int | None]:
    """Every size that the tensors' shapes give."""

    def size(name: str, axis: int) -> int:
        shape = shapes.get(name, ())
        if len(shape) != 2:
            raise ModelFormatError(
                f"{source}: {name} is missing or no matrix (shape {shape}); expected the tensors "
                "of a BERT or ALBERT encoder. Fetch the model again"
            )
        return shape[axis]

    words = "embeddings.word_embeddings.weight"
    sizes: dict[str, int | None] = {
        "vocab_size": size(words, 0),
        "max_position_embeddings": size("embeddings.position_embeddings.weight", 0),
        "type_vocab_size": size("embeddings.token_type_embeddings.weight", 0),
    }
    if architecture == "albert":
        first = "encoder.albert_layer_groups.0.albert_layers.0"
        numbers = [match.groups() for name in shapes if (match := _ALBERT_NUMBERS.match(name))]
        return sizes | {
            "embedding_size": size(words, 1),
            "hidden_size": size(f"{first}.attention.query.weight", 0),
            "intermediate_size": size(f"{first}.ffn.weight", 0),
            "num_hidden_groups": 1 + max((int(group) for group, _ in numbers), default=0),
            "inner_group_num": 1 + max((int(inner) for _, inner in numbers), default=0),
        }
    layers = [int(match[1]) for name in shapes if (match := _BERT_NUMBER.match(name))]
    return sizes | {
        "hidden_size": size(words, 1),
        "intermediate_size": size("encoder.layer.0.intermediate.dense.weight", 0),
        "num_hidden_layers": 1 + max(layers, default=0),
    }


def as_hidden_act(name: Any) -> Activation | None:
    """The activation that a configuration names, or None."""
    return _ACTIVATIONS.get(name) if isinstance(name, str) else None
