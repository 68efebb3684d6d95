"""The routes of text-embeddings-inference: answers, and errors in its form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from embedpipe import Encoder

TEXTS = ["The train is late.", "", "Ein Zug, 火车"]
LONG = "word " * 600


def answered(client: TestClient, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_embed_gives_unit_vectors_unless_told_otherwise(
    client: TestClient, encoder: Encoder
) -> None:
    normalized = np.array(answered(client, "/embed", inputs=TEXTS), np.float32)
    plain = np.array(answered(client, "/embed", inputs=TEXTS, normalize=False), np.float32)
    assert normalized.tobytes() == encoder.encode(TEXTS, normalize=True).tobytes()
    assert plain.tobytes() == encoder.encode(TEXTS, normalize=False).tobytes()


def test_embed_takes_one_text(client: TestClient, encoder: Encoder) -> None:
    found = np.array(answered(client, "/embed", inputs="one text"), np.float32)
    assert found.tobytes() == encoder.encode(["one text"], normalize=True).tobytes()


def test_embed_all_gives_every_pieces_vector(client: TestClient, encoder: Encoder) -> None:
    found = answered(client, "/embed_all", inputs=[*TEXTS, LONG], truncate=True)
    states = encoder.hidden_states(encoder.tokenize([*TEXTS, LONG]).ids)
    assert [len(text) for text in found] == states.lengths.tolist()
    for text, expected in zip(found, states, strict=True):
        assert np.array(text, np.float32).tobytes() == expected.tobytes()


def test_similarity_is_the_cosine(client: TestClient, encoder: Encoder) -> None:
    inputs = {"source_sentence": TEXTS[0], "sentences": TEXTS[1:]}
    source, *others = encoder.encode(TEXTS, normalize=True)
    found = answered(client, "/similarity", inputs=inputs)
    assert np.allclose(found, [source @ other for other in others], atol=1e-6)


def test_tokenize_and_decode(client: TestClient) -> None:
    (pieces,) = answered(client, "/tokenize", inputs="Painkillers help.")
    assert [piece["text"] for piece in pieces] == [
        *("[CLS]", "pain", "##kill", "##ers", "help", ".", "[SEP]")
    ]
    assert [piece["special"] for piece in pieces] == [True, *[False] * 5, True]
    (bare,) = answered(client, "/tokenize", inputs="Painkillers help.", add_special_tokens=False)
    assert bare == pieces[1:-1]
    ids = [piece["id"] for piece in pieces]
    assert answered(client, "/decode", ids=ids) == ["painkillers help ."]
    assert answered(client, "/decode", ids=[ids, ids[1:2]], skip_special_tokens=False) == [
        "[CLS] painkillers help . [SEP]",
        "pain",
    ]


def test_a_text_that_is_too_long_is_refused_or_cut(client: TestClient, encoder: Encoder) -> None:
    answer = client.post("/embed", json={"inputs": ["short", LONG]})
    assert answer.status_code == 413
    assert answer.json() == {
        "error": "inputs[1]: found 602 pieces; this model reads at most 512. Shorten it, or send "
        '"truncate": true',
        "error_type": "Validation",
    }
    cut = np.array(answered(client, "/embed", inputs=[LONG], truncate=True), np.float32)
    with pytest.warns(UserWarning, match="cut"):
        expected = encoder.encode([LONG], normalize=True)
    assert cut.tobytes() == expected.tobytes()


def test_info_and_health(client: TestClient, encoder: Encoder) -> None:
    assert client.get("/health").status_code == 200
    found = client.get("/info").json()
    assert found["model_id"] == encoder.name
    assert found["max_input_length"] == encoder.max_length
    assert found["model_type"] == {"embedding": {"pooling": encoder.pooling}}
    assert found["pipelines"] == ["reviews"]


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "message"),
    [
        ("/embed", {"inputs": []}, 400, "Empty", "inputs: found an empty list"),
        ("/embed", {"inputs": [1]}, 422, "Validation", "inputs[0]: expected `str`, got `int`"),
        ("/embed", {}, 422, "Validation", "missing required field `inputs`"),
        ("/embed", {"inputs": "a", "truncate": 1}, 422, "Validation", "truncate: expected `bool"),
        ("/embed", {"inputs": "a", "prompt_name": "x"}, 422, "Validation", "this model knows"),
        ("/embed", {"inputs": "a", "dimensions": 3}, 422, "Validation", "dimensions: found 3"),
        ("/embed", {"inputs": ["a"] * 10_001}, 413, "Validation", "found 10,001 texts"),
        ("/decode", {"ids": [99_999]}, 422, "Validation", "found the id 99,999"),
        ("/similarity", {"inputs": {"source_sentence": "a", "sentences": []}}, 400, "Empty", ""),
    ],
)
def test_bad_requests_are_refused_in_its_form(
    client: TestClient, path: str, body: Any, status: int, kind: str, message: str
) -> None:
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["error_type"]) == (status, kind)
    assert message in answer.json()["error"]
