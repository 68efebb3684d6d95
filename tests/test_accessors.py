"""`.embedpipe` of Polars and pandas, and the function of DuckDB: the encoder's bits in a column."""

from __future__ import annotations

import io
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import embedpipe
import embedpipe.duckdb
import embedpipe.pandas
import embedpipe.polars
from embedpipe.errors import InputError, ModelNotFoundError, ParameterError
from tests.support.golden_models import load_encoders
from tests.support.wide_table import TEXTS


@pytest.fixture(scope="module")
def encoder(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))["tiny_bert"]


@pytest.fixture
def connection(encoder):
    connection = duckdb.connect()
    connection.execute("set threads to 4")
    connection.execute("create table reviews (id integer, text varchar)")
    connection.executemany(
        "insert into reviews values (?, ?)", [[*row] for row in enumerate(TEXTS)]
    )
    embedpipe.duckdb.register(connection, model=encoder)
    return connection


def same(column, encoder, texts=TEXTS, **options):
    return embedpipe.vectors(column).tobytes() == encoder.encode(texts, **options).tobytes()


def test_expressions_and_series_of_polars_give_arrays(encoder):
    frame = pl.DataFrame({"text": TEXTS, "id": range(5)})
    out = frame.with_columns(vector=pl.col("text").embedpipe.embed(encoder))
    assert out.schema["vector"] == pl.Array(pl.Float32, encoder.dimension)
    assert out["vector"].is_null().to_list() == [False, True, False, False, False]
    assert same(out["vector"], encoder)
    made = frame["text"].embedpipe.embed(encoder)
    assert made.name == "text"
    assert same(made, encoder)
    assert made.embedpipe.vectors().tobytes() == encoder.encode(TEXTS).tobytes()
    empty = frame[:0].select(pl.col("text").embedpipe.embed(encoder))
    assert empty.schema["text"] == pl.Array(pl.Float32, encoder.dimension)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_lazy_queries_of_polars_embed(engine, encoder):
    frame = pl.LazyFrame({"text": TEXTS, "id": range(5)})
    query = frame.filter(pl.col("id") > 1).select(pl.col("text").embedpipe.embed(encoder))
    assert query.collect_schema()["text"] == pl.Array(pl.Float32, encoder.dimension)
    assert same(query.collect(engine=engine)["text"], encoder, TEXTS[2:])


def test_options_are_those_of_encode(encoder, connection):
    options = {"pooling": "cls", "normalize": False}
    expected = {"encoder": encoder, **options}
    frame = pl.DataFrame({"text": TEXTS})
    out = frame.select(pl.col("text").embedpipe.embed(encoder, **options))
    assert same(out["text"], **expected)
    assert same(pd.Series(TEXTS).embedpipe.embed(encoder, **options), **expected)
    embedpipe.duckdb.register(connection, "embed_cls", model=encoder, **options)
    out = connection.sql("select embed_cls(text) as v from reviews order by id")
    assert same(out.to_arrow_table()["v"], **expected)
    fast = encoder.with_precision("int8")
    out = pd.Series(TEXTS).embedpipe.embed(encoder, precision="int8")
    assert same(out, fast)


def test_series_of_pandas_give_series_of_arrays(encoder):
    series = pd.Series(TEXTS, index=list("abcab"), name="text")
    out = series.embedpipe.embed(encoder)
    pd.testing.assert_index_equal(out.index, series.index)
    assert out.name == "text"
    assert out.isna().tolist() == [False, True, False, False, False]
    assert out.iloc[0].dtype == np.float32
    assert same(out, encoder)
    for kind in ("category", "string", "object"):
        assert same(series.astype(kind).embedpipe.embed(encoder), encoder)
    assert out.dropna().embedpipe.vectors().shape == (4, encoder.dimension)
    assert len(series[:0].embedpipe.embed(encoder)) == 0


def test_the_function_of_duckdb_embeds(connection, encoder):
    out = connection.sql("select embed(text) as v from reviews order by id")
    assert str(out.types[0]) == f"FLOAT[{encoder.dimension}]"
    assert same(out.to_arrow_table()["v"], encoder)
    nearest = connection.sql(
        "select text from reviews where text is not null order by "
        "array_cosine_similarity(embed(text), embed('Four 😀 five.')) desc limit 1"
    )
    assert nearest.fetchall() == [("Four 😀 five.",)]
    assert connection.sql("select embed(null)").fetchall() == [(None,)]
    many = connection.sql("select embed(text) v from reviews, range(2000) where text is not null")
    assert many.aggregate("count(distinct v)").fetchall() == [(3,)]


def test_a_cell_of_a_notebook_may_run_twice(connection, encoder):
    embedpipe.duckdb.register(connection, model=encoder, pooling="cls")
    out = connection.sql("select embed(text) as v from reviews order by id")
    assert same(out.to_arrow_table()["v"], encoder, pooling="cls")
    with pytest.raises(ParameterError, match="DuckDB makes no function 'sum'"):
        embedpipe.duckdb.register(connection, "sum", model=encoder)


def test_the_default_connection_knows_it_too(encoder):
    embedpipe.duckdb.register(name="embed_by_default", model=encoder)
    assert same(
        duckdb.sql("select embed_by_default('One.') v").to_arrow_table()["v"], encoder, ["One."]
    )
    duckdb.remove_function("embed_by_default")


EMBED = {
    "Polars expression": pl.col("text").embedpipe.embed,
    "Polars series": pl.Series(["a"]).embedpipe.embed,
    "pandas": pd.Series(["a"]).embedpipe.embed,
    "DuckDB": lambda **given: embedpipe.duckdb.register(duckdb.connect(), **given),
}


@pytest.mark.parametrize("embed", EMBED.values(), ids=EMBED)
def test_mistakes_show_before_a_query_runs(embed, encoder, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    with pytest.raises(ModelNotFoundError):
        embed(model="no-such-model")
    with pytest.raises(ParameterError, match="pooling"):
        embed(model=encoder, pooling="middle")
    with pytest.raises(ParameterError, match="found the option 'missing'"):
        embed(model=encoder, missing="error")


def test_what_is_no_text_is_refused(encoder):
    with pytest.raises(InputError, match=r"texts\[0\].*found int 5"):
        pd.Series([5]).embedpipe.embed(encoder)
    with pytest.raises(InputError, match=r"texts\[0\].*found int 5"):
        pl.Series([5]).embedpipe.embed(encoder)
    with pytest.raises(InputError, match=r"texts\[0\].*found int 5"):
        pl.DataFrame({"n": [5]}).select(pl.col("n").embedpipe.embed(encoder))


def test_series_show_progress_when_asked(encoder, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    pd.Series(TEXTS).embedpipe.embed(encoder)
    assert stream.getvalue() == ""
    pd.Series(TEXTS).embedpipe.embed(encoder, progress=True)
    pl.Series(TEXTS).embedpipe.embed(encoder, progress=True)
    assert stream.getvalue().count("4 texts in 0:00") == 2
