"""Record batches of bounded size: their columns by name, and several inputs under one schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from embedpipe.errors import ColumnError, InputError

__all__ = [
    "GROUP_CHARACTERS",
    "GROUP_RECORDS",
    "ReadBatch",
    "column_position",
    "conform",
    "grouped",
    "kept_positions",
    "reading_errors",
    "string_array",
    "unified",
]


GROUP_RECORDS = 1024
GROUP_CHARACTERS = 1 << 20

Record = TypeVar("Record")


class ReadBatch(NamedTuple):
    """Records, and the line on which each begins, from 1; None where a format has no lines.

    fraction: how much of the input has been read, where that is not told by its stream.
    """

    records: pa.RecordBatch
    lines: Sequence[int] | None = None
    fraction: float | None = None


def grouped(records: Iterable[Record], size: Callable[[Record], int]) -> Iterator[list[Record]]:
    """At most 1,024 records at a time and, unless one alone is longer, about a million characters.

    Where the next record cannot be read, those before it come before its error.

    >>> [len(group) for group in grouped(["x" * 300_000] * 5, len)]
    [4, 1]
    """
    group: list[Record] = []
    characters = 0
    failure: InputError | None = None
    following = iter(records)
    while True:
        try:
            record = next(following)
        except StopIteration:
            break
        except InputError as error:
            failure = error
            break
        group.append(record)
        characters += size(record)
        if len(group) == GROUP_RECORDS or characters >= GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group
    if failure is not None:
        raise failure


def column_position(columns: Sequence[str], column: str, source: str, hint: str = "") -> int:
    """The index of the column; ColumnError unless exactly one has that name."""
    count = columns.count(column)
    if count != 1:
        near = get_close_matches(column.lower(), [name.lower() for name in columns], 1, 0.8)
        same = next((name for name in columns if [name.lower()] == near), None)
        meant = f"did you mean {same!r}? " if same not in (None, column) else ""
        if count:
            meant = "rename all but one of them, or "
        raise ColumnError(
            f"{source}: {'no column is' if count == 0 else f'{count} columns are'} named {column!r}"
            f"; found {', '.join(map(repr, columns)) or 'no columns'}; {meant}{hint}name the "
            "column with the text with --column"
        )
    return columns.index(column)


def string_array(texts: Sequence[str | None]) -> pa.Array:
    """An array of strings and nulls, made without `pyarrow.array`, which imports pandas (slow).

    >>> string_array(["one", None, "é"]).to_pylist()
    ['one', None, 'é']
    """
    there = [text or "" for text in texts]
    joined = "".join(there)
    sizes = map(len, there if joined.isascii() else (text.encode() for text in there))
    offsets = np.zeros(len(there) + 1, np.int64)
    np.cumsum(np.fromiter(sizes, np.int64, len(there)), out=offsets[1:])
    if offsets[-1] >= 2**31:  # more than an array of Arrow's strings can hold
        return pa.array(texts, pa.string())
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(joined.encode())]
    if None in texts:
        present = np.fromiter((text is not None for text in texts), np.bool_, len(texts))
        buffers[0] = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def kept_positions(columns: Sequence[str], column: str, keep: Sequence[str] | None) -> list[int]:
    """The indices of `column` and of those in `keep` (None: all); ColumnError if one is missing."""
    absent = [name for name in keep or () if name not in columns]
    if absent:
        raise ColumnError(
            f"no column is named {absent[0]!r}, which is to be kept; found "
            f"{', '.join(map(repr, columns))}"
        )
    wanted = None if keep is None else {column, *keep}
    return [i for i, name in enumerate(columns) if wanted is None or name in wanted]


def unified(schemas: Sequence[pa.Schema], sources: Sequence[str]) -> pa.Schema:
    """One schema for several inputs: all of their columns, in order of first appearance.

    A column that an input lacks is null there. Types that differ become the one that holds both,
    such as double for integers and doubles; categories beside other values become those values.
    Raises ColumnError where there is none, and for inputs of different columns of which two have
    one name.
    """
    first = schemas[0]
    if all(schema.equals(first) for schema in schemas):
        return first
    schemas = _without_mixed_categories(schemas)
    first = schemas[0]
    together = first.remove_metadata()
    for schema, source in zip(schemas, sources, strict=True):
        twice = [name for name, count in Counter(schema.names).items() if count > 1]
        if twice:
            raise ColumnError(
                f"{source}: two columns are named {twice[0]!r}, and other inputs have other "
                "columns; rename one of them, or embed this input alone"
            )
        try:
            together = pa.unify_schemas(
                [together, schema.remove_metadata()], promote_options="permissive"
            )
        except pa.ArrowException as error:
            raise ColumnError(
                f"{source}: its columns do not fit those of the inputs before: {error}; embed it "
                "alone, or convert the column"
            ) from error
    # Where an input lacks a column, it is null
    for i, field in enumerate(together):
        if not all(field.name in schema.names for schema in schemas):
            together = together.set(i, field.with_nullable(True))
    return together


def _without_mixed_categories(schemas: Sequence[pa.Schema]) -> list[pa.Schema]:
    """The schemas with values' types for categories, in columns that have others elsewhere."""
    plain = {f.name for schema in schemas for f in schema if not pa.types.is_dictionary(f.type)}
    return [
        pa.schema(
            [
                f.with_type(f.type.value_type)
                if f.name in plain and pa.types.is_dictionary(f.type)
                else f
                for f in schema
            ],
            schema.metadata,
        )
        for schema in schemas
    ]


def conform(batch: pa.RecordBatch, schema: pa.Schema, source: str) -> pa.RecordBatch:
    """The batch with the columns of `unified`; InputError for a value that does not fit one."""
    if batch.schema.equals(schema):
        return batch
    there = {name: i for i, name in enumerate(batch.schema.names)}
    if len(there) < batch.num_columns:  # two of one name, in one input alone
        return pa.RecordBatch.from_arrays(batch.columns, schema=schema)
    arrays: list[Any] = [
        _converted(batch.column(there[field.name]), field, source)
        if field.name in there
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _converted(array: Any, field: pa.Field, source: str) -> Any:
    try:
        return array.cast(field.type)
    except pa.ArrowException as error:
        raise InputError(
            f"{source}: a value of {field.name!r} does not fit the type {field.type}, which holds "
            f"those of all inputs: {error}; embed it alone, or convert the column"
        ) from error


@contextmanager
def reading_errors(source: str, what: str) -> Iterator[None]:
    """Make what Arrow raises about a file an InputError; what: such as "a Parquet file"."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{source} is not {what} that can be read: {error}; check the file, or name its format "
            "with --format"
        ) from error
