"""A model as the files of a folder in Hugging Face's layout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from embedpipe.errors import ModelFormatError
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.formats.huggingface.sentence_transformers_writer import step_texts, step_weights
from embedpipe.formats.layout import COMPACT, CONFIG, SAFETENSORS, VOCABULARIES
from embedpipe.formats.model import Model
from embedpipe.formats.own_record import OWN_RECORD

if TYPE_CHECKING:  # loaded by those who write only
    from embedpipe.output import AtomicDirectory

__all__ = ["json_text", "model_parts", "model_texts", "write_model"]

# transformers would convert the weights to the type that a configuration names
_WEIGHT_TYPES = ("dtype", "torch_dtype")


def model_texts(model: Model, *, compact: bool = False) -> dict[str, bytes]:
    """All files but the weights, by name: `config.json`, the tokenizer's, and what is declared.

    `embedpipe.json` holds pooling, normalization, greatest length and prompts where the model tells
    them. Of a model with a head, or whose vectors are normalized, there are sentence-transformers'
    files too, which it needs for the same vectors; beside compact weights, which it cannot read,
    only those of a head.
    Raises ModelFormatError if the model has no vocabulary.
    """
    if not any(name in model.tokenizer_files for name in VOCABULARIES):
        raise ModelFormatError(
            f"{model.source} has no vocabulary: found none of {', '.join(VOCABULARIES)}. Copy the "
            "one that was published with the model beside it"
        )
    kept = {k: v for k, v in model.huggingface_config.items() if k not in _WEIGHT_TYPES}
    usage = model.usage
    declared = {
        "pooling": usage.pooling,
        "normalize": usage.normalize,
        "max_length": model.max_length
        if model.max_length < model.config.max_position_embeddings
        else None,
        **usage.further(),
    }
    said = {key: value for key, value in declared.items() if value is not None}
    record = {OWN_RECORD: json_text(said)} if said else {}
    has_steps = bool(model.head) or (model.normalize and not compact)
    steps = {name: json_text(text) for name, text in step_texts(model).items() if has_steps}
    return {CONFIG: json_text(kept), **model.tokenizer_files, **record, **steps}


def model_parts(
    model: Model, *, compact: bool = False
) -> Iterator[tuple[str, Iterable[bytes | memoryview]]]:
    """The name and the bytes of each file to write, the weights as float32.

    compact: whether the encoder's weights are written in the form of `huggingface.compact` instead,
    which embedpipe alone reads.
    """
    texts = model_texts(model, compact=compact)
    if compact:
        from embedpipe.formats.huggingface.compact_writer import compact_file

        weights, declared = compact_file(model.tensors)
        record = json.loads(texts.get(OWN_RECORD, b"{}"))
        texts[OWN_RECORD] = json_text({**record, "compact": declared})
        yield COMPACT, [weights]
    for name, content in sorted(texts.items()):
        yield name, [content]
    if not compact:
        yield SAFETENSORS, safetensors_parts(model.tensors)
    for name, tensors in step_weights(model).items():
        yield name, safetensors_parts(tensors)


def write_model(model: Model, folder: AtomicDirectory, *, compact: bool = False) -> None:
    """Write `model_parts` into a folder.

    `embedpipe.Encoder.load` and, unless compact, transformers' `AutoModel.from_pretrained` open the
    result. Raises ModelFormatError as `model_texts` does, and OutputError if the folder cannot be
    written.
    """
    for name, parts in model_parts(model, compact=compact):
        folder.write(name, parts)


def json_text(content: Any) -> bytes:
    """JSON that people can read; the same content gives the same bytes."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("ascii")
