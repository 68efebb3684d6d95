"""`dimensions`: vectors are cut where the model says that they may be, or the operator does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from embedpipe.server import Hosted, ServerSettings, create_app

TEXTS = ["The train is late.", "", "Ein Zug, 火车"]
KINDS: dict[str, dict[str, Any]] = {
    "any": {"config.json": {"is_matryoshka": True}, "embedpipe.json": {"normalize": True}},
    "plain": {"config.json": {"is_matryoshka": True}},
    "sizes": {"config.json": {"is_matryoshka": True, "matryoshka_dimensions": [16, 32]}},
    "shortened": {"embedpipe.json": {"truncate_dim": 32, "normalize": True}},
    "silent": {"config.json": {"is_matryoshka": False}},
}


@pytest.fixture(scope="module")
def offered(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    made = tmp_path_factory.mktemp("cut")
    for name, files in KINDS.items():
        shutil.copytree(folder / "tiny_bert", made / name)
        for file, entries in files.items():
            place = made / name / file
            found = json.loads(place.read_text()) if place.exists() else {}
            place.write_text(json.dumps(found | entries))
    return Hosted.open([str(made / name) for name in KINDS])


@pytest.fixture(scope="module")
def asking(offered: Hosted) -> Iterator[TestClient]:
    with TestClient(create_app(offered)) as client:
        yield client


def vectors(client: TestClient, **body: Any) -> np.ndarray:
    answer = client.post("/v1/embeddings", json={"input": TEXTS} | body)
    assert answer.status_code == 200, answer.text
    return np.array([row["embedding"] for row in answer.json()["data"]], np.float32)


@pytest.mark.parametrize("size", [1, 16, 63])
def test_cut_vectors_get_length_1_again_where_whole_ones_have_it(
    asking: TestClient, offered: Hosted, size: int
) -> None:
    encoder = offered.models["any"]
    found = vectors(asking, model="any", dimensions=size)
    whole = encoder.encode(TEXTS).astype(np.float64)[:, :size]
    assert np.allclose(found, whole / np.linalg.norm(whole, axis=1, keepdims=True), atol=1e-6)
    expected = encoder.encode(TEXTS, truncate_dim=size, normalize=True)
    assert found.tobytes() == expected.tobytes()


def test_vectors_of_any_length_are_only_cut(asking: TestClient, offered: Hosted) -> None:
    encoder = offered.models["plain"]
    found = vectors(asking, model="plain", dimensions=16)
    assert found.tobytes() == np.ascontiguousarray(encoder.encode(TEXTS)[:, :16]).tobytes()


def test_piece_ids_are_cut_likewise(asking: TestClient, offered: Hosted) -> None:
    ids = [found.tolist() for found in offered.models["any"].tokenize(TEXTS).ids]
    found = vectors(asking, model="any", input=ids, dimensions=16)
    assert found.tobytes() == vectors(asking, model="any", dimensions=16).tobytes()


def test_all_dimensions_are_the_whole_vector(asking: TestClient, offered: Hosted) -> None:
    expected = offered.models["silent"].encode(TEXTS)
    assert vectors(asking, model="silent", dimensions=64).tobytes() == expected.tobytes()


def test_a_model_that_is_published_cut_is_answered_as_it_is_encoded(
    asking: TestClient, offered: Hosted
) -> None:
    encoder = offered.models["shortened"]
    assert vectors(asking, model="shortened").tobytes() == encoder.encode(TEXTS).tobytes()
    found = vectors(asking, model="shortened", dimensions=8)
    expected = encoder.encode(TEXTS, truncate_dim=8, normalize=True)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        ("sizes", 8, "of which it says that 16, 32 may be kept"),
        ("sizes", 65, "vectors have 64 numbers. Ask for at most as many"),
        ("any", 10**6, "found 1,000,000; this model's vectors have 64 numbers"),
        ("shortened", 33, "vectors have 32 numbers"),
        ("silent", 16, "it does not say that parts of them mean something"),
    ],
)
def test_what_means_nothing_is_refused(
    asking: TestClient, model: str, size: int, message: str
) -> None:
    body = {"model": model, "input": "a", "dimensions": size}
    answer = asking.post("/v1/embeddings", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "dimensions")
    assert error["type"] == "invalid_request_error"
    assert message in error["message"]


def test_the_operator_may_let_all_be_cut(hosted: Hosted) -> None:
    with TestClient(create_app(hosted, ServerSettings(any_dimensions=True))) as client:
        short = client.post("/embed", json={"inputs": TEXTS, "dimensions": 16}).json()
        more = client.post("/embed", json={"inputs": TEXTS, "dimensions": 65})
    expected = hosted.models["tiny_bert"].encode(TEXTS, truncate_dim=16, normalize=True)
    assert np.array(short, np.float32).tobytes() == expected.tobytes()
    assert (more.status_code, more.json()["error_type"]) == (422, "Validation")


def test_embed_cuts_too(client_with: Callable[[ServerSettings], TestClient]) -> None:
    client = client_with(ServerSettings(any_dimensions=True))
    body = {"inputs": TEXTS, "dimensions": 8, "normalize": False}
    plain = np.array(client.post("/embed", json=body).json(), np.float32)
    assert plain.shape == (3, 8) and not np.allclose(np.linalg.norm(plain, axis=1), 1)
