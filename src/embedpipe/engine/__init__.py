"""Encoders: their configuration, weights and computation, on piece ids; text is handled above."""

from embedpipe.engine.architecture import ARCHITECTURES, Architecture
from embedpipe.engine.config import Activation, EncoderConfig
from embedpipe.engine.ragged import Ragged
from embedpipe.engine.tensors import expected_shapes
from embedpipe.engine.weights import (
    EncoderWeights,
    LayerNormWeights,
    LayerWeights,
    LinearWeights,
    check_weights,
)

__all__ = [
    "ARCHITECTURES",
    "Activation",
    "Architecture",
    "EncoderConfig",
    "EncoderWeights",
    "LayerNormWeights",
    "LayerWeights",
    "LinearWeights",
    "Ragged",
    "check_weights",
    "expected_shapes",
]
