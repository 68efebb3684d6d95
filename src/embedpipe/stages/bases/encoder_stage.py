"""Base class of the stages with an encoder: loading it, and its parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import numpy as np

from embedpipe.engine.precision import PRECISIONS
from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.frames.columns import Column
from embedpipe.params import Param, anything, boolean, choice, integer, string
from embedpipe.pipeline.stage import Annotator, Stage
from embedpipe.stages.bases.length_policy import HasLengthPolicy
from embedpipe.stages.bases.shared_params import HasCompatibility
from embedpipe.subword.sequences import Parts, Sequences, join

if TYPE_CHECKING:
    from embedpipe.encoder import Encoder
    from embedpipe.engine.precision import AskedPrecision
    from embedpipe.engine.ragged import Ragged
    from embedpipe.subword import SubwordTokenizer, WordSplitter

__all__ = ["EncoderStage"]

E = TypeVar("E", bound="EncoderStage")

_RECORDED_LENGTH = 128
_NO_EFFECT = "accepted for compatibility, without effect"


class EncoderStage(HasLengthPolicy, HasCompatibility, Annotator):
    """A stage around an encoder, which it shares with its copies and never changes.

    `precision` is that of `Encoder.load`, and the encoder's own unless set: it concerns products
    with the layers' weights only, and weights are packed for it when the first text comes. Under
    `pooling` "flattened", sentences with padding go without the engine and stay exact.
    """

    default_model: ClassVar[str | None] = None

    batchSize = Param("a hint, without effect on results", integer(minimum=1), default=8)
    setBatchSize, getBatchSize = batchSize.accessors()
    caseSensitive = Param("whether case matters to the pieces", boolean, default=False)
    setCaseSensitive, getCaseSensitive = caseSensitive.accessors()
    configProtoBytes = Param(_NO_EFFECT, anything)
    setConfigProtoBytes, getConfigProtoBytes = configProtoBytes.accessors()
    dimension = Param("width of the vectors, as the column's metadata tells it", integer(), 768)
    setDimension, getDimension = dimension.accessors()
    engine = Param(_NO_EFFECT, string)
    setEngine, getEngine = engine.accessors()
    precision = Param(
        "of products with the layers' weights; the encoder's own", choice(*PRECISIONS), "float32"
    )
    setPrecision, getPrecision = precision.accessors()
    storageRef = Param("name of the vectors in the column's metadata", string)
    setStorageRef, getStorageRef = storageRef.accessors()

    left_behind = ("_splitter",)
    _splitter: tuple[tuple[SubwordTokenizer, Any], WordSplitter] | None = None

    def __init__(self, encoder: Encoder | None = None, **params: Any) -> None:
        self._encoder = encoder
        super().__init__()
        self._set_defaults(storageRef=self.uid)
        if encoder is not None:
            self._adopt(encoder)
        self.setParams(**params)

    @classmethod
    def pretrained(
        cls: type[E], name: str | None = None, lang: str = "en", remote_loc: str | None = None
    ) -> E:
        """A stage with the model of that name, or with the default model.

        Names are looked up as `Encoder.load` does, in the language `lang`; the default models are
        English ("en"). `remote_loc`: a folder of model folders, to look for the name in.
        """
        if name is None and lang != "en":
            raise ParameterError(
                f"{cls.__name__}.pretrained: the default model is for lang 'en', got {lang!r}; "
                "give the name of a model for that language"
            )
        wanted = name or cls.default_model
        if remote_loc is not None:
            if wanted is None:
                raise ParameterError(f"{cls.__name__}.pretrained: remote_loc needs a name")
            return cls.load(Path(remote_loc) / wanted)
        # Imported late: stages without a model need neither NumPy kernels nor tokenizers.
        from embedpipe.encoder import Encoder

        return cls(Encoder.load(wanted, language=lang))

    @classmethod
    def loadSavedModel(
        cls: type[E], folder: str | os.PathLike[str], spark_session: Any = None
    ) -> E:
        """The same as `load`; there is no Spark session to pass."""
        del spark_session
        return cls.load(folder)

    @property
    def encoder(self) -> Encoder:
        """The shared encoder in the stage's precision; ModelNotFoundError if it has none."""
        if self._encoder is None:
            name = type(self).__name__
            raise ModelNotFoundError(
                f"{self.label} has no model; make the stage by {name}.pretrained(), "
                f"{name}.load(folder) or {name}(encoder)"
            )
        return self._encoder.with_precision(cast("AskedPrecision", self.getPrecision()))

    def with_uid(self: E, uid: str) -> E:
        """This stage under another uid, which by default names its vectors too."""
        self._set_defaults(storageRef=uid)
        return super().with_uid(uid)

    @property
    def shown_model(self) -> str:
        """The name of the encoder."""
        return "" if self._encoder is None else self._encoder.name

    def word_splitter(self, cut: Callable[[str], Sequence[str]]) -> WordSplitter:
        """The splitter for words that `cut` finds, which is kept with its cache for later rows."""
        tokenizer = self.encoder.tokenizer
        made_for, splitter = self._splitter or (None, None)
        if splitter is None or made_for != (tokenizer, cut):
            splitter = tokenizer.word_splitter(cut)
            self._splitter = (tokenizer, cut), splitter
        return splitter

    def fitted(self) -> Stage:
        """A copy that shares the encoder, which must be there."""
        _ = self.encoder
        return super().fitted()

    def vector_metadata(self, inputs: Sequence[Column]) -> dict[str, Any]:  # noqa: ARG002
        """The dimension and storageRef of this stage."""
        return {"dimension": self.getDimension(), "ref": self.getStorageRef()}

    def recorded_defaults(self) -> dict[str, Any]:
        """The maximum length of Spark NLP, or of the model if that is less."""
        limit = _RECORDED_LENGTH
        if self._encoder is not None:
            limit = min(limit, self._encoder.config.max_position_embeddings)
        return {**super().recorded_defaults(), "maxSentenceLength": limit}

    def join(self, pieces: Ragged, parts: Parts) -> Sequences:
        """The parts of sentences' pieces between the model's [CLS] and [SEP]."""
        tokenizer = self.encoder.tokenizer
        return join(pieces, parts, cls_id=tokenizer.cls_id, sep_id=tokenizer.sep_id)

    def _adopt(self, encoder: Encoder) -> None:
        fitting = encoder.config.row.annotators
        if not any(base.__name__ in fitting for base in type(self).__mro__):
            raise ModelFormatError(
                f"{type(self).__name__} takes no model of architecture "
                f"{encoder.config.architecture}, as {encoder.name!r} is; use "
                f"{' or '.join(fitting)}"
            )
        self._set_defaults(
            caseSensitive=_case_matters(encoder),
            dimension=encoder.hidden_size,
            maxSentenceLength=encoder.max_length,
            precision=encoder.precision,
        )

    def _check_together(self) -> None:
        super()._check_together()
        self._check_recorded("lengthPolicy")
        if self._encoder is not None:
            _ = self.encoder  # which refuses a precision that it cannot have
            positions = self._encoder.config.max_position_embeddings
            if self.getMaxSentenceLength() > positions:
                raise ParameterError(
                    f"{self.label}: maxSentenceLength must be at most {positions}, the positions "
                    f"of this model, got {self.getMaxSentenceLength()}"
                )


def _case_matters(encoder: Encoder) -> bool:
    """Whether the model's own tokenizer distinguishes upper and lower case."""
    upper, lower = (
        encoder.tokenizer.encode(letters) for letters in (ascii_uppercase, ascii_lowercase)
    )
    return not np.array_equal(upper.ids.values, lower.ids.values)
