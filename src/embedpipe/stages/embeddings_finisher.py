"""EmbeddingsFinisher: extracts vectors from annotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.annotation import WITH_VECTORS, AnnotationColumn
from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.frames.columns import Column, ColumnKind, annotations_of
from embedpipe.params import Param, boolean, choice
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import Input
from embedpipe.stages.bases.finishing import Finishing
from embedpipe.stages.bases.vector_columns import fixed_size_lists, vector_per_row

__all__ = ["EmbeddingsFinisher"]

_LISTS, _VECTORS, _VECTOR = "lists", "vectors", "vector"


class EmbeddingsFinisher(Finishing):
    """Makes columns of vectors alone; source: Spark NLP's EmbeddingsFinisher.

    Each column of word_embeddings or sentence_embeddings gives a column with the vectors of its
    annotations, in their order:

    | `outputAs`            | Arrow type of the column          | one row holds                  |
    |-----------------------|-----------------------------------|--------------------------------|
    | `lists`, by default   | list<list<float>>                 | all its vectors, as Spark NLP's|
    | `vectors`             | list<fixed_size_list<float>[n]>   | all its vectors                |
    | `vector`              | fixed_size_list<float>[n]         | its only one; null without one |

    `vector` is what pandas, Polars, DuckDB and Parquet read as an array of n numbers, and
    `embedpipe.vectors` as a matrix without copying; a row with several vectors is an InputError.
    It fits embeddings that read documents, or rows that `explodeSentences` made of sentences.

    With `outputAsVector` (default `False`), lists hold 64-bit numbers, as Spark's vectors do.
    Unless `cleanAnnotations` (default `False`, as in Spark NLP's Python), annotation columns stay.
    Those that are taken away are never made in Arrow, which saves most of the time they take.

    >>> import embedpipe
    >>> from embedpipe.annotator import BertSentenceEmbeddings
    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> stages = [
    ...     DocumentAssembler(inputCol="text"),
    ...     BertSentenceEmbeddings.pretrained().setInputCols("document").setOutputCol("made"),
    ...     EmbeddingsFinisher(
    ...         inputCols=["made"], outputCols=["vector"], outputAs="vector", cleanAnnotations=True
    ...     ),
    ... ]
    >>> table = pa.table({"text": ["I hate cancer", "It rains"]})
    >>> out = Pipeline(stages=stages).fit(table).transform(table)
    >>> out.column_names, embedpipe.vectors(out["vector"]).shape
    (['text', 'vector'], (2, 384))
    """

    reads = (Input("inputCols", annotations_of(*WITH_VECTORS)),)

    cleanAnnotations = Finishing.cleanAnnotations.with_default(False)
    outputAs = Param(
        "the form of the columns: lists, lists of fixed size, or one such list per row",
        choice(_LISTS, _VECTORS, _VECTOR),
        default=_LISTS,
    )
    setOutputAs, getOutputAs = outputAs.accessors()
    outputAsVector = Param("whether numbers are 64-bit, as in vectors", boolean, default=False)
    setOutputAsVector, getOutputAsVector = outputAsVector.accessors()

    _types: Sequence[pa.DataType] = ()
    """Of the columns made, where those read had to tell them."""

    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:
        """The columns of vectors, as wide as the columns read say that they are."""
        names = self.output_names()
        return [pa.field(name, self._type(read)) for name, read in zip(names, inputs, strict=True)]

    def planned(self, inputs: Sequence[Column]) -> EmbeddingsFinisher:
        """A copy that knows the types of its columns, where parameters alone do not tell."""
        if self.getOutputAs() == _LISTS:
            return self
        planned = self.copy()
        planned._types = [self._type(column) for column in inputs]
        return planned

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Add the columns of vectors."""
        types = self._types or [self._list_type()] * len(inputs)
        for name, made, kind in zip(inputs, self.output_names(), types, strict=True):
            column = batch.annotations(name)
            try:
                array = _MAKERS[self.getOutputAs()](column, kind, batch.row_numbers)
            except InputError as error:
                raise InputError(f"{self.label}: column {name!r}, {error}") from error
            batch = batch.adding(made, array)
        return batch

    def _type(self, column: Column) -> pa.DataType:
        """The type of what is made of a column; `_list_type` while there is no frame to tell."""
        form = self.getOutputAs()
        if form == _LISTS or column.kind is ColumnKind.UNKNOWN:
            return self._list_type()
        dimension = column.metadata.get(b"dimension")
        if dimension is None:
            raise ColumnError(
                f"{self.label}: input column {column.name!r} does not say how many numbers its "
                f"vectors have, which outputAs={form!r} needs (`dimension` in the metadata of its "
                f"field); make it in the same pipeline, or set outputAs={_LISTS!r}"
            )
        vector = pa.list_(pa.float32(), int(dimension))
        return vector if form == _VECTOR else pa.list_(pa.field("element", vector))

    def _list_type(self) -> pa.ListType:
        number = pa.float64() if self.getOutputAsVector() else pa.float32()
        return pa.list_(pa.field("element", pa.list_(pa.field("element", number, nullable=False))))

    def _check_together(self) -> None:
        super()._check_together()
        form = self.getOutputAs()
        if self.getOutputAsVector() and form != _LISTS:
            raise ParameterError(
                f"{self.label}: outputAs={form!r} gives 32-bit numbers, and outputAsVector=True "
                f"asks for 64-bit ones; leave outputAsVector out, or set outputAs={_LISTS!r}"
            )


def _lists(column: AnnotationColumn, kind: pa.ListType, _: npt.NDArray[np.int64]) -> pa.ListArray:
    offsets, nulls = pa.array(column.row_offsets), column.null_rows()
    vectors = column.vectors().cast(kind.value_type)
    return pa.ListArray.from_arrays(offsets, vectors, type=kind, mask=nulls)


_MAKERS = {_LISTS: _lists, _VECTORS: fixed_size_lists, _VECTOR: vector_per_row}
"""By `outputAs`."""
