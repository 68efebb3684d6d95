"""A file that a library writes under a name of its own, and that appears when it is complete."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from embedpipe.errors import OutputError
from embedpipe.output.atomic_file import checked_target, output_failure

__all__ = ["StagedFile"]


class StagedFile:
    """Gives the path of a file that is not there, and renames it to `path` at the end.

    For libraries that open files by their names. Leaving the context by an exception removes what
    was written, and leaves what was at `path` as it was. Every failure is an OutputError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "greeting.txt")
    ...     with StagedFile(path) as staged:
    ...         _ = staged.write_text("hello")
    ...     path.read_text(), len(list(Path(folder).iterdir()))
    ('hello', 1)
    """

    def __init__(self, path: str | Path, *, replace: bool = True) -> None:
        self.path = Path(path)
        self._replace = replace
        try:
            self._target = checked_target(self.path)
        except (OSError, ValueError) as error:
            raise output_failure(self.path, error) from error
        self._folder = self._target.with_name(f".embedpipe-{secrets.token_hex(8)}.tmp")

    def __enter__(self) -> Path:
        try:
            self._folder.mkdir()
        except OSError as error:
            raise output_failure(self.path, error) from error
        return self._folder / self._target.name

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._commit()
        except OSError as error:
            raise output_failure(self.path, error) from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _commit(self) -> None:
        staged = self._folder / self._target.name
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        if self._target.exists() and not self._replace:
            raise OutputError(
                f"cannot write {self.path}: it came while this was written; name another one"
            )
        staged.replace(self._target)
