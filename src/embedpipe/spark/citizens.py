"""Makes stages what `pyspark.ml` takes: Transformers, with parameters that are Spark's own.

embedpipe never imports pyspark by itself. When someone else has imported `pyspark.ml`, `adopt` is
called (`_when_imported`): Spark ML's base classes become bases of `Stage`, after its own, so that
every stage passes `isinstance` and keeps its methods, which have Spark ML's names and meanings; and
a stage's parameter becomes one of Spark's, which knows the stage's uid, as parameter maps need.
"""

from __future__ import annotations

from typing import Any

from pyspark.ml.base import Estimator, Model, Transformer
from pyspark.ml.param import Param as SparkParam
from pyspark.ml.param import Params
from pyspark.ml.util import MLReadable, MLWritable

from embedpipe.params.param import Owner, Param
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.pipeline.stage import Stage

__all__ = ["SparkStage", "adopt"]


class SparkStage(Transformer, MLReadable, MLWritable):  # type: ignore[misc] # of untyped pyspark
    """What stages inherit from Spark ML; their own methods come first."""

    def _transform(self, dataset: Any) -> Any:
        return self.transform(dataset)


class SparkPipelineModel(Model, MLReadable, MLWritable):  # type: ignore[misc]
    """What our PipelineModel inherits, so that it may be a stage of Spark's pipelines."""

    def _transform(self, dataset: Any) -> Any:
        return self.transform(dataset)


class SparkPipeline(Estimator, MLReadable, MLWritable):  # type: ignore[misc]
    """What our Pipeline inherits, likewise."""

    def _fit(self, dataset: Any) -> Any:
        return self.fit(dataset)


_BASES = ((Stage, SparkStage), (PipelineModel, SparkPipelineModel), (Pipeline, SparkPipeline))


def adopt() -> None:
    """Let Spark ML take stages as its own, from now on."""
    for kind, base in _BASES:
        if base not in kind.__bases__:
            kind.__bases__ = (*kind.__bases__, base)
    Param.of_instance = _bound


def _bound(param: Param[Any], instance: Owner) -> Any:
    """Spark's parameter: equal to another of the same stage's uid and name."""
    found = SparkParam(
        Params._dummy(), param.name, param.doc, lambda value: param.check(instance, value)
    )
    found.parent = instance.uid
    return found
