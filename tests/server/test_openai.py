"""`/v1/embeddings` and `/v1/models`: answers, and errors in OpenAI's form."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from embedpipe import Encoder
from embedpipe.server import Hosted

TEXTS = ["The train is late.", "", "Ein Zug, 火车", "word " * 600]


def embeddings(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def vectors_of(answer: dict[str, Any]) -> np.ndarray:
    return np.array([row["embedding"] for row in answer["data"]], np.float32)


def test_vectors_are_those_of_the_encoder_to_the_last_bit(
    client: TestClient, hosted: Hosted
) -> None:
    for name, encoder in hosted.models.items():
        expected = encoder.encode(TEXTS[:3])
        numbers = embeddings(client, model=name, input=TEXTS[:3])
        coded = embeddings(client, model=name, input=TEXTS[:3], encoding_format="base64")
        decoded = [base64.b64decode(row["embedding"]) for row in coded["data"]]
        assert vectors_of(numbers).tobytes() == expected.tobytes()
        assert b"".join(decoded) == expected.astype("<f4").tobytes()
        assert [row["index"] for row in numbers["data"]] == [0, 1, 2]


def test_usage_counts_the_pieces_that_were_read_and_a_header_the_texts_that_were_cut(
    client: TestClient, encoder: Encoder
) -> None:
    answer = client.post("/v1/embeddings", json={"input": TEXTS})
    counts = encoder.tokenize(TEXTS).ids.lengths
    total = int(counts.sum())
    assert answer.json()["usage"] == {"prompt_tokens": total, "total_tokens": total}
    assert answer.headers["x-truncated-texts"] == "1"


def test_piece_ids_of_one_text_and_of_several(client: TestClient, encoder: Encoder) -> None:
    batch = encoder.tokenize(TEXTS[:2])
    expected = encoder.encode_pieces(batch.ids)
    several = embeddings(client, input=[ids.tolist() for ids in batch.ids])
    one = embeddings(client, input=batch.ids[0].tolist())
    assert vectors_of(several).tobytes() == expected.tobytes()
    assert vectors_of(one).tobytes() == expected[:1].tobytes()


def test_many_texts_are_answered_in_order(client: TestClient, encoder: Encoder) -> None:
    texts = [f"text number {n}" for n in range(1500)]
    found = vectors_of(embeddings(client, input=texts))
    assert found.tobytes() == encoder.encode(texts).tobytes()


def test_models_are_listed_and_described(client: TestClient) -> None:
    found = client.get("/v1/models").json()
    assert [row["id"] for row in found["data"]] == ["tiny_bert", "tiny_albert"]
    assert client.get("/v1/models/tiny_albert").json() == found["data"][1]
    assert client.get("/v1/models/org/tiny_albert").json() == found["data"][1]


@pytest.mark.parametrize(
    ("body", "status", "param", "message"),
    [
        ({"input": []}, 400, "input", "found an empty list"),
        ({}, 400, None, "missing required field `input`"),
        ({"input": 5}, 400, "input", "got `int`"),
        ({"input": ["a", None]}, 400, "input[1]", "got `null`"),
        ({"input": [1, "a"]}, 400, "input[1]", "found a text after a piece id"),
        ({"input": [[1], "a"]}, 400, "input[1]", "found a text after a list of piece ids"),
        ({"input": [[1], []]}, 400, "input[1]", "found no piece ids"),
        ({"input": [[1], [30_522]]}, 400, "input[1]", "found the id 30,522; this model has 30,522"),
        ({"input": [-1]}, 400, "input[0]", ">= 0"),
        ({"input": [2**40]}, 400, "input[0]", "<= 2147483647"),
        ({"input": [7] * 100_001}, 400, "input", "found 100,001 piece ids; this model reads at"),
        (
            {"input": "a", "dimensions": 8},
            400,
            "dimensions",
            "does not say that parts of them mean",
        ),
        (
            {"input": "a", "dimensions": 65},
            400,
            "dimensions",
            "found 65; this model's vectors have",
        ),
        ({"input": "a", "dimensions": 0}, 400, "dimensions", ">= 1"),
        ({"input": "a", "encoding_format": "int8"}, 400, "encoding_format", "'int8'; /openapi"),
        ({"input": ["a"] * 10_001}, 400, "input", "found 10,001 texts; expected at most 10,000"),
        ({"input": "a", "model": "tiny_brt"}, 404, "model", "did you mean 'tiny_bert'?"),
    ],
)
def test_bad_requests_are_refused_in_openais_form(
    client: TestClient, body: dict[str, Any], status: int, param: str | None, message: str
) -> None:
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert message in error["message"]
    assert error["param"] == param
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"input": "\xff"}', "no JSON"),
        (b'{"input": NaN}', "no JSON: JSON is malformed"),
        (b'{"input"', "no JSON"),
        (b"", "no JSON"),
        (b'{"input": "a", "more": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"input": 1e999}', "input"),
        (json.dumps({"input": "é"}).encode("utf-16"), "no JSON"),
    ],
)
def test_what_is_no_json_is_refused(client: TestClient, body: bytes, message: str) -> None:
    answer = client.post(
        "/v1/embeddings", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_half_a_surrogate_pair_counts_as_the_replacement_character(
    client: TestClient, encoder: Encoder
) -> None:
    answer = client.post(
        "/v1/embeddings",
        content=rb'{"input": "half \ud83d pair"}',
        headers={"content-type": "application/json"},
    )
    if answer.status_code == 200:
        expected = encoder.encode(["half \ud83d pair"])
        assert vectors_of(answer.json()).tobytes() == expected.tobytes()
    else:
        assert "no JSON" in answer.json()["error"]["message"]
