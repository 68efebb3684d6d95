"""What all unfinished runs keep beside their output: settings, and where that is put together."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from embedpipe.errors import OutputError
from embedpipe.output import AtomicFile

__all__ = ["LOCK", "STATES", "check_command", "check_settings", "note_output", "remove_files"]

LOCK = ".lock"
"""The file by which a run keeps others out."""

_WRITING = "writing"
"""The file that names the folder in which the output is put together."""

STATES = {"distil": "checkpoint.pt", "train": "settings.json"}
"""By which file each command knows its own unfinished run."""

_SHOWN = 60


def check_command(folder: Path, command: str) -> None:
    """Raise OutputError where the unfinished run of another command stands in a folder."""
    for other, state in STATES.items():
        if other != command and (folder / state).exists():
            raise OutputError(
                f"cannot write {folder}: a run of `embedpipe {other}` stands there, unfinished; "
                "end it by its own command, remove the folder, or name another output"
            )


def check_settings(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise OutputError, with what differs, unless the run in a folder is the one asked for."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if names:
        told = "; ".join(
            f"{name} {_short(before.get(name))}, now {_short(now.get(name))}" for name in names
        )
        raise OutputError(
            f"cannot go on in {folder}: it was begun with other settings ({told}). Give the "
            "command of before to go on, name another output, or begin anew with --restart"
        )


def remove_files(folder: Path, command: str) -> None:
    """Remove a command's own files, and the folder, if nothing else stands in it."""
    for name in (STATES[command], _WRITING, LOCK):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def note_output(folder: Path, temporary: Path) -> None:
    """Note where the output is put together; what a killed run left of its own goes now."""
    note = folder / _WRITING
    if note.exists():
        shutil.rmtree(temporary.with_name(note.read_text(encoding="utf-8")), ignore_errors=True)
    with AtomicFile(note) as file:
        file.write(temporary.name.encode())


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
