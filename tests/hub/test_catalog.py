"""The catalog: derived from the recorded facts, searched, and extended by users' files."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedpipe.errors import ModelNotFoundError, ParameterError
from embedpipe.hub import search, show
from embedpipe.hub.catalog import catalog
from embedpipe.hub.catalog_file import read_catalog_file
from tests.support.download_support import entry

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FACTS = REPOSITORY / "tools/catalog_facts"
SHIPPED = REPOSITORY / "src/embedpipe/hub/catalog.json"
ARCHIVE = {"kind": "archive", "address": "http://models.example/a.zip"}


@pytest.fixture(autouse=True)
def no_files(monkeypatch):
    monkeypatch.delenv("EMBEDPIPE_CATALOG", raising=False)


@pytest.fixture
def cards() -> list[dict[str, Any]]:
    return json.loads((FACTS / "spark_nlp_cards.json").read_text())


def write(path: Path, *entries: Any, **further: Any) -> Path:
    path.write_text(json.dumps({"models": list(entries), **further}))
    return path


def test_the_shipped_file_is_what_the_facts_give():
    spec = importlib.util.spec_from_file_location(
        "build_catalog", REPOSITORY / "tools/build_catalog.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert SHIPPED.read_text() == tool.as_text(tool.build(FACTS))


def test_the_shipped_file_has_no_faults():
    models, names = read_catalog_file(SHIPPED)
    assert (len(models), len(names)) == (70, 622)


def test_every_card_is_there_with_its_facts(cards):
    assert len(cards) == 69
    assert len(catalog().models) == 70
    corrected = {"albert_xxlarge_uncased"}
    for card in cards:
        model = show(card["name"])
        assert model.name == card["name"]
        assert model.annotator == card["annotator"]
        assert model.language == card["language"]
        assert model.version == card["edition"]
        assert model.case_sensitive == card["case_sensitive"]
        assert (model.dimension == card["dimension"]) == (model.name not in corrected)
        assert [(p.text, list(p.values)) for p in model.published] == [
            (row["text"], row["values"]) for row in card["published"]
        ]
        stated = [source.address for source in model.sources if not source.derived]
        assert stated[-1] == card["download_url"]
        assert set(stated) <= {card["download_url"], card["data_source"]}
        kinds = [source.kind for source in model.sources]
        order = ["huggingface", "google", "tfhub", "spark_nlp"]
        assert kinds == [kind for kind in order if kind in kinds]


def test_small_berts_have_their_twins(cards):
    sources = show("sent_small_bert_L2_512").sources
    (card,) = (card for card in cards if card["name"] == "sent_small_bert_L2_512")
    assert [(source.kind, source.place, source.derived) for source in sources] == [
        ("huggingface", "google/bert_uncased_L-2_H-512_A-8", True),
        (
            "google",
            "https://storage.googleapis.com/bert_models/2020_02_20/uncased_L-2_H-512_A-8.zip",
            True,
        ),
        (
            "tfhub",
            "https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-2_H-512_A-8/1",
            False,
        ),
        ("spark_nlp", card["download_url"], False),
    ]


def test_names_in_one_line_are_there_but_for_the_licensed(cards):
    aliases = json.loads((FACTS / "nlu_aliases.json").read_text())
    known = {card["name"] for card in cards}
    kept = {alias for alias in aliases if alias in catalog().aliases}
    dropped = {alias: name for alias, name in aliases.items() if alias not in kept}
    assert len(aliases) == 634
    assert len(dropped) == 13
    assert all("jsl" in name or name.endswith("_mli") for name in dropped.values())
    for alias in kept:
        if aliases[alias] in known:
            assert show(alias).name == aliases[alias]


def test_search_narrows_by_everything_asked_for(cards):
    assert len(search()) == 70
    words = search("word")
    assert {model.name for model in words} == {
        card["name"] for card in cards if card["annotator"] != "BertSentenceEmbeddings"
    }
    assert [model.name for model in search(language="xx")] == ["bert_multi_cased"]
    assert {model.dimension for model in search(dimension=128)} == {128}
    assert [m.name for m in search("sentence", "en", 768, "BERT_L2_")] == ["sent_small_bert_L2_768"]
    assert "all-MiniLM-L6-v2" in [m.name for m in search(text="sentence-transformers/")]
    assert search(text="no such text") == []
    with pytest.raises(ParameterError, match="task: found 'token'; expected 'word' or 'sentence'"):
        search("token")


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(ModelNotFoundError, match="'smal_bert_L2_128'; did you mean 'small_bert_L2"):
        show("smal_bert_L2_128")


def test_files_of_users_come_first(tmp_path, monkeypatch):
    first = write(
        tmp_path / "first.json",
        entry("mine", ARCHIVE, dimension=5),
        entry("small_bert_L2_128", ARCHIVE, dimension=7, version="2.6.0"),
        names={"bert": "mine"},
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "b.json", entry("mine", ARCHIVE, dimension=6), names={"my bert": "mine"})
    write(folder / "a.json", entry("other", ARCHIVE))
    (folder / "notes.txt").write_text("not a catalog")
    monkeypatch.setenv("EMBEDPIPE_CATALOG", os.pathsep.join(map(str, (first, folder))))
    assert show("mine").dimension == show("bert").dimension == show("my bert").dimension == 5
    assert show("other").name == "other"
    assert show("small_bert_L2_128").dimension == 7
    assert show("small_bert_L2_256").dimension == 256
    write(first, entry("mine", ARCHIVE, dimension=12345))  # a change is seen
    assert show("mine").dimension == 12345


def test_the_newest_version_is_meant_unless_one_is_named(tmp_path, monkeypatch):
    versions = ["2.6", "2.10.0", "2.9.9", "2.6.1"]
    file = write(tmp_path / "c.json", *(entry("mine", ARCHIVE, version=v) for v in versions))
    monkeypatch.setenv("EMBEDPIPE_CATALOG", str(file))
    assert [m.version for m in catalog().models["mine"]] == ["2.10.0", "2.9.9", "2.6.1", "2.6"]
    assert show("mine").version == "2.10.0"
    assert show("mine@2.6").version == "2.6"
    assert [m.version for m in search(text="mine")] == ["2.10.0"]
    with pytest.raises(ModelNotFoundError, match=r"mine is not in the catalog with .* '2\.7'"):
        show("mine@2.7")


def test_a_published_text_without_context_is_read(tmp_path):
    entry = {
        "name": "mine",
        "annotator": "BertEmbeddings",
        "architecture": "bert",
        "language": "en",
        "dimension": 4,
        "sources": [ARCHIVE],
        "published": [{"text": "a", "level": "token", "values": [0.5]}],
    }
    (model,), _ = read_catalog_file(write(tmp_path / "mine.json", entry))
    assert model.published[0].context is None


def test_a_file_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_CATALOG", str(tmp_path / "gone.json"))
    with pytest.raises(ParameterError, match=r"EMBEDPIPE_CATALOG: .*gone\.json does not exist"):
        search()


def model(**changes: Any) -> dict[str, Any]:
    content = {**entry("mine", ARCHIVE), **changes}
    return {key: value for key, value in content.items() if value != "leave out"}


def source(**changes: Any) -> dict[str, Any]:
    return model(sources=[{**ARCHIVE, **changes}])


@pytest.mark.parametrize(
    ("faulty", "found"),
    [
        ({}, "models[0].name: missing; expected a name such as"),
        (model(dimension="leave out"), "models[0] ('mine').dimension: missing"),
        (model(name="../evil"), "name: '../evil'; expected a name"),
        (model(name=7), "models[0].name: 7; expected"),
        (model(architecture="roberta"), "architecture: 'roberta'; expected one of bert, electra"),
        (model(dimension=0), "dimension: 0; expected an integer from 1 to 65536"),
        (model(dimension=True), "dimension: True; expected an integer"),
        (model(dimension="32"), "dimension: '32'; expected an integer"),
        (model(pooling="max"), "pooling: 'max'; expected one of cls, mean, pooler"),
        (model(case_sensitive=1), "case_sensitive: 1; expected true or false"),
        (model(language="English"), "language: 'English'; expected a code"),
        (model(version="new"), "version: 'new'; expected one such as '2.6.0'"),
        (model(activation="relu"), "activation: 'relu'; expected one of gelu_erf, gelu_tanh"),
        (model(sources=[]), "sources: []; expected an array of at least 1, each an object"),
        (model(notes=None), "notes: None; expected an array of a line of text"),
        (model(color="red"), "models[0] ('mine').color: not known; expected name,"),
        (source(kind="ftp"), "sources[0].kind: 'ftp'; expected one of huggingface, google"),
        (source(kind=None), "sources[0].kind: None; expected one of"),
        (source(address="ftp://host/a"), "address: 'ftp://host/a'; expected an http or https"),
        (source(address="http:///a"), "address: 'http:///a'; expected"),
        (source(address="http://h:99999/a"), "address: 'http://h:99999/a'; expected"),
        (source(address="http://h/a b"), "address: 'http://h/a b'; expected"),
        (source(sha256="abc"), "sha256: 'abc'; expected 64 hexadecimal digits"),
        (source(repository="a/b"), "sources[0].repository: not known; expected kind, address"),
        (
            model(sources=[{"kind": "huggingface", "repository": "a/b/c"}]),
            "repository: 'a/b/c'; expected 'organization/name'",
        ),
        (
            model(sources=[{"kind": "huggingface", "repository": "a/b", "files": {"../x": "0"}}]),
            "files: {'../x': '0'}; expected an object of file names and their SHA-256",
        ),
        (model(published=[{"text": "a"}]), "published[0].level: missing"),
        (
            model(published=[{"text": "a", "level": "token", "values": ["1"]}]),
            "published[0].values: ['1']; expected an array of at least 1, each a number",
        ),
        (
            model(published=[{"text": "a", "level": "token", "values": [10**39]}]),
            "each a number that float32 can hold",
        ),
    ],
)
def test_faults_of_a_file_are_told(tmp_path, monkeypatch, faulty, found):
    file = write(tmp_path / "faulty.json", faulty)
    monkeypatch.setenv("EMBEDPIPE_CATALOG", str(file))
    with pytest.raises(ParameterError) as caught:
        search()
    assert f"catalog {file} has faults:" in str(caught.value)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "is not valid JSON"),
        ("[]", "the outermost value is an array"),
        ('{"models": {}}', "models: {}; expected an array of an object"),
        ('{"models": [7]}', "models: [7]; expected an array of an object"),
        ('{"model": []}', "model: not known; expected models, names"),
        ('{"names": []}', "names: []; expected an object"),
        ('{"names": {"a": "../b"}}', "names: 'a' means '../b'; expected a model's name"),
        ('{"names": {}, "names": {}}', "is not valid JSON"),
    ],
)
def test_faults_of_the_whole_file_are_told(tmp_path, content, found):
    file = tmp_path / "faulty.json"
    file.write_text(content)
    with pytest.raises(ParameterError) as caught:
        read_catalog_file(file)
    assert found in str(caught.value)
    assert str(file) in str(caught.value)


def test_the_same_model_twice_and_many_faults_are_told(tmp_path):
    with pytest.raises(ParameterError, match=r"models\[1\]: mine stands twice with this language"):
        read_catalog_file(write(tmp_path / "twice.json", model(), model()))
    many = write(tmp_path / "many.json", *({"name": f"m{i}"} for i in range(30)))
    with pytest.raises(ParameterError, match=r"\n  - and 130 more\n"):
        read_catalog_file(many)


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        [sys.executable, "-m", "embedpipe", "models", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path} | variables,
    )


def test_the_command_prints_a_table(tmp_path):
    done = command("--task", "sentence", "--dimension", "384", EMBEDPIPE_CACHE=str(tmp_path))
    assert done.stdout.splitlines() == [
        "NAME              TASK      LANGUAGE  DIMENSION  CASE     ARCHITECTURE  HERE",
        "all-MiniLM-L6-v2  sentence  en        384        uncased  bert          yes",
    ]
    assert len(command().stdout.splitlines()) == 71
    nothing = command("--language", "tlh")
    assert (nothing.returncode, nothing.stdout) == (0, "no model fits\n")


def test_the_command_shows_a_model(tmp_path):
    folder = tmp_path / "models/small_bert_L12_256"
    folder.mkdir(parents=True)
    hidden = command("show", "small_bert_L12_256", EMBEDPIPE_CACHE=str(tmp_path))
    assert "no; it is downloaded when first used" in hidden.stdout  # an empty folder is no model
    (folder / "config.json").touch()
    done = command("show", "en.embed.bert.small_L12_256", EMBEDPIPE_CACHE=str(tmp_path))
    lines = done.stdout.splitlines()
    assert lines[0] == "name          small_bert_L12_256"
    assert f"here          {tmp_path}/models/small_bert_L12_256" in lines
    derived = "(derived from the name, not on the card)"
    assert f"  huggingface  google/bert_uncased_L-12_H-256_A-4  {derived}" in lines
    assert "  en.embed.bert.small_L12_256" in lines
    assert any(line.startswith("  'love' in 'I love NLP': ") for line in lines)
    missing = command("show", "nothing-like-it")
    assert missing.returncode == 1
    assert missing.stderr.startswith("embedpipe: error: no model in the catalog is named 'nothing")
