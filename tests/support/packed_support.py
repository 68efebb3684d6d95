"""Vectors with and without the cache of packed weights, for its tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.engine.weights import EncoderWeights

TEXTS = ["a text", "another, longer one", "z"]


def vectors(model: Path, **options: Any) -> bytes:
    return Encoder.load(model, **options).encode(TEXTS).tobytes()


def vectors_without_cache(model: Path, **options: Any) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDPIPE_PACKED_CACHE", "0")
        return vectors(model, **options)


def the_file(folder: Path) -> Path:
    (only,) = folder.iterdir()
    return only


def without_weights(weights: EncoderWeights) -> EncoderWeights:
    """The same shapes and embedding tables, all other numbers NaN."""

    def undefined(part: Any) -> Any:
        return replace(part, **{k: np.full_like(v, np.nan) for k, v in vars(part).items()})

    layers = [
        replace(layer, **{name: undefined(part) for name, part in vars(layer).items()})
        for layer in weights.layers
    ]
    return replace(
        weights,
        embedding_norm=undefined(weights.embedding_norm),
        layers=tuple(layers),
        pooler=undefined(weights.pooler),
    )
