"""Encoders: their configuration, weights and computation, on piece ids; text is handled above."""

from embedpipe.engine.config import Activation, Architecture, EncoderConfig
from embedpipe.engine.ragged import Ragged
from embedpipe.engine.weights import (
    EncoderWeights,
    LayerNormWeights,
    LayerWeights,
    LinearWeights,
    check_weights,
    expected_shapes,
)

__all__ = [
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
