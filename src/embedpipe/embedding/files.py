"""Embeds the texts of files into another file or a folder, in bounded memory."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.embedding_table import EmbeddingTable
from embedpipe.embedding.groups import Group, groups
from embedpipe.embedding.job import Counts, Job
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.embedding.outputs import FileOutput, check_target, write_joined
from embedpipe.embedding.parts import ERRORS, Parts
from embedpipe.errors import ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs, Position
from embedpipe.frames.files.sinks import is_folder
from embedpipe.frames.files.sources import state_of
from embedpipe.frames.files.targets import joined, remove
from embedpipe.progress import Progress

__all__ = ["EmbedSummary", "embed_files"]


@dataclass(frozen=True)
class EmbedSummary:
    """What `embed_files` did.

    null: records without text. cut: records longer than the model's max_length pieces, which lost
    their end. skipped: records that could not be read, which `errors` holds, with inputs of which
    nothing could. resumed: of the records, those that a run before had embedded. passed_over: files
    in folders whose format is not known. only_numbers: whether every text that was embedded is a
    number, so that another column may be meant. seconds: from the first byte read to the output's
    last one written.
    """

    records: int
    null: int
    cut: int
    max_length: int
    dimension: int
    seconds: float
    skipped: int = 0
    errors: str | None = None
    resumed: int = 0
    passed_over: int = 0
    only_numbers: bool = False


def embed_files(  # noqa: PLR0913 - all but two are keywords with defaults
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str = VECTORS,
    keep: Sequence[str] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    on_error: str = "fail",
    limit: int | None = None,
    progress: bool = False,
) -> EmbedSummary:
    """Embed every record of `inputs` in order and write all of their columns with the vectors.

    Args:
        inputs: a path or several, folders, patterns and addresses among them, "-" for standard
            input.
        output: ends in .parquet or .arrow (all columns in their types), .jsonl, .csv, .tsv, .npy
            (vectors alone), .duckdb, .sqlite or .lance; or in a slash, for a folder of Parquet
            files. "-" is standard output, as JSON Lines.
        reading, embedding: None for the defaults.
        vectors: the name of their column, which comes behind those of the inputs; then, where
            there are several inputs, "source" names the one of each record.
        keep: the columns that are written beside the text; None for all.
        overwrite: whether `output` may replace a file that is there; never an input.
        resume: whether to go on where the same call was interrupted: what was finished is not
            embedded again. A folder can always be resumed, a file if it was begun so.
        on_error: "skip" passes over what cannot be read, and writes it with line and reason to a
            file beside `output`; "fail" raises its error.
        limit: embed no more records than that.
        progress: whether to show it on standard error.

    A null text has a null vector. Memory does not grow with the inputs.

    Raises InputError, ColumnError, ParameterError and OutputError, where possible before the model
    is loaded; `output` is then as it was before, a folder has the parts that were finished.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = Path(folder, "in.csv")
    ...     _ = source.write_text("id,text\\n7,The train is late.\\n")
    ...     summary = embed_files([source], Path(folder, "out.parquet"))
    >>> summary.records, summary.dimension
    (1, 384)
    """
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    asked = [str(source) for source in paths]
    target = str(output)
    _check_options(on_error, limit)
    opened = Inputs(asked, reading, skip=on_error == "skip")
    check_target(target, [*asked, *opened.sources], overwrite=overwrite, resume=resume)
    start = time.perf_counter()
    opened.check()
    embedder = Embedder.load(embedding or ModelOptions())
    table = EmbeddingTable(embedder, opened, vectors=vectors, keep=keep)
    job = {
        "inputs": [state_of(source) for source in opened.sources],
        "reading": asdict(opened.options),
        "vectors": embedder.origin() | {"name": vectors, "keep": keep and list(keep)},
        "limit": limit,
        "on_error": on_error,
    }
    run = _Run(opened, table, limit, progress)
    if resume or is_folder(target):
        counts, before, errors = _in_parts(run, target, vectors, job, overwrite=overwrite)
    else:
        with FileOutput(target, table.schema, vectors, replace=overwrite) as file:
            run.into(file)
        counts, before, errors = file.counts, 0, file.errors
    return EmbedSummary(
        **asdict(counts),
        errors=errors if counts.skipped else None,
        resumed=before,
        passed_over=len(opened.passed_over),
        only_numbers=table.only_numbers,
        max_length=embedder.encoder.max_length,
        dimension=embedder.dimension,
        seconds=time.perf_counter() - start,
    )


def _check_options(on_error: str, limit: int | None) -> None:
    if on_error not in ("fail", "skip"):
        raise ParameterError(f"on_error: found {on_error!r}; expected 'fail' or 'skip'")
    if limit is not None and not (isinstance(limit, int) and limit >= 1):
        raise ParameterError(f"limit: found {limit!r}; expected a number of at least 1")


def _in_parts(
    run: _Run, target: str, vectors: str, job: Job, *, overwrite: bool
) -> tuple[Counts, int, str]:
    """Embed into a folder; for a file into one beside it, whose parts are joined at the end."""
    in_folder = is_folder(target)
    folder = target if in_folder else f"{target}.parts"
    with Parts(folder, run.table.schema, vectors, job) as parts:
        before = parts.counts.records
        if not parts.is_complete:
            run.into(parts)
        errors = joined(folder, ERRORS)
        if not in_folder:
            errors = write_joined(parts, target, run.table.schema, vectors, replace=overwrite)
    if not in_folder:
        remove(folder)
    return parts.counts, before, errors


class _Output(Protocol):
    @property
    def start(self) -> Position: ...
    @property
    def counts(self) -> Counts: ...
    def add(self, records: pa.RecordBatch, group: Group, counts: Counts) -> None: ...
    def finish(self) -> None: ...


@dataclass(frozen=True)
class _Run:
    """What is embedded, and whether that is shown."""

    inputs: Inputs
    table: EmbeddingTable
    limit: int | None
    progress: bool

    def into(self, output: _Output) -> None:
        """Embed and write what is not there yet."""
        inputs, size = self.inputs, self.inputs.total_size()
        left = None if self.limit is None else self.limit - output.counts.records
        column = inputs.options.text_column
        before = inputs.bytes_before(output.start)
        with ExitStack() as stack:
            shown = None if self.progress else False
            bar = stack.enter_context(Progress(unit="records", shown=shown, leave=False))
            if left != 0:
                for group in groups(inputs.batches(output.start), column, left):
                    far = group.bytes_read - before
                    share = far / (size - before) if size and size > before else None
                    records, counts = self.table.records(group, bar, share)
                    output.add(records, group, counts)
        output.finish()
