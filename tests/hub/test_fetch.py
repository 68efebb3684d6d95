"""Models by name from servers on loopback: each source, and the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import namedtuple

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.errors import DownloadError, ModelNotFoundError, OutputError
from embedpipe.formats import open_model
from embedpipe.hub import find_model
from embedpipe.stages.bert_embeddings import BertEmbeddings
from tests.support.download_support import (
    GOOGLE,
    GOOGLE_EXPECTED,
    SPARK_NLP,
    SPARK_NLP_EXPECTED,
    assert_is_whole,
    entry,
    names_below,
    zipped,
)
from tests.support.format_support import OUTPUT_TOLERANCE, largest_difference

Usage = namedtuple("Usage", "total used free")


def test_an_archive_becomes_a_folder_of_the_cache(place, server, fixtures):
    content = (fixtures / GOOGLE).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    source = {"kind": "google", "address": server.add("/a.zip", content), "sha256": digest}
    place.describe(
        entry("tiny", source, pooling="cls", normalize=True, case_sensitive=True, license="MIT")
    )
    folder = find_model("tiny")
    assert folder == place.models / "tiny"
    assert_is_whole(folder, fixtures / GOOGLE_EXPECTED)
    assert names_below(place.models) == ["tiny"]
    record = json.loads((folder / "embedpipe.json").read_text())
    assert record["source"] == {"kind": "google", "place": source["address"], "sha256": digest}
    assert record["license"] == "MIT"
    weights = (folder / "model.safetensors").read_bytes()
    assert record["files"]["model.safetensors"] == {
        "sha256": hashlib.sha256(weights).hexdigest(),
        "size": len(weights),
    }
    encoder = Encoder.load("tiny")
    assert (encoder.pooling, encoder.normalize, encoder.name) == ("cls", True, "tiny")
    pieces = encoder.tokenize(["Ab ab"]).ids.values
    assert pieces[1] != pieces[-2]  # the archive's name says uncased; the catalog has its way


@pytest.mark.parametrize(
    ("kind", "fixture", "expected"),
    [
        ("spark_nlp", SPARK_NLP, SPARK_NLP_EXPECTED),
        ("tfhub", "tf1/tfhub_bert_2", "tf1/tfhub_bert_2/expected.safetensors"),
    ],
)
def test_archives_of_other_kinds(place, server, fixtures, tmp_path, kind, fixture, expected):
    path = fixtures / fixture
    content = zipped(path, tmp_path / "hub") if path.is_dir() else path.read_bytes()
    address = server.add("/small_bert/1", content)
    place.describe(entry("tiny", {"kind": kind, "address": address}))
    assert_is_whole(find_model("tiny"), fixtures / expected)
    (request,) = server.requests
    assert request.path == "/small_bert/1" + (
        "?tf-hub-format=compressed" if kind == "tfhub" else ""
    )


def test_a_stage_is_made_by_name_and_language(server, tiny):
    stage = BertEmbeddings.pretrained(tiny, "en")
    assert stage.getDimension() == 32
    with pytest.raises(ModelNotFoundError, match="tiny is not in the catalog with language 'de'"):
        BertEmbeddings.pretrained(tiny, "de")
    assert len(server.asked("/tiny.zip")) == 1


def test_what_is_cached_needs_no_request(server, tiny, monkeypatch):
    folder = find_model(tiny)
    server.requests.clear()
    assert find_model(tiny) == find_model("tiny", language="en") == folder
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    assert find_model(tiny) == folder
    assert server.requests == []


@pytest.mark.parametrize("variable", ["EMBEDPIPE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_no_request_is_made_and_the_error_says_so(
    place, server, tiny, monkeypatch, variable
):
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("EMBEDPIPE_MIRROR", server.address)
    repository = {"kind": "huggingface", "repository": "org/tiny"}
    address = f"{server.address}/tiny.zip"
    place.describe(entry("tiny", repository, {"kind": "archive", "address": address}))
    with pytest.raises(DownloadError) as caught:
        find_model(tiny)
    message = str(caught.value)
    assert "cannot be fetched, as EMBEDPIPE_OFFLINE or HF_HUB_OFFLINE is set\n" in message
    assert "org/tiny: not in the Hugging Face cache" in message
    assert message.count("an address, which is not asked when offline") == 2
    assert "EMBEDPIPE_MODELS or EMBEDPIPE_MIRROR" in message
    assert server.requests == []
    monkeypatch.setenv(variable, "0")
    place.describe(entry("tiny", {"kind": "archive", "address": address}))
    assert find_model(tiny).is_dir()


def test_sources_are_tried_in_order_and_each_failure_is_told(place, server, fixtures):
    content = (fixtures / GOOGLE).read_bytes()
    server.add("/replaced.zip", content + b"x")
    server.add("/page.html", b"<html>moved</html>")
    server.add("/good.zip", content)
    wrong = {"sha256": hashlib.sha256(content).hexdigest()}
    bad = [
        {"kind": "google", "address": f"{server.address}/gone.zip"},
        {"kind": "archive", "address": f"{server.address}/replaced.zip", **wrong},
        {"kind": "archive", "address": f"{server.address}/page.html"},
        {"kind": "pypi", "distribution": "no-such", "package": "no_such", "folder": "model"},
    ]
    good = {"kind": "spark_nlp", "address": f"{server.address}/good.zip"}
    place.describe(entry("tiny", *bad))
    with pytest.raises(DownloadError) as caught:
        find_model("tiny")
    lines = str(caught.value).split("\n")
    assert lines[0] == "the model tiny is not on this machine and cannot be fetched"
    assert [line.split(":")[0] for line in lines[1:5]] == [
        "  - google",
        "  - archive",
        "  - archive",
        "  - pypi",
    ]
    for line, part in zip(lines[1:5], ("404", "SHA-256", "", "pip install"), strict=True):
        assert part in line
    assert names_below(place.models) == [".tiny.partial"]
    place.describe(entry("tiny", *bad, good))
    assert_is_whole(find_model("tiny"), fixtures / GOOGLE_EXPECTED)
    record = json.loads((place.models / "tiny/embedpipe.json").read_text())
    assert record["source"]["kind"] == "spark_nlp"
    assert names_below(place.models) == ["tiny"]


def test_another_model_than_the_catalog_says_is_refused(place, server, fixtures):
    address = server.add("/tiny.zip", (fixtures / GOOGLE).read_bytes())
    place.describe(entry("tiny", {"kind": "archive", "address": address}, dimension=64))
    with pytest.raises(DownloadError, match="vectors of 32; the catalog says 64"):
        find_model("tiny")
    assert not (place.models / "tiny").exists()


def test_the_space_is_asked_for_first(place, tiny, fixtures, monkeypatch):
    size = (fixtures / GOOGLE).stat().st_size
    needed = 2 * size + size // 4
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - needed + 1, needed - 1)
    )
    with pytest.raises(OutputError, match=r"needs \d+ MB in .*free some space, or set EMBEDPIPE_C"):
        find_model(tiny)
    assert not list(place.models.rglob("*.part"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - needed, needed))
    assert find_model(tiny).is_dir()


def test_a_cache_that_cannot_be_written_is_told(place, tiny):
    place.cache.write_text("a file in the way")
    with pytest.raises(OutputError, match="EMBEDPIPE_CACHE to another directory"):
        find_model(tiny)


def test_a_cache_of_symbolic_links(place, server, tiny, fixtures, tmp_path):
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    place.cache.symlink_to(disk)
    place.models.symlink_to(other)
    assert_is_whole(find_model(tiny), fixtures / GOOGLE_EXPECTED)
    assert names_below(other) == ["tiny"]
    assert_is_whole(find_model(tiny), fixtures / GOOGLE_EXPECTED)
    assert len(server.asked("/tiny.zip")) == 1


def test_versions_of_one_name_lie_apart(place, server, fixtures):
    def source(path: str, fixture: str) -> dict[str, str]:
        address = server.add(path, (fixtures / fixture).read_bytes())
        return {"kind": "archive", "address": address}

    old = entry("tiny", source("/old.zip", SPARK_NLP), version="2.6.0")
    new = entry("tiny", source("/new.zip", GOOGLE), version="2.10.0")
    place.describe(old)
    assert_is_whole(find_model("tiny"), fixtures / SPARK_NLP_EXPECTED)
    place.describe(old, new)
    assert find_model("tiny") == place.models / "tiny"  # what is cached stays what it is
    assert_is_whole(find_model("tiny@2.10.0"), fixtures / GOOGLE_EXPECTED)
    assert_is_whole(find_model("tiny@2.6.0"), fixtures / SPARK_NLP_EXPECTED)
    assert names_below(place.models) == ["tiny", "tiny@2.10.0", "tiny@2.6.0"]
    shutil.rmtree(place.models / "tiny")
    assert_is_whole(find_model("tiny"), fixtures / GOOGLE_EXPECTED)  # the newest
    with pytest.raises(ModelNotFoundError, match=r"'3\.0'; there is: .*2\.10\.0, .*2\.6\.0"):
        find_model("tiny@3.0")


def test_languages_of_one_name_lie_apart(place, server, fixtures):
    def source(path: str, fixture: str) -> dict[str, str]:
        address = server.add(path, (fixtures / fixture).read_bytes())
        return {"kind": "archive", "address": address}

    english = entry("tiny", source("/en.zip", GOOGLE))
    german = entry("tiny", source("/de.zip", SPARK_NLP), language="de")
    place.describe(english, german)
    assert_is_whole(find_model("tiny", language="de"), fixtures / SPARK_NLP_EXPECTED)
    assert_is_whole(find_model("tiny", language="en"), fixtures / GOOGLE_EXPECTED)
    assert names_below(place.models) == ["tiny", "tiny@de"]


def test_vectors_are_the_frameworks(tiny, fixtures):
    model = open_model(find_model(tiny))
    recorded = fixtures / "tf1/google_bert_zip/expected_outputs.npz"
    assert largest_difference(model, recorded) < OUTPUT_TOLERANCE
    assert np.isfinite(Encoder.load(tiny).encode(["one", "two"])).all()
