"""The folder of an unfinished run, beside what it is to make: its settings and checkpoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from embedpipe.errors import OutputError
from embedpipe.output import AtomicFile
from embedpipe.output.atomic_file import output_failure
from embedpipe.train.unfinished import LOCK, STATES, check_command, check_settings, remove_files

__all__ = ["COMPLETE", "Work", "last_whole", "work_folder"]

COMPLETE = "complete"
"""A file that is put into a checkpoint when all of it is there."""

_SETTINGS, _CHECKPOINTS = STATES["train"], "checkpoints"


def work_folder(output: Path) -> Path:
    """Where the run that makes `output` keeps its state.

    >>> work_folder(Path("tuned")).name
    'tuned.training'
    """
    return output.with_name(output.name + ".training")


def last_whole(checkpoints: Path) -> Path | None:
    """The newest checkpoint in a folder that is whole; None where there is none yet."""
    found = [each.parent for each in checkpoints.glob(f"checkpoint-*/{COMPLETE}")]
    return max(found, key=lambda each: int(each.name.rpartition("-")[2]), default=None)


class Work:
    """The state of one run, which the same command finds again after it was killed.

    settings: what the result depends on; another run's are an OutputError. base: where the model
    that it begins with is put for the libraries that train.
    """

    def __init__(self, output: Path, settings: dict[str, Any]) -> None:
        self.folder = work_folder(output)
        self.checkpoints = self.folder / _CHECKPOINTS
        self.base = self.folder / "base"
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))

    @contextmanager
    def held(self, *, restart: bool) -> Iterator[Work]:
        """Hold the folder against other processes; restart: throw away what is there.

        Raises OutputError for a folder that another process holds, or of other settings, or where
        another command's run stands.
        """
        check_command(self.folder, "train")
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise output_failure(self.folder, error) from error
        try:
            with FileLock(self.folder / LOCK, timeout=0):
                self._begin(restart=restart)
                try:
                    yield self
                finally:
                    if self.last() is None:
                        self.remove()  # nothing was learned
        except Timeout as error:
            raise OutputError(
                f"cannot write {self.folder}: another process is at work there; wait for it, or "
                "name another output"
            ) from error

    def last(self) -> Path | None:
        """The newest checkpoint that is whole; None where there is none yet."""
        return last_whole(self.checkpoints)

    def remove(self) -> None:
        """Remove all that is the run's own, and the folder, if nothing else stands in it."""
        half_written = self.folder.glob(".embedpipe-*.tmp")  # by runs that were killed
        for folder in (self.checkpoints, self.base, *half_written):
            shutil.rmtree(folder, ignore_errors=True)
        remove_files(self.folder, "train")

    def _begin(self, *, restart: bool) -> None:
        path = self.folder / _SETTINGS
        for each in self.checkpoints.glob("checkpoint-*"):
            # Half of one would count among the last that the libraries keep.
            if restart or not (each / COMPLETE).exists():
                shutil.rmtree(each)
        if self.last() is None:  # nothing is worth keeping
            path.unlink(missing_ok=True)
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            check_settings(self.folder, before, self._settings)
            return
        with AtomicFile(path) as file:
            file.write(json.dumps(self._settings, indent=2).encode())
