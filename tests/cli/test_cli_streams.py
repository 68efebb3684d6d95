"""Terminals that are not UTF-8, streams that are closed, texts with control characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedpipe.cli import main
from embedpipe.cli.streams import printable
from tests.support.cli_support import write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def run(*arguments: object, shell: str = "", **environment: str) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and error of the command after the redirections of a shell."""
    program = f'exec "$0" -m embedpipe "$@" {shell}'
    process = subprocess.run(
        ["bash", "-c", program, sys.executable, *map(str, arguments)],
        check=False,
        capture_output=True,
        env=os.environ | environment,
    )
    assert b"Traceback" not in process.stderr, process.stderr.decode()
    return process.returncode, process.stdout, process.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_what_a_terminal_has_no_bytes_for_becomes_an_escape(
    encoding: str, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("café 😀\n", encoding="utf-8")
    arguments = ("search", "a", "--in", tmp_path / "a.txt", "--model", model)
    code, out, _ = run(*arguments, PYTHONIOENCODING=encoding)
    assert code == 0
    assert out.endswith("café \\U0001f600\n".encode(encoding, "backslashreplace"))


def test_a_closed_standard_output_is_an_error_where_it_is_needed(
    model: Path, tmp_path: Path
) -> None:
    code, _, errors = run("models", shell=">&-")
    assert (code, errors) == (
        1,
        b"embedpipe: error: standard output is closed; leave it open, or send it to a file\n",
    )
    (tmp_path / "a.txt").write_text("a\n")
    arguments = ("embed", tmp_path / "a.txt", "--model", model, "-o", tmp_path / "o.npy")
    assert run(*arguments, shell=">&-")[0] == 0


def test_a_closed_standard_input_is_an_error_where_it_is_needed(
    model: Path, tmp_path: Path
) -> None:
    arguments = ("--model", model, "-o", tmp_path / "o.npy", "--quiet")
    code, _, errors = run("embed", "-", *arguments, shell="<&-")
    assert (code, errors) == (
        1,
        b"embedpipe: error: cannot read standard input: it is closed; name a file instead of -\n",
    )
    (tmp_path / "a.txt").write_text("a\n")
    assert run("embed", tmp_path / "a.txt", *arguments, shell="<&-")[0] == 0


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_without_standard_error_the_work_is_done_all_the_same(
    closed: str, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a\n" * 3000)
    output = tmp_path / "o.npy"
    code, *_ = run("embed", tmp_path / "a.txt", "--model", model, "-o", output, shell=closed)
    assert code == 0
    assert np.load(output).shape == (3000, 32)
    code, *_ = run("embed", tmp_path / "none.txt", "-o", tmp_path / "p.npy", shell=closed)
    assert code == 1


def test_control_characters_of_texts_are_shown(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("red \x1b[31m\x9b \u202etxet \u2066x\x07\tend\n", "utf-8")
    assert main(["search", "a", "--in", str(tmp_path / "a.txt"), "--model", str(model)]) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("red \\x1b[31m\\x9b \\u202etxet \\u2066x\\x07\\tend\n")


def test_control_characters_of_names_are_shown_in_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["embed", "no\x1b[2Jne.txt", "-o", "o.npy"]) == 1
    assert "cannot read no\\x1b[2Jne.txt" in capsys.readouterr().err


def test_letters_and_joined_emoji_stay() -> None:
    text = "Zürich 東京 👩‍👩‍👧 नमस्ते می‌خواهم \u00a0"
    assert printable(text) == text


def test_a_full_disk_behind_standard_output_is_an_error() -> None:
    code, _, errors = run("models", shell=">/dev/full")
    assert code == 1
    assert errors == b"embedpipe: error: cannot write the output: No space left on device\n"


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from embedpipe.cli.streams import usable_streams\n"
        "with usable_streams():\n"
        "    sys.exit(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT) < 3)\n"
    )
    shell = f'exec "{sys.executable}" -c "$0" "$@" <&- >&- 2>&-'
    run = subprocess.run(["bash", "-c", shell, program, tmp_path / "new"], check=False)
    assert run.returncode == 0
    assert (tmp_path / "new").exists()
