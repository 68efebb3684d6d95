"""An imported model as the files of a folder in Hugging Face's layout."""

from __future__ import annotations

from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.formats.imported import ImportedModel, TokenizerFiles
from embedpipe.formats.model_files import (
    CONFIG,
    ModelFiles,
    config_text,
    json_text,
    own_settings,
)
from embedpipe.output import AtomicDirectory

__all__ = ["model_files", "write_huggingface"]


def model_files(model: ImportedModel) -> ModelFiles:
    """`config.json`, the vocabulary, `tokenizer_config.json`, the weights, and what is declared.

    The vocabulary is `vocab.txt` or `spiece.model`, and `tokenizer.json` where there was one.
    `embedpipe.json` holds pooling, normalization and greatest length where the model tells them.

    Raises ModelFormatError if the model has no vocabulary, or one that no file can hold.
    """
    usage = model.usage
    texts = {
        CONFIG: config_text(model.huggingface_config),
        "tokenizer_config.json": json_text(_tokenizer_settings(model.tokenizer)),
        **_vocabulary(model.tokenizer, model.source),
        **own_settings(
            model.config,
            pooling=usage.pooling,
            normalize=usage.normalize,
            max_length=min(usage.lengths, default=None),
            further=usage.further(),
        ),
    }
    return ModelFiles(texts, model.tensors)


def write_huggingface(model: ImportedModel, folder: AtomicDirectory) -> None:
    """Write `model_files` into a folder, the weights stored as float32.

    `embedpipe.Encoder.load` and transformers' `AutoModel.from_pretrained` open the result. Raises
    the errors of `model_files`, and OutputError if the folder cannot be written.
    """
    for name, parts in model_files(model).parts():
        folder.write(name, parts)


def _tokenizer_settings(tokenizer: TokenizerFiles) -> dict[str, Any]:
    lower = tokenizer.do_lower_case
    return {**tokenizer.further, **({} if lower is None else {"do_lower_case": lower})}


def _vocabulary(tokenizer: TokenizerFiles, source: str) -> dict[str, bytes]:
    """The vocabulary's files by name."""
    whole = tokenizer.tokenizer_json
    files = {} if whole is None else {"tokenizer.json": whole}
    if tokenizer.sentencepiece is not None:
        return {**files, "spiece.model": tokenizer.sentencepiece}
    if tokenizer.vocabulary is None:
        if files:
            return files
        raise ModelFormatError(
            f"{source} has no vocabulary: found neither vocab.txt nor spiece.model nor "
            "tokenizer.json. Copy the one that was published with the model beside it"
        )
    for number, piece in enumerate(tokenizer.vocabulary):
        if any("\ud800" <= character <= "\udfff" or character in "\r\n" for character in piece):
            raise ModelFormatError(
                f"{source}: the piece {number}, {piece[:80]!a}, is no line of text; expected "
                "pieces without line ends and lone surrogates. Fetch the model again"
            )
    lines = "".join(f"{piece}\n" for piece in tokenizer.vocabulary)
    return {**files, "vocab.txt": lines.encode("utf-8")}
