"""Doc2Chunk: finds chunks in documents, given their texts in a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from embedpipe.annotation import METADATA_TYPE, AnnotationColumn, AnnotatorType
from embedpipe.arrays import offsets_of
from embedpipe.errors import InputError
from embedpipe.frames.columns import INTEGERS, TEXT_LISTS, TEXTS, Need
from embedpipe.params import Param, boolean, string
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import Input
from embedpipe.pipeline.stage import Annotator
from embedpipe.stages.bases.shared_params import HasOffsetUnit
from embedpipe.stages.bases.spans import cut
from embedpipe.text.offsets import to_code_points
from embedpipe.text.segment import Stretches

__all__ = ["Doc2Chunk"]

_QUOTED = 60  # characters of a document in a message


class _Hit(NamedTuple):
    """Chunk `number` of a row, found in the annotation `document` at code point `begin`."""

    document: int
    begin: int
    chunk: str
    number: int


class Doc2Chunk(HasOffsetUnit, Annotator):
    """Finds given chunks in documents or sentences; source: Spark NLP's Doc2Chunk.

    | column    | kind                                                    | parameter    |
    |-----------|---------------------------------------------------------|--------------|
    | documents | annotations of type document, sentences too             | `inputCols`  |
    | chunks    | strings, or with `isArray` lists of strings             | `chunkCol`   |
    | starts    | integers, optional: where in the document to begin      | `startCol`   |
    | chunks    | annotations of type chunk                               | `outputCol`  |

    Each chunk's first occurrence in each annotation becomes an annotation of type chunk with the
    annotation's metadata and `chunk`, the chunk's place in its list. So chunks say the number of
    their sentence where sentences are read. What is not found is left out, or with `failOnMissing`
    is an InputError; null is no chunk. `lowerCase` finds chunks in any case. A start counts UTF-16
    units, as begin does, or with `startColByTokenIndex` words between single spaces. Without
    `chunkCol`, every document is one chunk.

    `compatibility` repeats what Spark NLP does: begin and end count from the begin of the sentence,
    so does the start, and `lowerCase` changes the document only.

    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> stages = [
    ...     DocumentAssembler(inputCol="text"),
    ...     Doc2Chunk(inputCols=["document"], outputCol="chunk", chunkCol="of"),
    ... ]
    >>> table = pa.table({"text": ["I hate cancer."], "of": ["cancer"]})
    >>> out = Pipeline(stages=stages).fit(table).transform(table)
    >>> AnnotationColumn.from_arrow(out["chunk"]).rows()
    [[Annotation(chunk, 7, 12, cancer, {'sentence': '0', 'chunk': '0'}, [])]]
    """

    reads = (
        *Annotator.reads,
        Input("chunkCol", TEXTS, optional=True),
        Input("startCol", INTEGERS, optional=True),
    )
    input_annotator_types = (AnnotatorType.DOCUMENT,)
    output_annotator_type = AnnotatorType.CHUNK

    chunkCol = Param("name of the column of the chunks' texts", string)
    setChunkCol, getChunkCol = chunkCol.accessors()
    startCol = Param("name of a column of where to begin the search", string)
    setStartCol, getStartCol = startCol.accessors()
    startColByTokenIndex = Param("whether starts are numbers of words", boolean, default=False)
    setStartColByTokenIndex, getStartColByTokenIndex = startColByTokenIndex.accessors()
    isArray = Param("whether chunkCol holds lists of strings", boolean, default=False)
    setIsArray, getIsArray = isArray.accessors()
    failOnMissing = Param("whether a chunk that is not found is an error", boolean, default=False)
    setFailOnMissing, getFailOnMissing = failOnMissing.accessors()
    # Spark NLP declares true and does not apply it unless it is set.
    lowerCase = Param("whether case does not matter", boolean, default=False)
    setLowerCase, getLowerCase = lowerCase.accessors()

    def inputs(self) -> list[tuple[str, Need]]:
        """The documents, and the columns of chunks and starts where they are set."""
        documents, *others = super().inputs()
        if not self.isSet("chunkCol"):
            return [documents]
        if self.getIsArray():
            others[0] = (self.getChunkCol(), TEXT_LISTS)
        return [documents, *others]

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Add the column of chunks."""
        documents = batch.annotations(inputs[0], AnnotatorType.DOCUMENT)
        if len(inputs) == 1:
            return batch.adding(self.getOutputCol(), self.annotate(documents))
        cells = batch.array(inputs[1]).to_pylist()
        chunks = cells if self.getIsArray() else [[cell] for cell in cells]
        starts = batch.array(inputs[2]).to_pylist() if len(inputs) > 2 else repeat(None)
        wanted = [(row or [], start or 0) for row, start in zip(chunks, starts, strict=False)]
        return batch.adding(self.getOutputCol(), self._found(documents, wanted))

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """Every document as one chunk."""
        (documents,) = columns
        return replace(documents, annotator_type=self.output_annotator_type)

    def _found(
        self, documents: AnnotationColumn, wanted: Sequence[tuple[Sequence[str | None], int]]
    ) -> AnnotationColumn:
        """The chunks of each row that are found from its start on."""
        texts, begins = documents.result.fill_null("").to_pylist(), documents.begin.tolist()
        hits: list[_Hit] = []
        for row, (chunks, start) in enumerate(wanted):
            before, places = len(hits), range(*documents.row_offsets[row : row + 2])
            for place in places:
                first = self._start(texts[place], begins[place], start)
                for number, chunk in enumerate(chunks):
                    begin = self._find(chunk, texts[place], first)
                    if chunk is not None and begin >= 0:
                        hits.append(_Hit(place, begin, chunk, number))
            if self.getFailOnMissing():
                found = {hit.number for hit in hits[before:]}
                self._check_all(chunks, found, [texts[place] for place in places])
        return self._annotations(documents, hits)

    def _find(self, chunk: str | None, text: str, start: int | None) -> int:
        """The position of the chunk in the text, in code points; -1 if it is not found."""
        if chunk is None or start is None or not chunk.strip():
            return -1
        if not self.getLowerCase():
            return text.find(chunk, start)
        if self.as_recorded:
            return text.lower().find(chunk, start)
        found = re.compile(re.escape(chunk), re.IGNORECASE).search(text, start)
        return found.start() if found else -1

    def _start(self, text: str, begin: int, start: int) -> int | None:
        """The position in the text to search from, in code points; None if it has no such word."""
        if self.isSet("startCol") and self.getStartColByTokenIndex():
            words = text.split(" ")
            before = sum(len(word) + 1 for word in words[: max(start, 0)])
            return before if start < len(words) else None
        own = max(start - (0 if self.as_recorded else begin), 0)
        if not own or self.counts_code_points:
            return own
        units = len(text.encode("utf-16-le")) // 2
        return int(to_code_points(text, min(own, units)))

    def _check_all(
        self, chunks: Sequence[str | None], found: set[int], texts: Sequence[str]
    ) -> None:
        for number, chunk in enumerate(chunks):
            if chunk is not None and number not in found:
                raise InputError(
                    f"{self.label}: chunk {chunk!r} does not stand in the text "
                    f"{' '.join(texts)[:_QUOTED]!r}; correct column {self.getChunkCol()!r}, or set "
                    "failOnMissing=False to leave such chunks out"
                )

    def _annotations(self, documents: AnnotationColumn, hits: Sequence[_Hit]) -> AnnotationColumn:
        owners = np.array([hit.document for hit in hits], dtype=np.int64)
        begins = np.array([hit.begin for hit in hits], dtype=np.int64)
        ends = begins + np.array([len(hit.chunk) for hit in hits], dtype=np.int64)
        counts = np.bincount(owners, minlength=len(documents))
        lengths = ends - begins
        if not self.counts_code_points:
            _, begins, lengths = cut(documents.result, owners, Stretches(counts, begins, ends))
        if not self.as_recorded:
            begins = begins + documents.begin[owners]
        of_documents = documents.metadata.take(pa.array(owners)).to_pylist()
        metadata = [
            list((dict(pairs or ()) | {"chunk": str(hit.number)}).items())
            for pairs, hit in zip(of_documents, hits, strict=True)
        ]
        return AnnotationColumn(
            annotator_type=self.output_annotator_type,
            row_offsets=offsets_of(counts)[documents.row_offsets].astype(np.int32),
            begin=begins.astype(np.int32),
            end=(begins + lengths - 1).astype(np.int32),
            result=pa.array([hit.chunk for hit in hits], pa.string()),
            metadata=pa.array(metadata, METADATA_TYPE),
            valid_rows=documents.valid_rows,
        )
