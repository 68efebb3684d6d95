"""The model in the package: found without anything else, small, and as good as its page says."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedpipe
from embedpipe import Encoder
from embedpipe.annotator import BertEmbeddings, BertSentenceEmbeddings
from embedpipe.errors import ModelNotFoundError
from embedpipe.hub import find_model
from embedpipe.hub.names import DEFAULT_MODEL
from tests.support.stsb import points, read_pairs

FOLDER = Path(embedpipe.__file__).parent / "default_model"

PUBLISHED = {
    "embedpipe-small-v1": "cd9e473c1926a7072b1d495f7753e30e8d9d87e8634ce9334b95e16cc8f46602"
}
"""SHA-256 of the weights by name: whoever makes others gives them another name, as vectors that
were kept would no longer fit."""


def test_its_name_stands_for_these_weights() -> None:
    digest = hashlib.sha256((FOLDER / "compact.safetensors").read_bytes()).hexdigest()
    assert {DEFAULT_MODEL: digest} == PUBLISHED


def test_it_takes_less_than_ten_megabytes() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 10_000_000


def test_it_says_what_it_is() -> None:
    encoder = Encoder.load()
    assert (encoder.name, encoder.path) == ("embedpipe-small-v1", FOLDER)
    assert (encoder.dimension, encoder.max_length) == (384, 256)
    assert (encoder.pooling, encoder.normalize) == ("mean", True)
    record = json.loads((FOLDER / "embedpipe.json").read_text())
    known = embedpipe.show(DEFAULT_MODEL)
    assert (record["name"], record["language"], record["license"]) == (
        known.name,
        known.language,
        known.license,
    )
    assert known.size == (FOLDER / "compact.safetensors").stat().st_size


def test_no_name_means_it_everywhere() -> None:
    expected = Encoder.load("embedpipe-small-v1").encode(["It rains."])
    for encoder in (
        Encoder(),
        Encoder.load(),
        BertSentenceEmbeddings.pretrained().encoder,
        BertEmbeddings.pretrained().encoder,
    ):
        assert np.array_equal(encoder.encode(["It rains."]), expected)


WITHOUT_ANYTHING = """
import socket
def refuse(*_, **__):
    raise AssertionError("a connection")
socket.socket.connect = refuse
from embedpipe import Encoder
print(Encoder.load().encode(["It rains."]).shape)
"""


def test_a_fresh_machine_needs_no_network(tmp_path: Path) -> None:
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "EMBEDPIPE_CACHE": str(tmp_path / "none"),
        "HOME": str(tmp_path),
    }
    command = [sys.executable, "-c", WITHOUT_ANYTHING]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(1, 384)\n", "")


def test_no_name_and_its_own_lead_to_it() -> None:
    assert [find_model(), find_model(DEFAULT_MODEL)] == [FOLDER, FOLDER]


def test_finding_it_needs_no_catalog() -> None:
    code = "import sys; from embedpipe.hub import find_model; find_model(); print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "embedpipe.hub.find" in loaded
    assert not loaded & {"embedpipe.hub.catalog_file", "embedpipe.hub.fetch", "huggingface_hub"}


def test_an_installation_without_it_is_to_be_repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedpipe.hub.find.DEFAULT_FOLDER", "not_there")
    monkeypatch.setattr("embedpipe.hub.find._packages", lambda _: iter(()))
    with pytest.raises(ModelNotFoundError, match="run: pip install --no-deps embedpipe"):
        Encoder.load()


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_it_ranks_pairs_as_its_page_says(testdata: Path, precision: Any) -> None:
    first, second, scores = read_pairs(testdata / "stsb/sts-dev.csv")
    encoder = Encoder.load(precision=precision)
    vectors = encoder.encode(first + second)
    assert points(vectors[: len(first)], vectors[len(first) :], scores) >= 84.5


def test_long_texts_keep_their_meaning() -> None:
    """A paragraph is nearer to another on its subject than to one of the same form on another."""
    ships = "The ship left the harbor at dawn. The captain watched the sails fill with wind. " * 8
    boats = "A vessel sailed out of port in the morning while the crew raised the canvas. " * 8
    bread = "Knead the dough until it is smooth. Let the loaf rise for an hour in the oven. " * 8
    encoder = Encoder.load()
    assert all(len(ids) > 120 for ids in encoder.tokenize([ships, boats, bread]).ids)
    one, near, far = encoder.encode([ships, boats, bread])
    assert one @ near > one @ far + 0.2
