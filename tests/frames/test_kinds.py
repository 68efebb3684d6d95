"""Frames of every kind: the same bits out of all, the kind that came, nothing else touched."""

from __future__ import annotations

import pickle

import datasets
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

import embedpipe
from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import SentenceDetector
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import ColumnError, InputError
from tests.support.small_pipelines import embedding, sentences
from tests.support.wide_table import TEXTS, wide_table


class Stream:
    """What any library may give: the Arrow C stream, and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested: object = None) -> object:
        return self.table.__arrow_c_stream__(requested)


class OneBatch:
    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch

    def __arrow_c_array__(self, requested: object = None) -> object:
        return self.batch.__arrow_c_array__(requested)


def dataset_of_files(table, folder):
    half = len(table) // 2
    for name, part in (("a", table[:half]), ("b", table[half:])):
        pyarrow.parquet.write_table(part, folder / f"{name}.parquet")
    return pyarrow.dataset.dataset(folder)


def only_batch(table):
    return pa.record_batch(
        [column.combine_chunks() for column in table.columns], schema=table.schema
    )


def relation(table):
    connection = duckdb.connect()
    connection.register("wide", table)
    return connection.sql("select * from wide")


def arrow_backed(table):
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def as_table(frame):
    """An Arrow table of what a transform gave."""
    if isinstance(frame, pa.RecordBatchReader):
        return frame.read_all()
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, datasets.Dataset):
        return frame.with_format("arrow")[:]
    if isinstance(frame, datasets.IterableDataset):
        return pa.Table.from_pylist(list(frame))
    if isinstance(frame, duckdb.DuckDBPyRelation):
        return frame.to_arrow_table()
    return frame if isinstance(frame, pa.Table) else pa.table(frame)


# What a table becomes, how it is made, and what comes out.
KINDS = {
    "Arrow table": (lambda table, _: table, pa.Table),
    "Arrow batch": (lambda table, _: only_batch(table), pa.RecordBatch),
    "Arrow reader": (lambda table, _: table.to_reader(max_chunksize=2), pa.RecordBatchReader),
    "Arrow dataset": (dataset_of_files, pa.RecordBatchReader),
    "Arrow scanner": (
        lambda table, folder: dataset_of_files(table, folder).scanner(),
        pa.RecordBatchReader,
    ),
    "Arrow C stream": (lambda table, _: Stream(table), pa.RecordBatchReader),
    "Arrow C array": (
        lambda table, _: OneBatch(only_batch(table)),
        pa.RecordBatchReader,
    ),
    "pandas": (lambda table, _: table.to_pandas(), pd.DataFrame),
    "pandas of Arrow": (lambda table, _: arrow_backed(table), pd.DataFrame),
    "Polars": (lambda table, _: pl.from_arrow(table), pl.DataFrame),
    "Polars lazy": (lambda table, _: pl.from_arrow(table).lazy(), pl.LazyFrame),
    "Hugging Face": (lambda table, _: datasets.Dataset(table), datasets.Dataset),
    "Hugging Face streamed": (
        lambda table, _: datasets.Dataset(table).to_iterable_dataset(),
        datasets.IterableDataset,
    ),
    "DuckDB": (lambda table, _: relation(table), duckdb.DuckDBPyRelation),
    "dict": (lambda table, _: {name: table[name].to_pylist() for name in table.column_names}, dict),
}
# Kinds that hold all types as Arrow does, so that all columns can be compared in Arrow.
LOSSLESS = [kind for kind in KINDS if kind.startswith("Arrow") or kind == "pandas of Arrow"]
NO_DICTIONARIES = {"Hugging Face", "Hugging Face streamed"}  # datasets has a type of its own


every_kind = pytest.mark.parametrize("kind", KINDS)


def given(kind, folder, table=None):
    table = wide_table() if table is None else table
    if kind in NO_DICTIONARIES:
        place = table.column_names.index("kind")
        table = table.set_column(place, "kind", table["kind"].cast(pa.string()))
    return KINDS[kind][0](table, folder)


@every_kind
def test_the_kind_comes_back_with_the_same_bits(kind, encoder, tmp_path):
    out = embedding(encoder).transform(given(kind, tmp_path))
    assert isinstance(out, KINDS[kind][1])
    found = embedpipe.vectors(as_table(out)["vector"])
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()


@every_kind
def test_all_other_columns_are_untouched(kind, encoder, tmp_path):
    frame = given(kind, tmp_path)
    out = embedding(encoder).transform(frame)
    names = wide_table().column_names
    if kind in LOSSLESS:
        found = as_table(out)
        assert found.drop_columns("vector").cast(wide_table().schema).equals(wide_table())
        assert found.schema.remove(len(names)).equals(wide_table().schema) or kind != "Arrow table"
    elif isinstance(out, pd.DataFrame):
        pd.testing.assert_frame_equal(out[names], frame)
    elif isinstance(out, (pl.DataFrame, pl.LazyFrame)):
        frame, out = frame.lazy().collect(), out.lazy().collect()
        assert out.select(names).equals(frame)
        assert out.select(names).schema == frame.schema
    elif isinstance(out, duckdb.DuckDBPyRelation):
        assert out.types[:-1] == frame.types
        assert repr(out.project("* exclude (vector)").fetchall()) == repr(frame.fetchall())
    elif isinstance(out, dict):
        assert all(out[name] is frame[name] for name in names)
    else:
        assert {name: out.features[name] for name in names} == frame.features
        assert repr(list(out.remove_columns("vector"))) == repr(list(frame))


@every_kind
def test_annotations_go_through_every_kind_and_are_read_again(kind, tmp_path):
    table = wide_table().select(["id", "text", "kind"])
    first = DocumentAssembler(inputCol="text").transform(given(kind, tmp_path, table))
    if isinstance(first, (pa.RecordBatchReader, datasets.IterableDataset)):
        first = (
            first if isinstance(first, pa.RecordBatchReader) else datasets.Dataset(as_table(first))
        )
    out = SentenceDetector(inputCols=["document"], outputCol="sentence").transform(first)
    found = AnnotationColumn.from_arrow(as_table(out)["sentence"])
    expected = AnnotationColumn.from_arrow(sentences().transform(table)["sentence"])
    assert found.equals(expected)


@every_kind
def test_rows_follow_the_sentences_that_are_made_of_them(kind, tmp_path):
    table = wide_table().select(["id", "text", "kind"])
    out = sentences(explodeSentences=True).transform(given(kind, tmp_path, table))
    assert as_table(out)["id"].to_pylist() == [5, 5, 2, 1, 1]


@every_kind
def test_a_missing_text_column_and_other_types_are_refused_before_anything_runs(kind, tmp_path):
    for column, found in (("body", "'body' is missing"), ("id", "'id' holds")):
        model = PipelineModel([DocumentAssembler(inputCol=column)])
        with pytest.raises(ColumnError, match=found):
            model.transform(given(kind, tmp_path))
    with pytest.raises(ColumnError, match="'id' holds"):
        Pipeline(stages=[DocumentAssembler(inputCol="id")]).fit(given(kind, tmp_path))
    taken = DocumentAssembler(inputCol="text", outputCol="kind")
    with pytest.raises(ColumnError, match="output column 'kind' is there already"):
        taken.transform(given(kind, tmp_path))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "Hugging Face streamed"])
def test_a_frame_without_rows_stays_one(kind, encoder, tmp_path):
    out = embedding(encoder).transform(given(kind, tmp_path, wide_table()[:0]))
    assert isinstance(out, KINDS[kind][1])
    assert len(out["vector"] if kind == "dict" else as_table(out)["vector"]) == 0


def test_duplicate_names_are_kept_unless_they_are_read(encoder):
    table = wide_table()
    twice = pa.table([table["text"], table["id"], table["price"]], names=["text", "n", "n"])
    out = embedding(encoder).transform(twice)
    assert out.column_names == ["text", "n", "n", "vector"]
    assert out.column(2).equals(table["price"])
    frame = pd.concat([table.select(["text", "id"]).to_pandas()] * 2, axis=1)
    frame.columns = ["text", "n", "other", "n"]
    out = embedding(encoder).transform(frame)
    pd.testing.assert_frame_equal(out.iloc[:, :4], frame)
    frame.columns = ["text", "n", "text", "n"]
    with pytest.raises(ColumnError, match="'text' is there 2 times"):
        embedding(encoder).transform(frame)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(list("abbca"), name="key"),
        pd.MultiIndex.from_product([["x"], range(5)], names=["a", None]),
        pd.date_range("2024-01-01", periods=5, tz="Asia/Tokyo"),
        pd.RangeIndex(10, 0, -2),
        pd.CategoricalIndex(list("abcab")),
    ],
    ids=lambda index: type(index).__name__,
)
def test_every_index_of_pandas_is_kept(index, encoder):
    frame = wide_table().to_pandas().set_index(index)
    out = embedding(encoder).transform(frame)
    pd.testing.assert_index_equal(out.index, index)
    pd.testing.assert_frame_equal(out.drop(columns="vector"), frame)


def test_files_hold_the_same_bits(encoder, tmp_path):
    source, made = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pyarrow.parquet.write_table(wide_table().drop_columns("kind"), source)
    embedpipe.embed_files(source, made, embedding=embedpipe.ModelOptions(model=encoder))
    found = embedpipe.vectors(pyarrow.parquet.read_table(made)["embedding"])
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()


def test_polars_streams_what_is_lazy(encoder, monkeypatch):
    seen = []
    stage = type(embedding(encoder).stages[1])
    annotate = stage.annotate
    monkeypatch.setattr(
        stage, "annotate", lambda self, *c: seen.append(c[0].row_count) or annotate(self, *c)
    )
    frame = pl.DataFrame({"text": ["One.", "Two."] * 600})
    lazy = embedding(encoder).transform(frame.lazy())
    assert seen == []
    query = lazy.filter(pl.col("text") == "One.").select("vector")
    streamed = query.collect(engine="streaming")["vector"]
    assert sum(seen) == 1200
    one = encoder.encode(["One."] * 600)
    assert embedpipe.vectors(streamed).tobytes() == one.tobytes()
    assert lazy.collect_schema()["vector"] == pl.Array(pl.Float32, encoder.dimension)


def test_transform_can_be_sent(encoder):
    sent = pickle.loads(pickle.dumps(embedding(encoder).transform))
    table = wide_table()
    assert sent(table)["vector"].equals(embedding(encoder).transform(table)["vector"])


@pytest.mark.parametrize(
    "frame", [pl.Series(["a"]), pd.Series(["a"]), pa.array(["a"]), pa.chunked_array([["a"]])]
)
def test_a_column_alone_is_refused_with_what_takes_it(frame):
    with pytest.raises(InputError, match=r"Encoder\.encode"):
        sentences().transform(frame)


def test_dicts_of_what_is_no_column_are_refused():
    for frame in ({"text": 5}, {"text": [1, 2]}, {"text": [b"a"]}):
        with pytest.raises((InputError, ColumnError), match="'text'"):
            sentences().transform(frame)
    out = sentences().transform({"text": np.array(["One.", None], object), "n": np.arange(2)})
    assert out["document"][1] is None
