"""Finishers: plain columns in every kind of frame, and stages that take columns away."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pytest

from embedpipe.annotator import ChunkEmbeddings, SentenceEmbeddings, Tokenizer
from embedpipe.base import DocumentAssembler, EmbeddingsFinisher, Finisher, Pipeline
from embedpipe.errors import ColumnError, ParameterError
from tests.support.annotation_tables import shown, text_stages, words


def finishing(stage):
    return [*text_stages(), stage]


def test_finished_columns_come_out_of_every_kind_of_frame():
    stage = Finisher(inputCols=["token"], outputCols=["words"])
    model = Pipeline(stages=finishing(stage)).fit()
    table = pa.table({"n": [1, 2, 3], "text": ["It is.", None, ""]})
    wanted = pa.table({"n": [1, 2, 3], "text": ["It is.", None, ""],
                       "words": [["It", "is", "."], None, []]}).to_pydict()  # fmt: skip
    (batch,) = table.to_batches()
    reader = pa.RecordBatchReader.from_batches(table.schema, [batch])
    for out in (
        model.transform(table),
        model.transform(batch),
        model.transform(reader).read_all(),
        pa.Table.from_batches(model.transform_batches([batch])),
    ):
        assert out.to_pydict() == wanted
    frame = pd.DataFrame({"text": ["It is.", None, ""], "n": [1, 2, 3]}, index=list("abb"))
    out = model.transform(frame)
    assert list(out.columns) == ["text", "n", "words"]
    assert list(out.index) == list("abb")
    assert [None if cell is pd.NA else list(cell) for cell in out["words"]] == wanted["words"]


def test_annotations_that_were_there_before_are_taken_away_too():
    table = Pipeline(stages=text_stages()).fit().transform(pa.table({"text": ["It is."]}))
    again = Tokenizer(inputCols=["sentence"], outputCol="again")
    stages = [again, Finisher(inputCols=["again"])]
    wanted = ["text", "finished_again"]
    assert Pipeline(stages=stages).fit(table).transform(table).column_names == wanted
    frame = Pipeline(stages=text_stages()).fit().transform(pd.DataFrame({"text": ["It is."]}))
    before = list(frame.columns)
    assert list(Pipeline(stages=stages).fit(frame).transform(frame).columns) == wanted
    assert list(frame.columns) == before
    keeping = [again, Finisher(inputCols=["again"], cleanAnnotations=False)]
    kept = Pipeline(stages=keeping).fit(frame).transform(frame)
    assert list(kept.columns) == [*before, "again", "finished_again"]


def test_what_a_finisher_takes_away_is_missing_afterwards():
    document, sentence, token = text_stages()
    finisher = Finisher(inputCols=["sentence"])
    with pytest.raises(ColumnError, match=f"'sentence' is taken away before, by {finisher.uid}"):
        Pipeline(stages=[document, sentence, finisher, token])
    finisher.setCleanAnnotations(False)
    Pipeline(stages=[document, sentence, finisher, token])


def test_finished_texts_are_texts_for_the_stages_behind():
    again = DocumentAssembler(inputCol="joined", outputCol="document")
    finisher = Finisher(inputCols=["token"], outputCols=["joined"], outputAsArray=False)
    stages = finishing(finisher.setAnnotationSplitSymbol(" "))
    table = pa.table({"text": ["It is."]})
    out = Pipeline(stages=[*stages, again]).fit(table).transform(table)
    assert out.column_names == ["text", "joined", "document"]
    assert shown(out, "document") == [[(0, 6, "It is .")]]


def test_finished_columns_follow_rows_of_exploded_sentences():
    finisher = Finisher(inputCols=["document"], cleanAnnotations=False)
    document, sentence, _ = text_stages()
    stages = [document, finisher, sentence.setExplodeSentences(True)]
    out = Pipeline(stages=stages).fit().transform(pa.table({"text": ["It is. So it is.", "No."]}))
    assert out["finished_document"].to_pylist() == [["It is. So it is."]] * 2 + [["No."]]


def test_metadata_and_vectors_are_finished_for_any_slice():
    table = words([[(0, 0, "a", {"k": "1", "l": "2"}, [1, 2])], None, [],
                   [(0, 0, "b", {}, [3, 4]), (1, 1, "c", {"k": "3"}, [0.5, 6])]])  # fmt: skip
    params = {"inputCols": ["words"], "outputCols": ["out"], "includeMetadata": True,
              "parseEmbeddingsVectors": True}  # fmt: skip
    rows = Finisher(**params).transform(table).to_pylist()
    assert [row["out"] for row in rows] == [["1 2"], None, [], ["3 4", "0.5 6"]]
    pairs = [
        row["out_metadata"] and [tuple(p.values()) for p in row["out_metadata"]] for row in rows
    ]
    assert pairs == [[("k", "1"), ("l", "2")], None, [], [("k", "3")]]
    assert Finisher(**params).transform(table.slice(2)).to_pylist() == rows[2:]
    joined = Finisher(**params, outputAsArray=False).transform(table).to_pylist()
    assert [row["out"] for row in joined] == [
        "k->1#l->2#result->a#embeddings->1#2",
        None,
        "",
        "result->b#embeddings->3#4@k->3#result->c#embeddings->0.5#6",
    ]
    for vector in (False, True):
        made = EmbeddingsFinisher(inputCols=["words"], outputCols=["out"], outputAsVector=vector)
        out = made.transform(table)["out"]
        assert out.to_pylist() == [[[1, 2]], None, [], [[3, 4], [0.5, 6]]]
        assert made.transform(table.slice(2))["out"].to_pylist() == out.to_pylist()[2:]
        assert out.type.value_type.value_type == (pa.float64() if vector else pa.float32())


# Errors that Spark NLP's wrong uses gave, each by its case in the records.

ERRORS = {
    "SentenceEmbeddings.setPoolingStrategy('MAX')": (
        lambda: SentenceEmbeddings().setPoolingStrategy("MAX"),
        ParameterError,
        "poolingStrategy must be one of AVERAGE, SUM, got 'MAX'",
    ),
    "SentenceEmbeddings with pooling strategy 'MAX', transform": (
        lambda: SentenceEmbeddings(poolingStrategy="MAX"),
        ParameterError,
        "poolingStrategy must be one of AVERAGE, SUM, got 'MAX'",
    ),
    "ChunkEmbeddings.setPoolingStrategy('MAX')": (
        lambda: ChunkEmbeddings().setPoolingStrategy("MAX"),
        ParameterError,
        "poolingStrategy must be one of AVERAGE, SUM, got 'MAX'",
    ),
    "SentenceEmbeddings: input column 'embeddings' missing": (
        lambda: fitted(SentenceEmbeddings(inputCols=["sentence", "embeddings"])),
        ColumnError,
        "input column 'embeddings' is missing; it must hold annotations of type word_embeddings",
    ),
    "SentenceEmbeddings: wrong type (sentence, token)": (
        lambda: fitted(SentenceEmbeddings(inputCols=["sentence", "token"])),
        ColumnError,
        "'token' holds annotations of type token; it must hold annotations of type word_emb",
    ),
    "EmbeddingsFinisher over 'token'": (
        lambda: fitted(EmbeddingsFinisher(inputCols=["token"])),
        ColumnError,
        "'token' holds annotations of type token; .* word_embeddings or sentence_embeddings",
    ),
    "EmbeddingsFinisher: more outputs than inputs": (
        lambda: EmbeddingsFinisher(inputCols=["a"], outputCols=["b", "c"]),
        ParameterError,
        r"inputCols are \['a'\] and outputCols \['b', 'c'\]; expected as many",
    ),
    "EmbeddingsFinisher: input column missing": (
        lambda: fitted(EmbeddingsFinisher(inputCols=["embeddings"])),
        ColumnError,
        "input column 'embeddings' is missing",
    ),
    "Finisher: input column missing": (
        lambda: fitted(Finisher(inputCols=["nope"])),
        ColumnError,
        "input column 'nope' is missing; it must hold annotations",
    ),
}
# What was recorded of these did not fail, and does not here: see the tests of goldens.
NO_ERRORS = {
    "SentenceEmbeddings.setPoolingStrategy('average')",
    "EmbeddingsFinisher: setOutputCols not called",
}


def fitted(stage):
    table = pa.table({"id": ["a"], "text": ["It is."]})
    return Pipeline(stages=finishing(stage)).fit(table)


@pytest.mark.parametrize("case", ERRORS)
def test_wrong_uses_are_refused_before_anything_runs(case):
    wrong, error, message = ERRORS[case]
    with pytest.raises(error, match=message):
        wrong()


def test_every_recorded_wrong_use_is_tried(testdata):
    path = testdata / "spark_nlp_answers/schemas.json"
    cases = {e["case"] for e in json.loads(path.read_text(encoding="utf-8"))["errors"]}
    names = ("SentenceEmbeddings", "ChunkEmbeddings", "EmbeddingsFinisher", "Finisher", "Doc2Chunk")
    assert {case for case in cases if case.startswith(names)} == ERRORS.keys() | NO_ERRORS
    assert SentenceEmbeddings().setPoolingStrategy("average").getPoolingStrategy() == "AVERAGE"
    assert EmbeddingsFinisher(inputCols=["a", "b"]).getOutputCols() == ["finished_a", "finished_b"]


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Finisher(inputCols=["text"]), "'text' holds string; it must hold annotations"),
        (Finisher(inputCols=["token"], outputCols=["token"]), "'token' is there.*setOutputCols"),
        (Finisher(inputCols=["token", "token"]), "'finished_token' is there already"),
    ],
)
def test_columns_of_finishers_are_checked(stage, message):
    with pytest.raises(ColumnError, match=message):
        fitted(stage)
