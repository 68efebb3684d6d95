"""DocumentAssembler: where text enters a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import METADATA_TYPE, AnnotationColumn, AnnotatorType, metadata_map
from embedpipe.errors import InputError
from embedpipe.frames.columns import ANYTHING, TEXT_MAPS, TEXTS, ColumnKind, Need
from embedpipe.params import Param, choice, string
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import Input
from embedpipe.pipeline.stage import AnnotationStage
from embedpipe.stages.bases.shared_params import HasOffsetUnit
from embedpipe.text.cleanup import CLEANUP_MODES, clean

__all__ = ["DocumentAssembler"]

_RECORDED_TEXTS = Need((ColumnKind.TEXT, ColumnKind.INTEGERS))
_NULL, _ERROR = "null", "error"
_BEYOND_BMP = r"[\x{10000}-\x{10FFFF}]"


class DocumentAssembler(HasOffsetUnit):
    """Makes one document annotation of each row's text; source: Spark NLP's DocumentAssembler.

    | column        | kind                                                    | parameter     |
    |---------------|---------------------------------------------------------|---------------|
    | text          | strings                                                 | `inputCol`    |
    | ids           | anything, optional: `id` in the metadata                | `idCol`       |
    | more metadata | maps from string to string, optional                    | `metadataCol` |
    | documents     | annotations of type document                            | `outputCol`   |

    `cleanupMode` (default `disabled`) changes white space first; offsets count in the result. A
    null text gives a null document, of which all that follows is null, or with `missing` "error" an
    InputError that names the row. A null id gives no entry. Under `compatibility`, as in Spark NLP,
    a null text gives the empty document, 0 to -1, which has no sentences and no tokens, a null id
    an entry without value, and integers are taken for text.

    >>> import pyarrow as pa
    >>> table = pa.table({"text": ["I hate cancer", None]})
    >>> out = DocumentAssembler().setInputCol("text").transform(table)
    >>> for row in AnnotationColumn.from_arrow(out["document"]).rows():
    ...     print(row)
    [Annotation(document, 0, 12, I hate cancer, {'sentence': '0'}, [])]
    None
    """

    output_annotator_type = AnnotatorType.DOCUMENT
    reads = (
        Input("inputCol", TEXTS),
        Input("metadataCol", TEXT_MAPS, optional=True),
        Input("idCol", ANYTHING, optional=True),
    )

    outputCol = AnnotationStage.outputCol.with_default("document")
    inputCol = Param("name of the text column", string)
    setInputCol, getInputCol = inputCol.accessors()
    idCol = Param("name of a column whose values become `id` in the metadata", string)
    setIdCol, getIdCol = idCol.accessors()
    metadataCol = Param("name of a column of maps that join the metadata", string)
    setMetadataCol, getMetadataCol = metadataCol.accessors()
    cleanupMode = Param("how white space is cleaned up", choice(*CLEANUP_MODES), default="disabled")
    setCleanupMode, getCleanupMode = cleanupMode.accessors()
    missing = Param(
        "how a null text is treated: a null document, or an error", choice(_NULL, _ERROR), _NULL
    )
    setMissing, getMissing = missing.accessors()

    def inputs(self) -> list[tuple[str, Need]]:
        """The text, and metadata and ids where they are set; as recorded, integers are text."""
        text, *others = super().inputs()
        return [(text[0], _RECORDED_TEXTS) if self.as_recorded else text, *others]

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Add the document column."""
        given = _strings(batch.array(inputs[0]))
        there = self._texts_there(given, batch, inputs[0])
        texts = given.fill_null("")
        mode = self.getCleanupMode()
        if mode != "disabled":
            texts = pa.array([clean(text, mode) for text in texts.to_pylist()], pa.string())
        rows = len(texts)
        column = AnnotationColumn(
            annotator_type=self.output_annotator_type,
            row_offsets=np.arange(rows + 1, dtype=np.int32),
            begin=np.zeros(rows, dtype=np.int32),
            end=self._lengths(texts) - np.int32(1),
            result=texts,
            metadata=self._metadata(batch),
        )
        if there is not None:
            column = replace(column.filter(there), valid_rows=there)
        return batch.adding(self.getOutputCol(), column)

    def _texts_there(
        self, texts: pa.StringArray, batch: Batch, name: str
    ) -> npt.NDArray[np.bool_] | None:
        """Which rows have a text, or None if all get a document."""
        if self.as_recorded or not texts.null_count:
            return None
        there: npt.NDArray[np.bool_] = texts.is_valid().to_numpy(zero_copy_only=False)
        if self.getMissing() == _ERROR:
            row = batch.row_numbers[np.flatnonzero(~there)[0]]
            raise InputError(
                f"{self.label}: row {row} of column {name!r} has no text, and missing={_ERROR!r} "
                f"asks for one; leave such rows out, or set missing={_NULL!r} for null documents"
            )
        return there

    def _lengths(self, texts: pa.StringArray) -> npt.NDArray[np.int32]:
        """How many units or code points each text has, int32."""
        lengths = pc.utf8_length(texts)
        # Characters beyond the basic plane count twice.
        if not self.counts_code_points and not pc.all(pc.string_is_ascii(texts)).as_py():
            lengths = pc.add(lengths, pc.count_substring_regex(texts, _BEYOND_BMP))
        counted: npt.NDArray[np.int32] = lengths.to_numpy()
        return counted

    def _metadata(self, batch: Batch) -> pa.MapArray:
        fields: dict[str, pa.Array | str] = {"sentence": "0"}
        if self.isSet("idCol"):
            fields["id"] = _strings(batch.array(self.getIdCol()))
        own = metadata_map(fields, batch.row_count)
        recorded_nulls = self.as_recorded and self.isSet("idCol")
        if not self.isSet("metadataCol") and not recorded_nulls:
            return own
        given: Iterable[Any] = repeat(None, batch.row_count)
        if self.isSet("metadataCol"):
            given = batch.array(self.getMetadataCol()).to_pylist()
        absent = {"id": None} if recorded_nulls else {}
        # The stage's own keys win, as in Spark NLP.
        merged = [
            list({**dict(theirs or ()), **absent, **dict(ours)}.items())
            for theirs, ours in zip(given, own.to_pylist(), strict=True)
        ]
        return pa.array(merged, METADATA_TYPE)


def _strings(array: pa.Array) -> pa.StringArray:
    return array if array.type == pa.string() else array.cast(pa.string())
