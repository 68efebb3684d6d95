"""What an encoder tells of its model and of its engine; it computes nothing."""

from __future__ import annotations

from pathlib import Path

from embedpipe.encoder.loaded import LoadedModel
from embedpipe.encoder.prompts import Prompts
from embedpipe.engine.choice import Engine, EngineChoice
from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.pooling import Pooling
from embedpipe.engine.precision import Precision
from embedpipe.formats.model import Model
from embedpipe.subword import SubwordTokenizer

__all__ = ["Described"]


class Described:
    """The attributes of `Encoder` that nobody sets."""

    name: str
    pooling: Pooling
    _model: LoadedModel
    _choice: EngineChoice

    @property
    def path(self) -> Path:
        """The folder of the model's files, or their archive."""
        return self.model.path

    @property
    def loaded(self) -> LoadedModel:
        """What all encoders of this model share."""
        return self._model

    @property
    def model(self) -> Model:
        """What was read."""
        return self._model.read

    @property
    def config(self) -> EncoderConfig:
        """Sizes of the encoder."""
        return self.model.config

    @property
    def tokenizer(self) -> SubwordTokenizer:
        """Text to piece ids."""
        return self._model.tokenizer

    @property
    def prompts(self) -> Prompts:
        """What may be put before texts, by name, and which one is by default."""
        return self._model.prompts

    @property
    def has_pooler(self) -> bool:
        """Whether "pooler" is among the poolings that can be asked for."""
        return self._model.has_pooler

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that tell models apart, the same in whatever format one is stored.

        Precision, pooling and normalization have no part in it.
        """
        return self._model.fingerprint

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.config.hidden_size

    @property
    def hidden_size(self) -> int:
        """Length of a vector, by transformers' name."""
        return self.config.hidden_size

    @property
    def precision(self) -> Precision:
        """Of the products with weights: "float32", "bfloat16" or "int8"."""
        return self._choice.precision

    @property
    def threads(self) -> int:
        """At most so many compute."""
        return self._choice.threads

    @property
    def isa(self) -> str:
        """The instruction set in use, or "reference"."""
        return self._choice.isa

    @property
    def _engine(self) -> Engine:
        return self._model.engine(self._choice)

    @property
    def _window(self) -> int:
        """How many pieces to hand to the engine at once."""
        return self._model.window

    def __repr__(self) -> str:
        return (
            f"Encoder({self.name!r}, {self.config.architecture}, dimension={self.dimension}, "
            f"pooling={self.pooling!r}, precision={self.precision!r}, "
            f"isa={self.isa!r}, threads={self.threads})"
        )
