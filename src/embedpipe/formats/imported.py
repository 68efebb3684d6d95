"""What every importer gives, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.tensors import expected_shapes, find_tensors, has_pooler
from embedpipe.errors import ModelFormatError
from embedpipe.formats.huggingface.sentence_transformers import SentenceSettings, check_settings

__all__ = ["ImportReport", "ImportedModel", "TokenizerFiles", "finish"]

Tensors = Mapping[str, npt.NDArray[Any]]


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

    format: as `recognize` calls it. huggingface_config: the contents of `config.json`, from which
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
    found = find_tensors(tensors, config, source=source).tensors
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
