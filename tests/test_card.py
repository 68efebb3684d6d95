"""`embedpipe card`: what it says is what independent readers and computations say."""

from __future__ import annotations

import hashlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from cli_support import MAX_LENGTH, PIECES, names_in, write_tiny_model
from download_support import Place, entry
from huggingface_hub import ModelCard
from safetensors.numpy import load_file

from embedpipe import Encoder
from embedpipe.card import gather, html, markdown, measuring
from embedpipe.cli import main
from embedpipe.verification import verify

HOSTILE = '<script>alert("1")</script> | `x` ``` & \ud800'
VOID = {"meta"}


class Balanced(HTMLParser):
    """Fails on a tag that closes none, and keeps names of tags and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    model = write_tiny_model(tmp_path / "models" / "house")
    place = Place(tmp_path, monkeypatch)
    vector = Encoder.load(model).encode(["abc"])[0]
    rows = [{"text": "abc", "context": None, "level": "sentence", "values": vector[:3].tolist()}]
    source = {"kind": "archive", "address": "https://user:secret@files.example/house.zip?key=1"}
    described = {"annotator": "BertSentenceEmbeddings", "license": HOSTILE, "notes": [HOSTILE]}
    place.describe(entry("house", source, published=rows, **described), names={"h.o": "house"})
    return model


def test_the_facts_are_those_of_the_files(folder):
    facts = gather(folder, measuring=None)
    tensors = load_file(folder / "model.safetensors")
    assert facts.parameters == sum(tensor.size for tensor in tensors.values())
    assert (facts.max_length, facts.config.vocab_size) == (MAX_LENGTH, len(PIECES))
    for file in facts.files:
        data = (folder / file.name).read_bytes()
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert {file.name for file in facts.files} == set(names_in(folder))
    assert "not confirmed" in markdown(facts)


def test_published_values_stand_beside_computed_ones(folder):
    facts = gather(folder)
    assert facts.verification.computed[0] == pytest.approx(facts.entry.published[0].values)
    assert facts.verification.used == verify(folder).used
    assert ", confirmed" not in markdown(facts)
    assert "; confirmed by published values" in markdown(facts)


def test_hostile_text_stays_text_and_secrets_stay_out(folder):
    facts = gather(folder, measuring=None)
    page, text = Balanced(html(facts)), markdown(facts)
    assert "script" not in page.tags
    assert '<script>alert("1")</script>' in page.text
    assert "<script>" not in text.partition("\n---\n")[2].replace("\\<script", "")
    assert "secret" not in text + page.text
    data = ModelCard(text).data
    assert data.license == "other"
    assert data.license_name == HOSTILE.replace("\ud800", "\ufffd")
    assert (data.language, data.pipeline_tag) == ("en", "sentence-similarity")


def test_a_folder_that_no_catalog_knows(folder):
    other = folder.rename(folder.with_name("other <b>"))
    text = markdown(gather(other, measuring=None))
    assert ModelCard(text).data.license == "unknown"
    assert "| License | unknown |" in text
    assert Balanced(html(gather(other, measuring=None))).text.count("other <b>") > 1


def test_another_precision_is_compared_with_float32(folder, tmp_path, monkeypatch):
    worse = write_tiny_model(tmp_path / "worse" / "house", seed=1)
    load = Encoder.load

    def by_precision(place, *, precision, **options):
        return load(place if precision == "float32" else worse, **options)

    monkeypatch.setattr(measuring, "supported_precisions", lambda: ("float32", "int8"))
    monkeypatch.setattr(Encoder, "load", by_precision)
    texts = ["abc", "d e f", "ghi jkl"]
    exact, other = measuring.measure(folder, measuring.Measuring(texts), words=False).figures
    first, second = load(folder).encode(texts), load(worse).encode(texts)
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for a, b in zip(first.astype(float), second.astype(float), strict=True)
    ]
    assert (exact.mean_cosine, exact.least_cosine) == (1, 1)
    assert (other.precision, other.mean_cosine) == ("int8", pytest.approx(np.mean(cosines)))
    assert other.least_cosine == pytest.approx(min(cosines))
    assert other.least_cosine < other.mean_cosine < 1


def test_the_command_refuses_what_is_there(folder, tmp_path, capsys):
    target = tmp_path / "card"
    command = ["card", str(folder), "-o", str(target), "--no-measure"]
    assert main(command) == 0
    assert names_in(target) == ["README.md", "index.html"]
    (target / "README.md").write_text("mine")
    (target / "other").write_text("kept")
    assert main(command) == 1
    assert "--force" in capsys.readouterr().err
    assert (target / "README.md").read_text() == "mine"
    assert main([*command, "--force"]) == 0
    assert (target / "README.md").read_text(encoding="utf-8").startswith("---\n")
    assert names_in(target) == ["README.md", "index.html", "other"]
    assert main(["card", str(tmp_path / "none"), "-o", str(tmp_path / "new")]) == 1
    assert not (tmp_path / "new").exists()
