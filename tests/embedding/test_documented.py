"""The code in docs/search.md and the commands in docs/files.md run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from embedpipe.cli.program import PROGRAM

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.trained_model
def test_the_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks("search.md", "python"):
        exec(block, names)
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"0\.\d\d Delivered a week late\. \(line 4, id 9\)", printed[0])
    assert len(printed) == 2


@pytest.mark.parametrize("page", ["search.md", "files.md"])
def test_the_commands_are_understood(page: str) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if line]
    assert len(lines) >= 4
    for line in lines:
        name, *arguments = shlex.split(line.partition(" < ")[0], comments=True)[1:]
        command = PROGRAM.get_command(PROGRAM.make_context("embedpipe", [name]), name)
        assert command is not None
        command.make_context(name, arguments)
