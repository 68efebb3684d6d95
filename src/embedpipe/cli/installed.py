"""Commands of other distributions, which name them as entry points of `embedpipe.commands`.

Such an entry point is a click command, best made with `embedpipe.cli.command.command`. It is loaded
when it is asked for, or listed. Built-in commands cannot be replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from embedpipe.errors import MissingDependencyError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "installed_command", "installed_names"]

GROUP = "embedpipe.commands"

_KNOWN = {"bench": ("measure the speed, beside other engines", "embedpipe-bench", "./bench")}
"""Commands that a distribution of ours adds: help, its name, and where a clone has it."""


def installed_names() -> list[str]:
    """The names of those that are installed, and of known ones that are not."""
    return list(dict.fromkeys([*(found.name for found in _entry_points()), *_KNOWN]))


def installed_command(name: str) -> click.Command | None:
    """The command of that name; None where nothing is known of it.

    One that cannot be loaded says why, and a known one that is not installed what to install.
    """
    for found in _entry_points():
        if found.name == name:
            return _loaded(found)
    if name not in _KNOWN:
        return None
    purpose, package, folder = _KNOWN[name]
    reason = (
        f"'embedpipe {name}' is not installed; run: pip install {package} "
        f"(in a clone: pip install {folder})"
    )
    return _unavailable(name, f"{purpose} (needs {package})", reason)


def _loaded(found: EntryPoint) -> click.Command:
    try:
        command = found.load()
        if not isinstance(command, click.Command):
            raise TypeError(f"expected a click command, found {type(command).__name__}")
    except Exception as error:  # whatever another's code raises must not end our own commands
        reason = f"the command comes from {found.value!r}, which fails: {error!r}"
        return _unavailable(found.name, "cannot be loaded", reason)
    command.name = found.name
    return command


def _entry_points() -> Iterable[EntryPoint]:
    """Those of the group that distributions declare."""
    if not any(map(_may_declare, sys.path)):
        return ()
    from importlib.metadata import entry_points  # which takes longer than the rest of the start

    return entry_points(group=GROUP)


def _may_declare(place: str) -> bool:
    """Whether a file of entry points in a folder of packages names the group; or it is an archive.

    Most environments have none, which is found out in a tenth of the time.
    """
    folder = Path(place)
    declared = folder.glob("*-info/entry_points.txt")
    return folder.is_file() or any(GROUP in _content(file) for file in declared)


def _content(file: Path) -> str:
    """The text of a file, empty where it cannot be read."""
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace")
    return ""


def _unavailable(name: str, summary: str, reason: str) -> click.Command:
    """A command that takes any arguments, and raises MissingDependencyError when it is run."""

    def run(**_: object) -> NoReturn:
        raise MissingDependencyError(reason)

    return click.Command(
        name,
        callback=run,
        short_help=summary,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )
