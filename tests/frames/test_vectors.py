"""`embedpipe.vectors`: one matrix out of a column of any library, without copying where it can."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import embedpipe
from embedpipe.base import EmbeddingsFinisher
from embedpipe.errors import InputError
from tests.support.annotation_tables import annotations

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3)
FIXED = pa.FixedSizeListArray.from_arrays(pa.array(MATRIX.ravel()), 3)
LISTS = pa.array(MATRIX.tolist(), pa.list_(pa.float32()))
WITHOUT_COPYING = {
    "fixed-size lists": FIXED,
    "lists": LISTS,
    "large lists": LISTS.cast(pa.large_list(pa.float32())),
    "one chunk": pa.chunked_array([FIXED]),
    "Arrow in pandas": pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([FIXED]))),
    "Polars arrays": pl.Series(values=MATRIX, dtype=pl.Array(pl.Float32, 3)),
    "Polars lists": pl.Series(values=MATRIX.tolist(), dtype=pl.List(pl.Float32)),
    "rows of a matrix in pandas": pd.Series(list(MATRIX)),
    "a matrix": MATRIX,
}
WITH_COPYING = {
    "chunks": pa.chunked_array([FIXED[:1], FIXED[1:]]),
    "64-bit": LISTS.cast(pa.list_(pa.float64())),
    "16-bit": FIXED.cast(pa.list_(pa.float16(), 3)),
    "integers": pa.array(MATRIX.astype(int).tolist()),
    "lists of Python": MATRIX.tolist(),
    "arrays": [row.copy() for row in MATRIX],
    "arrays in pandas": pd.Series([row.copy() for row in MATRIX]),
    "a turned matrix": np.asfortranarray(MATRIX),
}


@pytest.mark.parametrize("column", WITHOUT_COPYING.values(), ids=WITHOUT_COPYING)
def test_columns_of_float32_share_their_memory(column):
    found = embedpipe.vectors(column)
    assert np.shares_memory(found, embedpipe.vectors(column))
    assert (found.dtype, found.tolist()) == (np.float32, MATRIX.tolist())
    part = embedpipe.vectors(column[1:3])
    assert part.tolist() == MATRIX[1:3].tolist()
    assert np.shares_memory(part, found)


@pytest.mark.parametrize("column", WITH_COPYING.values(), ids=WITH_COPYING)
def test_other_columns_of_numbers_become_float32(column):
    found = embedpipe.vectors(column)
    assert (found.dtype, found.tolist()) == (np.float32, MATRIX.tolist())


def test_rows_of_a_matrix_in_another_order_are_not_taken_for_it():
    turned = pd.Series(list(MATRIX)).iloc[[2, 0, 1, 3]]
    assert embedpipe.vectors(turned).tolist() == MATRIX[[2, 0, 1, 3]].tolist()
    assert embedpipe.vectors(pd.Series([MATRIX[:, 0], MATRIX[:, 1]])).tolist() == [
        [0, 3, 6, 9],
        [1, 4, 7, 10],
    ]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32(), 3), pa.list_(pa.float32())], ids=str)
def test_a_null_is_a_row_of_nan(kind):
    rows = [None, *MATRIX.tolist(), None]
    for column in (pa.array(rows, kind), pa.array(rows, kind)[1:], pl.Series(rows), rows):
        found = embedpipe.vectors(column)
        assert np.isnan(found[-1]).all()
        assert found[-5:-1].tolist() == MATRIX.tolist()
    assert embedpipe.vectors(pa.nulls(2, pa.list_(pa.float32(), 3))).shape == (2, 3)
    assert embedpipe.vectors(pa.array([], kind)).shape[0] == 0


def test_all_vectors_of_annotations_come_one_after_the_other():
    rows = [[(0, 0, "a", {}, [1, 2])], None, [], [(0, 0, "b", {}, [3, 4]), (1, 1, "c", {}, [5, 6])]]
    table = annotations("word_embeddings", rows, dimension=2)
    wanted = [[1, 2], [3, 4], [5, 6]]
    pandas = table.to_pandas(types_mapper=pd.ArrowDtype)
    for column in (table["column"], pandas["column"], pl.from_arrow(table)["column"]):
        assert embedpipe.vectors(column).tolist() == wanted
        assert embedpipe.vectors(column[3:]).tolist() == wanted[1:]
    for form in ("lists", "vectors"):
        stage = EmbeddingsFinisher(inputCols=["column"], outputCols=["out"], outputAs=form)
        assert embedpipe.vectors(stage.transform(table)["out"]).tolist() == wanted


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a", "b"], "found values of type string; expected a column of vectors"),
        ([1.0, 2.0], "found values of type double"),
        ([[1, 2], [3]], "row 1 holds 1 numbers, another one 2"),
        ([[1, None], [3, 4]], "1 numbers of the vectors are null"),
        ([{1: 2}], "found a list"),
        (5, "found a int"),
        (np.zeros((2, 2, 2)), "with several columns or dimensions"),
        (pd.DataFrame({"a": [1]}), r"several columns or dimensions \('a'\); name one"),
        (pa.table({"a": [1]}), r"several columns or dimensions \('a'\); name one"),
        (pl.DataFrame({"a": [1]}), r"several columns or dimensions \('a'\); name one"),
    ],
)
def test_what_holds_no_vectors_is_refused(column, message):
    with pytest.raises(InputError, match=message):
        embedpipe.vectors(column)
