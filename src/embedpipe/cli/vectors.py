"""Texts with gaps to vectors with gaps, by the model of a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import embedpipe
from embedpipe.cli.options import ModelOptions
from embedpipe.encoder.encoder import Encoder
from embedpipe.engine.pooling import Pooling

__all__ = ["Embedder", "Vectors"]


@dataclass(frozen=True)
class Vectors:
    """values: float32 (n, dimension), zeros where not present. present: (n,), False for null texts.

    cut: how many texts were longer than the model's max_length and lost their end.
    """

    values: npt.NDArray[np.float32]
    present: npt.NDArray[np.bool_]
    cut: int


@dataclass(frozen=True)
class Embedder:
    """An encoder with its precision, pooling and normalization settled."""

    encoder: Encoder
    pooling: Pooling
    normalize: bool

    @classmethod
    def load(cls, options: ModelOptions) -> Embedder:
        """Load the model unless that is done already; None in `options` takes the model's own."""
        encoder = options.model
        if not isinstance(encoder, Encoder):
            encoder = Encoder.load(encoder, threads=options.threads)
        if options.precision is not None:
            encoder = encoder.at_precision(options.precision)
        return cls(
            encoder,
            encoder.pooling if options.pooling is None else options.pooling,
            encoder.normalize if options.normalize is None else options.normalize,
        )

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.encoder.dimension

    def origin(self) -> dict[str, Any]:
        """What its vectors are made with, as JSON can hold it: to be stored with them."""
        return {
            "embedpipe": embedpipe.__version__,
            "model": self.encoder.name,
            "pooling": self.pooling,
            "normalize": self.normalize,
            "max_length": self.encoder.max_length,
            "precision": self.encoder.precision,
        }

    def embed(self, texts: Sequence[str | None]) -> Vectors:
        """Embed n texts as `Encoder.encode` does, leaving gaps where a text is None."""
        present = np.fromiter((text is not None for text in texts), np.bool_, len(texts))
        known = [text for text in texts if text is not None]
        pieces = self.encoder.tokenize(known)
        values = np.zeros((len(texts), self.dimension), np.float32)
        values[present] = self.encoder.encode_pieces(
            pieces.ids, pooling=self.pooling, normalize=self.normalize
        )
        return Vectors(values, present, int(np.count_nonzero(pieces.truncated)))
