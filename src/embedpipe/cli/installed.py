"""Commands of other distributions, which name them as entry points of `embedpipe.commands`.

Such an entry point is a function like `add_parser` in the modules beside this one: given the
subparsers of `embedpipe`, it adds its own. Built-in commands cannot be replaced.
"""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from embedpipe.errors import MissingDependencyError

__all__ = ["GROUP", "add_installed"]

GROUP = "embedpipe.commands"

_KNOWN = {"bench": ("measure the speed, beside other engines", "embedpipe-bench", "./bench")}
"""Commands that a distribution of ours adds: help, its name, and where a clone has it."""


def add_installed(commands: Any) -> None:
    """Add those that are installed; known ones that are not say what to install."""
    from importlib.metadata import entry_points  # which takes longer than the rest of the start

    for found in entry_points(group=GROUP):
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


def _add_unavailable(commands: Any, name: str, purpose: str, reason: str) -> None:
    """A command that takes any arguments, and raises MissingDependencyError when it is run."""

    def run(_: argparse.Namespace) -> NoReturn:
        raise MissingDependencyError(reason)

    # No argument begins with this prefix, so that all of them count as names.
    parser = commands.add_parser(name, help=purpose, prefix_chars="\0", add_help=False)
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(run=run)
