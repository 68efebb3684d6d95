"""Commands of other distributions, which name them as entry points of `embedpipe.commands`.

Such an entry point is a function like `add_parser` in the modules beside this one: given the
subparsers of `embedpipe`, it adds its own. Built-in commands cannot be replaced.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from embedpipe.errors import MissingDependencyError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "add_installed"]

GROUP = "embedpipe.commands"

_KNOWN = {"bench": ("measure the speed, beside other engines", "embedpipe-bench", "./bench")}
"""Commands that a distribution of ours adds: help, its name, and where a clone has it."""


def add_installed(commands: Any) -> None:
    """Add those that are installed; known ones that are not say what to install."""
    for found in _entry_points():
        if found.name in commands.choices:
            continue
        try:
            found.load()(commands)
        except Exception as error:  # whatever another's code raises must not end our own commands
            reason = f"the command comes from {found.value!r}, which fails: {error!r}"
            _add_unavailable(commands, found.name, "cannot be loaded", reason)
    for name, (purpose, package, folder) in _KNOWN.items():
        if name not in commands.choices:
            reason = (
                f"'embedpipe {name}' is not installed; run: pip install {package} "
                f"(in a clone: pip install {folder})"
            )
            _add_unavailable(commands, name, f"{purpose} (needs {package})", reason)


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


def _add_unavailable(commands: Any, name: str, purpose: str, reason: str) -> None:
    """A command that takes any arguments, and raises MissingDependencyError when it is run."""

    def run(_: argparse.Namespace) -> NoReturn:
        raise MissingDependencyError(reason)

    # No argument begins with this prefix, so that all of them count as names.
    parser = commands.add_parser(name, help=purpose, prefix_chars="\0", add_help=False)
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(run=run)
