"""The last step of a one-line pipeline: rows of tokens, sentences, documents or chunks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import pyarrow as pa

from embedpipe.frames.columns import ANNOTATIONS, Column, Need
from embedpipe.oneline.features import Feature, Rows
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import HasColumns
from embedpipe.pipeline.stage import Stage

__all__ = ["LeavingOut", "RowsOfLevel", "private", "with_columns"]

_PRIVATE = "embedpipe:"


def private(name: str) -> str:
    """What a column of annotations is called while rows are made, so that no frame has one."""
    return _PRIVATE + name


def with_columns(stage: Stage, named: Callable[[str], str]) -> Stage:
    """The stage with other columns; `named` gives the new name of each."""
    changes: dict[str, str | list[str]] = {}
    for param in ("inputCol", "outputCol", "chunkCol"):
        if stage.hasParam(param) and stage.isDefined(param):
            changes[param] = named(stage.getOrDefault(param))
    if stage.hasParam("inputCols"):
        changes["inputCols"] = [named(name) for name in stage.getOrDefault("inputCols")]
    return stage.copy(changes)


class LeavingOut(HasColumns):
    """Takes columns away."""

    reads = ()

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = frozenset(names)

    def output_names(self) -> list[str]:
        """None."""
        return []

    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:  # noqa: ARG002
        """None."""
        return []

    def columns_are_set(self) -> bool:
        """They are."""
        return True

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:  # noqa: ARG002
        """The batch as it is: what `removes` names goes by itself."""
        return batch

    def removes(self, column: Column) -> bool:
        """Those that were named."""
        return column.name in self._names


class RowsOfLevel(HasColumns):
    """Makes a row of each annotation of a level, with plain columns of annotations.

    level, and the sources of features: the private columns to read, which go. The frame's own are
    repeated with the rows.
    """

    reads = ()

    def __init__(self, level: str, features: Sequence[Feature]) -> None:
        super().__init__()
        self._level = level
        self._features = tuple(features)

    def inputs(self) -> list[tuple[str, Need]]:
        """The annotations."""
        sources = dict.fromkeys((self._level, *(feature.source for feature in self._features)))
        return [(private(source), ANNOTATIONS) for source in sources]

    def output_names(self) -> list[str]:
        """The names of the features."""
        return [feature.name for feature in self._features]

    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:  # noqa: ARG002
        """Their fields."""
        return [pa.field(feature.name, feature.type) for feature in self._features]

    def columns_are_set(self) -> bool:
        """They are."""
        return True

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """The rows."""
        sources = {name.removeprefix(_PRIVATE): batch.annotations(name) for name in inputs}
        rows = Rows(sources[self._level])
        made = batch.without([name for name in batch.added if name.startswith(_PRIVATE)])
        if not np.array_equal(rows.documents, np.arange(batch.row_count)):
            made = made.take(rows.documents)
        for feature in self._features:
            made = made.adding(feature.name, feature.array(rows, sources[feature.source]))
        return made

    def removes(self, column: Column) -> bool:
        """All annotations."""
        return column.name.startswith(_PRIVATE)
