"""`/pipelines/NAME`: what `transform` gives, as JSON and as an Arrow stream."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from embedpipe.server import Hosted
from embedpipe.server.pipelines import ARROW_STREAM

ROWS = [
    {"text": "The train is late. Nobody knows why.", "stars": 2, "tags": ["rail", None]},
    {"text": None, "stars": None, "tags": None},
    {"text": "", "stars": 5, "tags": []},
]


def stream_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_rows_come_back_with_the_pipelines_columns(client: TestClient, hosted: Hosted) -> None:
    answer = client.post("/pipelines/reviews", json={"rows": ROWS})
    expected = hosted.pipelines["reviews"].transform(pa.Table.from_pylist(ROWS))
    found = answer.json()["rows"]
    assert [list(row) for row in found] == [expected.column_names] * 3
    for row, wanted in zip(found, expected.to_pylist(maps_as_pydicts="strict"), strict=True):
        assert row == wanted


def test_an_arrow_stream_comes_back_equal_to_transform(client: TestClient, hosted: Hosted) -> None:
    table = pa.Table.from_pylist(ROWS * 100)
    answer = client.post(
        "/pipelines/reviews", content=stream_of(table), headers={"content-type": ARROW_STREAM}
    )
    assert answer.headers["content-type"] == ARROW_STREAM
    found = pa.ipc.open_stream(answer.content).read_all()
    assert found.equals(hosted.pipelines["reviews"].transform(table), check_metadata=True)


def test_rows_in_and_an_arrow_stream_out(client: TestClient) -> None:
    answer = client.post(
        "/pipelines/reviews", json={"rows": ROWS}, headers={"accept": ARROW_STREAM}
    )
    assert pa.ipc.open_stream(answer.content).read_all().num_rows == 3


def test_a_stream_without_rows(client: TestClient) -> None:
    table = pa.table({"text": pa.array([], pa.string())})
    answer = client.post(
        "/pipelines/reviews", content=stream_of(table), headers={"content-type": ARROW_STREAM}
    )
    found = pa.ipc.open_stream(answer.content).read_all()
    assert found.num_rows == 0
    assert "sentence_embeddings" in found.column_names


def test_pipelines_are_listed(client: TestClient) -> None:
    (found,) = client.get("/pipelines").json()["pipelines"]
    assert found["name"] == "reviews"
    assert len(found["stages"]) == 3


@pytest.mark.parametrize(
    ("name", "body", "status", "message"),
    [
        ("reviews", {"rows": []}, 422, "rows: found an empty list"),
        ("reviews", {"rows": [{"title": "a"}]}, 422, "'text'"),
        ("reviews", {"rows": [{"text": 1}]}, 422, "text"),
        ("reviews", {"rows": [{"text": "a"}, {"title": "a"}]}, 422, "rows[1]: found the columns"),
        ("reviews", {"rows": [{"text": "a", "n": 1}, {"text": "a", "n": "x"}]}, 422, "'n' is not"),
        ("reviews", {"rows": [{"text": "a", "n": 2**70}]}, 422, "'n' is not of one kind"),
        ("reviews", {"rows": [5]}, 422, "rows[0]: expected `object`"),
        ("reviewz", {"rows": [{"text": "a"}]}, 404, "did you mean 'reviews'?"),
    ],
)
def test_bad_rows_are_refused(
    client: TestClient, name: str, body: Any, status: int, message: str
) -> None:
    answer = client.post(f"/pipelines/{name}", json=body)
    assert answer.status_code == status, answer.text
    assert message in answer.json()["error"]


def test_what_is_no_stream_is_refused(client: TestClient) -> None:
    whole = stream_of(pa.table({"text": ["a", "b"]}))
    for body in (b"", b"PAR1", whole[:-40], whole[:50]):
        answer = client.post(
            "/pipelines/reviews", content=body, headers={"content-type": ARROW_STREAM}
        )
        if answer.status_code != 200:  # a stream may end without its mark
            assert answer.status_code == 422
            assert "no Arrow IPC stream" in answer.json()["error"]


@pytest.mark.parametrize("name", ["nest", "text"])
def test_a_column_whose_name_is_no_text_is_refused(client: TestClient, name: str) -> None:
    table = pa.table({"text": ["a"], "more": [{"nest": 1}]})
    body = stream_of(table).replace(name.encode(), b"\xff" + name[1:].encode())
    answer = client.post("/pipelines/reviews", content=body, headers={"content-type": ARROW_STREAM})
    assert answer.status_code == 422
    assert "the body is no Arrow IPC stream" in answer.json()["error"]
