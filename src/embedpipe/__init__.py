"""Contextual word and sentence embeddings from BERT-family encoders, exact and fast on any CPU.

Importing this package loads nothing but its errors; each other name brings its module in when first
used.

>>> import embedpipe
>>> "Encoder" in dir(embedpipe)
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedpipe._version import __version__ as __version__
from embedpipe.errors import (
    AmbiguousColumnWarning,
    ColumnError,
    DownloadError,
    EmbedpipeError,
    EmbedpipeWarning,
    IgnoredArgumentWarning,
    InputError,
    MissingDependencyError,
    ModelFormatError,
    ModelNotFoundError,
    NotHereError,
    OutputError,
    ParameterError,
    TrainingDataWarning,
    TrainingError,
    TruncationWarning,
    UnknownSettingWarning,
    UnsupportedPatternError,
)

if TYPE_CHECKING:
    from embedpipe.annotation import Annotation
    from embedpipe.embedding.exact import search
    from embedpipe.embedding.files import embed_files
    from embedpipe.embedding.indexing import index_files
    from embedpipe.embedding.options import ModelOptions
    from embedpipe.embedding.search import search_file, search_files
    from embedpipe.encoder import Encoder
    from embedpipe.engine.ragged import Ragged
    from embedpipe.files.input_options import InputOptions
    from embedpipe.frames.vectors import vectors
    from embedpipe.hub.catalog import search_models, show
    from embedpipe.oneline import load
    from embedpipe.pipeline.light import LightPipeline
    from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
    from embedpipe.spark.session import start
    from embedpipe.verification import verify

_HOME = {
    "Annotation": "embedpipe.annotation",
    "Encoder": "embedpipe.encoder",
    "InputOptions": "embedpipe.files.input_options",
    "LightPipeline": "embedpipe.pipeline.light",
    "ModelOptions": "embedpipe.embedding.options",
    "Pipeline": "embedpipe.pipeline.pipeline",
    "PipelineModel": "embedpipe.pipeline.pipeline",
    "Ragged": "embedpipe.engine.ragged",
    "embed_files": "embedpipe.embedding.files",
    "index_files": "embedpipe.embedding.indexing",
    "load": "embedpipe.oneline",
    "search": "embedpipe.embedding.exact",
    "search_file": "embedpipe.embedding.search",
    "search_files": "embedpipe.embedding.search",
    "search_models": "embedpipe.hub.catalog",
    "show": "embedpipe.hub.catalog",
    "start": "embedpipe.spark.session",
    "vectors": "embedpipe.frames.vectors",
    "verify": "embedpipe.verification",
}

__all__ = [
    "AmbiguousColumnWarning",
    "Annotation",
    "ColumnError",
    "DownloadError",
    "EmbedpipeError",
    "EmbedpipeWarning",
    "Encoder",
    "IgnoredArgumentWarning",
    "InputError",
    "InputOptions",
    "LightPipeline",
    "MissingDependencyError",
    "ModelFormatError",
    "ModelNotFoundError",
    "ModelOptions",
    "NotHereError",
    "OutputError",
    "ParameterError",
    "Pipeline",
    "PipelineModel",
    "Ragged",
    "TrainingDataWarning",
    "TrainingError",
    "TruncationWarning",
    "UnknownSettingWarning",
    "UnsupportedPatternError",
    "embed_files",
    "index_files",
    "load",
    "search",
    "search_file",
    "search_files",
    "search_models",
    "show",
    "start",
    "vectors",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        from embedpipe._spark_nlp_names import refuse_name

        refuse_name(name, "embedpipe")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
