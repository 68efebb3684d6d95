"""What `compatibility` and `offsetUnit` change, and what they refuse beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedpipe.annotation import METADATA_TYPE, AnnotationColumn
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import ColumnError, ParameterError
from embedpipe.stages import (
    STAGES,
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
    SentenceDetector,
    Tokenizer,
    TokenizerModel,
)
from tests.support.golden_models import load_encoders

RECORDED = {"compatibility": "spark-nlp-5.5.3"}
FINDERS = (DocumentAssembler, SentenceDetector, Tokenizer, TokenizerModel)
COLUMNS = ("document", "sentence", "token")


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


def text_stages(*params):
    """DocumentAssembler, SentenceDetector and Tokenizer, each with parameters of its own."""
    assembler, detector, tokenizer = (*params, *[{}] * 3)[:3]
    return [
        DocumentAssembler(inputCol="text", **assembler),
        SentenceDetector(inputCols=["document"], outputCol="sentence", **detector),
        Tokenizer(**{"inputCols": ["sentence"], **tokenizer}),
    ]


def annotations(stages, texts, **params):
    table = pa.table({"text": pa.array(texts, pa.string())})
    out = Pipeline(stages=stages).fit(table, params).transform(table)
    return {name: AnnotationColumn.from_arrow(out[name]).rows() for name in COLUMNS}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_code_points_are_what_slices_count(texts):
    found = annotations(text_stages(), texts, offsetUnit="codepoint")
    for name in COLUMNS:
        for text, row in zip(texts, found[name], strict=True):
            assert [text[a.begin : a.end + 1] for a in row] == [a.result for a in row]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_units_are_what_utf_16_counts(texts):
    found = annotations(text_stages(), texts)
    for name in COLUMNS:
        for text, row in zip(texts, found[name], strict=True):
            units = text.encode("utf-16-le")
            cut = [units[2 * a.begin : 2 * a.end + 2].decode("utf-16-le") for a in row]
            assert cut == [a.result for a in row]


def test_a_unit_set_where_text_enters_holds_for_all():
    stages = text_stages({"offsetUnit": "codepoint"})
    found = annotations(stages, ["😀 One. 😀 Two."])
    ends = [[a.end for a in found[name][0]] for name in COLUMNS]
    assert ends == [[12], [5, 12], [0, 4, 5, 7, 11, 12]]
    assert [s.isSet("offsetUnit") for s in stages] == [True, False, False]


@pytest.mark.parametrize("place", [1, 2])
def test_a_stage_that_counts_otherwise_than_the_column_it_reads_is_refused(place):
    params = [{}, {}, {}]
    params[place] = {"offsetUnit": "codepoint"}
    stages = text_stages(*params)
    message = f"offsetUnit is 'codepoint', and that of column '{COLUMNS[place - 1]}' is 'utf16'"
    for assemble in (Pipeline, PipelineModel):
        with pytest.raises(ParameterError, match=message):
            assemble(stages=stages)


def test_columns_tell_their_unit_to_a_second_pipeline(tmp_path):
    first, *others = text_stages({"offsetUnit": "codepoint"})
    table = first.transform(pa.table({"text": ["😀 One. 😀 Two."]}))
    pq.write_table(table, tmp_path / "file.parquet")
    for frame in (table, pq.read_table(tmp_path / "file.parquet"), table.to_reader()):
        out = Pipeline(stages=others).fit().transform(frame)
        out = out.read_all() if isinstance(out, pa.RecordBatchReader) else out
        assert [a["end"] for a in out["token"].to_pylist()[0]] == [0, 4, 5, 7, 11, 12]
        assert out.schema.field("token").metadata[b"offsetUnit"] == b"codepoint"


def test_a_column_that_does_not_tell_its_unit_takes_any():
    first, second, third = text_stages({"offsetUnit": "codepoint"}, {"offsetUnit": "codepoint"})
    frame = first.transform(pd.DataFrame({"text": ["😀 One. 😀 Two."]}))  # pandas forgets it
    out = Pipeline(stages=[second, third]).fit().transform(frame)
    assert [a["end"] for a in out["token"][0]] == [0, 4, 5, 7, 11, 12]


def test_columns_of_different_units_are_not_read_together(encoders):
    stages = text_stages({}, {}, {"inputCols": ["other"]})
    other = DocumentAssembler(inputCol="text", outputCol="other", offsetUnit="codepoint")
    stage = BertEmbeddings(encoders["tiny_bert"], inputCols=["sentence", "token"], outputCol="out")
    with pytest.raises(ColumnError, match="'sentence' by 'utf16' and 'token' by 'codepoint'"):
        Pipeline(stages=[*stages[:2], other, stages[2], stage])


def test_embeddings_keep_the_unit_of_their_tokens(encoders):
    stage = BertEmbeddings(
        encoders["tiny_bert"], inputCols=["sentence", "token"], outputCol="vectors"
    )
    table = pa.table({"text": ["😀 One. 😀 Two."]})
    model = Pipeline(stages=[*text_stages({"offsetUnit": "codepoint"}), stage]).fit(table)
    out = model.transform(table)
    assert [a["begin"] for a in out["vectors"].to_pylist()[0]] == [0, 2, 5, 7, 9, 12]
    assert [a["metadata"] for a in out["vectors"].to_pylist()[0]][4][0] == ("sentence", "1")


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_compatibility_is_a_parameter_of_every_stage_that_it_changes(stage):
    if stage in (*FINDERS, BertEmbeddings, AlbertEmbeddings, BertSentenceEmbeddings):
        assert stage().getCompatibility() == "none"
        assert stage().setCompatibility("spark-nlp-5.5.3").as_recorded
        with pytest.raises(ParameterError, match=r"one of none, spark-nlp-5\.5\.3, got 'spark"):
            stage(compatibility="spark-nlp-6")


CONTRADICTIONS = [
    *[(stage, {"offsetUnit": "codepoint"}, "utf16") for stage in FINDERS],
    (BertEmbeddings, {"tokenEncoding": "whole"}, "first-basic-word"),
    (BertEmbeddings, {"piecePooling": "mean"}, "first"),
    (BertEmbeddings, {"lengthPolicy": "window"}, "truncate"),
    (AlbertEmbeddings, {"piecePooling": "mean"}, "first"),
    (AlbertEmbeddings, {"lengthPolicy": "error"}, "truncate"),
    (BertSentenceEmbeddings, {"lengthPolicy": "error"}, "truncate"),
]


@pytest.mark.parametrize(("stage", "params", "allowed"), CONTRADICTIONS)
def test_compatibility_refuses_what_spark_nlp_did_not_have(stage, params, allowed):
    ((name, value),) = params.items()
    sentence = f"compatibility='spark-nlp-5.5.3' allows {name}='{allowed}' only, got '{value}'"
    with pytest.raises(ParameterError, match=sentence):
        stage(**params, **RECORDED)
    with pytest.raises(ParameterError, match=sentence):
        stage(**RECORDED).setParams(**params)
    with pytest.raises(ParameterError, match=sentence):
        stage(**params).setCompatibility("spark-nlp-5.5.3")


def test_a_pipeline_refuses_the_same_across_stages():
    stages = text_stages({"offsetUnit": "codepoint"}, RECORDED)
    with pytest.raises(ParameterError, match="allows offsetUnit='utf16' only"):
        PipelineModel(stages)


@pytest.mark.trained_model
def test_flattened_vectors_need_compatibility_and_are_never_normalized(encoders):
    stage = BertSentenceEmbeddings(encoders["all-MiniLM-L6-v2"])
    with pytest.raises(ParameterError, match=r"'flattened' .* needs compatibility='spark"):
        stage.setPooling("flattened")
    stage.setParams(pooling="flattened", **RECORDED)
    with pytest.raises(ParameterError, match="'flattened' is never normalized"):
        stage.setNormalize(True)
    assert not BertSentenceEmbeddings().setNormalize(False).isSet("pooling")


def test_flattened_vectors_are_those_of_pieces_and_padding(encoders):
    """A sentence that is alone has no padding; beside a longer one, the beginning is the same."""
    encoder = encoders["tiny_bert"]
    stage = BertSentenceEmbeddings(
        encoder, inputCols=["sentence"], outputCol="out", pooling="flattened", **RECORDED
    )
    table = pa.table({"text": ["Short.", "A somewhat longer sentence."]})
    out = PipelineModel([*text_stages(), stage]).transform(table)["out"].to_pylist()
    short, long = (np.array(row[0]["embeddings"]) for row in out)
    ids = encoder.tokenizer.encode(["Short.", "A somewhat longer sentence."]).ids
    np.testing.assert_allclose(long, encoder.hidden_states([ids[1]]).values.ravel(), atol=1e-5)
    assert short.shape == long.shape
    alone = encoder.hidden_states([ids[0]]).values.ravel()
    np.testing.assert_allclose(short[: len(alone)], alone, atol=1e-5)


def test_a_null_id_is_a_null_value_as_recorded_and_else_no_entry():
    table = pa.table(
        {
            "text": ["a", "b"],
            "id": pa.array(["x", None]),
            "meta": pa.array([None, [("k", "v"), ("id", "theirs")]], METADATA_TYPE),
        }
    )
    stage = DocumentAssembler(inputCol="text", idCol="id")

    def metadata(**params):
        out = stage.copy(params).transform(table)["document"].to_pylist()
        return [dict(row[0]["metadata"]) for row in out]

    assert metadata() == [{"sentence": "0", "id": "x"}, {"sentence": "0"}]
    assert metadata(**RECORDED) == [{"sentence": "0", "id": "x"}, {"sentence": "0", "id": None}]
    with_column = metadata(metadataCol="meta", **RECORDED)
    assert with_column[1] == {"k": "v", "id": None, "sentence": "0"}


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame])
def test_integers_are_text_as_recorded_and_else_refused(make):
    frame = make({"text": [1, -20]})
    stage = DocumentAssembler(inputCol="text")
    with pytest.raises(ColumnError, match="'text' holds int64; it must hold strings"):
        stage.transform(frame)
    out = stage.copy(RECORDED).transform(frame)
    rows = AnnotationColumn.from_arrow(out["document"]).rows()
    assert [[(a.result, a.begin, a.end) for a in row] for row in rows] == [
        [("1", 0, 0)],
        [("-20", 0, 2)],
    ]
    with pytest.raises(ColumnError, match="must hold strings"):
        stage.copy(RECORDED).transform(make({"text": [0.5]}))


def test_recorded_halves_of_characters_are_question_marks():
    """A recorded offset may fall between the halves of a character beyond U+FFFF."""
    detector, tokenizer = RECORDED, {"exceptions": ["b😀"], "targetPattern": "[ab😀]+", **RECORDED}
    found = annotations(text_stages({}, detector, tokenizer), ["𠀀 b😀 a"])
    assert found["token"][0][0].result.endswith("?")


# Characters that are marks to Spark NLP: a text that holds them is recorded differently.
MARKS = "\uf050\uf051\uf053\uf054\uf055\uf056\uf057╞╟╔╤╥╦"
ordinary = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=MARKS))


OURS = "\ufdd0\ufdd1\ufdd2\ufdd3\ufdd4\ufdd5"


@pytest.mark.parametrize("setting", [{}, RECORDED])
@pytest.mark.parametrize("mark", OURS)
def test_characters_that_we_use_as_marks_are_text(mark, setting):
    found = annotations(text_stages(), [f"Odd here. {mark} end."], **setting)
    assert [a.result for a in found["sentence"][0]] == ["Odd here.", f"{mark} end."]
    exceptions = {"exceptions": [f"b {mark}c"], **setting}
    found = annotations(text_stages({}, setting, exceptions), [f"a{mark} b {mark}c d."])
    assert [a.result for a in found["token"][0]] == [f"a{mark}", f"b {mark}c", "d", "."]


@settings(max_examples=40)
@given(st.lists(ordinary | st.text(OURS + "a. \"'()"), max_size=4))
def test_with_default_parameters_compatibility_changes_no_structure(texts):
    recorded = annotations(text_stages(), texts, **RECORDED)
    assert recorded == annotations(text_stages(), texts)
