"""Rows of many requests in one run of a pipeline: each gets its own, and nothing of others'."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from embedpipe import Encoder
from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
from embedpipe.base import DocumentAssembler, EmbeddingsFinisher, Pipeline, PipelineModel
from embedpipe.errors import ColumnError
from embedpipe.server.rows import Rows, stream_of

TEXTS = [f"Secret number {n} of somebody. It rains." for n in range(9)]


def pipeline(encoder: Encoder, *more: Any, explode: bool = False, **options: Any) -> PipelineModel:
    stages = [
        DocumentAssembler(inputCol="text", outputCol="document"),
        SentenceDetector(inputCols=["document"], outputCol="sentence", explodeSentences=explode),
        BertSentenceEmbeddings(encoder, inputCols=["sentence"], outputCol="vectors", **options),
    ]
    return Pipeline(stages=[*stages, *more]).fit()


def together(model: PipelineModel, *tables: pa.Table) -> list[bytes]:
    """The streams that as many requests get, which were computed together."""
    asked = [Rows.of(model, table) for table in tables]
    assert len({one.work for one in asked}) == 1
    made = iter(asked[0].work.run([item for one in asked for item in one.items]))
    return [stream_of(one.schema, one.answer([next(made) for _ in one.items])) for one in asked]


def check(model: PipelineModel, *tables: pa.Table) -> None:
    for table, stream in zip(tables, together(model, *tables), strict=True):
        found = pa.ipc.open_stream(stream).read_all()
        assert found.equals(model.transform(table), check_metadata=True)


def test_each_request_gets_what_transform_gives_with_its_own_columns(encoder: Encoder) -> None:
    tables = [
        pa.table({"text": TEXTS[:3], "n": [1, 2, 3]}),
        pa.table({"id": ["a", None], "text": [None, ""]}),
        pa.table({"text": TEXTS[3:] * 30}),
        pa.table({"text": TEXTS[:1], "n": ["of another type"]}).replace_schema_metadata({"a": "b"}),
    ]
    check(pipeline(encoder), *tables)
    check(pipeline(encoder, explode=True), *tables)
    finisher = EmbeddingsFinisher(inputCols=["vectors"], outputCols=["finished"])
    check(pipeline(encoder, finisher.setCleanAnnotations(True)), *tables)


def test_exploded_rows_that_are_as_many_as_came_are_not_taken_for_them(encoder: Encoder) -> None:
    table = pa.table({"text": ["One. Two.", ""], "n": [1, 2]})
    check(pipeline(encoder, explode=True), table, table)


def test_a_stream_holds_nothing_of_another_request(encoder: Encoder) -> None:
    tables = [pa.table({"text": [text]}) for text in TEXTS]
    for number, stream in enumerate(together(pipeline(encoder), *tables)):
        said = [n for n in range(len(TEXTS)) if f"Secret number {n}".encode() in stream]
        assert said == [number]
        assert stream.count(b"ecret") == stream.count(f"ecret number {number}".encode())


def test_what_depends_on_neighbors_is_not_put_together(encoder: Encoder) -> None:
    model = pipeline(encoder, compatibility="spark-nlp-5.5.3", pooling="flattened", batchSize=3)
    tables = [pa.table({"text": [" ".join(TEXTS[:n]) for n in range(k)] * 20}) for k in (4, 7)]
    check(model, *tables)


def test_only_requests_whose_columns_have_one_type_are_put_together(encoder: Encoder) -> None:
    model = pipeline(encoder)
    plain, large = pa.table({"text": ["a"]}), pa.table({"text": pa.array(["a"], pa.large_string())})
    assert Rows.of(model, plain).work == Rows.of(model, plain.append_column("n", [[1]])).work
    assert Rows.of(model, plain).work != Rows.of(model, large).work
    assert Rows.of(model, plain).work != Rows.of(pipeline(encoder), plain).work


@pytest.mark.parametrize("wide", [False, True])
def test_columns_are_checked_also_when_their_plan_is_remembered(
    encoder: Encoder, wide: bool
) -> None:
    model = pipeline(encoder)
    more = {f"column {n}": [1] for n in range(300 if wide else 1)}
    good, bad = pa.table({"text": ["a"], **more}), pa.table({"text": [1], **more})
    for _ in range(2):
        assert Rows.of(model, good).schema == model.output_schema(good.schema)
        with pytest.raises(ColumnError):
            Rows.of(model, bad)
