"""The stages of a one-line pipeline, which of them a level of output takes, and its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from embedpipe.annotation import AnnotatorType
from embedpipe.errors import ModelFormatError
from embedpipe.oneline.features import (
    BEGIN,
    END,
    RESULT,
    Feature,
    Part,
    metadata_parts,
    vector_part,
)
from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.pipeline.stage import Stage
from embedpipe.stages import (
    STAGES,
    ChunkEmbeddings,
    Doc2Chunk,
    DocumentAssembler,
    SentenceDetector,
    SentenceEmbeddings,
    Tokenizer,
    TokenizerModel,
)
from embedpipe.stages.bases.encoder_stage import EncoderStage

if TYPE_CHECKING:
    from embedpipe.encoder import Encoder

__all__ = ["CHUNK", "CHUNKS", "LEVELS", "TEXT", "Components", "Shown", "stage_for"]

TEXT, DOCUMENT, SENTENCE, TOKEN, CHUNK = "text", "document", "sentence", "token", "chunk"
CHUNKS = "chunks"  # the input of level chunk
LEVELS = (TOKEN, SENTENCE, DOCUMENT, CHUNK)

_SENTENCE_VECTORS = AnnotatorType.SENTENCE_EMBEDDINGS
_SUFFIX, _WORDS = "_embeddings", "_words"

_OF_TOKENS = metadata_parts("sentence")
_OF_WORDS = metadata_parts(
    "sentence", "isOOV", "isWordStart", "pieceId", "piecesUsed", "piecesTotal"
)
_OF_SENTENCES = metadata_parts("sentence", "isWordStart", "pieceId", "piecesUsed", "piecesTotal")
_OF_MEANS = metadata_parts("sentence", "isWordStart", "pieceId")
_OF_CHUNKS = metadata_parts("sentence", "chunk", "isWordStart", "pieceId")


class Shown(NamedTuple):
    """What columns a result has beside those of its level."""

    vectors: bool = True
    positions: bool = False
    metadata: bool = False
    other_levels: bool = False


def stage_for(encoder: Encoder, makes_sentences: bool | None) -> EncoderStage:
    """A stage with the model: for vectors of sentences or tokens, as its files suggest for None.

    Where its architecture has no stage for sentences, it is one for tokens.
    """
    wanted = encoder.model.pooling_declared if makes_sentences is None else makes_sentences
    fitting = [
        stage
        for stage in STAGES
        if issubclass(stage, EncoderStage) and stage.__name__ in encoder.config.row.annotators
    ]
    if not fitting:
        raise ModelFormatError(
            f"no stage makes embeddings by {encoder.name!r}, of architecture "
            f"{encoder.config.architecture}; use Encoder.load"
        )
    made = [stage.output_annotator_type == _SENTENCE_VECTORS for stage in fitting]
    return fitting[made.index(wanted) if wanted in made else 0](encoder)


class Components:
    """The stages of a pipeline, by the keys that they are configured under.

    models: by stem. averages: stems of stages for tokens whose vectors become those of sentences.
    """

    def __init__(
        self,
        models: Mapping[str, EncoderStage],
        averages: Mapping[str, SentenceEmbeddings],
        document: DocumentAssembler | None = None,
        sentence: SentenceDetector | None = None,
        token: Tokenizer | TokenizerModel | None = None,
    ) -> None:
        self.document = document or DocumentAssembler(inputCol=TEXT)
        self.sentence = sentence or SentenceDetector(inputCols=[DOCUMENT], outputCol=SENTENCE)
        self.token = token or Tokenizer(inputCols=[SENTENCE])
        self.models = dict(models)
        self.averages = dict(averages)
        for stem, stage in self.models.items():  # for those who look at them
            read = [SENTENCE] if _of_sentences(stage) else [SENTENCE, TOKEN]
            stage.setParams(inputCols=read, outputCol=stem + _SUFFIX)

    @property
    def by_key(self) -> dict[str, Stage]:
        """All that can be configured."""
        stages: dict[str, Stage] = {"document_assembler": self.document}
        stages |= {"sentence_detector": self.sentence}
        if any(not _of_sentences(stage) for stage in self.models.values()):
            stages |= {"tokenizer": self.token}
        return {**stages, **self.models}

    @property
    def own_level(self) -> str:
        """The level of the last model."""
        stem = list(self.models)[-1]
        return SENTENCE if self.makes_sentences(stem) else TOKEN

    def makes_sentences(self, stem: str) -> bool:
        """Whether a model's vectors are those of sentences."""
        return stem in self.averages or _of_sentences(self.models[stem])

    def stages(self, level: str, *, vectors: bool = True, chunk_lists: bool = True) -> list[Stage]:
        """Those that a level needs, with the columns that they read and make."""
        models = self.models if vectors else {}
        tokens = level == TOKEN or any(not _of_sentences(stage) for stage in models.values())
        taken: list[Stage] = [self.document.copy({"inputCol": TEXT, "outputCol": DOCUMENT})]
        if tokens or level == SENTENCE or (models and level != DOCUMENT):
            sentences = {"inputCols": [DOCUMENT], "outputCol": SENTENCE, "explodeSentences": False}
            taken.append(self.sentence.copy(sentences))
        if tokens:
            taken.append(self.token.copy({"inputCols": [SENTENCE], "outputCol": TOKEN}))
        if level == CHUNK:
            columns = {"inputCols": [DOCUMENT], "outputCol": CHUNK, "chunkCol": CHUNKS}
            taken.append(Doc2Chunk(**columns, isArray=chunk_lists))
        for stem, stage in models.items():
            taken += self._of_model(stem, stage, level)
        return taken

    def _of_model(self, stem: str, stage: EncoderStage, level: str) -> list[Stage]:
        around, made = DOCUMENT if level == DOCUMENT else SENTENCE, stem + _SUFFIX
        if _of_sentences(stage):
            return [stage.copy({"inputCols": [around], "outputCol": made})]
        words = stage.copy({"inputCols": [SENTENCE, TOKEN], "outputCol": made})
        if level == CHUNK:
            words.set("outputCol", stem + _WORDS)
            return [words, ChunkEmbeddings(inputCols=[CHUNK, stem + _WORDS], outputCol=made)]
        if stem in self.averages:
            words.set("outputCol", stem + _WORDS)
            columns = {"inputCols": [around, stem + _WORDS], "outputCol": made}
            return [words, self.averages[stem].copy(columns)]
        return [words]

    def pipeline_model(self) -> PipelineModel:
        """All stages as a pipeline, which makes a column of annotations for each."""
        return PipelineModel(self.stages(self.own_level))

    def features(self, level: str, stages: Sequence[Stage], shown: Shown) -> list[Feature]:
        """The columns of a result."""
        made = {name for stage in stages for name in stage.output_names()}
        of_level = [RESULT, *([BEGIN, END] if shown.positions else [])]
        of_level += _OF_TOKENS if shown.metadata and level == TOKEN else []
        found = [Feature(level + part.suffix, level, part, own=True) for part in of_level]
        for stem in self.models if shown.vectors else ():
            found += self._of_vectors(stem, level, shown)
        others = [name for name in (DOCUMENT, SENTENCE, TOKEN) if name in made - {level}]
        of_others = [RESULT] if shown.other_levels or shown.metadata else []
        of_others += [BEGIN, END] if shown.positions else []
        return found + [Feature(n + part.suffix, n, part) for n in others for part in of_others]

    def _of_vectors(self, stem: str, level: str, shown: Shown) -> list[Feature]:
        column, own = stem + _SUFFIX, level == TOKEN
        parts: list[Part] = list(_OF_WORDS)
        if self.makes_sentences(stem):
            parts = list(_OF_MEANS if stem in self.averages else _OF_SENTENCES)
            own = level in (SENTENCE, DOCUMENT)
        if level == CHUNK and not _of_sentences(self.models[stem]):
            parts, own = list(_OF_CHUNKS), True
        dimension = self.models[stem].encoder.dimension
        wanted = [vector_part(dimension), *([BEGIN, END] if shown.positions else [])]
        wanted += parts if shown.metadata else []
        return [Feature(column + part.suffix, column, part, own) for part in wanted]


def _of_sentences(stage: EncoderStage) -> bool:
    return stage.output_annotator_type == _SENTENCE_VECTORS
