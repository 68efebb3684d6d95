"""Completion by shells: commands, options, models and files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cli_support import command


def completions(typed: str, shell: str = "bash") -> list[str]:
    words = typed.split(" ")
    variables = {
        "_EMBEDPIPE_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }
    run = subprocess.run(
        command(), env=os.environ | variables, check=False, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.splitlines()


def test_commands_options_models_and_files_are_completed() -> None:
    assert completions("embedpipe sea") == ["plain,search"]
    assert completions("embedpipe embed --over") == ["plain,--overwrite"]
    assert completions("embedpipe info --model small_bert_L2_1") == ["plain,small_bert_L2_128"]
    assert completions("embedpipe embed --precision i") == ["plain,int8"]
    assert completions("embedpipe embed a") == ["file,a"]
    assert completions("embedpipe models sh") == ["plain,show"]
    assert completions("embedpipe sea", "fish") == [
        "plain,search\tfind the nearest texts in files and indexes"
    ]
    assert completions("embedpipe sea", "zsh")[:2] == ["plain", "search"]


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """An environment in which shells find `embedpipe`."""
    program = tmp_path / "bin/embedpipe"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n')
    program.chmod(0o755)
    return os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("shell", "typed", "expected"),
    [
        (
            "bash",
            'eval "$(embedpipe completion bash)"; '
            "COMP_WORDS=(embedpipe models --tas); COMP_CWORD=2; _embedpipe_completion embedpipe; "
            'printf "%s\\n" "${COMPREPLY[@]}"; complete -p embedpipe',
            ["--task", "complete -o nosort -F _embedpipe_completion embedpipe"],
        ),
        (
            "zsh",
            "autoload -U compinit; compinit -u -D; "
            'eval "$(embedpipe completion zsh)"; print ${_comps[embedpipe]}',
            ["_embedpipe_completion"],
        ),
        (
            "fish",
            "embedpipe completion fish | source; complete -C 'embedpipe models --tas'",
            ["--task\tonly models for vectors of words or sentences"],
        ),
    ],
)
def test_shells_complete_with_the_script_that_is_printed(
    shell: str, typed: str, expected: list[str], on_path: dict[str, str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"COULD NOT RUN: {shell} is missing (Debian: apt-get install {shell})")
    run = subprocess.run(
        [shell, "-c", typed], env=on_path, check=False, capture_output=True, text=True
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == expected
