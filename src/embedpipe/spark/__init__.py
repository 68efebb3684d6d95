"""embedpipe on Apache Spark, 3.5 and 4: its stages in `pyspark.ml`, SQL functions, sessions.

Data frames of Spark go through `Pipeline`, `PipelineModel` and stages as all others do. Importing
this package loads neither pyspark nor anything else; each name brings its module in.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedpipe.spark.failures import cause_of
    from embedpipe.spark.functions import register
    from embedpipe.spark.jvm import JvmPlan, plan_for_jvm
    from embedpipe.spark.session import start

_HOME = {
    "JvmPlan": "embedpipe.spark.jvm",
    "cause_of": "embedpipe.spark.failures",
    "plan_for_jvm": "embedpipe.spark.jvm",
    "register": "embedpipe.spark.functions",
    "start": "embedpipe.spark.session",
}

__all__ = ["JvmPlan", "cause_of", "plan_for_jvm", "register", "start"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
