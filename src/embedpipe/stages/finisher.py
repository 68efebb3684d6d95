"""Finisher: extracts texts from annotations."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import WITH_VECTORS, AnnotationColumn
from embedpipe.frames.columns import Column
from embedpipe.params import Param, boolean, string
from embedpipe.pipeline.batch import Batch
from embedpipe.stages.bases.finishing import Finishing

__all__ = ["Finisher"]

_STRINGS = pa.list_(pa.field("element", pa.string()))
_PAIR = pa.struct([pa.field("_1", pa.string()), pa.field("_2", pa.string())])
_PAIRS = pa.list_(pa.field("element", _PAIR))


class Finisher(Finishing):
    """Makes columns of the texts alone; source: Spark NLP's Finisher.

    Each column of annotations gives one of list<string>: the texts. With `includeMetadata`, all
    those are followed by one each of list<struct<_1, _2>>, its name ending in `_metadata`: the keys
    and values of the row's annotations.

    Without `outputAsArray`, it gives one string: the texts with `annotationSplitSymbol` (`@`)
    between them. With `includeMetadata`, a text is then `sentence->0#result->It`, all values with
    `valueSplitSymbol` (`#`) between them.

    With `parseEmbeddingsVectors`, vectors stand in place of the texts of word_embeddings and
    sentence_embeddings: numbers with spaces between them. All annotation columns are taken away,
    unless `cleanAnnotations` is `False`.

    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> from embedpipe.annotator import Tokenizer
    >>> stages = [
    ...     DocumentAssembler(inputCol="text"),
    ...     Tokenizer(inputCols=["document"]),
    ...     Finisher().setInputCols("token").setOutputCols("words"),
    ... ]
    >>> table = pa.table({"text": ["I hate cancer"]})
    >>> Pipeline(stages=stages).fit(table).transform(table).to_pydict()
    {'text': ['I hate cancer'], 'words': [['I', 'hate', 'cancer']]}
    """

    chooses_results = True

    valueSplitSymbol = Param("separator of values", string, default="#")
    setValueSplitSymbol, getValueSplitSymbol = valueSplitSymbol.accessors()
    annotationSplitSymbol = Param("separator of annotations", string, default="@")
    setAnnotationSplitSymbol, getAnnotationSplitSymbol = annotationSplitSymbol.accessors()
    includeMetadata = Param("whether metadata comes too", boolean, default=False)
    setIncludeMetadata, getIncludeMetadata = includeMetadata.accessors()
    outputAsArray = Param("whether texts come as lists, or joined", boolean, default=True)
    setOutputAsArray, getOutputAsArray = outputAsArray.accessors()
    parseEmbeddingsVectors = Param("whether vectors come as texts", boolean, default=False)
    setParseEmbeddingsVectors, getParseEmbeddingsVectors = parseEmbeddingsVectors.accessors()

    def output_names(self) -> list[str]:
        """The columns of texts, then those of metadata."""
        names = self.getOutputCols()
        return names + [f"{name}_metadata" for name in names] if self._metadata_apart() else names

    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:  # noqa: ARG002
        """The columns made, whose types follow from the parameters alone."""
        texts = len(self.getOutputCols())
        kind = _STRINGS if self.getOutputAsArray() else pa.string()
        return [
            pa.field(name, kind if i < texts else _PAIRS)
            for i, name in enumerate(self.output_names())
        ]

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Add the columns of texts, then those of metadata."""
        columns = [batch.annotations(name) for name in inputs]
        made = [self._texts(column) for column in columns]
        if self._metadata_apart():
            made += [_pairs(column) for column in columns]
        for name, array in zip(self.output_names(), made, strict=True):
            batch = batch.adding(name, array)
        return batch

    def _metadata_apart(self) -> bool:
        return self.getIncludeMetadata() and self.getOutputAsArray()

    def _texts(self, column: AnnotationColumn) -> pa.Array:
        vectors = self.getParseEmbeddingsVectors()
        joined = not self.getOutputAsArray()
        if joined and self.getIncludeMetadata():
            texts = self._detailed(column, vectors)
        else:
            texts = column.texts(vectors=vectors)
        if joined:
            texts = texts.fill_null("")
        offsets, nulls = pa.array(column.row_offsets), column.null_rows()
        lists = pa.ListArray.from_arrays(offsets, texts, type=_STRINGS, mask=nulls)
        return pc.binary_join(lists, self.getAnnotationSplitSymbol()) if joined else lists

    def _detailed(self, column: AnnotationColumn, vectors: bool) -> pa.StringArray:
        """Metadata, text and vector of each annotation, as keys and values."""
        symbol = self.getValueSplitSymbol()
        fields = {"result": column.result.to_pylist()}
        if vectors and column.annotator_type in WITH_VECTORS:
            numbers = column.texts(vectors=True).to_pylist()
            fields["embeddings"] = [text.replace(" ", symbol) for text in numbers]
        texts = []
        for pairs, *values in zip(column.metadata.to_pylist(), *fields.values(), strict=True):
            named = [*(pairs or ()), *zip(fields, values, strict=True)]
            texts.append(symbol.join(f"{key}->{value or ''}" for key, value in named))
        return pa.array(texts, pa.string())


def _pairs(column: AnnotationColumn) -> pa.ListArray:
    """Keys and values of all annotations of each row."""
    metadata = column.metadata
    pairs = pa.StructArray.from_arrays([metadata.keys, metadata.items], fields=list(_PAIR))
    offsets = metadata.offsets.take(pa.array(column.row_offsets))
    return pa.ListArray.from_arrays(offsets, pairs, type=_PAIRS, mask=column.null_rows())
