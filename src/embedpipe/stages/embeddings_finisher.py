"""EmbeddingsFinisher: extracts vectors from annotations."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from embedpipe.annotation import WITH_VECTORS, AnnotationColumn
from embedpipe.frames.columns import Column, annotations_of
from embedpipe.params import Param, boolean
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import Input
from embedpipe.stages.bases.finishing import Finishing

__all__ = ["EmbeddingsFinisher"]


class EmbeddingsFinisher(Finishing):
    """Makes columns of vectors alone; source: Spark NLP's EmbeddingsFinisher.

    Each column of word_embeddings or sentence_embeddings gives a column with one list of vectors
    per row, a vector per annotation, in their order:

    | `outputAsVector`    | Arrow type of the column | instead of Spark's |
    |---------------------|--------------------------|--------------------|
    | `False`, by default | list<list<float>>        | array<array<float>>|
    | `True`              | list<list<double>>       | array<vector>      |

    Spark's vectors hold 64-bit numbers, and so do these. Unless `cleanAnnotations` (default
    `False`, as in Spark NLP's Python), annotation columns stay.

    >>> import numpy as np
    >>> from embedpipe.annotator import BertSentenceEmbeddings
    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> stages = [
    ...     DocumentAssembler(inputCol="text"),
    ...     BertSentenceEmbeddings.pretrained().setInputCols("document").setOutputCol("vectors"),
    ...     EmbeddingsFinisher(inputCols=["vectors"], cleanAnnotations=True),
    ... ]
    >>> table = pa.table({"text": ["I hate cancer", "It rains"]})
    >>> out = Pipeline(stages=stages).fit(table).transform(table)
    >>> out.column_names, np.array(out["finished_vectors"].to_pylist()).shape
    (['text', 'finished_vectors'], (2, 1, 384))
    """

    reads = (Input("inputCols", annotations_of(*WITH_VECTORS)),)

    cleanAnnotations = Finishing.cleanAnnotations.with_default(False)
    outputAsVector = Param("whether numbers are 64-bit, as in vectors", boolean, default=False)
    setOutputAsVector, getOutputAsVector = outputAsVector.accessors()

    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:  # noqa: ARG002
        """The columns of vectors, whose type follows from the parameters alone."""
        return [pa.field(name, self._type()) for name in self.output_names()]

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Add the columns of vectors."""
        for name, made in zip(inputs, self.output_names(), strict=True):
            batch = batch.adding(made, self._finished(batch.annotations(name)))
        return batch

    def _finished(self, column: AnnotationColumn) -> pa.ListArray:
        offsets, nulls = pa.array(column.row_offsets), column.null_rows()
        vectors = column.vectors().cast(self._type().value_type)
        return pa.ListArray.from_arrays(offsets, vectors, type=self._type(), mask=nulls)

    def _type(self) -> pa.ListType:
        number = pa.float64() if self.getOutputAsVector() else pa.float32()
        return pa.list_(pa.field("element", pa.list_(pa.field("element", number, nullable=False))))
