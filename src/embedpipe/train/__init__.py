"""Training of small models on a processor; needs the extra `train`, which brings PyTorch.

Importing this package loads none of it: a name is resolved when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedpipe.train.tuning.options import TrainOptions
    from embedpipe.train.tuning.training import TrainSummary, train

__all__ = ["TrainOptions", "TrainSummary", "train"]

_PLACES = {
    "TrainOptions": "embedpipe.train.tuning.options",
    "TrainSummary": "embedpipe.train.tuning.training",
    "train": "embedpipe.train.tuning.training",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
