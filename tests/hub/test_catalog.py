"""The catalog: derived from the recorded facts, searched, and extended by users' files."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from embedpipe.errors import ModelNotFoundError, ParameterError
from embedpipe.hub.catalog import catalog, search_models, show
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
    assert (len(models), len(names)) == (106, 657)


def test_every_card_is_there_with_its_facts(cards):
    assert len(cards) == 69
    assert len(catalog().models) == 106
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
    assert len(search_models()) == 106
    words = search_models("word")
    assert {model.name for model in words} == {
        card["name"] for card in cards if card["annotator"] != "BertSentenceEmbeddings"
    }
    assert [model.name for model in search_models("word", language="xx")] == ["bert_multi_cased"]
    assert {model.dimension for model in search_models(dimension=128)} == {128}
    assert [m.name for m in search_models("sentence", "en", 768, "BERT_L2_")] == [
        "sent_small_bert_L2_768"
    ]
    assert "all-MiniLM-L6-v2" in [m.name for m in search_models(text="sentence-transformers/")]
    assert search_models(text="no such text") == []
    with pytest.raises(ParameterError, match="task: found 'token'; expected 'word' or 'sentence'"):
        search_models("token")


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(ModelNotFoundError, match=r"'smal_bert_L2_128'.*; did you mean 'small_bert"):
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
    assert [m.version for m in search_models(text="mine")] == ["2.10.0"]
    with pytest.raises(ModelNotFoundError, match=r"mine is not in the catalog with .* '2\.7'"):
        show("mine@2.7")


def test_a_file_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_CATALOG", str(tmp_path / "gone.json"))
    with pytest.raises(ParameterError, match=r"EMBEDPIPE_CATALOG: .*gone\.json does not exist"):
        search_models()
