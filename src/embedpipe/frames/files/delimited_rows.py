"""Writes record batches as CSV and TSV, which `delimited` reads again without a loss."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from embedpipe.frames.files.plain_values import VectorTexts, check_no_bytes, column_values, dumped

__all__ = ["DelimitedRows"]

_FORM = "CSV"


class DelimitedRows:
    """Formats records as rows of CSV, with quotes where they are needed.

    Strings and numbers stand as they are, truth values as true and false, times as strings, lists
    and objects as JSON, and so do vectors, which pgvector and DuckDB take in this form. Null is an
    empty field.
    """

    def __init__(self, schema: pa.Schema, vectors: str, delimiter: str) -> None:
        """Raise ColumnError for bytes, which CSV cannot hold."""
        check_no_bytes(schema, _FORM)
        self._schema = schema
        self._vectors = vectors
        self._texts = VectorTexts(schema.field(vectors))
        self._delimiter = delimiter
        self._special = re.compile(f'[{delimiter}"\\r\\n]')

    def header(self) -> str:
        """The names of the columns."""
        return self._row(self._schema.names)

    def lines(self, records: pa.RecordBatch) -> str:
        """One row per record."""
        columns = [
            self._texts.of(array)
            if field.name == self._vectors
            else map(_plain, column_values(array, field, _FORM))
            for array, field in zip(records.columns, self._schema, strict=True)
        ]
        return "".join(map(self._row, zip(*columns, strict=True)))

    def _row(self, fields: Iterable[str | None]) -> str:
        return self._delimiter.join(map(self._field, fields)) + "\n"

    def _field(self, text: str | None) -> str:
        """`csv` of older Pythons leaves a carriage return without quotes, and cannot read it."""
        if text is None:
            return ""
        return '"' + text.replace('"', '""') + '"' if self._special.search(text) else text


def _plain(value: Any) -> str | None:
    """What stands in a field; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    text = dumped(value)
    return text[1:-1] if text.startswith('"') else text  # decimals, UUIDs: strings in JSON
