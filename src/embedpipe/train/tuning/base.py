"""The model that learning begins with, as a folder that sentence-transformers opens."""

from __future__ import annotations

from typing import Any

from embedpipe.engine.pooling import poolings_of
from embedpipe.errors import ParameterError
from embedpipe.formats.huggingface.sentence_transformers_writer import step_texts
from embedpipe.formats.model import Model
from embedpipe.formats.own_record import OWN_RECORD
from embedpipe.formats.writing import json_text, model_parts
from embedpipe.output import AtomicDirectory

__all__ = ["write_base"]


def write_base(model: Model, folder: AtomicDirectory) -> None:
    """Write the model with all that sentence-transformers reads, whatever format it came in.

    Raises ParameterError for a pooling that sentence-transformers has not.
    """
    if "pooler" in poolings_of(model.pooling):
        raise ParameterError(
            f"{model.source}: its vectors come from the pooler, which cannot be trained here; "
            'state another one, such as {"pooling": "mean"}, in its embedpipe.json'
        )
    usage = model.usage
    reading: dict[str, Any] = {
        "max_seq_length": model.max_length,
        "do_lower_case": usage.lowercase,
    }
    using: dict[str, Any] = {
        "prompts": dict(usage.prompts),
        "default_prompt_name": usage.default_prompt_name,
        "similarity_fn_name": usage.similarity,
        "truncate_dim": usage.truncate_dim,
    }
    texts = {
        **{name: json_text(text) for name, text in step_texts(model).items()},
        "sentence_bert_config.json": json_text(reading),
        "config_sentence_transformers.json": json_text(
            {name: value for name, value in using.items() if value is not None}
        ),
    }
    for name, parts in model_parts(model):
        if name not in texts and name != OWN_RECORD:
            folder.write(name, parts)
    for name, content in texts.items():
        folder.write(name, [content])
