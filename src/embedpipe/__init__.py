"""Contextual word and sentence embeddings from BERT-family encoders, exact and fast on any CPU.

Importing this package loads nothing but itself; each name brings its module in when first used.

>>> import embedpipe
>>> "Encoder" in dir(embedpipe)
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedpipe._version import __version__ as __version__

if TYPE_CHECKING:
    from embedpipe.annotation import Annotation
    from embedpipe.encoder import Encoder
    from embedpipe.engine.config import EncoderConfig
    from embedpipe.engine.ragged import Ragged
    from embedpipe.pipeline.pipeline import Pipeline, PipelineModel

_HOME = {
    "Annotation": "embedpipe.annotation",
    "Encoder": "embedpipe.encoder",
    "EncoderConfig": "embedpipe.engine.config",
    "Pipeline": "embedpipe.pipeline.pipeline",
    "PipelineModel": "embedpipe.pipeline.pipeline",
    "Ragged": "embedpipe.engine.ragged",
}

__all__ = [
    "Annotation",
    "Encoder",
    "EncoderConfig",
    "Pipeline",
    "PipelineModel",
    "Ragged",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'embedpipe' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
