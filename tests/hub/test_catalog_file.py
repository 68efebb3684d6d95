"""Catalog files of users: what they may say, and each fault told with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedpipe.errors import ParameterError
from embedpipe.hub.catalog import search_models
from embedpipe.hub.catalog_file import read_catalog_file
from tests.support.download_support import entry

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FACTS = REPOSITORY / "tools/catalog_facts"
SHIPPED = REPOSITORY / "src/embedpipe/hub/catalog.json"
ARCHIVE = {"kind": "archive", "address": "http://models.example/a.zip"}


def write(path: Path, *entries: Any, **further: Any) -> Path:
    path.write_text(json.dumps({"models": list(entries), **further}))
    return path


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
        search_models()
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
