"""Clients that others wrote, unchanged but for the address, against `embedpipe serve`."""

from __future__ import annotations

import doctest
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openai
import pytest
from huggingface_hub import InferenceClient

from embedpipe import Encoder
from tests.support.serving import served

TEXTS = ["The train is late.", "Ein Zug, 火车", "a " * 100]


@pytest.fixture(scope="module")
def address(encoder: Encoder) -> Iterator[str]:
    with served(encoder.path) as (_, address):
        yield address


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_openais_client(address: str, encoder: Encoder, encoding: str) -> None:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        answer = client.embeddings.create(
            model=encoder.name,
            input=TEXTS,
            encoding_format=encoding,  # type: ignore[arg-type]
        )
        rows = [row.embedding for row in answer.data]
        if isinstance(rows[0], str):  # newer clients hand on what was asked for
            rows = [np.frombuffer(b64decode(row), "<f4") for row in rows]  # type: ignore[misc]
        assert np.array(rows, np.float32).tobytes() == encoder.encode(TEXTS).tobytes()
        assert answer.usage.total_tokens == encoder.tokenize(TEXTS).ids.lengths.sum()
        assert [model.id for model in client.models.list()] == [encoder.name]
        with pytest.raises(openai.NotFoundError, match="no model here is named 'other'"):
            client.embeddings.create(model="other", input="a")
        with pytest.raises(openai.BadRequestError, match="input: found an empty list"):
            client.embeddings.create(model=encoder.name, input=[])


def test_hugging_faces_client(address: str, encoder: Encoder) -> None:
    client = InferenceClient(base_url=f"{address}/embed")
    found = client.feature_extraction(TEXTS[0], normalize=True, truncate=True)
    expected = encoder.encode(TEXTS[:1], normalize=True)
    assert np.asarray(found, np.float32).tobytes() == expected.tobytes()


@pytest.mark.trained_model
def test_the_example_of_the_page_server_md() -> None:
    page = (Path(__file__).parents[3] / "docs/server.md").read_text(encoding="utf-8")
    with served("embedpipe-small-v1") as (_, address):
        text = page.replace("http://127.0.0.1:8080", address).replace("```", "")
        example = doctest.DocTestParser().get_doctest(text, {}, "server.md", None, None)
        assert len(example.examples) >= 4
        assert doctest.DocTestRunner().run(example, clear_globs=False).failed == 0
        example.globs["client"].close()
