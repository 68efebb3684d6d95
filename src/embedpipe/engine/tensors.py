"""The named tensors of an encoder: which must be there, found among those that a file holds.

How they are grouped into layers is in `weights`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from embedpipe.engine.architecture import WORDS, Architecture
from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import listed

__all__ = [
    "FoundTensors",
    "as_float32",
    "check_numbers",
    "expected_shapes",
    "find_tensors",
    "has_pooler",
    "layer_names",
]

Shape = tuple[int, ...]
Tensors = Mapping[str, npt.NDArray[Any]]

_NORM = "embeddings.LayerNorm"
_NORM_PARTS = {"attention_norm", "output_norm"}
_BUFFERS = {"embeddings.position_ids", "embeddings.token_type_ids"}  # of older transformers
# Old PyTorch checkpoints kept TensorFlow's names for those of LayerNorm.
_OLD_LEAVES = {"gamma": "weight", "beta": "bias"}


class FoundTensors(NamedTuple):
    """An encoder's tensors among a file's.

    tensors: by transformers' names without prefix, as they were stored. origins: the file's name of
    each. unused: the file's other names, such as those of training heads, sorted.
    """

    tensors: dict[str, npt.NDArray[Any]]
    origins: dict[str, str]
    unused: tuple[str, ...]


def layer_names(config: EncoderConfig) -> list[str]:
    """The prefix of each distinct layer's tensors, in the order of `EncoderWeights.layers`.

    >>> from embedpipe.engine import EncoderConfig
    >>> config = EncoderConfig("bert", 100, 8, 8, 2, 2, 16, 32, 2, 1e-12, "gelu_erf")
    >>> layer_names(config)
    ['encoder.layer.0', 'encoder.layer.1']
    """
    if not config.row.shares_layers:
        return [config.row.layers.format(index) for index in range(config.num_hidden_layers)]
    return [
        config.row.layers.format(group, inner)
        for group in range(config.num_hidden_groups)
        for inner in range(config.inner_group_num)
    ]


def expected_shapes(config: EncoderConfig) -> dict[str, Shape]:
    """Every tensor of the encoder and its shape, by transformers' names without model prefix.

    The two pooler tensors are listed too, though a model may lack both.
    """
    row, hidden, embedding = config.row, config.hidden_size, config.embedding_size
    positions = row.first_position + config.max_position_embeddings
    shapes: dict[str, Shape] = {
        WORDS: (config.vocab_size, embedding),
        "embeddings.position_embeddings.weight": (positions, embedding),
        "embeddings.token_type_embeddings.weight": (config.type_vocab_size, embedding),
    }
    shapes |= _norm_shapes(_NORM, embedding)
    if row.projection is not None and row.projects(embedding, hidden):
        shapes |= _linear_shapes(row.projection, embedding, hidden)
    for name in layer_names(config):
        shapes |= _layer_shapes(name, config)
    return shapes if row.pooler is None else shapes | _linear_shapes(row.pooler, hidden, hidden)


def _linear_shapes(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm_shapes(name: str, size: int) -> dict[str, Shape]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _layer_shapes(layer: str, config: EncoderConfig) -> dict[str, Shape]:
    hidden, intermediate = config.hidden_size, config.intermediate_size
    widths = {"intermediate": (hidden, intermediate), "output": (intermediate, hidden)}
    shapes: dict[str, Shape] = {}
    for part, suffix in config.row.parts.items():
        name = f"{layer}.{suffix}"
        if part in _NORM_PARTS:
            shapes |= _norm_shapes(name, hidden)
        else:
            shapes |= _linear_shapes(name, *widths.get(part, (hidden, hidden)))
    return shapes


def has_pooler(tensors: Collection[str], config: EncoderConfig) -> bool:
    """Whether a pooler is among an encoder's tensors, given by name."""
    return config.row.pooler is not None and f"{config.row.pooler}.weight" in tensors


def find_tensors(
    stored: Tensors, config: EncoderConfig, *, source: str, numbers: bool = True
) -> FoundTensors:
    """The encoder's tensors among those that `source` holds, each checked.

    All names may begin with one prefix, such as "bert." or "module.bert.". LayerNorm's old names
    `gamma` and `beta` are taken for `weight` and `bias`. What is not the encoder's is left over; a
    tensor under one of the encoder's own names that the configuration has no place for is not.

    numbers: whether to read the numbers as well, which takes longer than all else: where they are
    packed they are seen anyway, and `check_numbers` is for what is found there.

    Raises ModelFormatError that lists every missing, misshapen, surplus or not finite tensor.
    """
    prefix = _prefix(stored, config.row, source)
    expected = expected_shapes(config)
    places: dict[str, list[str]] = {}  # the file's names by the encoder's
    for name in stored:
        inner = _inner_name(name, prefix, config.row, expected)
        if inner is not None:
            places.setdefault(inner, []).append(name)
    if config.row.pooler is not None:
        pooler = {f"{config.row.pooler}.weight", f"{config.row.pooler}.bias"}
        if not pooler & places.keys():
            expected = {name: shape for name, shape in expected.items() if name not in pooler}
    found = {name: stored[origins[0]] for name, origins in places.items()}
    problems = [
        f"{name}: stored as {' and as '.join(all_)}; keep one"
        for name, all_ in places.items()
        if len(all_) > 1
    ]
    problems += _problems(found, expected)
    if numbers or problems:
        problems += _number_problems(found, expected)
    if problems:
        names = ", ".join(ascii(name[:80]) for name in list(stored)[:3])
        hint = "" if places else f"\nThe names in it are {names} and others."
        raise _refusal(source, problems, hint)
    used = {name: places[name][0] for name in expected}
    unused = tuple(sorted(stored.keys() - set(used.values())))
    return FoundTensors({name: found[name] for name in expected}, used, unused)


def check_numbers(tensors: Tensors, *, source: str) -> None:
    """Raise `find_tensors`' error for what it was not to read: tensors that are not finite."""
    problems = list(_number_problems(tensors, tensors))
    if problems:
        raise _refusal(source, problems)


def _refusal(source: str, problems: list[str], hint: str = "") -> ModelFormatError:
    return ModelFormatError(
        f"{source} does not hold the weights that its configuration describes:"
        f"{listed(problems)}{hint}\nCheck that config.json belongs to these weights."
    )


def _prefix(names: Collection[str], row: Architecture, source: str) -> str:
    """What stands before the encoder's names: found by the word embeddings."""
    ends = (name.removesuffix(WORDS) for name in names if name.endswith(WORDS))
    found = sorted({prefix for prefix in ends if prefix == "" or prefix.endswith(".")})
    usual = [prefix for prefix in (row.prefix, "") if prefix in found]
    if not usual and len(found) > 1:
        shown = ", ".join(ascii(prefix[:80]) for prefix in found[:5])
        raise ModelFormatError(
            f"{source} holds {len(found)} encoders, under the prefixes {shown}; expected one. "
            "Save one of them by itself"
        )
    return (usual or found or [""])[0]


def _inner_name(name: str, prefix: str, row: Architecture, expected: Collection[str]) -> str | None:
    """The encoder's name for a tensor of a file; None for what is not the encoder's."""
    inner = name.removeprefix(prefix).removeprefix(row.prefix)
    stem, _, leaf = inner.rpartition(".")
    inner = f"{stem}.{_OLD_LEAVES.get(leaf, leaf)}" if stem else inner
    # A head beside a prefixed encoder may have a name like the encoder's own.
    is_inside = name.startswith(prefix) and inner.partition(".")[0] in row.groups
    return inner if inner in expected or (is_inside and inner not in _BUFFERS) else None


def _problems(tensors: Tensors, expected: Mapping[str, Shape]) -> Iterator[str]:
    for name, shape in expected.items():
        tensor = tensors.get(name)
        if tensor is None:
            yield f"{name}: missing; expected shape {shape}"
        elif tensor.shape != shape:
            yield f"{name}: shape {tensor.shape}; expected {shape}"
        elif tensor.dtype.kind != "f":
            yield f"{name}: {tensor.dtype}; expected floating-point numbers"
    for name in sorted(tensors.keys() - expected.keys()):
        yield f"{name}: shape {tensors[name].shape}; the configuration has no such tensor"


def _number_problems(tensors: Tensors, names: Collection[str]) -> Iterator[str]:
    for name in names:
        tensor = tensors.get(name)
        if tensor is None or tensor.dtype.kind != "f":
            continue
        # In float32: a float64 beyond its range would become infinite
        bad = tensor.size - int(np.isfinite(as_float32(tensor)).sum())
        if bad:
            yield f"{name}: {bad} of {tensor.size} numbers are NaN or infinite"


def as_float32(tensor: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The same numbers; those beyond float32 become infinite, which `find_tensors` reports."""
    if tensor.dtype == np.float32:
        return np.asarray(tensor)
    with np.errstate(over="ignore"):
        return np.asarray(tensor, np.float32)
