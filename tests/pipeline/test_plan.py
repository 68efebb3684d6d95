"""The plan of a transform: made once, and what it notices of texts on the way."""

from __future__ import annotations

import gc
import warnings
import weakref

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import BertEmbeddings, BertSentenceEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import Doc2Chunk, DocumentAssembler, LightPipeline, Pipeline, PipelineModel
from embedpipe.errors import InputError, ParameterError, TruncationWarning
from embedpipe.frames.texts import check_utf8
from embedpipe.pipeline.plan import Planner
from tests.support.card_support import Page
from tests.support.golden_models import load_encoders

LONG = "word " * 100


@pytest.fixture(scope="module")
def encoder(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))["tiny_bert"]


def text_stages():
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
    ]


def sentence_vectors(encoder, **params):
    return BertSentenceEmbeddings(encoder, inputCols=["sentence"], outputCol="out", **params)


@pytest.fixture
def plans(monkeypatch):
    """The plans that were made, one by one."""
    made, plan = [], Planner.plan
    monkeypatch.setattr(
        Planner, "plan", lambda self, columns: made.append(1) or plan(self, columns)
    )
    return made


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table, pa.RecordBatch.from_pydict])
def test_a_transform_makes_one_plan(make, plans):
    model = PipelineModel(text_stages())
    model.transform(make({"text": ["One. Two."]}))
    assert len(plans) == 1
    reader = pa.table({"text": ["One."]}).to_reader()
    model.transform(reader).read_all()
    list(model.transform_batches(pa.table({"text": ["a"] * 3}).to_batches(max_chunksize=1)))
    assert len(plans) == 3


def test_a_light_pipeline_makes_one_plan_for_all_calls(plans):
    light = LightPipeline(PipelineModel(text_stages()))
    for text in ("One.", "Two.", "Three."):
        light.annotate(text)
        light.fullAnnotate([text])
    assert len(plans) == 1


def test_one_warning_counts_the_texts_of_all_batches_that_were_cut(encoder):
    stages = [*text_stages()[:2], sentence_vectors(encoder, maxSentenceLength=16)]
    model = PipelineModel(stages)
    batches = pa.table({"text": [LONG, "short", LONG + ". And short. " + LONG]}).to_batches(1)
    with pytest.warns(TruncationWarning, match=r"3 texts were cut after 16 pieces") as caught:
        list(model.transform_batches(batches))
    assert len(caught) == 1
    assert stages[2].label in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.transform(pa.table({"text": ["short", None]}))
        for change in ({"lengthPolicy": "window"}, {"compatibility": "spark-nlp-5.5.3"}):
            model.copy(change).transform(pa.table({"text": [LONG]}))


@pytest.mark.parametrize("way", ["pandas", "arrow", "batches", "light"])
def test_the_warning_names_the_file_of_who_called(way, encoder):
    stages = [text_stages()[0], sentence_vectors(encoder, maxSentenceLength=16)]
    model = PipelineModel(
        [s.copy({"inputCols": ["document"]} if s is stages[1] else {}) for s in stages]
    )
    table = pa.table({"text": [LONG]})
    with pytest.warns(TruncationWarning) as caught:
        if way == "light":
            LightPipeline(model).annotate(LONG)
        elif way == "batches":
            list(model.transform_batches(table.to_batches()))
        else:
            model.transform(table.to_pandas() if way == "pandas" else table)
    assert [warning.filename for warning in caught] == [__file__]


def test_sentences_of_words_are_counted_once(encoder):
    words = BertEmbeddings(encoder, inputCols=["sentence", "token"], outputCol="out")
    model = PipelineModel([*text_stages(), words.setMaxSentenceLength(16)])
    with pytest.warns(TruncationWarning, match=r"1 text was cut after 16 pieces"):
        model.transform(pa.table({"text": [f"Short. {LONG}. Short.", "Short."]}))


def test_a_missing_text_has_no_vector_and_an_empty_one_has(encoder):
    stage = BertSentenceEmbeddings(encoder, inputCols=["document"], outputCol="out")
    model = Pipeline(stages=[text_stages()[0], stage]).fit()
    table = pa.table({"text": ["Text.", None, ""]})
    rows = model.transform(table)["out"].to_pylist()
    assert [row and len(row[0]["embeddings"]) for row in rows] == [64, None, 64]
    assert np.isnan(encoder.encode(["Text.", None, ""])).any(axis=1).tolist() == [
        False,
        True,
        False,
    ]
    recorded = Pipeline(stages=model.stages).fit(None, {"compatibility": "spark-nlp-5.5.3"})
    assert [len(row) for row in recorded.transform(table)["out"].to_pylist()] == [1, 1, 1]


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table])
def test_missing_texts_are_refused_by_row_on_request(make, monkeypatch):
    monkeypatch.setattr("embedpipe.frames.batch_limits.MAX_ROWS", 2)
    stage = DocumentAssembler(inputCol="text", missing="error")
    frame = make({"text": ["a", "b", "c", None]})
    with pytest.raises(InputError, match="row 3 of column 'text' has no text, and missing='error'"):
        stage.transform(frame)
    stage.transform(frame[:3] if make is pd.DataFrame else frame.slice(0, 3))


def not_utf8(count):
    """A column whose last text is no UTF-8, as Arrow takes it unseen."""
    texts = pa.array([b"fine"] * (count - 1) + [b"caf\xe9"])
    return pa.Array.from_buffers(pa.string(), count, texts.buffers())


def test_texts_that_are_not_utf8_are_named_by_column_and_row(monkeypatch):
    monkeypatch.setattr("embedpipe.frames.batch_limits.MAX_ROWS", 2)
    stages = [text_stages()[0], Doc2Chunk(inputCols=["document"], outputCol="c", chunkCol="of")]
    fine = pa.array(["fine"] * 5)
    model = PipelineModel(stages)
    for name, table in (
        ("text", pa.table({"text": not_utf8(5), "of": fine})),
        ("of", pa.table({"text": fine, "of": not_utf8(5)})),
    ):
        with pytest.raises(InputError, match=f"column '{name}', row 4: the text is not UTF-8"):
            model.transform(table)


def test_texts_that_are_not_utf8_pass_where_no_stage_reads_them():
    table = pa.table({"text": ["a", "b"], "other": not_utf8(2)})
    out = PipelineModel(text_stages()).transform(table)
    assert AnnotationColumn.from_arrow(out["token"]).row_count == 2


def test_clearing_what_others_depend_on_is_refused_and_changes_nothing():
    stage = SentenceDetector(minLength=100_000, maxLength=200_000)
    with pytest.raises(ParameterError, match="minLength is 100000 and maxLength is 99999"):
        stage.clear("maxLength")
    assert stage.getMaxLength() == 200_000
    assert stage.clear("minLength").clear("maxLength").getMaxLength() == 99999


def test_an_encoder_is_let_go_with_the_stages_that_have_it(testdata, tmp_path):
    encoder = load_encoders(testdata, tmp_path)["tiny_bert"]
    stage = BertSentenceEmbeddings(encoder, inputCols=["sentence"], outputCol="out")
    flat = stage.copy({"compatibility": "spark-nlp-5.5.3", "pooling": "flattened"})
    model = PipelineModel([*text_stages()[:2], flat])
    model.transform(pa.table({"text": ["Short.", "A longer sentence, with padding."]}))
    known = weakref.ref(encoder)
    del encoder, stage, flat, model
    gc.collect()
    assert known() is None


def test_what_is_printed_of_pipelines_tells_stages_columns_and_parameters():
    first, second, _ = text_stages()
    pipeline = Pipeline(stages=[first, second.setMinLength(3)])
    told = """ of 2 stages:
  1  DocumentAssembler  text -> document
  2  SentenceDetector   document -> sentence    minLength=3"""
    model = pipeline.fit()
    assert repr(pipeline) == f"Pipeline{told}"
    assert repr(model) == f"PipelineModel{told}"
    assert repr(LightPipeline(model)) == f"LightPipeline{told}"
    assert repr(second) == "SentenceDetector(document -> sentence, minLength=3)"
    assert repr(SentenceDetector()) == "SentenceDetector(? -> ?)"
    assert repr(Pipeline()) == "Pipeline of 0 stages"


def test_notebooks_show_pipelines_and_stages_as_tables():
    first, second, _ = text_stages()
    second.setCustomBounds(["<b>"])
    model = Pipeline(stages=[first, second]).fit()
    shown = {title: Page(html) for title, html in [
        ("PipelineModel", model._repr_html_()),
        ("Pipeline", Pipeline(stages=[first, second])._repr_html_()),
        ("LightPipeline", LightPipeline(model)._repr_html_()),
    ]}  # fmt: skip
    for title, page in shown.items():
        assert page.text.startswith(title)
        for cell in ("DocumentAssembler", "document -> sentence", "customBounds=['<b>']"):
            assert cell in page.text
    stage = Page(second._repr_html_())
    assert stage.text.startswith("SentenceDetector: document -> sentence")
    for parameter in second.extractParamMap():
        assert parameter.name in stage.text and parameter.doc in stage.text
    assert "table" in stage.tags


@pytest.mark.parametrize(
    "wrap",
    [
        lambda texts: pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), texts),
        lambda texts: pa.StructArray.from_arrays([texts], ["a"]),
    ],
)
def test_texts_within_a_column_are_checked_too(wrap):
    with pytest.raises(InputError, match="column 'of', row 2: the text is not UTF-8"):
        check_utf8(pa.record_batch({"of": wrap(not_utf8(3))}), ["of"], 0)


def test_metadata_that_are_not_utf8_are_named_too():
    offsets = pa.array([0, 1, 2, 3], pa.int32())
    maps = pa.MapArray.from_arrays(offsets, pa.array(["k"] * 3), not_utf8(3))
    stage = DocumentAssembler(inputCol="text", metadataCol="meta")
    with pytest.raises(InputError, match="column 'meta', row 2: the text is not UTF-8"):
        stage.transform(pa.table({"text": ["a"] * 3, "meta": maps}))
