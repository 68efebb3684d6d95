"""Options of embedding. This module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedpipe.encoder import Encoder
    from embedpipe.engine.pooling import Pooling
    from embedpipe.engine.precision import AskedPrecision

__all__ = ["VECTORS", "ModelOptions"]

VECTORS = "embedding"
"""The column of vectors, unless another name is given."""


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how its vectors are made.

    model: a name or folder for `Encoder.load`, None for the default model; or an encoder that is
    loaded already, for which `threads` is settled. pooling, normalize: as for `Encoder.encode`.
    precision: as for `Encoder.load`; None for float32, or that of the encoder that is loaded, or of
    the vectors that are searched. prompt, prompt_name: what is put before every text, as for
    `Encoder.encode`; where files are searched, before the query.
    """

    model: str | Path | Encoder | None = None
    threads: int | None = None
    pooling: Pooling | None = None
    normalize: bool | None = None
    precision: AskedPrecision | None = None
    prompt: str | None = None
    prompt_name: str | None = None
