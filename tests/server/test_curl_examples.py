"""The `curl` lines that the documentations of both APIs show, but for address, key and model."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe import Encoder
from tests.support.serving import served

OPENAI = """
curl http://ADDRESS/v1/embeddings \
  -H "Authorization: Bearer KEY" \
  -H "Content-Type: application/json" \
  -d '{"input": "The food was delicious and the waiter...", "model": "tiny_bert",
       "encoding_format": "float"}'
"""
TEI = {
    "one text": """
curl ADDRESS/embed \
    -X POST \
    -d '{"inputs":"What is Deep Learning?"}' \
    -H 'Content-Type: application/json' -H "Authorization: Bearer KEY"
""",
    "several": """
curl ADDRESS/embed \
    -X POST \
    -d '{"inputs":["Today is a nice day", "I like you"]}' \
    -H 'Content-Type: application/json' -H "Authorization: Bearer KEY"
""",
}


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("curl") is None:
        pytest.skip("COULD NOT RUN: needs curl (Debian: apt-get install curl)")
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text("secret\n")
    with served(folder / "tiny_bert", "--api-key-file", key) as (_, address):
        yield address.removeprefix("http://")


def answer(address: str, line: str, key: str = "secret") -> Any:
    """What the line prints, as JSON."""
    words = shlex.split(line.replace("ADDRESS", address).replace("KEY", key))
    found = subprocess.run(
        [*words, "--silent", "--noproxy", "*"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(found.stdout)


def test_openais(address: str, encoder: Encoder) -> None:
    found = answer(address, OPENAI)
    vector = np.array(found["data"][0]["embedding"], np.float32)
    text = "The food was delicious and the waiter..."
    assert vector.tobytes() == encoder.encode(text).tobytes()
    assert found["object"] == "list" and found["data"][0]["object"] == "embedding"


def test_text_embeddings_inferences(address: str, encoder: Encoder) -> None:
    one = np.array(answer(address, TEI["one text"]), np.float32)
    several = np.array(answer(address, TEI["several"]), np.float32)
    texts = ["What is Deep Learning?", "Today is a nice day", "I like you"]
    expected = encoder.encode(texts, normalize=True)
    assert np.concatenate([one, several]).tobytes() == expected.tobytes()


def test_a_wrong_key_is_answered_in_each_ones_form(address: str) -> None:
    assert answer(address, OPENAI, "wrong")["error"]["code"] == "invalid_api_key"
    assert answer(address, TEI["one text"], "wrong")["error_type"] == "Unauthorized"
