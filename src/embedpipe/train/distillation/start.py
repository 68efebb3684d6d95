"""What a student begins with: tables and layers of a trained model, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from embedpipe.encoder import Encoder
from embedpipe.engine.config import EncoderConfig, huggingface_name
from embedpipe.engine.tensors import layer_names
from embedpipe.errors import ParameterError
from embedpipe.train.distillation.student import Student

__all__ = ["fit_dense", "make_student", "student_config", "usual_layers"]

_WORDS = "embeddings.word_embeddings.weight"
_PLACES = "embeddings.position_embeddings.weight"
_KINDS = "embeddings.token_type_embeddings.weight"
_HEAD_SIZE = 64
_RIDGE = 1e-3  # of the mean variance


def usual_layers(wanted: int, there: int) -> tuple[int, ...]:
    """Evenly spread layers with the first and the last among them.

    >>> usual_layers(3, 6), usual_layers(1, 6), usual_layers(2, 12)
    ((0, 3, 5), (5,), (0, 11))
    """
    if wanted == 1:
        return (there - 1,)
    return tuple(int(i * (there - 1) / (wanted - 1) + 0.5) for i in range(wanted))


def student_config(base: EncoderConfig, layers: int, hidden: int, pieces: int, length: int) -> Any:
    """transformers' configuration of a student of this size."""
    from transformers import BertConfig

    same = hidden == base.hidden_size
    return BertConfig(
        vocab_size=pieces,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=base.num_attention_heads if same else _heads(hidden),
        intermediate_size=base.intermediate_size if same else 4 * hidden,
        max_position_embeddings=length,
        type_vocab_size=base.type_vocab_size,
        hidden_act=huggingface_name(base.activation),
        layer_norm_eps=base.layer_norm_eps,
        hidden_dropout_prob=0.0,  # a teacher's vectors leave nothing to overfit
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
    )


def make_student(  # noqa: PLR0913, PLR0917
    config: Any,
    base: Encoder,
    kept: npt.NDArray[np.int64],
    layers: Sequence[int],
    dimension: int,
    device: str,
) -> Student:
    """A student whose tables come from `base`, and its layers where `layers` names some.

    Where the hidden size is another, tables are projected on the main directions (PCA) of the kept
    pieces' vectors, and layers begin at random, by PyTorch's generator. dimension: of its vectors.
    """
    given = base.model.tensors
    words = torch.from_numpy(np.array(given[_WORDS], np.float32)[kept])
    hidden, width = config.hidden_size, words.shape[1]
    basis = torch.eye(width) if hidden == width else _directions(words, hidden)
    student = Student(config, dimension, device)
    state = student.bert.state_dict()
    state[_WORDS] = words @ basis
    state[_PLACES] = _tensor(given[_PLACES])[: config.max_position_embeddings] @ basis
    state[_KINDS] = _tensor(given[_KINDS]) @ basis
    if student.is_static:
        state[_PLACES].zero_()
    if hidden == width and base.config.architecture == "bert":
        for leaf in ("weight", "bias"):
            name = f"embeddings.LayerNorm.{leaf}"
            state[name] = _tensor(given[name])
        _copy_layers(state, given, base.config, layers)
    student.bert.load_state_dict(state)
    return student


def fit_dense(
    student: Student, pooled: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32]
) -> None:
    """Set the Dense step by ridge regression from pooled vectors (n, hidden) to the teacher's."""
    x, y = torch.from_numpy(pooled).double(), torch.from_numpy(vectors).double()
    middle, goal = x.mean(0), y.mean(0)
    x, y = x - middle, y - goal
    spread = x.T @ x
    ridge = _RIDGE * spread.diagonal().mean() * torch.eye(len(spread), dtype=spread.dtype)
    weight = torch.linalg.solve(spread + ridge, x.T @ y)
    with torch.no_grad():
        student.dense.weight.copy_(weight.T)
        student.dense.bias.copy_(goal - middle @ weight)


def _copy_layers(
    state: dict[str, Any],
    given: Mapping[str, npt.NDArray[Any]],
    config: EncoderConfig,
    layers: Sequence[int],
) -> None:
    names = layer_names(config)
    for new, old in enumerate(layers):
        prefix = f"{names[old]}."
        for name, tensor in given.items():
            if name.startswith(prefix):
                state[f"encoder.layer.{new}.{name.removeprefix(prefix)}"] = _tensor(tensor)


def _directions(words: Any, hidden: int) -> Any:
    """The main directions of vectors about their mean, (width, hidden), each with a fixed sign."""
    if hidden > words.shape[1]:
        raise ParameterError(
            f"the student's hidden size {hidden} is larger than the {words.shape[1]} of the word "
            "embeddings that it begins with; expected at most these"
        )
    away = (words - words.mean(0)).double()
    basis = torch.linalg.eigh(away.T @ away)[1].flip(1)[:, :hidden]
    largest = basis.gather(0, basis.abs().argmax(0, keepdim=True))
    return (basis * largest.sign()).float()


def _heads(hidden: int) -> int:
    """As many heads of 64 as there is room for, or fewer where they must share it evenly."""
    heads = max(1, hidden // _HEAD_SIZE)
    while hidden % heads:
        heads -= 1
    return heads


def _tensor(array: npt.NDArray[Any]) -> Any:
    return torch.from_numpy(np.array(array, np.float32))
