"""Conversion of Python's strings to Arrow, and checks that text is valid Unicode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.frames.columns import is_text_type

__all__ = ["arrow_texts", "check_utf8", "is_utf8"]


def arrow_texts(texts: Sequence[str | None], column: str | None = None) -> pa.StringArray:
    """The texts as an Arrow array; `column` names them in the InputError for a lone surrogate."""
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError as error:
        where = f"column {column!r}: " if column is not None else ""
        raise InputError(
            f"{where}the text {error.object[:40]!r} holds a lone surrogate at character "
            f"{error.start}, which is no Unicode text; replace it, for example by "
            "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
        ) from error


def check_utf8(batch: pa.RecordBatch, columns: Iterable[str], first_row: int) -> None:
    """Raise InputError that names column and row where a text is not UTF-8, as Arrow's are to be.

    Arrow checks no text that it is handed as bytes; `first_row` is the number of the batch's first.
    """
    for name in columns:
        column = batch.column(batch.schema.get_field_index(name))
        if not is_utf8(column):
            row = next(i for i in range(len(column)) if not is_utf8(column.slice(i, 1)))
            raise InputError(
                f"column {name!r}, row {first_row + row}: the text is not UTF-8; decode the bytes "
                "that it was made of by their own encoding, for example bytes.decode('latin-1')"
            )


def is_utf8(column: pa.Array) -> bool:
    """Whether all strings of an Arrow array are UTF-8; other arrays, whether they are whole."""
    try:
        for texts in _texts_in(column):
            texts.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _texts_in(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays of texts within, only as much of them as this slice holds."""
    kind = array.type
    if pa.types.is_struct(kind):
        for part in array.flatten():
            yield from _texts_in(part)
    elif pa.types.is_map(kind):
        if len(array):
            first, last = array.offsets[0].as_py(), array.offsets[-1].as_py()
            yield from _texts_in(array.keys[first:last])
            yield from _texts_in(array.items[first:last])
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _texts_in(array.flatten())
    elif pa.types.is_dictionary(kind):
        yield from _texts_in(array.dictionary)
    elif is_text_type(kind):
        yield array
