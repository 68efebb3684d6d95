"""Pipelines: stages in a row, whose columns are checked before anything runs."""

from __future__ import annotations

import importlib
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from embedpipe.annotation import ANNOTATION_TYPE, AnnotationColumn
from embedpipe.annotator import BertEmbeddings, SentenceDetector, Tokenizer, TokenizerModel
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import ColumnError, InputError, ModelNotFoundError, ParameterError

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


def test_spark_nlp_code_runs_with_one_word_changed():
    names: dict[str, object] = {}
    exec("from embedpipe.base import *\nfrom embedpipe.annotator import *", names)
    expected = {"DocumentAssembler", "Pipeline", "PipelineModel", "SentenceDetector", "Tokenizer",
                "BertEmbeddings", "AlbertEmbeddings", "BertSentenceEmbeddings"}  # fmt: skip
    assert expected <= set(names)


@pytest.mark.parametrize("module", ["base", "annotator"])
def test_only_reexports_lie_in_base_and_annotator(module):
    found = importlib.import_module(f"embedpipe.{module}")
    public = {name for name in vars(found) if not name.startswith("_")}
    assert public == set(found.__all__)


def test_exploded_sentences_take_the_other_columns_with_them(table):
    out = PipelineModel(exploding()).transform(table)
    assert out["id"].to_pylist() == [1, 1, 4]
    assert tokens(out["sentence"]) == [["One."], ["Two three."], ["Four 😀 five."]]
    assert tokens(out["document"]) == [[TEXTS[0]], [TEXTS[0]], [TEXTS[3]]]
    numbers = AnnotationColumn.from_arrow(out["sentence"]).metadata_field("sentence")
    assert numbers.to_pylist() == ["0", "1", "0"]


def test_ids_and_metadata_join_the_documents():
    meta = [{"source": "a"}, {}, None, {"sentence": "9"}]
    frame = pd.DataFrame({"text": TEXTS, "n": [1, 2, 3, 4], "meta": meta})
    stage = DocumentAssembler(inputCol="text", idCol="n", metadataCol="meta")
    out = AnnotationColumn.from_arrow(stage.transform(frame)["document"]).rows()
    assert [row and row[0].metadata for row in out] == [
        {"source": "a", "sentence": "0", "id": "1"},
        None,
        {"sentence": "0", "id": "3"},
        {"sentence": "0", "id": "4"},
    ]


def test_offsets_count_utf16_units_of_the_document(model):
    out = model.transform(pa.table({"text": ["é😀. Yes.", "😀 a😀b. 😀"]}))
    rows = AnnotationColumn.from_arrow(out["token"]).rows()
    assert [[(token.result, token.begin, token.end) for token in row] for row in rows] == [
        [("é😀", 0, 2), (".", 3, 3), ("Yes", 5, 7), (".", 8, 8)],
        [("😀", 0, 1), ("a😀b", 3, 6), (".", 7, 7), ("😀", 9, 10)],
    ]


def column_error(stages, frame):
    with pytest.raises(ColumnError) as caught:
        Pipeline(stages=stages).fit(frame)
    return str(caught.value)


def test_a_missing_column_names_stage_column_type_and_the_columns_there(table):
    document, sentence, token = text_stages()
    message = column_error([document, sentence, token.setInputCols("sentences")], table)
    for part in (
        token.uid,
        "'sentences' is missing",
        "annotations of type document",
        "'id' (int64)",
        "'text' (string)",
        "'sentence' (annotations of type document)",
    ):
        assert part in message


def test_a_column_of_the_wrong_annotator_type_is_found(table):
    document, sentence, token = text_stages()
    again = TokenizerModel(inputCols=["token"], outputCol="again")
    message = column_error([document, sentence, token, again], table)
    assert again.uid in message
    assert "'token' holds annotations of type token" in message
    assert "must hold annotations of type document" in message


@pytest.mark.parametrize(
    "arrow_type",
    [
        pa.int8(),
        pa.float64(),
        pa.bool_(),
        pa.binary(),
        pa.date32(),
        pa.list_(pa.string()),
        pa.struct([("a", pa.string())]),
        pa.map_(pa.string(), pa.string()),
        pa.dictionary(pa.int8(), pa.int64()),
        ANNOTATION_TYPE,
    ],
    ids=lambda arrow_type: str(arrow_type)[:20],
)
def test_columns_that_are_no_text_are_refused_by_name_and_type(arrow_type):
    frame = pa.table({"text": pa.nulls(1, arrow_type)})
    stages = text_stages()
    message = column_error(stages, frame)
    assert stages[0].uid in message
    assert "must hold strings" in message
    if arrow_type != ANNOTATION_TYPE:
        assert f"holds {arrow_type}" in message


@pytest.mark.parametrize(
    "values", [[1, 2], [1.5, None], [True, False], [["a"], ["b"]], [b"a", b"b"], [Decimal(1), None]]
)
def test_pandas_columns_that_are_no_text_are_refused(values, model):
    frame = pd.DataFrame({"text": values})
    with pytest.raises(ColumnError, match="'text'"):
        model.transform(frame)


def test_a_frame_is_checked_before_any_of_it_is_read(model):
    def batches():
        pytest.fail("the stream was read")
        yield

    reader = pa.RecordBatchReader.from_batches(pa.schema([("text", pa.int8())]), batches())
    with pytest.raises(ColumnError):
        model.transform(reader)
    with pytest.raises(ColumnError):
        model.transform_batches(batches(), reader.schema)


def test_an_output_column_that_is_there_is_refused(table, model):
    with pytest.raises(
        ColumnError, match=r"output column 'document' is there already.*setOutputCol"
    ):
        model.transform(model.transform(table))
    document, sentence, token = text_stages()
    with pytest.raises(ColumnError, match="output column 'sentence' is there already"):
        Pipeline(stages=[document, sentence, token.setOutputCol("sentence")])


def test_stages_that_contradict_one_another_are_refused_without_a_frame():
    document, sentence, token = text_stages()
    with pytest.raises(ColumnError, match=f"made only later, by {sentence.uid}"):
        Pipeline().setStages([document, token, sentence])
    sentence.setInputCols("token")
    with pytest.raises(ColumnError, match="holds annotations of type token"):
        Pipeline(stages=[document, token.setInputCols("document"), sentence])


def test_stages_may_be_completed_after_they_are_put_into_a_pipeline(table):
    document, sentence, token = text_stages()
    sentence = SentenceDetector()
    pipeline = Pipeline(stages=[document, sentence, token])
    with pytest.raises(ParameterError, match="inputCols is not set"):
        pipeline.fit(table)
    sentence.setInputCols("document").setOutputCol("sentence")
    assert tokens(pipeline.fit(table).transform(table)["token"]) == WORDS


def test_columns_named_twice_are_refused(model):
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(ColumnError, match="there 2 times"):
        model.transform(twice)
    frame = pd.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(ColumnError, match="there 2 times"):
        model.transform(frame)


def test_a_stage_without_a_model_says_how_to_get_one(table):
    stage = BertEmbeddings(inputCols=["sentence", "token"], outputCol="vectors")
    with pytest.raises(ModelNotFoundError, match=r"has no model; .*BertEmbeddings\.pretrained\(\)"):
        Pipeline(stages=[*text_stages(), stage]).fit(table)


@pytest.mark.parametrize("stages", [[DocumentAssembler], ["text"], None, 5])
def test_what_is_no_stage_is_refused(stages):
    with pytest.raises(ParameterError, match="stages must be a list of stages"):
        Pipeline(stages=stages)


def test_changes_after_fit_do_not_reach_the_model(table):
    stages = text_stages()
    model = Pipeline(stages=stages).fit(table)
    stages[0].setInputCol("gone")
    stages[2].setMinLength(50)
    assert tokens(model.transform(table)["token"]) == WORDS


def test_models_are_stages_of_pipelines(table, model):
    again = TokenizerModel(inputCols=["document"], outputCol="again")
    nested = Pipeline(stages=[model, again]).fit(table)
    assert [stage.uid for stage in nested.stages] == [*(s.uid for s in model.stages), again.uid]
    assert tokens(nested.transform(table)["again"]) == WORDS


def test_parameters_can_be_overridden_for_one_fit(table):
    pipeline = Pipeline(stages=text_stages())
    changed = pipeline.fit(table, {"minLength": 4}).transform(table)
    assert tokens(changed["token"]) == [["three"], None, [], ["Four", "five"]]
    assert tokens(pipeline.copy().fit(table).transform(table)["token"]) == WORDS


def test_exceptions_of_a_file_are_read_when_fitting(tmp_path, table):
    path = tmp_path / "exceptions.txt"
    path.write_text("Two three\n", encoding="utf-8")
    tokenizer = Tokenizer(inputCols=["sentence"]).setExceptionsPath(str(path))
    assert tokenizer.fit().getExceptions() == ["Two three"]
    stages = [*text_stages()[:2], tokenizer]
    out = Pipeline(stages=stages).fit(table).transform(table)
    assert tokens(out["token"])[0] == ["One", ".", "Two three."]  # as Spark NLP: all of the target
    with pytest.raises(InputError, match=r"exceptionsPath.*cannot be read"):
        tokenizer.setExceptionsPath(str(tmp_path / "gone")).fit()
