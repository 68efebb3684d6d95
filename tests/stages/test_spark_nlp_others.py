"""Equality with what Spark NLP 5.5.3 answered around embeddings: pooling, chunks, finishers, texts.

Word vectors are the recorded ones where they were recorded, so that nothing but the stage under
test can differ; those of other documents, which Spark NLP cuts nothing off from, are computed.
"""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest

from embedpipe.annotation import ANNOTATION_TYPE, AnnotationColumn
from embedpipe.annotator import (
    BertEmbeddings,
    ChunkEmbeddings,
    SentenceDetector,
    SentenceEmbeddings,
    Tokenizer,
)
from embedpipe.base import (
    Doc2Chunk,
    DocumentAssembler,
    EmbeddingsFinisher,
    Finisher,
    Pipeline,
    PipelineModel,
)
from tests.support.golden_models import load_encoders, records
from tests.support.spark_types import recorded_field, spark_field

pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")

SPARK_NLP = "spark-nlp-5.5.3"
TOLERANCE = 1e-4
FIELDS = ("annotatorType", "begin", "end", "result")


@pytest.fixture(scope="module")
def bert(testdata, tmp_path_factory):
    encoders = load_encoders(testdata, tmp_path_factory.mktemp("models"))
    return BertEmbeddings(
        encoders["tiny_bert"], inputCols=["sentence", "token"], outputCol="embeddings"
    )


@pytest.fixture(scope="module")
def vectors(testdata):
    return np.load(testdata / "spark_nlp_answers/others.npy")


@pytest.fixture(scope="module")
def found(testdata):
    """The records by annotator, parameters and input columns: those of documents, and schemas."""
    groups = defaultdict(list)
    for record in records(testdata, "others"):
        key = (record["annotator"], json.dumps(record["params"]), str(record.get("inputCols")))
        groups[key].append(record)
    return groups


def of(found, annotator):
    """The groups of one annotator, as (parameters, input columns, records)."""
    return [
        (group[0]["params"], group[0].get("inputCols"), group)
        for (name, *_), group in found.items()
        if name == annotator
    ]


def text_stages():
    """Of a missing text, the empty document that was recorded."""
    return [
        DocumentAssembler(inputCol="text", compatibility=SPARK_NLP),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
    ]


@pytest.fixture(scope="module")
def annotated(testdata, bert, found):
    """All documents of the records with sentences, tokens and word vectors, by their ids."""
    texts = {record["id"]: record["text"] for record in records(testdata, "documents")}
    ids = sorted({r["id"] for group in found.values() for r in group if "id" in r} & set(texts))
    table = pa.table({"id": ids, "text": pa.array([texts[i] for i in ids], pa.string())})
    table = Pipeline(stages=[*text_stages(), bert]).fit(table).transform(table)
    recorded = recorded_words(testdata)
    assert len(recorded.keys() & set(ids)) > 60
    rows = [
        recorded.get(key, row)
        for key, row in zip(ids, table["embeddings"].to_pylist(), strict=True)
    ]
    index = table.schema.get_field_index("embeddings")
    return table.set_column(index, table.schema.field(index), pa.array(rows, ANNOTATION_TYPE))


def recorded_words(testdata):
    stored = np.load(testdata / "spark_nlp_answers/bert_tokens.npy")
    same_as_default = ({}, {"batchSize": 1}, {"maxSentenceLength": 128})
    return {
        record["id"]: [
            {
                **{name: word[name] for name in FIELDS},
                "metadata": list(word["metadata"].items()),
                "embeddings": stored[word["row"]].tolist(),
            }
            for word in record["embeddings"]
        ]
        for record in records(testdata, "bert_tokens")
        if record["params"] in same_as_default
    }


def rows_by_id(table, column):
    rows = AnnotationColumn.from_arrow(table[column]).rows()
    return dict(zip(table["id"].to_pylist(), rows, strict=True))


def structure(row):
    return [[a[name] for name in (*FIELDS, "metadata")] for a in row]


def vectors_agree(recorded, row, vectors):
    """Whether each annotation has the recorded vector; an empty one has no row in their table."""
    wanted = [a["values"] if a["row"] is None else vectors[a["row"]] for a in recorded]
    return all(
        len(want) == len(have.embeddings)
        and np.allclose(want, have.embeddings, rtol=0, atol=TOLERANCE)
        for want, have in zip(wanted, row, strict=True)
    )


def pooled(annotated, inputs, **params):
    stage = SentenceEmbeddings(inputCols=inputs, **params)
    return rows_by_id(PipelineModel([stage]).transform(annotated), "sentence_embeddings")


def test_sentence_embeddings_are_equal(found, annotated, vectors):
    same = total = 0
    for params, inputs, group in of(found, "SentenceEmbeddings"):
        rows = pooled(annotated, inputs, compatibility=SPARK_NLP, **params)
        for record in group:
            recorded, row = record["sentence_embeddings"], rows[record["id"]]
            assert structure(recorded) == structure(row), record["id"]
            same += vectors_agree(recorded, row, vectors)
            total += 1
    assert (same, total) == (228, 228)


def test_sentence_embeddings_of_documents_differ_where_there_are_several_sentences(
    found, annotated, vectors
):
    differing = total = 0
    for params, inputs, group in of(found, "SentenceEmbeddings"):
        rows = pooled(annotated, inputs, **params)
        words = rows_by_id(annotated, "embeddings")
        for record in group:
            recorded, row = record["sentence_embeddings"], rows[record["id"]]
            assert structure(recorded) == structure(row)
            sentences = {word.metadata["sentence"] for word in words[record["id"]]}
            several = inputs == ["document", "embeddings"] and len(sentences) > 1
            assert vectors_agree(recorded, row, vectors) is not several, record["id"]
            differing, total = differing + several, total + 1
    assert (differing, total) == (39, 228)


def test_a_document_pools_all_of_its_words(annotated):
    rows = pooled(annotated, ["document", "embeddings"], poolingStrategy="SUM")
    for key, words in rows_by_id(annotated, "embeddings").items():
        if words:
            wanted = np.sum([word.embeddings for word in words], axis=0, dtype=np.float64)
            np.testing.assert_allclose(rows[key][0].embeddings, wanted, rtol=0, atol=1e-4)


def chunks(bert, group, params, **compatible):
    table = pa.table(
        {
            "id": [record["id"] for record in group],
            "text": [record["text"] for record in group],
            "target": pa.array([record["target"] for record in group], pa.list_(pa.string())),
        }
    )
    stages = [
        *text_stages(),
        bert,
        Doc2Chunk(inputCols=["document"], outputCol="chunk", chunkCol="target", isArray=True),
        ChunkEmbeddings(inputCols=["chunk", "embeddings"], **params),
    ]
    stages = [s.copy({k: v for k, v in compatible.items() if s.hasParam(k)}) for s in stages]
    out = Pipeline(stages=stages).fit(table).transform(table)
    return rows_by_id(out, "chunk"), rows_by_id(out, "chunk_embeddings")


def test_chunks_and_their_embeddings_are_equal(found, bert, vectors):
    for params, _, group in of(found, "ChunkEmbeddings"):
        found_chunks, rows = chunks(bert, group, params, compatibility=SPARK_NLP)
        assert len(group) == 6
        for record in group:
            recorded, row = record["chunk_embeddings"], rows[record["id"]]
            assert structure(record["chunk"]) == structure(found_chunks[record["id"]])
            assert structure(recorded) == structure(row)
            assert vectors_agree(recorded, row, vectors)


def test_chunk_embeddings_differ_where_chunks_stand_in_later_sentences(found, bert, vectors):
    for params, _, group in of(found, "ChunkEmbeddings"):
        found_chunks, rows = chunks(bert, group, params)
        differing = set()
        for record in group:
            recorded, row = record["chunk_embeddings"], rows[record["id"]]
            assert structure(record["chunk"]) == structure(found_chunks[record["id"]])
            assert structure(recorded) == structure(row)[: len(recorded)]
            assert vectors_agree(recorded, row[: len(recorded)], vectors)
            if len(row) > len(recorded):
                differing.add(record["id"])
                assert [(a.result, a.metadata["sentence"]) for a in row[len(recorded) :]] == [
                    (record["target"][-1], "1")
                ]
        assert differing == {"c1", "c3"}


def finished(annotated, stage):
    sentences = SentenceEmbeddings(inputCols=["sentence", "embeddings"], compatibility=SPARK_NLP)
    model = PipelineModel([sentences, stage])
    return model.transform(annotated)


@pytest.mark.parametrize("stage", [Finisher, EmbeddingsFinisher])
def test_columns_after_finishers_are_the_recorded_ones(stage, found, annotated):
    groups = of(found, stage.__name__)
    assert len(groups) == (10 if stage is Finisher else 15)
    for params, inputs, group in groups:
        (record,) = (r for r in group if "schema" in r)
        read = {"inputCols": inputs or ["sentence", "token"]}
        out = finished(annotated, stage(**{**read, **params}))
        wanted = [recorded_field(field) for field in record["schema"]["fields"]]
        assert [spark_field(field) for field in out.schema] == wanted
        assert out.column_names == record["columns"]


def test_finished_texts_are_equal(found, annotated):
    total = 0
    for params, _, group in of(found, "Finisher"):
        out = finished(annotated, Finisher(**{"inputCols": ["sentence", "token"], **params}))
        rows = {row.pop("id"): row for row in out.to_pylist()}
        for record in (r for r in group if "row" in r):
            ours = {name: rows[record["id"]][name] for name in record["row"]}
            assert ours.keys() == record["row"].keys()
            for name, recorded in record["row"].items():
                if "parseEmbeddingsVectors" in params and "embeddings" in name:
                    assert_texts_of_vectors(recorded, ours[name])
                else:
                    assert ours[name] == recorded, (record["id"], params)
            total += 1
    assert total == 150


def assert_texts_of_vectors(recorded, ours):
    assert len(recorded) == len(ours)
    for want, have in zip(recorded, ours, strict=True):
        numbers = [np.array(text.split(), dtype=np.float32) for text in (want, have)]
        assert len(numbers[0]) == 64
        np.testing.assert_allclose(numbers[1], numbers[0], rtol=0, atol=TOLERANCE)


def test_finished_vectors_are_equal(found, annotated):
    total = 0
    for params, inputs, group in of(found, "EmbeddingsFinisher"):
        out = finished(annotated, EmbeddingsFinisher(inputCols=inputs, **params))
        rows = {row.pop("id"): row for row in out.to_pylist()}
        key = "DenseVector" if params.get("outputAsVector") else "floats"
        for record in (r for r in group if "id" in r):
            for name in (f"finished_{column}" for column in inputs):
                recorded, ours = record[name], rows[record["id"]][name]
                assert [len(vector) for vector in ours] == [v["size"] for v in recorded]
                for want, have in zip(recorded, ours, strict=True):
                    np.testing.assert_allclose(have[:4], want[key], rtol=0, atol=TOLERANCE)
            total += 1
    assert total == 225
