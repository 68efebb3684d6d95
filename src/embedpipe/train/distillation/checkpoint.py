"""The state of an unfinished run, in a folder beside what it is to make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from embedpipe.errors import InputError, OutputError
from embedpipe.output import AtomicFile
from embedpipe.train.unfinished import LOCK, STATES, check_command, check_settings, remove_files

__all__ = ["Checkpoint"]

_STATE = STATES["distil"]


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
        process trains, or nothing can be written, and what `load` raises.
        """
        from filelock import FileLock, Timeout

        check_command(folder, "distil")
        lock = FileLock(folder / LOCK)
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
        made = cls(folder, record)
        try:
            for stale in folder.glob(".embedpipe-*.tmp"):
                stale.unlink(missing_ok=True)
            if restart:
                made.path.unlink(missing_ok=True)
            made.load()  # which refuses what cannot be gone on with, before anything long begins
            yield made
        finally:
            if folder.exists() and not made.path.exists():
                made.remove()  # nothing was learned
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
        check_settings(self.folder, record, self.record)
        loaded: dict[str, Any] = state
        return loaded

    def remove(self) -> None:
        """Remove the folder, once the output stands."""
        remove_files(self.folder, "distil")
