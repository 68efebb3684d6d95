"""The named tensors of an encoder: what must be there, and their grouping into layers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError

__all__ = [
    "EncoderWeights",
    "LayerNormWeights",
    "LayerWeights",
    "LinearWeights",
    "WeightsFile",
    "check_tensors",
    "check_weights",
    "current_name",
    "expected_shapes",
    "has_pooler",
    "layer_names",
]

Float32 = npt.NDArray[np.float32]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LinearWeights:
    """`y = x @ weight.T + bias`: weight (out, in) as it lies in a file, bias (out,)."""

    weight: Float32
    bias: Float32


@dataclass(frozen=True, eq=False)
class LayerNormWeights:
    """Scale and shift after normalisation: both (size,)."""

    weight: Float32
    bias: Float32


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One transformer layer: D is the hidden size, F the intermediate size.

    query, key, value, attention_output: (D, D); intermediate: (F, D); output: (D, F).
    attention_norm follows the attention block, output_norm the feed-forward block.
    """

    query: LinearWeights
    key: LinearWeights
    value: LinearWeights
    attention_output: LinearWeights
    attention_norm: LayerNormWeights
    intermediate: LinearWeights
    output: LinearWeights
    output_norm: LayerNormWeights


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """All tensors of one encoder, float32; E is the embedding size.

    Matrices of linear maps may lie in any order, such as transposed, and at any address; all else
    is C-contiguous and aligned.

    word_embeddings (V, E), position_embeddings (P, E), token_type_embeddings (types, E);
    embedding_projection (D, E) for ALBERT, None for BERT; `layers` are the distinct ones, in the
    order that `EncoderConfig.layer_schedule` counts; pooler (D, D), None where the model has none.
    """

    word_embeddings: Float32
    position_embeddings: Float32
    token_type_embeddings: Float32
    embedding_norm: LayerNormWeights
    embedding_projection: LinearWeights | None
    layers: tuple[LayerWeights, ...]
    pooler: LinearWeights | None


@dataclass(frozen=True)
class WeightsFile:
    """Which file weights came from, and in which state: any change of its content shows.

    path: absolute, links resolved. changed_ns: of the inode, which unlike modified_ns cannot be
    set back, as unpacking an archive does.
    """

    path: str
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> WeightsFile:
        """The file as it is now. Raises OSError where there is none."""
        resolved = path.resolve(strict=True)
        status = resolved.stat()
        return cls(str(resolved), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


# The parts of a layer in the order of LayerWeights' fields, under transformers' names.
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
_NORM_PARTS = {"attention_norm", "output_norm"}
_POOLER = {"bert": "pooler.dense", "albert": "pooler"}
_PROJECTION = "encoder.embedding_hidden_mapping_in"

# Tensors beside the encoder's that training heads and older versions of transformers leave behind.
_IGNORED = re.compile(
    r"(cls|predictions|sop_classifier|classifier|qa_outputs|lm_head)\."
    r"|embeddings\.(position_ids|token_type_ids)$"
)


def layer_names(config: EncoderConfig) -> list[str]:
    """The prefix of each distinct layer's tensors, in the order of `EncoderWeights.layers`.

    >>> from embedpipe.engine import EncoderConfig
    >>> config = EncoderConfig("bert", 100, 8, 8, 2, 2, 16, 32, 2, 1e-12, "gelu_erf")
    >>> layer_names(config)
    ['encoder.layer.0', 'encoder.layer.1']
    """
    if config.architecture == "bert":
        return [f"encoder.layer.{index}" for index in range(config.num_hidden_layers)]
    return [
        f"encoder.albert_layer_groups.{group}.albert_layers.{inner}"
        for group in range(config.num_hidden_groups)
        for inner in range(config.inner_group_num)
    ]


def expected_shapes(config: EncoderConfig) -> dict[str, Shape]:
    """Every tensor of the encoder and its shape, by transformers' names without model prefix.

    The two pooler tensors are listed too, though a model may lack both.
    """
    hidden, embedding = config.hidden_size, config.embedding_size
    shapes: dict[str, Shape] = {
        "embeddings.word_embeddings.weight": (config.vocab_size, embedding),
        "embeddings.position_embeddings.weight": (config.max_position_embeddings, embedding),
        "embeddings.token_type_embeddings.weight": (config.type_vocab_size, embedding),
    }
    shapes |= _norm_shapes("embeddings.LayerNorm", embedding)
    if config.architecture == "albert":
        shapes |= _linear_shapes(_PROJECTION, embedding, hidden)
    for name in layer_names(config):
        shapes |= _layer_shapes(name, config)
    return shapes | _linear_shapes(_POOLER[config.architecture], hidden, hidden)


def _linear_shapes(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm_shapes(name: str, size: int) -> dict[str, Shape]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _layer_shapes(layer: str, config: EncoderConfig) -> dict[str, Shape]:
    hidden, intermediate = config.hidden_size, config.intermediate_size
    widths = {"intermediate": (hidden, intermediate), "output": (intermediate, hidden)}
    shapes: dict[str, Shape] = {}
    for part, suffix in _parts(config).items():
        name = f"{layer}.{suffix}"
        if part in _NORM_PARTS:
            shapes |= _norm_shapes(name, hidden)
        else:
            shapes |= _linear_shapes(name, *widths.get(part, (hidden, hidden)))
    return shapes


def _parts(config: EncoderConfig) -> dict[str, str]:
    return _BERT_PARTS if config.architecture == "bert" else _ALBERT_PARTS


def check_weights(
    tensors: Mapping[str, npt.NDArray[Any]], config: EncoderConfig, *, source: str
) -> EncoderWeights:
    """Check tensors against `expected_shapes` and group them; `source` names them in errors.

    Float16 and float64 are converted to float32; LayerNorm's old names `gamma` and `beta` are taken
    for `weight` and `bias`. Tensors of training heads are ignored. Arrays that are float32 are
    shared, not copied: matrices of linear maps however they lie, others if they need not be moved.

    Raises ModelFormatError that lists every missing, misshapen, surplus or not finite tensor.
    """
    found = check_tensors(tensors, config, source=source)
    return _group({name: _as_float32(tensor) for name, tensor in found.items()}, config)


def check_tensors(
    tensors: Mapping[str, npt.NDArray[Any]], config: EncoderConfig, *, source: str
) -> dict[str, npt.NDArray[Any]]:
    """The check alone: the encoder's tensors by their names now, as they were stored."""
    renamed = {current_name(name): tensor for name, tensor in tensors.items()}
    expected = expected_shapes(config)
    pooler = _POOLER[config.architecture]
    if not any(name.startswith(f"{pooler}.") for name in renamed):
        expected = {name: s for name, s in expected.items() if not name.startswith(f"{pooler}.")}
    if len(renamed) < len(tensors):
        problems = ["the same LayerNorm tensor under its old and its new name (gamma and weight)"]
    else:
        problems = list(_problems(renamed, expected))
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise ModelFormatError(
            f"{source} does not hold the weights that its configuration describes:{listed}\n"
            "Check that config.json belongs to these weights, and fetch the model again."
        )
    return {name: renamed[name] for name in expected}


def has_pooler(tensors: Collection[str], config: EncoderConfig) -> bool:
    """Whether a pooler is among an encoder's tensors, given by name."""
    return f"{_POOLER[config.architecture]}.weight" in tensors


def current_name(name: str) -> str:
    """A tensor's name now; old PyTorch checkpoints kept TensorFlow's for those of LayerNorm."""
    if name.endswith(".gamma"):
        return name.removesuffix("gamma") + "weight"
    if name.endswith(".beta"):
        return name.removesuffix("beta") + "bias"
    return name


def _problems(
    tensors: Mapping[str, npt.NDArray[Any]], expected: Mapping[str, Shape]
) -> Iterator[str]:
    for name, shape in expected.items():
        tensor = tensors.get(name)
        if tensor is None:
            yield f"{name}: missing; expected shape {shape}"
        elif tensor.shape != shape:
            yield f"{name}: shape {tensor.shape}; expected {shape}"
        elif tensor.dtype.kind != "f":
            yield f"{name}: {tensor.dtype}; expected floating-point numbers"
        else:
            # In float32: a float64 beyond its range would become infinite
            bad = tensor.size - int(np.isfinite(_as_float32(tensor)).sum())
            if bad:
                yield f"{name}: {bad} of {tensor.size} numbers are NaN or infinite"
    for name in sorted(set(tensors) - set(expected)):
        if not _IGNORED.match(name):
            yield f"{name}: shape {tensors[name].shape}; the configuration has no such tensor"


def _as_float32(tensor: npt.NDArray[Any]) -> Float32:
    with np.errstate(over="ignore"):  # reported as infinite by the check
        return np.asarray(tensor, np.float32)


def _group(arrays: Mapping[str, Float32], config: EncoderConfig) -> EncoderWeights:
    def plain(name: str) -> Float32:
        return np.require(arrays[name], requirements=["C_CONTIGUOUS", "ALIGNED"])

    def linear(name: str) -> LinearWeights:
        return LinearWeights(arrays[f"{name}.weight"], plain(f"{name}.bias"))

    def norm(name: str) -> LayerNormWeights:
        return LayerNormWeights(plain(f"{name}.weight"), plain(f"{name}.bias"))

    def layer(prefix: str) -> LayerWeights:
        grouped: dict[str, Any] = {
            part: (norm if part in _NORM_PARTS else linear)(f"{prefix}.{suffix}")
            for part, suffix in _parts(config).items()
        }
        return LayerWeights(**grouped)

    pooler = _POOLER[config.architecture]
    return EncoderWeights(
        word_embeddings=plain("embeddings.word_embeddings.weight"),
        position_embeddings=plain("embeddings.position_embeddings.weight"),
        token_type_embeddings=plain("embeddings.token_type_embeddings.weight"),
        embedding_norm=norm("embeddings.LayerNorm"),
        embedding_projection=linear(_PROJECTION) if _PROJECTION + ".weight" in arrays else None,
        layers=tuple(layer(prefix) for prefix in layer_names(config)),
        pooler=linear(pooler) if f"{pooler}.weight" in arrays else None,
    )
