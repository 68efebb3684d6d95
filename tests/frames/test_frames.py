"""Frames of every kind around one pipeline: the same results, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedpipe.annotation import ANNOTATION_TYPE, AnnotationColumn
from embedpipe.annotator import SentenceDetector, Tokenizer, TokenizerModel
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import ColumnError, InputError
from embedpipe.frames import batch_limits
from embedpipe.frames.batch_limits import bounded

TEXTS = ["One. Two three.", None, "", "Four 😀 five."]


def text_stages():
    return [
        DocumentAssembler().setInputCol("text").setOutputCol("document"),
        SentenceDetector().setInputCols("document").setOutputCol("sentence"),
        Tokenizer().setInputCols(["sentence"]).setOutputCol("token"),
    ]


def exploding():
    first, second, _ = text_stages()
    return [first, second.setExplodeSentences(True)]


def tokens(column):
    rows = AnnotationColumn.from_arrow(column).rows()
    return [None if row is None else [token.result for token in row] for row in rows]


WORDS = [["One", ".", "Two", "three", "."], None, [], ["Four", "😀", "five", "."]]


@pytest.fixture
def table():
    return pa.table({"id": [1, 2, 3, 4], "text": TEXTS})


@pytest.fixture
def model():
    return Pipeline(stages=text_stages()).fit()


def test_tables_come_out_as_tables(table, model):
    out = model.transform(table)
    assert out.column_names == ["id", "text", "document", "sentence", "token"]
    assert out.select(["id", "text"]).equals(table)
    assert tokens(out["token"]) == WORDS
    assert out.schema.equals(model.output_schema(table.schema), check_metadata=True)


def test_record_batches_come_out_as_record_batches(table, model):
    (batch,) = table.to_batches()
    out = model.transform(batch)
    assert isinstance(out, pa.RecordBatch)
    assert out.equals(model.transform(table).combine_chunks().to_batches()[0])
    empty = model.transform(batch.slice(0, 0))
    assert isinstance(empty, pa.RecordBatch)
    assert empty.schema.equals(out.schema)


def test_readers_come_out_as_readers_and_read_only_what_is_asked_for(table, model):
    read = []

    def batches():
        for i in range(4):
            read.append(i)
            yield from table.slice(i, 1).to_batches()

    reader = pa.RecordBatchReader.from_batches(table.schema, batches())
    out = model.transform(reader)
    assert isinstance(out, pa.RecordBatchReader)
    assert read == []
    assert tokens(out.read_next_batch()["token"]) == WORDS[:1]
    assert read == [0]
    assert tokens(out.read_all()["token"]) == WORDS[1:]


def test_streams_of_batches_come_out_as_streams(table, model):
    out = model.transform_batches(iter(table.to_batches(max_chunksize=3)))
    assert [row for batch in out for row in tokens(batch["token"])] == WORDS
    assert list(model.transform_batches(iter([]))) == []


def test_pandas_frames_keep_index_order_and_other_columns(model):
    things = [object(), None, {1}, np.nan]
    frame = pd.DataFrame({"text": TEXTS, 7: things, "n": [1.5, None, 2, 3]}, index=list("baac"))
    before = frame.copy()
    out = model.transform(frame)
    assert list(out.columns) == ["text", 7, "n", "document", "sentence", "token"]
    assert list(out.index) == list("baac")
    assert all(a is b for a, b in zip(out[7], things, strict=True))
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(out[["text", 7, "n"]], before)
    assert tokens(out["token"]) == WORDS


def test_pandas_opens_annotation_columns_natively(model):
    out = model.transform(pd.DataFrame({"text": TEXTS}))
    assert isinstance(out["token"].dtype, pd.ArrowDtype)
    assert out["token"][0][1]["result"] == "."
    flat = out["token"].explode().dropna().struct.explode()
    assert list(flat["result"]) == [word for row in WORDS for word in row or []]
    assert out["token"].dtype.pyarrow_dtype == ANNOTATION_TYPE


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a b", None, np.nan], dtype=object),
        pd.Series(["a b", pd.NA, None], dtype="string"),
        pd.Series(["a b", None, None], dtype=pd.ArrowDtype(pa.large_string())),
        pd.Series(["a b", None, None], dtype="category"),
        pd.Series(["a b", None, None], dtype="str"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_missing_values_of_pandas_are_null_text(column, model):
    out = model.transform(pd.DataFrame({"text": column}))
    assert tokens(out["token"]) == [["a", "b"], None, None]
    for name in ("text", "document", "token"):
        assert out[name].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("values", [[np.nan, np.nan], [None, None], [pd.NaT, pd.NaT]])
def test_a_column_of_nothing_but_missing_values_is_null_text(values, model):
    out = model.transform(pd.DataFrame({"text": values}))
    assert out["document"].isna().all()


@pytest.mark.parametrize("stages", [text_stages, exploding])
def test_empty_pandas_frames_stay_empty(stages):
    out = PipelineModel(stages()).transform(pd.DataFrame({"text": pd.Series([], dtype=object)}))
    assert len(out) == 0
    assert "sentence" in out


def test_types_count_in_a_pandas_frame_without_rows(model):
    for kind in ("int64", "bool", "datetime64[ns]", "int64[pyarrow]"):
        with pytest.raises(ColumnError, match="'text' holds"):
            model.transform(pd.DataFrame({"text": pd.Series([], dtype=kind)}))
    for kind in ("object", "str", "category", "float64", "string"):
        assert len(model.transform(pd.DataFrame({"text": pd.Series([], dtype=kind)}))) == 0


def test_text_types_of_arrow_are_all_text(model):
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        column = pa.array(["a b", None]).cast(kind)
        out = model.transform(pa.table({"text": column}))
        assert tokens(out["token"]) == [["a", "b"], None]
        assert out["text"].type == kind
    assert tokens(model.transform(pa.table({"text": pa.nulls(2)}))["token"]) == [None, None]


def test_exploded_sentences_repeat_the_index_of_pandas():
    frame = pd.DataFrame({"text": TEXTS, "n": [1, 2, 3, 4]}, index=["a", "b", "c", "c"])
    out = PipelineModel(exploding()).transform(frame)
    assert list(out.index) == ["a", "a", "c"]
    assert list(out["n"]) == [1, 1, 4]


def test_annotations_that_lost_their_field_metadata_are_found(table, model):
    out = model.transform(table.select(["text"]))
    stage = TokenizerModel(inputCols=["sentence"], outputCol="again")
    for frame in (
        pd.DataFrame(out.to_pandas(types_mapper=pd.ArrowDtype)),
        out.replace_schema_metadata().cast(pa.schema([f.remove_metadata() for f in out.schema])),
    ):
        assert tokens(Pipeline(stages=[stage]).fit(frame).transform(frame)["again"]) == WORDS
        wrong = stage.copy({"inputCols": ["token"]})
        with pytest.raises(ColumnError, match="holds annotations of type token"):
            Pipeline(stages=[wrong]).fit(frame)


def test_annotations_that_pandas_read_from_a_file_are_found(table, model, tmp_path):
    pa.parquet.write_table(model.transform(table), tmp_path / "file.parquet")
    frame = pd.read_parquet(tmp_path / "file.parquet")
    assert frame["sentence"].dtype == object
    stage = TokenizerModel(inputCols=["sentence"], outputCol="again")
    assert tokens(stage.transform(frame)["again"]) == WORDS
    frame["sentence"] = [["no annotation"]] * len(frame)
    with pytest.raises(ColumnError, match=r"'sentence'.*cannot be read as annotations"):
        stage.transform(frame)


@pytest.mark.parametrize("frame", [["text"], {"text"}, "text", None, np.array(["a"])])
def test_other_frames_are_refused_with_the_supported_ones(frame, model):
    with pytest.raises(InputError, match=r"not supported; supported are pandas.DataFrame, polars"):
        model.transform(frame)


def test_lone_surrogates_are_refused_by_column():
    frame = pd.DataFrame({"text": pd.Series(["fine", "bad \ud800"], dtype=object)})
    with pytest.raises(InputError, match=r"column 'text'.*lone surrogate at character 4"):
        PipelineModel(text_stages()).transform(frame)


@settings(deadline=None)
@given(st.lists(st.lists(st.none() | st.text("aé", max_size=9), max_size=9), max_size=5))
def test_batches_are_cut_within_bounds_and_nothing_is_lost(batches):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_limits, "MAX_ROWS", 4)
        patch.setattr(batch_limits, "MAX_TEXT_BYTES", 10)
        given_batches = [pa.record_batch({"text": pa.array(b, pa.string())}) for b in batches]
        cut = list(bounded(given_batches, ["text"]))
    sizes = [sum(len((text or "").encode()) for text in b["text"].to_pylist()) for b in cut]
    assert all(b.num_rows <= 4 for b in cut)
    assert all(size <= 10 or b.num_rows == 1 for size, b in zip(sizes, cut, strict=True))
    texts = [text for b in cut for text in b["text"].to_pylist()]
    assert texts == [text for batch in batches for text in batch]


def test_long_frames_come_out_whole_and_in_order(monkeypatch, model):
    monkeypatch.setattr(batch_limits, "MAX_ROWS", 3)
    frame = pa.table({"text": [f"row {i}" for i in range(10)]})
    out = model.transform(frame)
    assert tokens(out["token"]) == [["row", str(i)] for i in range(10)]
    assert out["token"].num_chunks == 4
    assert isinstance(model.transform(frame.to_batches()[0]), pa.RecordBatch)
