"""Where `embed_files` writes: one file, or the parts that become one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from embedpipe.embedding.groups import Group
from embedpipe.embedding.job import Counts
from embedpipe.embedding.parts import Parts, bad_lines, check_folder, clear_folder, was_joined
from embedpipe.errors import ParameterError
from embedpipe.frames.files.inputs import BEGIN
from embedpipe.frames.files.sinks import Sink, check_sink, is_folder, opened_sink
from embedpipe.frames.files.sources import is_remote
from embedpipe.frames.files.targets import Target, writing
from embedpipe.output import AtomicDirectory, AtomicFile, check_output

__all__ = ["FileOutput", "check_target", "is_joined", "write_joined"]

_ERRORS = ".errors.jsonl"


class FileOutput(AbstractContextManager["FileOutput"]):
    """One file, which appears when it is complete; beside it, one of bad records if there are any.

    errors: the name of that.
    """

    start = BEGIN

    def __init__(self, path: str, schema: pa.Schema, vectors: str, *, replace: bool) -> None:
        self.counts = Counts()
        self.errors = _errors_of(path)
        self._open = ExitStack()
        self._sink: Sink = self._open.enter_context(
            opened_sink(path, schema, vectors, replace=replace)
        )
        self._bad: Target | None = None

    def add(self, records: pa.RecordBatch, group: Group, counts: Counts) -> None:
        """Write the records of a group with their vectors."""
        if records.num_rows:
            self._sink.write(records)
        self.counts.add(counts)
        if group.bad:
            if self._bad is None:
                self._bad = self._open.enter_context(writing(self.errors))
            self._bad.write(bad_lines(group.bad))

    def finish(self) -> None:
        """All is written when the context is left."""

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


def check_target(
    target: str, inputs: Sequence[str], *, overwrite: bool, resume: bool, dry: bool = False
) -> None:
    """Raise OutputError and ParameterError for an output that cannot be written.

    What a folder of parts held is removed where `overwrite` allows it; not if it is `dry`.
    """
    if resume and overwrite:
        raise ParameterError("resume and overwrite contradict each other; say one of them")
    if resume and (target == "-" or "-" in inputs):
        raise ParameterError("a pipe cannot be resumed; name files, or leave out --resume")
    if is_folder(target):
        if not is_remote(target):
            local = [each for each in inputs if not is_remote(each)]
            check_output(target, overwrite=True, folder=True, inputs=local)
        check_folder(target, resume=resume, overwrite=overwrite)
        if overwrite and not dry:
            clear_folder(target)
        return
    check_sink(target)
    if target == "-" or is_remote(target) or (resume and is_joined(target, f"{target}.parts")):
        return
    local = [each for each in inputs if not is_remote(each)]
    check_output(target, overwrite=overwrite, inputs=local)
    if Path(target).suffix.lower() == ".lance":
        AtomicDirectory(target, replace=overwrite)
    else:
        AtomicFile(target)


def is_joined(target: str, folder: str) -> bool:
    """Whether the parts in `folder` were joined to `target`, and only not yet removed."""
    return not is_remote(target) and Path(target).exists() and was_joined(folder)


def write_joined(
    parts: Parts, target: str, schema: pa.Schema, vectors: str, *, replace: bool
) -> str:
    """Write all records of the parts to one file, and then remove the parts; the name of errors."""
    errors = parts.errors()
    if errors:
        with writing(_errors_of(target)) as file:
            file.write(errors)
    if not is_joined(target, parts.folder):
        parts.note_joined()
        with opened_sink(target, schema, vectors, replace=replace) as sink:
            for path in parts.paths():
                _copy(path, schema, sink)
    clear_folder(parts.folder)
    return _errors_of(target)


def _copy(path: str, schema: pa.Schema, sink: Sink) -> None:
    """The row groups of a part, which are the batches that were written."""
    from pyarrow import parquet

    from embedpipe.frames.files.sources import opened

    with opened(path) as stream, parquet.ParquetFile(stream) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            for batch in table.combine_chunks().to_batches():
                sink.write(pa.RecordBatch.from_arrays(batch.columns, schema=schema))


def _errors_of(target: str) -> str:
    return ("standard-output" if target == "-" else target) + _ERRORS
