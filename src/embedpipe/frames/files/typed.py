"""What Parquet and Arrow files have in common: columns with types, strings of any bytes."""

from __future__ import annotations

import pyarrow as pa

from embedpipe.errors import ColumnError, InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.columns import is_text_type
from embedpipe.frames.files.bad_records import BadRecords
from embedpipe.frames.files.batches import column_position
from embedpipe.frames.texts import is_utf8

__all__ = ["text_position", "with_decoded_text"]


def text_position(schema: pa.Schema, source: str, options: InputOptions) -> int:
    """Where the text is; ColumnError unless one string column has its name at the top level."""
    position = column_position(schema.names, options.text_column, source)
    kind = schema.field(position).type
    if not is_text_type(kind):
        raise ColumnError(
            f"{source}: the column {options.text_column!r} has the type {kind}; expected string"
        )
    return position


def with_decoded_text(  # noqa: PLR0913
    batch: pa.RecordBatch,
    position: int,
    errors: str,
    *,
    source: str,
    first_row: int,
    bad: BadRecords,
) -> pa.RecordBatch:
    """The batch with all texts in UTF-8, decoded as `errors` says, without rows that are bad.

    Arrow's files may hold any bytes as strings. first_row: the number of the first one's row, from
    which an InputError counts.
    """
    array = batch.column(position)
    if is_utf8(array):
        return batch
    plain = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    texts: list[str | None] = []
    kept: list[int] = []
    for i, value in enumerate(plain.cast(pa.large_binary()).to_pylist()):
        try:
            texts.append(None if value is None else value.decode("utf-8", errors))
            kept.append(i)
        except UnicodeDecodeError as error:
            row = first_row + i
            failure = InputError(
                f"{source}, row {row}: byte {error.start} of the text "
                f"(0x{value[error.start]:02x}) is not utf-8: {error.reason}; correct the text, or "
                "use --errors replace"
            )
            failure.__cause__ = error
            shown = value.decode("utf-8", "backslashreplace")
            bad.found(failure, source=source, line=None, record=shown)
    if len(kept) < batch.num_rows:
        batch = batch.take(pa.array(kept, pa.int64()))
    decoded = pa.array(texts, plain.type)
    return batch.set_column(position, batch.schema.field(position), decoded)
