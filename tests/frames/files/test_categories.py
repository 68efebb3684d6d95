"""Categories in one file, and plain values of the same column in another."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe.errors import ColumnError
from embedpipe.frames.files.inputs import Inputs

VALUES = ["b", "a", None, "b"]


def read(folder: Path, *columns: pa.Array) -> pa.Table:
    """One table of files that hold these columns beside a text."""
    paths = []
    for i, column in enumerate(columns):
        paths.append(str(folder / f"{i}.parquet"))
        parquet.write_table(pa.table({"text": ["x"] * len(column), "kind": column}), paths[-1])
    inputs = Inputs(paths)
    return pa.Table.from_batches([b.records for b in inputs.batches()], inputs.schema())


def test_categories_beside_strings_are_strings(tmp_path: Path) -> None:
    strings = pa.array(VALUES)
    categories = strings.dictionary_encode()
    for columns in (
        (strings, categories),
        (categories, strings),
        (categories, strings, categories),
    ):
        found = read(tmp_path, *columns)["kind"]
        assert found.type == pa.string()
        assert found.to_pylist() == VALUES * len(columns)


def test_categories_of_several_files_stay_categories(tmp_path: Path) -> None:
    one = pa.array(VALUES).dictionary_encode()
    other = pa.array(["c", "b"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    found = read(tmp_path, one, other)["kind"]
    assert pa.types.is_dictionary(found.type)
    assert found.to_pylist() == [*VALUES, "c", "b"]


def test_categories_of_numbers_beside_numbers_are_numbers(tmp_path: Path) -> None:
    numbers = pa.array([2, 1, 2])
    found = read(tmp_path, numbers.dictionary_encode(), pa.array([0.5]))["kind"]
    assert found.to_pylist() == [2.0, 1.0, 2.0, 0.5]


def test_categories_of_strings_beside_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match=r"1\.parquet: its columns do not fit"):
        read(tmp_path, pa.array(VALUES).dictionary_encode(), pa.array([1]))
