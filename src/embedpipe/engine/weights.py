"""An encoder's tensors by layers and parts; their names in files are in `tensors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.architecture import WORDS
from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.tensors import as_float32, find_tensors, layer_names

__all__ = [
    "EncoderWeights",
    "LayerNormWeights",
    "LayerWeights",
    "LinearWeights",
    "WeightsFile",
    "check_weights",
    "group_weights",
]

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LinearWeights:
    """`y = x @ weight.T + bias`: weight (out, in) as it lies in a file, bias (out,)."""

    weight: Float32
    bias: Float32


@dataclass(frozen=True, eq=False)
class LayerNormWeights:
    """Scale and shift after normalization: both (size,)."""

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
    embedding_projection (D, E), None for families without; `layers` are the distinct ones, in the
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


def check_weights(
    tensors: Mapping[str, npt.NDArray[Any]], config: EncoderConfig, *, source: str
) -> EncoderWeights:
    """`group_weights` of `find_tensors`, whose errors it raises."""
    return group_weights(find_tensors(tensors, config, source=source).tensors, config)


def group_weights(tensors: Mapping[str, npt.NDArray[Any]], config: EncoderConfig) -> EncoderWeights:
    """The tensors that `find_tensors` gives, by layers and parts.

    Float16 and float64 are converted to float32. Arrays that are float32 are shared, not copied:
    matrices of linear maps however they lie, others if they need not be moved.
    """
    row = config.row

    def plain(name: str) -> Float32:
        return np.require(as_float32(tensors[name]), requirements=["C_CONTIGUOUS", "ALIGNED"])

    def linear(name: str) -> LinearWeights:
        return LinearWeights(as_float32(tensors[f"{name}.weight"]), plain(f"{name}.bias"))

    def optional_linear(name: str | None) -> LinearWeights | None:
        return None if name is None or f"{name}.weight" not in tensors else linear(name)

    def norm(name: str) -> LayerNormWeights:
        return LayerNormWeights(plain(f"{name}.weight"), plain(f"{name}.bias"))

    def layer(prefix: str) -> LayerWeights:
        grouped: dict[str, Any] = {
            part: (norm if part.endswith("_norm") else linear)(f"{prefix}.{suffix}")
            for part, suffix in row.parts.items()
        }
        return LayerWeights(**grouped)

    return EncoderWeights(
        word_embeddings=plain(WORDS),
        position_embeddings=plain("embeddings.position_embeddings.weight")[row.first_position :],
        token_type_embeddings=plain("embeddings.token_type_embeddings.weight"),
        embedding_norm=norm("embeddings.LayerNorm"),
        embedding_projection=optional_linear(row.projection),
        layers=tuple(layer(prefix) for prefix in layer_names(config)),
        pooler=optional_linear(row.pooler),
    )
