"""The state of an unfinished run, in a folder beside what it is to make."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from embedpipe.errors import InputError, OutputError
from embedpipe.output import AtomicFile

__all__ = ["Checkpoint"]

_STATE = "checkpoint.pt"
_WRITING = "writing"
_LOCK = ".lock"
_SHOWN = 60


class Checkpoint:
    """Keeps one state, replaced whole; the one of before stays until the new one is on the disk.

    record: what the result depends on, in values that JSON can hold; a state that was made with
    another record is refused.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder, self.record = folder, record
        self.path = folder / _STATE

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, record: dict[str, Any], *, restart: bool) -> Iterator[Checkpoint]:
        """Make the folder, and keep other processes away; what was left half written goes.

        restart: whether a state that is there is thrown away. Raises OutputError where another
        process trains, or nothing can be written.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(folder / _LOCK)
        try:
            folder.mkdir(exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise OutputError(
                f"cannot write {folder}: another process trains there; wait for it, or name "
                "another output"
            ) from error
        except OSError as error:
            raise OutputError(
                f"cannot write {folder}: {error.strerror}; change the permissions of the folder "
                "above it, or name another output"
            ) from error
        try:
            made = cls(folder, record)
            for stale in folder.glob(".embedpipe-*.tmp"):
                stale.unlink(missing_ok=True)
            if restart:
                made.path.unlink(missing_ok=True)
            yield made
        finally:
            lock.release()

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state; OutputError if that fails, and then the one of before is there."""
        import torch

        content = BytesIO()
        torch.save({"record": self.record, "state": state}, content)
        with AtomicFile(self.path) as file:
            file.write(content.getbuffer())

    def load(self) -> dict[str, Any] | None:
        """The state; None if there is none.

        Raises ParameterError for one of other settings, InputError for a damaged one.
        """
        import torch

        if not self.path.exists():
            return None
        try:
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            record, state = found["record"], found["state"]
        except Exception as error:  # whatever torch raises for what it cannot read
            raise InputError(
                f"{self.path} is damaged: {str(error)[:200]}. Begin anew with --restart"
            ) from error
        self._check(record)
        loaded: dict[str, Any] = state
        return loaded

    def remove(self) -> None:
        """Remove the folder, once the output stands."""
        for name in (_STATE, _WRITING, _LOCK):
            (self.folder / name).unlink(missing_ok=True)
        self.folder.rmdir()

    def will_write(self, temporary: Path) -> None:
        """Note where the output is put together; what a killed run left of its own goes now."""
        note = self.folder / _WRITING
        if note.exists():
            shutil.rmtree(temporary.with_name(note.read_text(encoding="utf-8")), ignore_errors=True)
        with AtomicFile(note) as file:
            file.write(temporary.name.encode())

    def _check(self, record: dict[str, Any]) -> None:
        names = [name for name in {**record, **self.record} if self._differs(name, record)]
        if names:
            told = "; ".join(
                f"{name} {_short(record.get(name))}, now {_short(self.record.get(name))}"
                for name in names
            )
            raise OutputError(
                f"cannot go on in {self.folder}: it was begun with other settings ({told}). Give "
                "the command of before to go on, name another output, or begin anew with --restart"
            )

    def _differs(self, name: str, record: dict[str, Any]) -> bool:
        return bool(record.get(name) != self.record.get(name))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
