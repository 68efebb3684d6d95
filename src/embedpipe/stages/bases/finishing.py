"""Base class of Finisher and EmbeddingsFinisher, which make plain columns of annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from embedpipe.errors import ParameterError
from embedpipe.frames.columns import ANNOTATIONS, Column, ColumnKind
from embedpipe.params import Param, boolean, strings
from embedpipe.pipeline.columns import Input
from embedpipe.pipeline.stage import Stage, names_given

__all__ = ["Finishing"]

F = TypeVar("F", bound="Finishing")


class Finishing(Stage):
    """A stage that makes plain columns of annotation columns, and may remove the latter."""

    reads = (Input("inputCols", ANNOTATIONS),)
    makes = "outputCols"

    inputCols = Param("names of the annotation columns that the stage reads", strings)
    getInputCols = inputCols.accessors()[1]
    outputCols = Param(
        "names of the columns that are made, one for each input; `finished_` and its name if empty",
        strings,
        default=[],
    )
    cleanAnnotations = Param("whether all annotation columns are taken away", boolean, default=True)
    setCleanAnnotations, getCleanAnnotations = cleanAnnotations.accessors()

    def setInputCols(self: F, *value: str | Sequence[str]) -> F:
        """Set the annotation columns to read, as arguments or as one list."""
        return self.setParams(inputCols=names_given(value))

    def setOutputCols(self: F, *value: str | Sequence[str]) -> F:
        """Set the names of the columns to make, as arguments or as one list."""
        return self.setParams(outputCols=names_given(value))

    def getOutputCols(self) -> list[str]:
        """The names of the columns that are made: those set, or the inputs' after `finished_`."""
        given: list[str] = self.getOrDefault("outputCols")
        return given or [f"finished_{name}" for name in self.getInputCols()]

    def output_names(self) -> list[str]:
        """The names of the columns that are made."""
        return self.getOutputCols()

    def removes(self, column: Column) -> bool:
        """All annotation columns, if `cleanAnnotations` is set."""
        return self.getCleanAnnotations() and column.kind is ColumnKind.ANNOTATIONS

    def _check_together(self) -> None:
        super()._check_together()
        if self.isSet("inputCols") and self.getOrDefault("outputCols"):
            inputs, outputs = self.getInputCols(), self.getOutputCols()
            if len(inputs) != len(outputs):
                raise ParameterError(
                    f"{self.label}: inputCols are {inputs} and outputCols {outputs}; expected as "
                    "many of one as of the other. Set both in one call: "
                    "setParams(inputCols=..., outputCols=...)"
                )
