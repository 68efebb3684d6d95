"""What an encoder tells of its model and of its engine; it computes nothing.

Some of it is there under sentence-transformers' names too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedpipe._showing import html_cell, html_table
from embedpipe.encoder.loaded import LoadedModel
from embedpipe.encoder.prompts import Prompts
from embedpipe.encoder.similarity import check_similarity
from embedpipe.engine.choice import Engine, EngineChoice
from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.pooling import Pooling
from embedpipe.engine.precision import Precision
from embedpipe.errors import ParameterError
from embedpipe.formats.model import Model
from embedpipe.subword import SubwordTokenizer

__all__ = ["Described"]

_SHORTEST = 3  # two special pieces and one of the text


class Described:
    """The attributes of `Encoder` that nobody sets."""

    name: str
    pooling: Pooling
    normalize: bool
    _prompts: Prompts
    _similarity: str
    max_length: int
    truncate_dim: int | None
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
        """Length of a vector of `encode`."""
        return min(self.truncate_dim or self.model.dimension, self.model.dimension)

    def get_embedding_dimension(self) -> int:
        """`dimension`, by sentence-transformers' name."""
        return self.dimension

    def get_sentence_embedding_dimension(self) -> int:
        """`dimension`, by sentence-transformers' former name."""
        return self.dimension

    @property
    def max_seq_length(self) -> int:
        """`max_length`, by sentence-transformers' name; it can be set."""
        return self.max_length

    @max_seq_length.setter
    def max_seq_length(self, length: int) -> None:
        most = self.config.max_position_embeddings
        if type(length) is not int or not _SHORTEST <= length <= most:
            raise ParameterError(
                f"max_seq_length: found {length!r:.80}; expected an integer from {_SHORTEST} to "
                f"{most}, the positions of this model"
            )
        self.max_length = length

    def get_max_seq_length(self) -> int:
        """`max_length`, by sentence-transformers' name."""
        return self.max_length

    @property
    def prompts(self) -> Prompts:
        """What may be put before texts, by name; texts in a dict can be set beside the model's."""
        return self._prompts

    @prompts.setter
    def prompts(self, texts: Mapping[str, str]) -> None:
        self._prompts = self._prompts.with_own(texts, None)

    @property
    def default_prompt_name(self) -> str | None:
        """The name of the prompt that is put before every text, None for none; it can be set."""
        return self._prompts.default

    @default_prompt_name.setter
    def default_prompt_name(self, name: str | None) -> None:
        self._prompts = replace(self._prompts, default=None).with_own(None, name)

    @property
    def similarity_fn_name(self) -> str:
        """How `similarity` compares: "cosine", "dot", "euclidean" or "manhattan"; it can be set."""
        return self._similarity

    @similarity_fn_name.setter
    def similarity_fn_name(self, name: str) -> None:
        self._similarity = check_similarity(name)

    @property
    def device(self) -> str:
        """Where it computes: on the processor."""
        return "cpu"

    def to(self, device: Any = None) -> Any:
        """The encoder itself, for code that puts models onto a device; only "cpu" is one here."""
        if str(device) != "cpu":
            raise ParameterError(
                f"to: found {device!r:.80}; embedpipe computes on the processor. Leave it out, or "
                "pass 'cpu'"
            )
        return self

    def cpu(self) -> Any:
        """The encoder itself."""
        return self

    def eval(self) -> Any:
        """The encoder itself, which never trains."""
        return self

    @property
    def hidden_size(self) -> int:
        """Length of a piece's vector, by transformers' name."""
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

    def _repr_html_(self) -> str:
        facts = {
            "architecture": self.config.architecture,
            "dimension": self.dimension,
            "layers": self.config.num_hidden_layers,
            "pooling": self.pooling + (", then length 1" if self.normalize else ""),
            "max_length": f"{self.max_length} pieces",
            "precision": self.precision,
            "computed by": f"{self.isa}, {self.threads} threads at most",
            "path": self.path,
        }
        rows = [[html_cell(name), html_cell(value)] for name, value in facts.items()]
        return html_table(f"Encoder {self.name}", ["", ""], rows)

    def __repr__(self) -> str:
        return (
            f"Encoder({self.name!r}, {self.config.architecture}, dimension={self.dimension}, "
            f"pooling={self.pooling!r}, precision={self.precision!r}, "
            f"isa={self.isa!r}, threads={self.threads})"
        )
