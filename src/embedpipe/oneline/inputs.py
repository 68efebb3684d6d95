"""What people pass as texts: as a frame with a text column, and the result as they expect it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe._callers import level_of_caller
from embedpipe._dependencies import require
from embedpipe.encoder.texts import present_texts
from embedpipe.errors import AmbiguousColumnWarning, ColumnError, InputError
from embedpipe.frames.adapter import columns_of_frame
from embedpipe.frames.columns import ColumnKind
from embedpipe.frames.vectors import vectors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Given", "finished", "is_spark", "matrix_of", "taken"]

_TEXT = "text"
_CHUNK_COLUMNS = ("chunks", "chunk")


class Given(NamedTuple):
    """A frame, its columns of texts and chunks, and whether its columns may stand in a result.

    names: of all its columns.
    """

    frame: Any
    text: str
    chunks: str | None
    chunk_lists: bool
    is_frame: bool
    names: tuple[str, ...] = (_TEXT,)


class _Found(NamedTuple):
    """A column: its name, whether it holds texts or lists of them, and its type in words."""

    name: str
    is_text: bool
    is_texts: bool
    type: str


def taken(data: Any, text_column: str | None) -> Given:
    """The data as a frame. Texts without one become a pandas frame, as in NLU.

    Raises ColumnError where no column can be the text, InputError for what is no text and no frame.
    """
    package, kind = _origin(data)
    if (package, kind) == ("pandas", "Series"):
        return Given(data.to_frame(_TEXT), _TEXT, None, False, False)
    if (package, kind) == ("polars", "Series"):
        return Given(data.to_frame(_TEXT), _TEXT, None, False, False)
    if isinstance(data, (pa.Array, pa.ChunkedArray)):
        return Given(pa.table({_TEXT: data}), _TEXT, None, False, False)
    if isinstance(data, str) or _are_texts(data):
        return Given(_pandas_frame(data), _TEXT, None, False, False)
    columns = _columns(data)
    text = _text_column(columns, text_column)
    lists = {c.name: c.is_texts for c in columns if c.name in _CHUNK_COLUMNS and c.name != text}
    chunks = next((name for name in _CHUNK_COLUMNS if name in lists), None)
    names = tuple(column.name for column in columns)
    return Given(data, text, chunks, lists.get(chunks or "", False), True, names)


def finished(frame: Any, names: Iterable[str]) -> Any:
    """The result, where these columns were made: in pandas, of the types that pandas has itself."""
    if _origin(frame)[0] != "pandas":
        return frame
    pandas = require("pandas", "a pandas frame")
    columns = list(frame.columns)
    for name in names:
        cells = frame.iloc[:, len(columns) - 1 - columns[::-1].index(name)]
        if cells.dtype != object:  # as columns of vectors are
            array = cells.array.__arrow_array__()
            if isinstance(array, pa.ChunkedArray):
                array = array.combine_chunks()
            frame[name] = _pandas_column(pandas, array, frame.index)
    return frame


def matrix_of(frame: Any, name: str, dimension: int) -> npt.NDArray[np.float32]:
    """A column of vectors of a result as float32 (rows, dimension), NaN where one is missing."""
    in_memory = isinstance(frame, (Mapping, pa.Table, pa.RecordBatch))
    if not (in_memory or _origin(frame)[1] == "DataFrame") or is_spark(frame):
        raise InputError(
            f"a {type(frame).__name__} is computed later or elsewhere, and a matrix is wanted now; "
            "pass a frame or texts that are in memory, or use predict(..., output_level='document')"
        )
    column = frame[name]
    if hasattr(column, "isna") and column.isna().all():  # which does not tell their length
        return np.full((len(column), dimension), np.nan, np.float32)
    return vectors(column)


def is_spark(data: Any) -> bool:
    """Whether it is one of Spark's data frames."""
    return _origin(data)[0] == "pyspark"


def _are_texts(data: Any) -> bool:
    """Whether it is a list or another row of things, and no frame."""
    if isinstance(data, (list, tuple, np.ndarray)):
        return True
    if isinstance(data, (Set, bytes)):
        raise InputError(
            f"data: found {type(data).__name__}; expected a text, a list or column of texts, or a "
            "frame. Pass a set as a list, and decode bytes"
        )
    if isinstance(data, Mapping):  # a dict of columns
        return False
    frame_like = ("columns", "column_names", "schema", "__arrow_c_stream__", "__dataframe__")
    return isinstance(data, Iterable) and not any(hasattr(data, name) for name in frame_like)


def _pandas_frame(data: Any) -> pd.DataFrame:
    found, present = present_texts([data] if isinstance(data, str) else data, "null")
    pandas = require("pandas", "a result for texts that are in no frame (or pass an Arrow table)")
    cells = np.empty(len(found) if present is None else len(present), object)
    cells[slice(None) if present is None else present] = found
    frame: pd.DataFrame = pandas.DataFrame({_TEXT: cells}, dtype=object)
    return frame


def _columns(frame: Any) -> list[_Found]:
    if _origin(frame) == ("pandas", "DataFrame"):
        return [_pandas_found(frame, place) for place in range(frame.shape[1])]
    return [
        _Found(c.name, c.kind is ColumnKind.TEXT, c.kind is ColumnKind.TEXT_LISTS, c.type)
        for c in columns_of_frame(frame, {})
    ]


def _pandas_found(frame: pd.DataFrame, place: int) -> _Found:
    """A column of a pandas frame, whose objects may be anything: they are looked at."""
    pandas = require("pandas", "a pandas frame")
    name, cells = frame.columns[place], frame.iloc[:, place]
    kind = pandas.api.types.infer_dtype(cells, skipna=True)
    if kind == "categorical":
        kind = pandas.api.types.infer_dtype(cells.cat.categories, skipna=True)
    first = next(iter(cells.dropna().iloc[:1]), None) if kind == "mixed" else None
    lists = isinstance(first, (list, tuple, np.ndarray))
    said = f"{cells.dtype}, {kind}" if cells.dtype == object else str(cells.dtype)
    return _Found(name, kind == "string", lists, said)


def _text_column(columns: list[_Found], asked: str | None) -> str:
    """The column that is asked for, else `text`, else the first one of texts."""
    names = [column.name for column in columns]
    there = ", ".join(f"{column.name!r} ({column.type})" for column in columns) or "none"
    if asked is not None and asked not in names:
        raise ColumnError(f"text_column: no column is named {asked!r}; there are: {there}")
    if asked is not None or _TEXT in names:
        return asked or _TEXT
    texts = [column.name for column in columns if column.is_text]
    if not texts:
        raise ColumnError(
            f"no column is named 'text', and none holds strings; there are: {there}. Name the one "
            "to read with text_column=, and convert it to strings where it holds something else"
        )
    if not isinstance(texts[0], str):
        raise ColumnError(
            f"the text column is called {texts[0]!r}, which is no string; call it 'text'"
        )
    if len(texts) > 1:
        warnings.warn(
            f"no column is named 'text'; {texts[0]!r}, the first one of strings, is read, and not "
            f"{', '.join(map(repr, texts[1:]))}. Say which with text_column=",
            AmbiguousColumnWarning,
            stacklevel=level_of_caller(),
        )
    return texts[0]


def _pandas_column(pandas: Any, array: pa.Array, index: Any) -> Any:
    kind = array.type
    if pa.types.is_list(kind):
        return pandas.Series(_lists(array), index=index, dtype=object)
    if array.null_count and not pa.types.is_string(kind):  # not to become floats or objects
        exact = pandas.BooleanDtype() if pa.types.is_boolean(kind) else pandas.Int32Dtype()
        return pandas.Series(array.to_pylist(), index=index, dtype=exact)
    series = array.to_pandas()
    series.index = index
    return series


def _lists(array: pa.ListArray) -> npt.NDArray[np.object_]:
    """A list for each row, None for null."""
    offsets, values = array.offsets.to_numpy(), array.values
    is_vectors = pa.types.is_fixed_size_list(values.type)
    inner = list(vectors(values)) if is_vectors else values.to_pylist()
    lists = np.empty(len(array), object)
    for row, there in enumerate(array.is_valid().to_numpy(zero_copy_only=False)):
        lists[row] = list(inner[offsets[row] : offsets[row + 1]]) if there else None
    return lists


def _origin(data: Any) -> tuple[str, str]:
    """The package of a frame's type, of one of its bases, and the type's name."""
    for base in type(data).__mro__:
        package = base.__module__.partition(".")[0]
        if package in ("pandas", "polars") and base.__name__ in ("DataFrame", "Series"):
            return package, base.__name__
    return type(data).__module__.partition(".")[0], type(data).__name__
