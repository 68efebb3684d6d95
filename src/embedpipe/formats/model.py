"""A model that was read, whatever it lay in: the one type that all readers give.

Readers are found in `reading`; writing it as a folder is in `writing`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.dense import Dense
from embedpipe.engine.pooling import Pooling, poolings_of
from embedpipe.engine.tensors import check_numbers, expected_shapes, find_tensors, has_pooler
from embedpipe.engine.weights import EncoderWeights, WeightsFile, group_weights
from embedpipe.errors import ModelFormatError
from embedpipe.formats.layout import CONFIG

__all__ = ["USUAL_PROMPTS", "Model", "Usage"]

USUAL_PROMPTS = {"query": "", "document": ""}
"""The prompts of a model that names none by these names."""


@dataclass(frozen=True)
class Usage:
    """What a model's files declare about sentence vectors; None for what they do not.

    transformer: the folder of config.json and weights, inside the model's ("" for the same one).
    lengths: declared limits on the pieces of a sequence, special ones included.
    dimension: the vector size that the pooling configuration was written for.
    lowercase: whether texts are folded to lower case before the tokenizer sees them.
    prompts: texts to put before a text, by name; default_prompt_name: the one that is put before
    every text unless another is asked for. include_prompt: whether its pieces take part in pooling.
    dense: the folders of products that follow pooling. truncate_dim: how much of a vector is kept.
    similarity: how vectors are meant to be compared.
    """

    transformer: str = ""
    pooling: Pooling | None = None
    normalize: bool | None = None
    lengths: tuple[int, ...] = ()
    dimension: int | None = None
    lowercase: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None
    include_prompt: bool = True
    dense: tuple[str, ...] = ()
    truncate_dim: int | None = None
    similarity: str = "cosine"

    def further(self) -> dict[str, Any]:
        """What a record keeps of it beside pooling, normalization and length."""
        usual = Usage()
        texts = ("lowercase", "prompts", "default_prompt_name", "include_prompt")
        names = (*texts, "truncate_dim", "similarity")
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value != getattr(usual, name)}

    def check(self, config: EncoderConfig, source: str, *, pooler: bool) -> None:
        """Raise ModelFormatError where the declared pooling does not fit the encoder.

        pooler: whether there is one among the weights.
        """
        if "pooler" in poolings_of(self.pooling or "mean") and not pooler:
            raise ModelFormatError(
                f"{source}: pooling 'pooler' is declared, but the weights have no pooler; "
                "declare 'mean' or 'cls' in embedpipe.json"
            )
        if self.dimension not in (None, config.hidden_size):
            raise ModelFormatError(
                f"{source}: the pooling configuration is for vectors of {self.dimension}; "
                f"config.json says hidden_size {config.hidden_size}; take both from the same model"
            )


@dataclass(frozen=True, eq=False)
class Model:
    """An encoder's configuration, tensors and tokenizer, as a Hugging Face folder would hold them.

    source: the folder or archive, as errors name it. format: as `recognize` calls it.
    huggingface_config: the contents of `config.json`, from which `config` was read. tensors: by
    transformers' names without prefix, as they were stored, views of the mapped files where
    possible: read-only or not, in any order of memory. tokenizer_files: by name. usage: what the
    files declare about sentence vectors. origins: the file's name of each tensor. unused: its names
    of all others. parameters: what else the files say, such as Spark NLP's parameters.
    weights_files: those that the weights lie in, in the state from before they were read; none in
    an archive, or for formats that are converted. stored: what errors call the weights. head: what
    is done to pooled vectors, in order.
    """

    source: str
    format: str
    config: EncoderConfig
    huggingface_config: Mapping[str, Any]
    tensors: Mapping[str, npt.NDArray[Any]]
    tokenizer_files: Mapping[str, bytes]
    usage: Usage = field(default_factory=Usage)
    origins: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weights_files: tuple[WeightsFile, ...] = ()
    stored: str = ""
    head: tuple[Dense, ...] = ()

    def checked(self, *, stored: str = "") -> Model:
        """The same with the encoder's tensors alone, found under whatever prefix, and named.

        stored: what errors call the weights, if not `source`. Their numbers are not read.

        Raises ModelFormatError for all that does not fit together.
        """
        config = self.config
        stored = stored or self.source
        found = find_tensors(self.tensors, config, source=stored, numbers=False)
        self.usage.check(config, self.source, pooler=has_pooler(found.tensors, config))
        vocabulary = self.tokenizer_files.get("vocab.txt", b"\n")
        pieces = vocabulary.count(b"\n") + (not vocabulary.endswith(b"\n"))
        if pieces > config.vocab_size:
            raise ModelFormatError(
                f"{self.source}: the vocabulary has {pieces} pieces, the word embeddings have "
                f"{config.vocab_size} rows. They belong to different models"
            )
        self._check_head()
        names = {name: self.origins.get(origin, origin) for name, origin in found.origins.items()}
        unused = tuple(sorted({*self.unused, *found.unused}))
        return replace(self, tensors=found.tensors, origins=names, unused=unused, stored=stored)

    def check_numbers(self) -> None:
        """Read all numbers; raise ModelFormatError that lists every tensor that is not finite."""
        check_numbers(self.tensors, source=self.stored or self.source)

    def pooled_size(self, pooling: Pooling) -> int:
        """Length of what a pooling gives."""
        return self.config.hidden_size * len(poolings_of(pooling))

    @property
    def dimension(self) -> int:
        """Length of a sentence's vector, before any of it is left off."""
        return self.head[-1].outputs if self.head else self.pooled_size(self.pooling)

    @property
    def all_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Those of the encoder and those of the head."""
        found = dict(self.tensors)
        for number, dense in enumerate(self.head):
            found[f"head.{number}.{dense.activation}.weight"] = dense.weight
            if dense.bias is not None:
                found[f"head.{number}.bias"] = dense.bias
        return found

    def _check_head(self) -> None:
        size = self.pooled_size(self.pooling)
        for folder, dense in zip(self.usage.dense, self.head, strict=True):
            if dense.inputs != size:
                raise ModelFormatError(
                    f"{self.source}/{folder}: takes vectors of {dense.inputs}; what comes before "
                    f"it gives {size}. Take both from the same model"
                )
            size = dense.outputs

    @property
    def path(self) -> Path:
        """The folder or archive."""
        return Path(self.source)

    @property
    def stated_files(self) -> dict[str, bytes]:
        """The files that tell how texts become pieces: the tokenizer's, and `config.json`."""
        return {CONFIG: json.dumps(self.huggingface_config).encode(), **self.tokenizer_files}

    @property
    def pooling(self) -> Pooling:
        """How piece vectors become a sentence's: as declared, else the mean."""
        return self.usage.pooling or "mean"

    @property
    def pooling_declared(self) -> bool:
        """Whether the files say how to pool."""
        return self.usage.pooling is not None

    @property
    def normalize(self) -> bool:
        """Whether sentence vectors get length 1; not unless declared."""
        return bool(self.usage.normalize)

    @property
    def max_length(self) -> int:
        """Most pieces of a sequence, special ones included."""
        return min((self.config.max_position_embeddings, *self.usage.lengths))

    @property
    def has_pooler(self) -> bool:
        """Whether the pooler is among the tensors."""
        return has_pooler(self.tensors, self.config)

    @property
    def missing(self) -> tuple[str, ...]:
        """Tensors that others of its architecture have: those of the pooler."""
        return tuple(sorted(expected_shapes(self.config).keys() - self.tensors.keys()))

    @cached_property
    def weights(self) -> EncoderWeights:
        """The tensors in float32 by layers and parts; views where they are float32 already."""
        return group_weights(self.tensors, self.config)
