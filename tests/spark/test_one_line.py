"""The one-liner over frames of Spark: rows and vectors as over a frame of pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import embedpipe
from embedpipe.errors import ColumnError

COLUMN = "en_embed_bert_small_L12_256_embeddings"
ROWS = [(1, "I love NLP. It rains."), (2, None), (3, "")]


@pytest.mark.parametrize("level", ["token", "sentence", "document"])
def test_a_frame_of_spark_comes_back_with_the_rows_of_the_level(spark, level):
    pipe = embedpipe.load("en.embed.bert.small_L12_256")
    made = pipe.predict(
        spark.createDataFrame(ROWS, "n int, text string"), level, return_spark_df=True
    )
    assert made.columns == ["n", "text", level, COLUMN]
    wanted = pipe.predict(pd.DataFrame(ROWS, columns=["n", "text"]), level)
    rows = made.collect()
    assert [row.n for row in rows] == wanted["n"].tolist()
    assert [row[level] for row in rows] == wanted[level].astype(object).where(
        wanted[level].notna(), None
    ).tolist()
    for row, vector in zip(rows, wanted[COLUMN], strict=True):
        same = row[COLUMN] is None if vector is None else np.array_equal(row[COLUMN], vector)
        assert same


def test_columns_of_a_frame_of_spark_are_checked_before_anything_runs(spark):
    pipe = embedpipe.load("en.embed.bert.small_L12_256")
    with pytest.raises(ColumnError, match="no column is named 'text', and none holds strings"):
        pipe.predict(spark.createDataFrame([(1,)], "n int"))
