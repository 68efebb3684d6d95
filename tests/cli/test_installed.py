"""Commands of other distributions: found, refused politely, or told what to install."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from embedpipe.cli import main
from embedpipe.cli.installed import GROUP
from embedpipe.cli.program import PROGRAM

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A function that installs, alone, a module of that source and its entry point."""

    def install(entry_point: str, source: str) -> None:
        (tmp_path / "extra_commands.py").write_text(source)
        information = tmp_path / "extra_commands-1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1\n")
        (information / "entry_points.txt").write_text(f"[{GROUP}]\n{entry_point}\n")

    # Nothing else that is installed counts; what is imported already stays.
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "extra_commands", raising=False)
    return install


COUNT = """
from embedpipe.cli.command import argument, command

@command("count to a number", "embedpipe count 3")
@argument("number", type=int)
def run(number):
    print(*range(number))
"""


def help_text() -> str:
    """The page, in one line."""
    return " ".join(PROGRAM.get_help(click.Context(PROGRAM, info_name="embedpipe")).split())


def test_an_installed_command_is_shown_and_runs(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("count = extra_commands:run", COUNT)
    assert main(["count", "3"]) == 0
    assert capsys.readouterr().out == "0 1 2\n"
    assert "count to a number" in help_text()


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--against", "none", "-x", "model"]])
def test_the_benchmark_that_is_not_installed_says_what_to_install(
    install: Install, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    install("count = extra_commands:run", COUNT)
    assert main(["bench", *arguments]) == 1
    said = capsys.readouterr().err
    assert "run: pip install embedpipe-bench (in a clone: pip install ./bench)" in said
    assert "needs embedpipe-bench" in help_text()


def test_a_command_that_fails_to_load_leaves_the_others_and_says_why(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("count = extra_commands:run", "raise RuntimeError('made for another version')")
    assert main(["count", "3"]) == 1
    told = capsys.readouterr().err
    assert "extra_commands:run" in told and "made for another version" in told
    assert "embed files of text" in help_text()


def test_our_own_commands_are_neither_replaced_nor_held_up(install: Install) -> None:
    install("embed = extra_commands:run", "raise RuntimeError('must not be loaded')")
    assert "embed files of text" in help_text()


def test_a_command_of_our_own_looks_for_no_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "embedpipe.cli.installed._entry_points", lambda: pytest.fail("others were looked for")
    )
    assert main(["embed", "none.txt", "-o", "o.npy"]) == 1
    assert "cannot read none.txt" in capsys.readouterr().err
