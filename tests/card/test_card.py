"""Cards: what they say is what independent readers and computations say."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import ModelCard
from safetensors.numpy import load_file

from embedpipe import Encoder, __version__
from embedpipe.card import Measuring, gather, html, markdown, measuring
from embedpipe.engine.native import supported_precisions
from embedpipe.errors import InputError, ModelFormatError
from tests.support.card_support import ANNOTATORS, House, Page, cosines, texts
from tests.support.cli_support import MAX_LENGTH, PIECES, names_in, write_tiny_model

HOSTILE = '<script>alert("1")</script> | `x` ``` & \\| $a$ ~~b~~ \ud800'


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


def rows(text: str) -> dict[str, str]:
    """The first table of a card."""
    cells = texts(text)
    begin = cells.index("Value") + 1
    end = cells.index("How to use it")
    return dict(zip(cells[begin:end:2], cells[begin + 1 : end : 2], strict=True))


def test_the_facts_are_those_of_the_files(house):
    folder = house.build()
    house.describe()
    before = datetime.date.today().isoformat()
    facts = gather(folder, measuring=None)
    tensors = load_file(folder / "model.safetensors")
    assert facts.parameters == sum(tensor.size for tensor in tensors.values())
    assert (facts.max_length, facts.config.vocab_size) == (MAX_LENGTH, len(PIECES))
    for file in facts.files:
        data = (folder / file.name).read_bytes()
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert {file.name for file in facts.files} == {*names_in(folder)} - {"embedpipe.json"}
    assert before <= facts.made_on <= datetime.date.today().isoformat()
    assert f"made on {facts.made_on} by embedpipe {__version__}" in markdown(facts)
    assert rows(markdown(facts))["Pooling"].startswith("cls (as its files declare; not confirmed")


@pytest.mark.parametrize("kind", ANNOTATORS)
def test_published_values_stand_beside_computed_ones(house, kind):
    house.build(kind)
    house.describe(kind)
    facts = gather("house", measuring=Measuring(["hello"]))
    expected = facts.entry.published[0].values
    assert facts.verification.computed[0] == pytest.approx(expected, abs=2e-6)
    cells = texts(markdown(facts))
    shown = cells[cells.index("Computed") + 4]
    assert [float(value) for value in shown.split(", ")] == pytest.approx(expected, rel=1e-5)
    said = rows(markdown(facts))["Pooling" if kind == "sentence" else "Vector of a word"]
    assert said.endswith("confirmed by published values)") and "not confirmed" not in said


def test_other_published_values_contradict(house):
    house.build()
    row = {"text": "hello", "context": None, "level": "sentence", "values": [9.0, 9.0]}
    house.describe(published=[row])
    text = markdown(gather("house", measuring=Measuring(["hello"])))
    assert rows(text)["Pooling"].endswith("published values contradict it)")
    assert any("does not give its published values" in paragraph for paragraph in texts(text))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (None, "the catalog does not describe this model"),
        ({"published": []}, "the catalog has no published values of a sentence to compare with"),
        ({}, "nothing was computed for this card"),
    ],
)
def test_why_nothing_was_compared(house, changes, reason):
    house.build()
    if changes is not None:
        house.describe(**changes)
    assert f"Not compared: {reason}." in texts(markdown(gather("house", measuring=None)))


@pytest.mark.parametrize(
    "note",
    [
        HOSTILE,
        "1. one",
        "2) two",
        "- three",
        "+ four",
        "--- five",
        "===",
        "# six",
        "    seven",
        "`` eight ` nine",
    ],
)
def test_text_from_records_stays_text(house, note):
    house.build()
    row = {"text": note, "context": note, "level": "sentence", "values": [1.0]}
    house.describe(license=note, notes=[note], published=[row])
    facts = gather("house", measuring=None)
    page, text = Page(html(facts)), markdown(facts)
    clean = note.replace("\ud800", "\ufffd").strip()
    assert texts(text).count(clean) == 4
    assert rows(text)["License"] == clean
    assert "script" not in page.tags
    assert page.text.count(clean) == 4
    assert "secret" not in text + page.text
    data = ModelCard(text).data
    assert (data.license, data.license_name) == ("other", note.replace("\ud800", "\ufffd"))
    assert (data.language, data.pipeline_tag) == ("en", "sentence-similarity")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Apache-2.0", ("apache-2.0", None)),
        ("CC-BY-NC-SA-4.0", ("cc-by-nc-sa-4.0", None)),
        ("cc-by-nc-sa-9.0", ("other", "cc-by-nc-sa-9.0")),
        ("Apache-2.0 or later", ("other", "Apache-2.0 or later")),
        (None, ("unknown", None)),
    ],
)
def test_licenses_are_named_as_model_cards_name_them(house, name, expected):
    house.build()
    house.describe(license=name)
    data = ModelCard(markdown(gather("house", measuring=None))).data
    assert (data.license, data.license_name) == expected


def test_the_record_tells_language_license_and_hashes(house):
    folder = house.build("word")
    record = {
        "language": "xx",
        "license": "MIT",
        "source": {"kind": "archive", "place": "https://files.example/house.zip"},
        "files": {"config.json": {"sha256": "0" * 64}, "vocab.txt": 5},
    }
    (folder / "embedpipe.json").write_text(json.dumps(record))
    text = markdown(gather("house", measuring=None))
    assert (rows(text)["Language"], rows(text)["License"]) == ("xx", "MIT")
    assert (ModelCard(text).data.language, ModelCard(text).data.license) == ("multilingual", "mit")
    assert "archive https://files.example/house.zip\n" in text
    cells = texts(text)
    assert cells[cells.index("config.json") + 3] == "no, another was recorded or published"
    assert cells[cells.index("vocab.txt") + 3] == "nothing to compare with"


@pytest.mark.parametrize("kind", ANNOTATORS)
def test_a_model_that_no_catalog_knows_has_an_annotator_that_fits(house, kind):
    folder = house.build(kind)
    facts = gather(folder.rename(folder.with_name("other <b>")), measuring=None)
    text = markdown(facts)
    assert facts.annotator == ANNOTATORS[kind]
    assert rows(text)["License"] == "unknown"
    assert ModelCard(text).data.license == "unknown"
    assert ModelCard(text).data.language is None
    assert Page(html(facts)).text.count("other <b>") > 1


def test_another_model_of_that_name_is_refused(house):
    house.build()
    house.describe(dimension=64)
    with pytest.raises(ModelFormatError, match=r"vectors of 32; .* vectors of 64 of house"):
        gather("house", measuring=None)
    house.describe("albert", dimension=32, published=[])
    with pytest.raises(ModelFormatError, match="architecture bert"):
        gather("house", measuring=None)


@pytest.mark.parametrize("is_known", [True, False])
def test_an_archive(house, tmp_path, is_known):
    folder = house.build()
    if is_known:
        (folder / "embedpipe.json").write_text('{"pooling": "cls", "name": "house"}')
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if is_known:
        address = "https://files.example/house.zip"
        house.describe(sources=[{"kind": "archive", "address": address, "sha256": digest}])
    facts = gather(archive, measuring=Measuring(["hello"]))
    assert facts.name == ("house" if is_known else "packed.zip")
    (file,) = facts.files
    assert (file.name, file.sha256) == ("packed.zip", digest)
    assert file.expected == ({digest} if is_known else set())
    assert (facts.verification is not None) == is_known
    assert facts.measured.figures[0].texts_per_second > 0


@pytest.mark.parametrize("kind", ["sentence", "word"])
def test_another_precision_is_compared_with_float32(house, tmp_path, monkeypatch, kind):
    folder = house.build(kind)
    worse = write_tiny_model(tmp_path / "worse" / "house", seed=1)
    if kind == "sentence":
        (worse / "embedpipe.json").write_text('{"pooling": "cls"}')
    load = Encoder.load

    def by_precision(encoder, precision):
        return encoder if precision == "float32" else load(worse)

    monkeypatch.setattr(measuring, "supported_precisions", lambda: ("float32", "int8"))
    monkeypatch.setattr(Encoder, "with_precision", by_precision)
    chosen = ["abc", "d e f", "ghi jkl"] * 30  # more than are made at once for words
    is_word = kind == "word"
    found = measuring.measure(folder, Measuring(chosen), words=is_word)
    exact, other = found.figures
    encoders = load(folder), load(worse)
    ids = encoders[0].tokenize(chosen).ids
    vectors = [e.hidden_states(ids).values if is_word else e.encode(chosen) for e in encoders]
    expected = cosines(*vectors)
    assert (exact.mean_cosine, exact.least_cosine) == (1, 1)
    assert other.precision == "int8"
    assert other.mean_cosine == pytest.approx(sum(expected) / len(expected))
    assert other.least_cosine == pytest.approx(min(expected))
    assert other.least_cosine < other.mean_cosine < 1
    assert found.pieces == pytest.approx(len(ids.values) / len(chosen))
    assert (found.texts, found.vectors) == (90, "pieces" if is_word else "texts")
    cells = texts(markdown(replace(gather(folder, measuring=None), measured=found)))
    shown = cells[cells.index("int8") + 2 : cells.index("int8") + 4]
    assert shown == [f"{sum(expected) / len(expected):.6f}", f"{min(expected):.6f}"]


def test_every_precision_of_this_processor_is_measured(house):
    folder = house.build()
    facts = gather("house", measuring=Measuring(["hello", "late", "a b c"]))
    assert tuple(row.precision for row in facts.measured.figures) == supported_precisions()
    exact = Encoder.load(folder).encode(["hello", "late", "a b c"])
    for row in facts.measured.figures:
        other = Encoder.load(folder, precision=row.precision).encode(["hello", "late", "a b c"])
        expected = cosines(exact, other)
        assert row.mean_cosine == pytest.approx(sum(expected) / 3, abs=1e-12)
        assert row.least_cosine == pytest.approx(min(expected), abs=1e-12)
    assert facts.measured.figures[-1].least_cosine < 1


def test_speed_is_the_median_of_the_runs(house, monkeypatch):
    folder = house.build()
    readings = iter([0, 1, 10, 14, 20, 22])  # before and after runs of 1, 4 and 2 seconds
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: next(readings)))
    monkeypatch.setattr(measuring, "supported_precisions", lambda: ("float32",))
    found = measuring.measure(folder, Measuring(["hello", "late", "a b c"]), words=False)
    assert found.figures[0].texts_per_second == 3 / 2


def test_progress_says_what_is_counted(house, capsys):
    house.build()
    gather("house", measuring=Measuring(["hello"], progress=True))
    shown = capsys.readouterr().err
    assert "comparing: " in shown and "precisions/s" in shown
    assert "measuring speed: " in shown and "runs/s" in shown
    gather("house", measuring=Measuring(["hello"]))
    assert capsys.readouterr().err == ""


def test_no_texts_are_refused(house):
    house.build()
    with pytest.raises(InputError, match="mine: no text to measure on"):
        gather("house", measuring=Measuring([], "mine"))
