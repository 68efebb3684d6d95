"""`embedpipe card`: its files, its refusals, and that the code on a card runs."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from embedpipe import Encoder
from embedpipe.card import facts, gather, markdown, write_card
from embedpipe.card.sentences import SENTENCES
from embedpipe.cli import main
from embedpipe.errors import OutputError
from embedpipe.output import AtomicFile
from tests.support.card_support import ANNOTATORS, House, listings, texts
from tests.support.cli_support import names_in

TOKENS = ["the", "train", "is", "late", "."]  # in lower case, as the models take them


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


@pytest.mark.parametrize("asked", ["house", "models/house"])
@pytest.mark.parametrize("is_described", [True, False])
@pytest.mark.parametrize("kind", ANNOTATORS)
def test_the_code_on_a_card_runs(house, kind, is_described, asked):
    folder = house.build(kind)
    if is_described:
        house.describe(kind)
    assert main(["card", asked, "-o", "card", "--no-measure"]) == 0
    text = Path("card/README.md").read_text(encoding="utf-8")
    in_pipeline, alone = listings(text, "python")
    made: dict = {}
    exec(in_pipeline, made)
    exec(alone, made)
    expected = Encoder.load(folder)
    assert np.array_equal(made["vectors"], expected.encode(["The train is late."]))
    (annotations,) = made["result"]["embeddings"]
    if kind == "sentence":
        assert np.array_equal([a["embeddings"] for a in annotations], made["vectors"])
    else:
        assert [a["result"] for a in annotations] == TOKENS
        assert {len(a["embeddings"]) for a in annotations} == {expected.dimension}
    pd.DataFrame({"text": ["hello", "late"]}).to_csv("texts.csv", index=False)
    (command,) = listings(text, "sh")
    program, *arguments = shlex.split(command)
    assert program == "embedpipe"
    assert main(arguments) == 0
    vectors = pyarrow.parquet.read_table("vectors.parquet")["embedding"].to_pylist()
    assert np.array_equal(vectors, expected.encode(["hello", "late"]))


def test_a_one_line_name_stays_the_name(house):
    house.build()
    house.describe()
    text = markdown(gather("en.embed.house", measuring=None))
    assert 'pretrained("en.embed.house", "en")' in listings(text, "python")[0]
    assert "house" in texts(text)[0]


def test_what_is_there_is_refused(house, capsys):
    house.build()
    command = ["card", "house", "-o", "card", "--no-measure"]
    assert main(command) == 0
    target = Path("card")
    assert capsys.readouterr().out.split() == ["card/README.md", "card/index.html"]
    assert names_in(target) == ["README.md", "index.html"]
    (target / "README.md").write_text("mine")
    (target / "other").write_text("kept")
    assert main(command) == 1
    assert "cannot write card/README.md: it exists already" in capsys.readouterr().err
    assert (target / "README.md").read_text() == "mine"
    assert main([*command, "--overwrite"]) == 0
    assert (target / "README.md").read_text(encoding="utf-8").startswith("---\n")
    assert names_in(target) == ["README.md", "index.html", "other"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["none"], "no model is named 'none'"),
        (["house", "-o", "models/house/config.json"], "it is a file"),
        (["house", "-o", "no/card"], "the folder no does not exist"),
        (["house", "--no-measure", "--record"], "--no-measure measures nothing"),
        (["house", "--no-measure", "--text", "texts.txt"], "--no-measure measures nothing"),
        (["house", "--text", "empty.txt"], "empty.txt: no text to measure on"),
        (["house", "--text", "none.txt"], "none.txt"),
    ],
)
def test_errors_leave_nothing_behind(house, capsys, arguments, reason):
    folder = house.build()
    Path("empty.txt").write_text(" \n\n")
    before = names_in(Path()), names_in(folder)
    assert main(["card", *arguments]) == 1
    assert reason in capsys.readouterr().err
    assert (names_in(Path()), names_in(folder)) == before


@pytest.mark.parametrize("was_there", [True, False])
def test_a_failure_halfway_leaves_what_was_there(house, monkeypatch, was_there):
    house.build()
    facts = gather("house", measuring=None)
    if was_there:
        write_card(facts, "card")
        Path("card/README.md").write_text("mine")
    before = {path: path.read_bytes() for path in Path("card").glob("*")}
    write = AtomicFile.write

    def failing(file, data):
        if file.path.name == "index.html":
            write(file, data[: len(data) // 2])
            raise OutputError("the disk is full")
        return write(file, data)

    monkeypatch.setattr(AtomicFile, "write", failing)
    with pytest.raises(OutputError, match="the disk is full"):
        write_card(facts, "card", overwrite=True)
    assert {path: path.read_bytes() for path in Path("card").glob("*")} == before
    assert Path("card").exists() == was_there


def test_measured_on_texts_of_a_file(house):
    house.build()
    lines = ["hello", "", "a b c", "   ", "late"]
    Path("mine.txt").write_text("\n".join(lines) + "\n")
    assert main(["card", "house", "--text", "mine.txt", "--threads", "1"]) == 0
    (said,) = (t for t in texts(Path("card/README.md").read_text()) if t.startswith("Measured on"))
    pieces = sum(len("".join(line.split())) + 2 for line in lines if line.strip())
    assert said.startswith(f"Measured on 3 texts (mine.txt) of {pieces / 3:.1f} pieces on average")
    assert "; threads: 1. " in said


def test_texts_to_measure_on_are_not_replaced(house, capsys):
    house.build()
    Path("card").mkdir()
    Path("card/README.md").write_text("hello\n")
    command = ["card", "house", "-o", "card", "--text", "card/README.md", "--overwrite"]
    assert main(command) == 1
    assert "it is the input card/README.md" in capsys.readouterr().err
    assert Path("card/README.md").read_text() == "hello\n"


def test_a_missing_package_is_told_before_anything_is_measured(house, capsys, monkeypatch):
    house.build()
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    monkeypatch.delattr(facts, "measure")
    assert main(["card", "house"]) == 1
    assert "run: pip install markdown-it-py" in capsys.readouterr().err
    assert not Path("card").exists()


def test_what_was_measured_is_recorded_if_asked_for(house, capsys):
    folder = house.build()
    record = folder / "embedpipe.json"
    before = record.read_bytes()
    assert main(["card", "house"]) == 0
    assert record.read_bytes() == before
    assert main(["card", "house", "--overwrite", "--record"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(record)
    content = json.loads(record.read_text())
    assert content["pooling"] == "cls"
    measured = content["measured"]
    assert measured["texts"] == len(SENTENCES)
    assert measured["pieces"] == pytest.approx(
        len(Encoder.load(folder).tokenize(SENTENCES).ids.values) / len(SENTENCES)
    )
    figures = measured["figures"][0]
    assert (figures["precision"], figures["mean_cosine"]) == ("float32", 1)
    cells = texts(Path("card/README.md").read_text(encoding="utf-8"))
    shown = float(cells[cells.index("float32") + 1].replace(",", ""))
    assert shown == pytest.approx(figures["texts_per_second"], abs=1)
    assert Encoder.load("house").pooling == "cls"


def test_an_archive_records_nothing(house, tmp_path, capsys):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", house.build())
    assert main(["card", archive, "--record"]) == 1
    assert "packed.zip, as it is no folder" in capsys.readouterr().err
