"""`embedpipe.load`: from names in one line, or what was saved, to a pipeline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.hub.catalog import catalog
from embedpipe.oneline.components import Components, stage_for
from embedpipe.oneline.names import Reference, references_of, same_words
from embedpipe.oneline.notices import tell_of_ignored
from embedpipe.oneline.pipeline import OneLinePipeline
from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.stages import (
    DocumentAssembler,
    SentenceDetector,
    SentenceEmbeddings,
    Tokenizer,
    TokenizerModel,
)
from embedpipe.stages.bases.encoder_stage import EncoderStage

if TYPE_CHECKING:
    from embedpipe.engine.precision import AskedPrecision

__all__ = ["load"]

_FROM_DISK = "from_disk"
_SUFFIX = "_embeddings"
_ROLES = (
    ("document", DocumentAssembler),
    ("sentence", SentenceDetector),
    ("token", (Tokenizer, TokenizerModel)),
)


def load(  # noqa: PLR0913, PLR0917
    request: str = _FROM_DISK,
    path: str | os.PathLike[str] | None = None,
    verbose: bool = False,
    gpu: bool = False,
    streamlit_caching: bool = False,
    apple_silicon: bool = False,
    get_tracer: bool = False,
    *,
    precision: AskedPrecision = "float32",
    threads: int | None = None,
) -> OneLinePipeline:
    """A pipeline for models by their names in one line; source: NLU's `load`.

    Args:
        request: names with spaces between them: NLU's, such as "en.embed.bert.small_L12_256", those
            of models, or paths; whatever `Encoder.load` takes. Names with `embed_sentence`, and
            models that were published for sentences, give vectors of sentences, others of tokens.
        path: of what a pipeline's `save` has written, instead of names.
        verbose, gpu, streamlit_caching, apple_silicon, get_tracer: accepted from NLU; they mean
            nothing here, and a warning says what to do instead.
        precision, threads: of all models, as for `Encoder.load`.

    Raises:
        ModelNotFoundError: no model has such a name; near ones are suggested.
        ModelFormatError: files are damaged, or nothing here makes embeddings of them.
        ParameterError: no name at all, or a bad precision or number of threads.

    >>> load("all-MiniLM-L6-v2").predict("It rains.").shape
    (1, 2)
    """
    tell_of_ignored(
        {
            "verbose": verbose,
            "gpu": gpu,
            "streamlit_caching": streamlit_caching,
            "apple_silicon": apple_silicon,
            "get_tracer": get_tracer,
        }
    )
    if path is not None:
        return _saved(path)
    models: dict[str, EncoderStage] = {}
    averages: dict[str, SentenceEmbeddings] = {}
    for reference in references_of(request):
        stage = _stage(reference, precision, threads)
        models[reference.stem] = stage
        if reference.makes_sentences and not _makes_sentences(stage):
            averages[reference.stem] = SentenceEmbeddings()
    return OneLinePipeline(Components(models, averages))


def _stage(reference: Reference, precision: AskedPrecision, threads: int | None) -> EncoderStage:
    from embedpipe.encoder import Encoder

    try:
        encoder = Encoder.load(reference.text, precision=precision, threads=threads)
    except ModelNotFoundError as error:
        near = same_words(reference.text, catalog())
        if not near or reference.text in near or "did you mean" in str(error):
            raise
        meant = " or ".join(map(repr, near))
        raise ModelNotFoundError(
            f"no model is named {reference.text!r}; did you mean {meant}?"
        ) from error
    return stage_for(encoder, reference.makes_sentences)


def _makes_sentences(stage: EncoderStage) -> bool:
    return stage.output_annotator_type == SentenceEmbeddings.output_annotator_type


def _saved(path: str | os.PathLike[str]) -> OneLinePipeline:
    """A pipeline of what `OneLinePipeline.save` writes, or of stages alike."""
    others: dict[str, Any] = {}
    models: dict[str, EncoderStage] = {}
    averages: dict[str, SentenceEmbeddings] = {}
    for stage in PipelineModel.load(path).stages:
        if isinstance(stage, EncoderStage):
            models[stage.getOutputCol().removesuffix("_words").removesuffix(_SUFFIX)] = stage
        elif isinstance(stage, SentenceEmbeddings):
            averages[stage.getOutputCol().removesuffix(_SUFFIX)] = stage
        elif (role := next((r for r, kind in _ROLES if isinstance(stage, kind)), None)) is not None:
            others[role] = stage
        else:
            raise ModelFormatError(
                f"{os.fspath(path)}: {stage.label} is no part of a one-line pipeline; load it with "
                "PipelineModel.load"
            )
    if not models:
        raise ModelFormatError(
            f"{os.fspath(path)}: the pipeline has no stage with a model; load it with "
            "PipelineModel.load"
        )
    return OneLinePipeline(Components(models, averages, **others))
