"""A student as a folder that embedpipe, sentence-transformers and transformers open."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.dense import Dense
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.formats.huggingface.sentence_transformers_writer import step_texts, step_weights
from embedpipe.formats.layout import CONFIG, SAFETENSORS
from embedpipe.formats.model import Model, Usage
from embedpipe.formats.writing import json_text
from embedpipe.output import AtomicDirectory
from embedpipe.train.distillation.student import Student
from embedpipe.train.distillation.vocabulary import Vocabulary

__all__ = ["student_model", "write_student"]


def student_model(
    student: Student, vocabulary: Vocabulary, max_length: int, *, lowercase: bool
) -> Model:
    """What will be written. lowercase: whether texts are folded before the tokenizer sees them."""
    settings = json.loads(student.bert.config.to_json_string())
    settings = {k: v for k, v in settings.items() if k not in ("dtype", "torch_dtype")}
    settings["architectures"] = ["BertModel"]
    tensors = {
        name: value.detach().cpu().numpy()
        for name, value in student.bert.state_dict().items()
        if not name.endswith(("position_ids", "token_type_ids"))
    }
    head: tuple[Dense, ...] = ()
    if student.dense is not None:
        weight, bias = (
            np.ascontiguousarray(part.detach().cpu().numpy())
            for part in (student.dense.weight, student.dense.bias)
        )
        head = (Dense(weight, bias, "identity"),)
    return Model(
        source="the student",
        format="huggingface",
        config=EncoderConfig.from_huggingface(settings, source="the student's configuration"),
        huggingface_config=settings,
        tensors=tensors,
        tokenizer_files=vocabulary.files,
        usage=Usage(pooling="mean", normalize=True, lengths=(max_length,), lowercase=lowercase),
        head=head,
    )


def write_student(folder: AtomicDirectory, model: Model) -> None:
    """Write weights, tokenizer and sentence-transformers' files."""
    steps = {name: json_text(text) for name, text in step_texts(model).items()}
    lengths: dict[str, Any] = {
        "max_seq_length": model.max_length,
        "do_lower_case": model.usage.lowercase,
    }
    usage: dict[str, Any] = {
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    texts = {
        CONFIG: json_text(model.huggingface_config),
        "sentence_bert_config.json": json_text(lengths),
        "config_sentence_transformers.json": json_text(usage),
        **model.tokenizer_files,
        **steps,
    }
    for name, content in sorted(texts.items()):
        folder.write(name, [content])
    folder.write(SAFETENSORS, safetensors_parts(model.tensors))
    for name, tensors in step_weights(model).items():
        folder.write(name, safetensors_parts(tensors))
