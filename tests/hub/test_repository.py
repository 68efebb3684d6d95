"""Hugging Face repositories from an endpoint on loopback, and the Hugging Face cache.

huggingface_hub reads its environment when it is imported: each of these is a process of its own.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from embedpipe import Encoder
from embedpipe.files.hashes import sha256_of
from embedpipe.formats import open_model
from embedpipe.hub.repository import wanted_files
from tests.support.download_support import FIND, Place, assert_is_whole, entry, finished, process
from tests.support.format_support import OUTPUT_TOLERANCE, largest_difference
from tests.support.hub_server import COMMIT, REPOSITORY, publish
from tests.support.model_server import Answer, ModelServer, model_server

API = f"/api/models/{REPOSITORY}"
SOURCE = {"kind": "huggingface", "repository": REPOSITORY}
TOKEN = "hf_verysecrettoken"


@pytest.fixture
def server():
    with model_server() as running:
        yield running


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    return Place(tmp_path, monkeypatch)


@pytest.fixture
def files(testdata) -> dict[str, bytes]:
    """A repository as Google's own: the configuration names GELU's other form, case is not said."""
    folder = testdata / "models/tf1/google_bert_zip"
    config = json.loads((folder / "expected_config.json").read_text()) | {"hidden_act": "gelu"}
    return {
        "README.md": b"# A model\n",
        "config.json": json.dumps(config).encode(),
        "model.safetensors": (folder / "expected.safetensors").read_bytes(),
        "vocab.txt": (folder / "uncased_L-2_H-32_A-2/vocab.txt").read_bytes(),
        "tf_model.h5": b"not wanted",
    }


def states_below(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Which files there are, and what would tell a change."""
    states = {path: path.lstat() for path in folder.rglob("*")}
    return {path: (s.st_ino, s.st_size, s.st_mtime_ns) for path, s in states.items()}


def found(server: ModelServer, name: str = "tiny", **variables: str) -> tuple[str, str]:
    return finished(process(name, code=FIND, HF_ENDPOINT=server.address, **variables))


def test_a_repository_becomes_a_folder_of_the_cache(place, server, files, testdata):
    publish(server, files)
    place.describe(entry("tiny", SOURCE, activation="gelu_tanh", case_sensitive=False))
    output, errors = found(server)
    folder = place.models / "tiny"
    assert (output, errors) == (str(folder), "")
    expected = testdata / "models/tf1/google_bert_zip/expected.safetensors"
    assert_is_whole(folder, expected)
    assert {p.name for p in folder.iterdir()} == {
        *("config.json", "embedpipe.json", "model.safetensors"),
        *("tokenizer_config.json", "vocab.txt"),
    }
    record = json.loads((folder / "embedpipe.json").read_text())
    assert record["source"] == {"kind": "huggingface", "place": REPOSITORY, "revision": COMMIT}
    assert (folder / "model.safetensors").stat().st_nlink == 2  # not a second copy
    gets = [r.path for r in server.requests if r.method == "GET" and "/resolve/" in r.path]
    assert sorted(Path(path).name for path in gets) == [
        *("config.json", "model.safetensors", "vocab.txt")
    ]
    # The catalog's activation is the one that TensorFlow computed.
    recorded = testdata / "models/tf1/google_bert_zip/expected_outputs.npz"
    assert largest_difference(open_model(folder), recorded) < OUTPUT_TOLERANCE
    assert Encoder.load("tiny").encode(["One"]).shape == (1, 32)
    original = next(place.hub.rglob("snapshots/*/config.json"))
    assert json.loads(original.read_text())["hidden_act"] == "gelu"


def test_pytorch_weights_are_converted(place, server, testdata):
    folder = testdata / "models/torch_bin"
    names = ("config.json", "pytorch_model.bin", "vocab.txt")
    publish(server, {name: (folder / name).read_bytes() for name in names}, "pytorch_model.bin")
    place.describe(entry("tiny", SOURCE))
    output, errors = found(server)
    assert output == str(place.models / "tiny"), errors
    assert_is_whole(place.models / "tiny", folder / "expected.safetensors")


def test_weights_with_older_names_and_a_shorter_limit(place, server, files, testdata, tmp_path):
    expected = testdata / "models/tf1/google_bert_zip/expected.safetensors"
    older = {
        f"bert.{name.replace('LayerNorm.weight', 'LayerNorm.gamma')}": tensor
        for name, tensor in load_file(expected).items()
    }
    assert any("gamma" in name for name in older)
    save_file(older, tmp_path / "older.safetensors")
    files["model.safetensors"] = (tmp_path / "older.safetensors").read_bytes()
    files["sentence_bert_config.json"] = b'{"max_seq_length": 9}'
    publish(server, files)
    place.describe(entry("tiny", SOURCE))
    output, errors = found(server)
    assert output == str(place.models / "tiny"), errors
    encoder = Encoder.load("tiny")
    assert encoder.max_length == 9
    shutil.copyfile(expected, tmp_path / "model.safetensors")
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes(files[name])
    texts = ["the cat", "a"]
    np.testing.assert_array_equal(encoder.encode(texts), Encoder.load(tmp_path).encode(texts))


def test_what_the_hugging_face_cache_holds_is_used_without_a_request(
    place, server, files, testdata
):
    publish(server, files)
    place.describe(entry("tiny", SOURCE))
    assert found(server)[0] == str(place.models / "tiny")
    shutil.rmtree(place.models)
    server.requests.clear()
    output, errors = found(server, EMBEDPIPE_OFFLINE="1")
    assert output == str(place.models / "tiny"), errors
    shutil.rmtree(place.models)
    output, errors = found(server)
    assert output == str(place.models / "tiny"), errors
    assert server.requests == []
    expected = testdata / "models/tf1/google_bert_zip/expected.safetensors"
    assert_is_whole(place.models / "tiny", expected)


def test_trouble_is_waited_out(place, server, files):
    publish(server, files)
    weights = f"/{REPOSITORY}/resolve/{COMMIT}/model.safetensors"
    server.answers[API] = [Answer(status=429, headers={"Retry-After": "0"}), Answer()]
    server.answers[weights] = [Answer(), Answer(status=503), Answer(cut=1000), Answer()]
    place.describe(entry("tiny", SOURCE))
    output, errors = found(server)
    assert output == str(place.models / "tiny"), errors
    assert len(server.asked(weights)) >= 4


def test_weights_that_are_not_the_published_ones_are_refused(place, server, files):
    publish(server, files)
    path = f"/{REPOSITORY}/resolve/{COMMIT}/model.safetensors"
    server.files[path] = files["model.safetensors"][:-1] + b"?"
    place.describe(entry("tiny", SOURCE))
    output, errors = found(server)
    assert output == ""
    assert "model.safetensors is damaged: its SHA-256 is" in errors
    assert not (place.models / "tiny").exists()
    next(place.hub.rglob("snapshots/*/model.safetensors")).resolve().unlink()
    server.files[path] = files["model.safetensors"]
    assert found(server)[0] == str(place.models / "tiny")
    assert (place.models / "tiny/model.safetensors").read_bytes() == files["model.safetensors"]


@pytest.mark.parametrize("offline", ["1", "0"])
def test_a_file_damaged_in_the_hugging_face_cache_is_told_and_left_there(
    place, server, files, offline
):
    publish(server, files)
    place.describe(entry("tiny", SOURCE))
    found(server)
    shutil.rmtree(place.models)
    blob = next(place.hub.rglob("snapshots/*/model.safetensors")).resolve()
    blob.write_bytes(bytes(blob.stat().st_size))
    before = states_below(place.hub)
    output, errors = found(server, EMBEDPIPE_OFFLINE=offline)
    assert output == ""
    assert f"model.safetensors is damaged: its SHA-256 is {sha256_of(blob)}" in errors
    assert f"Remove {blob}, and it is fetched again" in errors
    assert states_below(place.hub) == before
    blob.unlink()
    assert found(server)[0] == str(place.models / "tiny")
    assert (place.models / "tiny/model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_hugging_face_cache_that_is_none_is_not_taken_for_our_own(place, server, files):
    publish(server, files)
    place.describe(entry("tiny", SOURCE))
    found(server)
    shutil.rmtree(place.models)
    snapshots = next(place.hub.rglob("snapshots"))
    shutil.rmtree(snapshots)
    snapshots.write_text("in the way")
    before = states_below(place.hub)
    _, errors = found(server, EMBEDPIPE_OFFLINE="1")
    assert "org/tiny: not in the Hugging Face cache" in errors
    assert states_below(place.hub) == before
    _, errors = found(server)
    assert f"cannot write to {place.hub}" in errors
    assert "or set HF_HOME to another directory" in errors


def test_another_file_than_the_catalog_means_is_refused(place, server, files):
    publish(server, files)
    place.describe(entry("tiny", {**SOURCE, "files": {"vocab.txt": "0" * 64}}))
    _, errors = found(server)
    assert "the catalog expects 0000" in errors
    assert not (place.models / "tiny").exists()


def test_a_page_instead_of_a_listing_is_told(place, server, files):
    publish(server, files)
    server.files[API] = b"<html>Sign in to the network</html>"
    place.describe(entry("tiny", SOURCE))
    _, errors = found(server)
    assert "DownloadError" in errors
    assert "org/tiny: the server answers with no listing of files" in errors
    place.describe(entry("tiny", {"kind": "huggingface", "repository": "org/ti--ny"}))
    _, errors = found(server)
    assert "org/ti--ny is no name of a repository" in errors


@pytest.mark.parametrize("status", [401, 404])
def test_a_token_goes_to_its_endpoint_and_into_no_error(place, server, files, status):
    publish(server, files)
    server.answers[API] = [Answer(status=status)]
    archive = {"kind": "archive", "address": f"{server.address}/gone.zip"}
    place.describe(entry("tiny", SOURCE, archive))
    output, errors = found(server, HF_TOKEN=TOKEN)
    assert output == ""
    assert f"org/tiny: the server answers {status}" in errors
    assert TOKEN not in errors
    (api,) = server.asked(API)
    assert api.headers["authorization"] == f"Bearer {TOKEN}"
    assert all("authorization" not in r.headers for r in server.asked("/gone.zip"))


def test_files_are_chosen_by_name():
    shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    index = "model.safetensors.index.json"
    base = ["config.json", "tokenizer.json"]
    assert wanted_files([*base, *shards, index]) == sorted([*base, *shards, index])
    assert wanted_files([*base, *shards[1:], index]) == []
    assert wanted_files([*base, index, *shards[:2], "pytorch_model.bin"]) == [
        *("config.json", "pytorch_model.bin", "tokenizer.json")
    ]
    assert wanted_files(["config.json", "model.safetensors"]) == []
    steps = [
        *("modules.json", "1_Pooling/config.json", "2_Dense/config.json", "added_tokens.json"),
        *("config_sentence_transformers.json", "sentence_bert_config.json"),
        *("sentence_distilbert_config.json", "special_tokens_map.json", "tokenizer_config.json"),
    ]
    assert set(steps) <= set(wanted_files([*base, *steps, "model.safetensors", "onnx/model.onnx"]))
