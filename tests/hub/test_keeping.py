"""What is here, what it takes, and removing it; all in folders of the test's own."""

from __future__ import annotations

import shutil

import filelock
import pytest

from embedpipe import Encoder
from embedpipe.errors import ModelNotFoundError
from embedpipe.hub import (
    cache_parts,
    clean_cache,
    find_model,
    get_model,
    models_here,
    remove_model,
)
from embedpipe.hub.catalog import show
from embedpipe.hub.keeping import place_of
from tests.support.download_support import Place, entry
from tests.support.hub_server import keep, states_below
from tests.support.model_folders import write_bert


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    made = Place(tmp_path, monkeypatch)
    made.describe(entry("known", {"kind": "archive", "address": "http://127.0.0.1:9/no.zip"}))
    return made


@pytest.fixture
def everywhere(place, files, tmp_path, monkeypatch) -> Place:
    """A model in each place, some with what must not be taken for one."""
    made = tmp_path / "made"
    for folder in ("known", "org/other"):
        shutil.copytree(made, place.models / folder)
    (place.models / "known/1_Pooling").mkdir()
    (place.models / "known/1_Pooling/config.json").write_text("{}")
    own = tmp_path / "own"
    shutil.copytree(made, own / "mine")
    shutil.copytree(made, own / "known")
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(own))
    keep(place.hub, files)
    keep(place.hub, {**files, "config.json": b'{"model_type": "gpt2"}'}, repository="org/gpt2")
    keep(place.hub, {"config.json": files["config.json"]}, repository="org/no-weights")
    return place


@pytest.mark.usefixtures("everywhere")
def test_what_is_here_is_listed_with_its_place_and_size(files):
    found = {model.name: model for model in models_here() if model.place != "package"}
    assert {name: model.place for name, model in found.items()} == {
        "known": "directory",
        "mine": "directory",
        "org/other": "cache",
        "org/tiny": "Hugging Face",
    }
    size = sum(map(len, files.values()))
    assert found["mine"].size == found["org/tiny"].size == size
    for name, model in found.items():
        assert find_model(name) == model.path
    assert "all-MiniLM-L6-v2" in {model.name for model in models_here()}


@pytest.mark.usefixtures("everywhere")
def test_a_model_is_got_where_it_is():
    assert get_model("org/tiny").place == "Hugging Face"
    assert get_model("org/other").place == "cache"
    with pytest.raises(ModelNotFoundError, match="no model is named 'nothing'"):
        get_model("nothing")


def test_a_model_is_removed_from_the_cache_alone(everywhere):
    before = states_below(everywhere.hub)
    assert remove_model("org/other").path == everywhere.models / "org/other"
    assert not (everywhere.models / "org/other").exists()
    assert remove_model("known").place == "cache"  # and that of the directory stays
    for name, message in {
        "org/other": "no model 'org/other' in .*; to see what is here",
        "org/tiny": "Hugging Face's own cache; run: hf cache rm model/org/tiny",
        "mine": "own/mine, a directory of yours; remove it there",
        "../hf": "no model '../hf' in",
    }.items():
        with pytest.raises(ModelNotFoundError, match=message):
            remove_model(name)
    assert states_below(everywhere.hub) == before


def test_what_was_packed_of_a_model_goes_with_it(place):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    for name in ("one", "other"):
        folder = write_bert(place.models / name, layers=2, hidden=512, vocab_size=len(pieces))
        (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))
        Encoder(name).encode("a")
    packed = place.cache / "packed"
    assert len(list(packed.glob("*.packed"))) == 2
    remove_model("one")
    (left,) = packed.glob("*.packed")
    parts = {part.name: part for part in cache_parts()}
    assert parts["packed weights"].size == left.stat().st_size
    assert (parts["models"].files, parts["leftovers"].size) == (3, 0)
    assert {part.name: part.files for part in clean_cache()} == {
        "models": 0,
        "packed weights": 1,
        "leftovers": 1,  # the lock of what was removed
    }
    assert Encoder("other").encode("a").shape == (512,)
    assert clean_cache(models=True)[0].files == 3
    assert cache_parts()[0].files == 0


def test_a_download_that_goes_on_is_left_alone(place):
    for name in ("going", "broken"):
        (place.models / f".{name}.partial").mkdir(parents=True)
        (place.models / f".{name}.partial/weights").write_bytes(b"12345")
        (place.models / f".{name}.lock").touch()
    with filelock.FileLock(place.models / ".going.lock"):
        removed = {part.name: part for part in clean_cache()}
        assert (removed["leftovers"].files, removed["leftovers"].size) == (2, 5)
        assert (place.models / ".going.partial/weights").exists()
    assert not (place.models / ".broken.partial").exists()
    assert clean_cache()[2].size == 5


def test_a_model_of_the_catalog_may_lie_in_the_hugging_face_cache(place, files):
    place.describe(entry("small", {"kind": "huggingface", "repository": "org/tiny"}, dimension=16))
    assert place_of(show("small")) is None
    folder = keep(place.hub, files)
    assert place_of(show("small")) == folder
    assert find_model("small") == place_of(show("small")) == place.models / "small"


@pytest.mark.usefixtures("place")
def test_an_empty_cache_is_no_error():
    assert [part.files for part in cache_parts()] == [0, 0, 0]
    assert [part.files for part in clean_cache(models=True)] == [0, 0, 0]
    assert all(model.place == "package" for model in models_here())
