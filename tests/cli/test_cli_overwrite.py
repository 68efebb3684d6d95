"""Every command that writes: refused before any work where something is there, unless asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from embedpipe import Encoder
from embedpipe.base import DocumentAssembler, Pipeline
from embedpipe.cli import main
from tests.support.cli_support import command, embedpipe, names_in, write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.txt"
    path.write_text("one\ntwo\n")
    return path


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 1
    return capsys.readouterr().err


def test_embed(
    model: Path, source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = source.parent / "o.parquet"
    output.write_bytes(b"old")
    arguments = ["embed", str(source), "-o", str(output), "--model", str(model)]
    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "load", lambda *_, **__: pytest.fail("the model was loaded"))
        assert "exists already" in refused(arguments, capsys)
    assert output.read_bytes() == b"old"
    assert main([*arguments, "--overwrite"]) == 0
    assert parquet.read_metadata(output).num_rows == 2


@pytest.mark.parametrize("link", [None, "symbolic", "hard"])
def test_embed_never_replaces_its_input(
    link: str | None, model: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["embed", str(source), "--model", str(model), "--overwrite", "--quiet"]
    first = source.parent / "a.parquet"
    assert main([*arguments, "-o", str(first)]) == 0
    before = first.read_bytes()
    output = first if link is None else source.parent / f"{link}.parquet"
    if link == "symbolic":
        output.symlink_to(first)
    elif link == "hard":
        output.hardlink_to(first)
    arguments[1] = str(first)
    message = refused([*arguments, "-o", str(output), "--vectors", "again"], capsys)
    assert f"it is the input {first}" in message
    assert first.read_bytes() == before


def test_embed_knows_what_standard_input_comes_from(model: Path, source: Path) -> None:
    path = source.rename(source.with_suffix(".jsonl"))
    path.write_text('{"text": "one"}\n')
    arguments = ["embed", "-", "--format", "jsonl", "-o", path, "--model", model, "--overwrite"]
    with path.open() as file:
        run = embedpipe(*arguments, stdin=file)
    assert run.returncode == 1
    assert "it is the input -, or part of it" in run.stderr
    assert path.read_text() == '{"text": "one"}\n'


def test_import(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "imported"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    arguments = ["import", str(model), "-o", str(output)]
    assert "exists already" in refused(arguments, capsys)
    assert names_in(output) == ["mine.txt"]
    assert main([*arguments, "--overwrite"]) == 0
    assert "config.json" in names_in(output)
    before = names_in(output)
    for target in (output, tmp_path):
        arguments = ["import", str(output), "-o", str(target), "--overwrite"]
        assert "it is the input" in refused(arguments, capsys)
    assert names_in(output) == before


def test_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved, output = tmp_path / "saved", tmp_path / "one.zip"
    Pipeline(stages=[DocumentAssembler(inputCol="text")]).save(saved)
    output.write_bytes(b"old")
    arguments = ["bundle", str(saved), "-o", str(output)]
    assert "exists already" in refused(arguments, capsys)
    assert output.read_bytes() == b"old"
    assert main([*arguments, "--overwrite"]) == 0
    assert output.read_bytes()[:2] == b"PK"
    inside = next(path for path in saved.rglob("*") if path.is_file())
    for source, target in ((output, output), (saved, inside)):
        arguments = ["bundle", str(source), "-o", str(target), "--overwrite"]
        assert "it is the input" in refused(arguments, capsys)


def test_an_option_given_twice_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for twice in (["--column", "a", "--column", "b"], ["-o", "a.npy"], ["--vectors=a"] * 2):
        with pytest.raises(SystemExit) as caught:
            main(["embed", "in.csv", "-o", "o.npy", *twice])
        assert caught.value.code == 2
        assert "given twice; expected it once" in capsys.readouterr().err


def test_columns_of_plain_text_are_refused(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["embed", str(source), "-o", str(source.parent / "o.npy"), "--column", "text"]
    assert "plain text has no columns; leave out --column" in refused(arguments, capsys)


def test_the_program_alone_prints_its_help() -> None:
    run = embedpipe()
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("Examples:\n  embedpipe embed ")
    assert run.stderr.partition("\n\nUsage: embedpipe ")[0].count("\n") == 3
    assert "find the nearest texts in files" in run.stderr
    assert command()[-1] == "embedpipe"


def test_columns_are_kept_by_name_on_the_command_line(model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "a.csv", tmp_path / "o.parquet"
    source.write_text("id,text,stars,more\n7,one,5,x\n")
    arguments = ["embed", str(source), "-o", str(output), "--model", str(model), "--overwrite"]
    for keep, expected in (
        (["--keep", "stars,id"], ["id", "text", "stars"]),
        (["--keep", "none"], ["text"]),
        ([], ["id", "text", "stars", "more"]),
    ):
        assert main([*arguments, *keep]) == 0
        assert parquet.read_schema(output).names == [*expected, "embedding"]
