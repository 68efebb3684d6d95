"""A folder of Parquet files that are finished one after another, so that a run can be resumed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from embedpipe.embedding.groups import Group
from embedpipe.embedding.job import Counts, Job, PartState, check_same
from embedpipe.errors import OutputError
from embedpipe.frames.files.bad_records import BadRecord
from embedpipe.frames.files.inputs import BEGIN, Position
from embedpipe.frames.files.sinks import ParquetSink, Sink
from embedpipe.frames.files.sources import is_remote
from embedpipe.frames.files.targets import (
    joined,
    make_folder,
    names_in,
    read_target,
    remove,
    writing,
)

__all__ = [
    "ERRORS",
    "PART_RECORDS",
    "Parts",
    "bad_lines",
    "check_folder",
    "clear_folder",
    "was_joined",
]

PART_RECORDS = 1 << 16
_PART_BYTES = 1 << 28  # of all columns
_PART_TEXT = 1 << 23  # bytes of texts, so that little is lost where texts are long and models slow

JOB, PARTS, ERRORS = "_job.json", "_parts.json", "_errors.jsonl"
"""Other readers of folders pass over names that begin with an underscore."""

_OURS = (JOB, PARTS, ERRORS, ".lock")


class Parts(AbstractContextManager["Parts"]):
    """Writes records to part-00000.parquet and so on, each whole or not at all.

    After each, what is finished is noted in `_parts.json`; a part that is not noted there is
    written again. Leaving the context by an exception keeps the parts that are finished. Bad
    records come to `_errors.jsonl`.

    start: before which record to begin. counts: of what was there already, and is added.
    """

    def __init__(self, folder: str, schema: pa.Schema, vectors: str, job: Job) -> None:
        """Begin or go on; OutputError if another job began here, or another process writes."""
        self.folder = folder
        self._schema, self._vectors = schema, vectors
        self._open = ExitStack()
        self._sink: Sink | None = None
        self._part = Counts()
        self._bytes = self._text = 0
        self._bad: list[BadRecord] = []
        make_folder(folder)
        self._lock = _locked(folder)
        begun = read_target(self._name(JOB))
        if begun is None:
            self._write(JOB, json.dumps(job).encode())
        else:
            check_same(folder, begun, job)
        self._load()

    def _load(self) -> None:
        stored = json.loads(read_target(self._name(PARTS)) or b"{}")
        self.parts = [PartState.of(part) for part in stored.get("parts", ())]
        self.is_complete = bool(stored.get("complete"))
        self.counts = Counts()
        for part in self.parts:
            self.counts.add(part.counts)
        self.start = Position(*self.parts[-1].next) if self.parts else BEGIN
        if not is_remote(self.folder):
            for stale in Path(self.folder).glob(".embedpipe-*.tmp"):
                stale.unlink(missing_ok=True)

    def add(self, records: pa.RecordBatch, group: Group, counts: Counts) -> None:
        """The records of a group with their vectors; a part that is large enough is finished."""
        if self._sink is None:
            self._next = f"part-{len(self.parts):05}.parquet"
            file = self._open.enter_context(writing(self._name(self._next)))
            sink = ParquetSink(file, self._schema, self._vectors)
            self._sink = self._open.enter_context(sink)
        if records.num_rows:
            self._sink.write(records)
        self._part.add(counts)
        self._bytes += records.nbytes
        self._text += group.text_bytes
        self._bad += group.bad
        self._position = group.next
        is_long = self._bytes >= _PART_BYTES or self._text >= _PART_TEXT
        if is_long or self._part.records >= PART_RECORDS:
            self._finish_part()

    def _finish_part(self) -> None:
        if self._bad:
            self._write(_errors_of(self._next), bad_lines(self._bad))
        self._open.close()
        self._sink = None
        self.parts.append(PartState(self._next, self._position, self._part))
        self.counts.add(self._part)
        self._note(complete=False)
        self._part, self._bad = Counts(), []
        self._bytes = self._text = 0

    def finish(self) -> None:
        """Finish the last part, and note that all is done."""
        if self._sink is not None:
            self._finish_part()
        if not self.parts:
            self._next, self._position = "part-00000.parquet", BEGIN
            with (
                writing(self._name(self._next)) as file,
                ParquetSink(file, self._schema, self._vectors),
            ):
                pass
            self._finish_part()
        pieces = [_errors_of(part.name) for part in self.parts if part.counts.skipped]
        if pieces:
            texts = [read_target(self._name(piece)) or b"" for piece in pieces]
            self._write(ERRORS, b"".join(texts))
        self._note(complete=True)
        for piece in pieces:
            remove(self._name(piece))

    def _note(self, *, complete: bool) -> None:
        self._note_state({"complete": complete})
        self.is_complete = complete

    def note_joined(self) -> None:
        """Note that what is there under the output's name from now on holds all parts."""
        self._note_state({"complete": True, "joined": True})

    def _note_state(self, state: dict[str, Any]) -> None:
        state["parts"] = [asdict(part) for part in self.parts]
        self._write(PARTS, json.dumps(state, indent=1).encode())

    def _name(self, name: str) -> str:
        return joined(self.folder, name)

    def _write(self, name: str, data: bytes) -> None:
        with writing(self._name(name)) as file:
            file.write(data)

    def paths(self) -> list[str]:
        """The files of all parts, in order."""
        return [self._name(part.name) for part in self.parts]

    def errors(self) -> bytes:
        """The bad records of all parts, as lines of JSON."""
        return read_target(self._name(ERRORS)) or b""

    def __exit__(self, *error: Any) -> None:
        try:
            if self._sink is not None:  # not finished: what has been written of it goes
                self._open.__exit__(*(error if error[0] else (_Abandoned, _Abandoned(), None)))
        except _Abandoned:
            pass
        finally:
            if self._lock is not None:
                self._lock.release()


class _Abandoned(Exception):  # noqa: N818 - no error
    """Leaves the context of a file that is not to be kept."""


def bad_lines(bad: Sequence[BadRecord]) -> bytes:
    """Records that were passed over, as lines of JSON: source, line, reason, record."""
    lines = [json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in bad]
    return "".join(lines).encode("utf-8", "backslashreplace")


def check_folder(folder: str, *, resume: bool, overwrite: bool) -> None:
    """Raise OutputError where a folder holds something that may not be replaced or gone on with."""
    names = [name for name in names_in(folder) if not name.startswith((".lock", ".embedpipe-"))]
    if not names or (resume and JOB in names):
        return
    other = [name for name in names if not _is_ours(name)]
    if other:
        raise OutputError(
            f"cannot write {folder}: the folder holds {other[0]}, which is no part of an output; "
            "name another folder"
        )
    if not overwrite:
        goes_on = ", go on with --resume" if JOB in names else ""
        raise OutputError(
            f"cannot write {folder}: the folder is not empty{goes_on}, or replace it with "
            "--overwrite"
        )


def was_joined(folder: str) -> bool:
    """Whether `note_joined` was called for what is in a folder."""
    return bool(json.loads(read_target(joined(folder, PARTS)) or b"{}").get("joined"))


def clear_folder(folder: str) -> None:
    """Remove what this module wrote; what says so goes last."""
    names = [name for name in names_in(folder) if _is_ours(name) and name != ".lock"]
    for name in sorted(names, key=lambda name: (name == PARTS, name == JOB)):
        remove(joined(folder, name))


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(("part-", "_errors-", ".embedpipe-"))


def _errors_of(part: str) -> str:
    return part.replace("part-", "_errors-").replace(".parquet", ".jsonl")


def _locked(folder: str) -> Any:
    """A lock that ends with this process; None in object stores, which have none."""
    if is_remote(folder):
        return None
    from filelock import FileLock, Timeout

    lock = FileLock(Path(folder, ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(
            f"cannot write {folder}: another process writes there; wait for it, or name another "
            "folder"
        ) from error
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror}; change its permissions or write elsewhere"
        ) from error
    return lock
