"""Polars frames around a pipeline: what an Arrow table gives, and nothing else is touched."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from embedpipe.annotation import ANNOTATION_TYPE, AnnotationColumn
from embedpipe.annotator import SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, Finisher, Pipeline, PipelineModel
from embedpipe.errors import ColumnError

TEXTS = ["One. Two three.", None, "", "Four 😀 five."]


def text_stages(**params):
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence", **params),
        Tokenizer(inputCols=["sentence"]),
    ]


def annotations(column):
    return AnnotationColumn.from_arrow(column.to_arrow()).rows()


@pytest.fixture
def frame():
    things = pl.Series([{1}, None, {2}, {3}], dtype=pl.Object)
    return pl.DataFrame({"id": [4, 3, 2, 1], "text": TEXTS, "thing": things})


def test_columns_are_those_of_an_arrow_table(frame):
    model = Pipeline(stages=text_stages()).fit(frame)
    out = model.transform(frame)
    table = model.transform(pa.table({"text": TEXTS}))
    assert isinstance(out, pl.DataFrame)
    assert out.columns == ["id", "text", "thing", "document", "sentence", "token"]
    assert out.select("id", "text").equals(frame.select("id", "text"))
    assert out["thing"].to_list() == frame["thing"].to_list()
    for name in ("document", "sentence", "token"):
        assert annotations(out[name]) == AnnotationColumn.from_arrow(table[name]).rows()
        assert out[name].is_null().to_list() == [False, True, False, False]


def test_exploded_sentences_take_the_other_columns_with_them(frame):
    out = PipelineModel(text_stages(explodeSentences=True)).transform(frame)
    assert out["id"].to_list() == [4, 4, 1]
    assert out["thing"].to_list() == [{1}, {1}, {3}]
    assert [len(row) for row in annotations(out["token"])] == [2, 3, 4]


def test_annotations_of_a_frame_are_read_and_taken_away(frame):
    between = PipelineModel(text_stages()[:2]).transform(frame)
    stages = [Tokenizer(inputCols=["sentence"]), Finisher(inputCols=["token"])]
    out = Pipeline(stages=stages).fit(between).transform(between)
    assert out.columns == ["id", "text", "thing", "finished_token"]
    assert out["finished_token"].to_list()[0] == ["One", ".", "Two", "three", "."]
    wrong = Tokenizer(inputCols=["token"], outputCol="again")
    with pytest.raises(ColumnError, match="holds annotations of type token"):
        Pipeline(stages=[wrong]).fit(PipelineModel(text_stages()).transform(frame))


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Null])
def test_types_of_text_are_text(dtype):
    text = pl.Series("text", [None, None] if dtype is pl.Null else ["a b", None], dtype=dtype)
    out = PipelineModel(text_stages()).transform(pl.DataFrame([text]))
    assert [row and len(row) for row in annotations(out["token"])] == [
        None if dtype is pl.Null else 2,
        None,
    ]
    assert out["text"].dtype == dtype


def test_what_is_no_text_is_refused_by_name(frame):
    for name, found in (("id", "'id' holds int64"), ("thing", "'thing' holds Python objects")):
        with pytest.raises(ColumnError, match=found):
            DocumentAssembler(inputCol=name).transform(frame)
    with pytest.raises(ColumnError, match="'gone' is missing"):
        DocumentAssembler(inputCol="gone").transform(frame)


def test_empty_frames_stay_empty():
    out = PipelineModel(text_stages()).transform(pl.DataFrame({"text": pl.Series([], dtype=str)}))
    assert (out.height, out.columns) == (0, ["text", "document", "sentence", "token"])


def test_metadata_are_read_from_lists_of_pairs_where_a_library_has_no_maps():
    table = PipelineModel(text_stages()).transform(pa.table({"text": TEXTS}))
    pairs = pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))
    fields = [
        pa.field(part.name, pairs if part.name == "metadata" else part.type)
        for part in ANNOTATION_TYPE.value_type
    ]
    rows = [
        row and [{**a, "metadata": [{"key": k, "value": v} for k, v in a["metadata"]]} for a in row]
        for row in table["token"].to_pylist()
    ]
    column = pa.array(rows, pa.list_(pa.struct(fields)))
    expected = AnnotationColumn.from_arrow(table["token"])
    assert AnnotationColumn.from_arrow(column).equals(expected)
