"""Models by their id at Hugging Face: out of its cache, or from a server, settings first."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from embedpipe import Encoder
from embedpipe.errors import DownloadError, EmbedpipeWarning, ModelFormatError, ModelNotFoundError
from embedpipe.formats import open_model
from embedpipe.hub import find_model
from embedpipe.hub.names import hub_name
from embedpipe.hub.repository import wanted_files
from tests.support.download_support import Place, entry, finished, process
from tests.support.hub_server import COMMIT, REPOSITORY, keep, publish, states_below
from tests.support.model_folders import tiny_config, write_model

WEIGHTS = f"/{REPOSITORY}/resolve/{COMMIT}/model.safetensors"
STEPS = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
SENTENCES = {
    "modules.json": json.dumps(STEPS).encode(),
    "1_Pooling/config.json": b'{"word_embedding_dimension": 16, "pooling_mode_cls_token": true}',
    "config_sentence_transformers.json": b'{"prompts": {"query": "a "}}',
}
DISTIL = b'{"model_type": "distilbert", "dim": 768}'


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    made = Place(tmp_path, monkeypatch)
    made.describe()
    return made


@pytest.fixture
def no_network(monkeypatch):
    def refused(*_):
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.mark.usefixtures("no_network")
def test_what_the_cache_holds_is_used_where_it_lies(place, files, tmp_path):
    folder = keep(place.hub, {**files, **SENTENCES}, absent=())
    before = states_below(place.hub)
    encoder = Encoder("org/tiny")
    assert (encoder.name, encoder.path, encoder.pooling) == ("org/tiny", folder, "cls")
    for name, content in SENTENCES.items():
        (tmp_path / "made" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "made" / name).write_bytes(content)
    expected = Encoder(tmp_path / "made").encode(["a b", "c"])
    assert (encoder.encode(["a b", "c"]) == expected).all()
    assert (encoder.encode_query("b") == encoder.encode("a b")).all()
    for name in (f"org/tiny@{COMMIT}", "org/tiny@main"):
        assert find_model(name) == folder
    assert Encoder("org/tiny", revision="main").path == folder
    assert states_below(place.hub) == before
    assert not place.models.exists()


@pytest.mark.usefixtures("no_network")
def test_other_branches_of_the_cache_are_found_by_their_name(place, files):
    folder = keep(place.hub, files, branch="v1.0")
    assert find_model("org/tiny@v1.0") == folder
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("EMBEDPIPE_OFFLINE", "1")
        with pytest.raises(DownloadError, match="org/tiny is not on this machine, and no server"):
            find_model("org/tiny")


@pytest.mark.usefixtures("no_network")
def test_settings_that_may_be_missing_are_told_offline(place, files, monkeypatch):
    folder = keep(place.hub, files, absent=())  # as transformers fetches it
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    with pytest.warns(EmbedpipeWarning, match="org/tiny: the copy .* may lack settings"):
        assert find_model("org/tiny") == folder


@pytest.mark.usefixtures("no_network")
def test_a_folder_of_one_s_own_comes_before_the_cache(place, files, tmp_path, monkeypatch):
    keep(place.hub, files)
    own = write_model(tmp_path / "models/org/tiny", tiny_config())
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tmp_path / "models"))
    assert find_model("org/tiny") == own


@pytest.mark.usefixtures("no_network")
def test_what_cannot_run_is_refused_in_one_line(place, files):
    keep(place.hub, {**files, "config.json": DISTIL})
    with pytest.raises(ModelFormatError, match="model_type: 'distilbert'; expected one of") as told:
        Encoder("org/tiny")
    assert "\n" not in str(told.value)


def test_a_repository_is_fetched_once_settings_first(place, files, server):
    publish(server, {**files, **SENTENCES, "README.md": b"#", "onnx/model.onnx": b"not wanted"})
    output, errors = finished(process("org/tiny", HF_ENDPOINT=server.address))
    folder = place.hub / "hub/models--org--tiny/snapshots" / COMMIT
    assert (output, errors) == (str(folder), "")
    assert open_model(folder).pooling == "cls"
    gets = [r.path for r in server.requests if r.method == "GET" and "/resolve/" in r.path]
    names = [path.partition(f"{COMMIT}/")[2] for path in gets]
    assert sorted(names) == sorted({*files, *SENTENCES})
    assert (names[0], names[-1]) == ("config.json", "model.safetensors")
    server.requests.clear()
    again = finished(process("org/tiny", HF_ENDPOINT=server.address))
    assert again == (str(folder), "")
    assert server.requests == []
    assert not place.models.exists()


def test_what_transformers_left_out_is_fetched_too(place, files, server):
    keep(place.hub, files, absent=())
    publish(server, {**files, **SENTENCES})
    output, errors = finished(process("org/tiny", HF_ENDPOINT=server.address))
    assert open_model(Path(output)).pooling == "cls", errors
    assert not [r for r in server.asked(WEIGHTS) if r.method == "GET"]


@pytest.mark.usefixtures("place")
def test_a_server_that_is_not_there_is_told_with_what_to_do():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    output, errors = finished(process("org/tiny", HF_ENDPOINT=address))
    assert output == ""
    assert re.search(r"org/tiny: .*3 times in a row. Get it where .*: hf download org/tiny", errors)


@pytest.mark.usefixtures("place")
def test_a_revision_is_asked_for(files, server):
    listing = publish(server, files, revision="v1.0")
    output, errors = finished(process("org/tiny@v1.0", HF_ENDPOINT=server.address))
    assert output.endswith(COMMIT), errors
    assert len(server.asked(listing)) == 1


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"config.json": DISTIL},
            "org/tiny: config.json: model_type: 'distilbert'; expected one of bert, electra",
        ),
        (
            {"modules.json": json.dumps([*STEPS, {**STEPS[1], "type": "custom.Step"}]).encode()},
            "the step custom.Step is a program of the model's own, which embedpipe does not run",
        ),
        (
            {"tokenizer_config.json": b'{"tokenizer_class": "BertJapaneseTokenizer"}'},
            "org/tiny cannot be used: .* tokenizer_class is BertJapaneseTokenizer, which computes",
        ),
    ],
)
def test_what_cannot_run_is_refused_before_its_weights_are_fetched(files, server, changed, reason):
    publish(server, {**files, **SENTENCES, **changed})
    output, errors = finished(process("org/tiny", HF_ENDPOINT=server.address))
    assert output == ""
    last = errors.strip().rpartition("\n")[2]
    assert "ModelFormatError" in last
    assert re.search(reason, last), last
    assert server.asked(WEIGHTS) == []


def test_a_model_of_the_catalog_may_be_had_at_a_revision(place, files, server):
    source = {"kind": "huggingface", "repository": "org/tiny"}
    known = entry("small", source, dimension=16, pooling="cls")
    place.describe(known, names={"org/tiny": "small"})
    publish(server, files, revision="v1.0")
    output, errors = finished(process("org/tiny@v1.0", HF_ENDPOINT=server.address))
    assert output == str(place.models / "small@v1.0"), errors
    assert open_model(Path(output)).pooling == "cls"


def test_weights_of_dense_steps_are_wanted_once():
    base = ["config.json", "tokenizer.json", "model.safetensors", "2_Dense/config.json"]
    both = ["2_Dense/model.safetensors", "2_Dense/pytorch_model.bin"]
    assert wanted_files([*base, *both]) == sorted([*base, both[0]])
    assert wanted_files([*base, both[1]]) == sorted([*base, both[1]])
    assert "12_Dense_1024/model.safetensors" in wanted_files(
        [*base, "12_Dense_1024/model.safetensors"]
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BAAI/bge-small-en-v1.5", ("BAAI/bge-small-en-v1.5", None)),
        ("org/name@refs/pr/2", ("org/name", "refs/pr/2")),
        *(
            (bad, None)
            for bad in ("name", "a/b/c", "org/na--me", "org/..", "org/name@", "a/b@../x")
        ),
    ],
)
def test_ids_are_told_from_other_names(name, expected):
    assert hub_name(name) == expected


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("ref", ["../../../../made", ".", "", "a/b"])
def test_a_damaged_reference_leads_nowhere(place, files, monkeypatch, ref):
    keep(place.hub, files)
    (place.hub / "hub/models--org--tiny/refs/main").write_text(ref)
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    with pytest.raises(ModelNotFoundError, match="org/tiny is not on this machine"):
        find_model("org/tiny")
