"""Engines of random models, and the instruction sets of this machine."""

from __future__ import annotations

from typing import Any

from embedpipe.engine import EncoderConfig, check_weights
from embedpipe.engine.native import NativeEncoder, supported_isas
from tests.support.model_folders import random_tensors

ISAS = [isa for isa in supported_isas() if isa in ("avx512", "avx2", "portable")]


def encoder_of(raw: dict[str, Any], kind: Any = NativeEncoder, **options: Any) -> Any:
    config = EncoderConfig.from_huggingface(raw, source="config.json")
    weights = check_weights(random_tensors(raw), config, source="weights")
    return kind(config, weights, **options)
