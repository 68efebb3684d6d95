"""LangChain's and LlamaIndex's clients, unchanged but for the address."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from embedpipe import Encoder
from tests.support.serving import served

TEXTS = ["The train is late.", "Ein Zug, 火车", "a " * 100]


@pytest.fixture(scope="module")
def address(encoder: Encoder) -> Iterator[str]:
    with served(encoder.path, "--any-dimensions") as (_, address):
        yield address


def test_langchains_client(address: str, encoder: Encoder) -> None:
    from langchain_openai import OpenAIEmbeddings

    client = OpenAIEmbeddings(
        base_url=f"{address}/v1",
        api_key="none",
        model=encoder.name,
        check_embedding_ctx_length=False,  # else it sends ids of OpenAI's own tokenizer
    )
    found = np.array(client.embed_documents(TEXTS), np.float32)
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()
    query = np.array(client.embed_query(TEXTS[0]), np.float32)
    assert query.tobytes() == encoder.encode(TEXTS[:1]).tobytes()


def test_llamaindexs_client(address: str, encoder: Encoder) -> None:
    from llama_index.embeddings.openai_like import OpenAILikeEmbedding

    client = OpenAILikeEmbedding(
        model_name=encoder.name, api_base=f"{address}/v1", api_key="none", embed_batch_size=2
    )
    found = np.array(client.get_text_embedding_batch(TEXTS), np.float32)
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()
    query = np.array(client.get_query_embedding(TEXTS[0]), np.float32)
    assert query.tobytes() == encoder.encode(TEXTS[:1]).tobytes()


def test_langchains_client_asks_for_dimensions(address: str, encoder: Encoder) -> None:
    from langchain_openai import OpenAIEmbeddings

    client = OpenAIEmbeddings(
        base_url=f"{address}/v1",
        api_key="none",
        model=encoder.name,
        dimensions=16,
        check_embedding_ctx_length=False,
    )
    found = np.array(client.embed_documents(TEXTS), np.float32)
    assert found.tobytes() == encoder.encode(TEXTS, truncate_dim=16).tobytes()
