"""``embedpipe completion``: what a shell needs to complete our commands, options and names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from embedpipe.cli.command import argument, command
from embedpipe.environment import COMPLETION_ASKED

__all__ = ["answer", "run"]

SHELLS = ("bash", "zsh", "fish")


@command(
    "set up completion of commands and options in the shell",
    'eval "$(embedpipe completion bash)"  # a line for ~/.bashrc',
    'eval "$(embedpipe completion zsh)"  # a line for ~/.zshrc, after compinit',
    "embedpipe completion fish > ~/.config/fish/completions/embedpipe.fish",
)
@argument(
    "shell", type=click.Choice(SHELLS), metavar="SHELL", help="bash (4.4 or newer), zsh or fish"
)
def run(shell: str) -> None:
    """Print the script that a shell reads to complete commands, options, files and models."""
    print(_completer(shell).source())


def answer(instruction: str) -> int:
    """Print what can follow on the command line that the shell describes; the exit code."""
    shell, _, asked = instruction.partition("_")
    if shell not in SHELLS or asked != "complete":
        return 1
    print(_completer(shell).complete())
    return 0


def _completer(shell: str) -> Any:
    from click.shell_completion import get_completion_class

    from embedpipe.cli.program import PROGRAM, PROGRAM_NAME

    kind: Callable[..., Any] | None = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - SHELLS are click's
    return kind(PROGRAM, {}, PROGRAM_NAME, COMPLETION_ASKED)
