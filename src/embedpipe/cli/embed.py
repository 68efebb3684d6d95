"""``embedpipe embed``: the texts of files to a file with their vectors, in bounded memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import (
    input_options,
    keep_option,
    model_options,
    overwrite_option,
    parsed_options,
    quiet_option,
)
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.files.input_options import InputOptions
from embedpipe.progress import duration

if TYPE_CHECKING:
    from embedpipe.embedding.estimate import Estimate
    from embedpipe.embedding.files import EmbedSummary

__all__ = ["SKIPPED", "format_estimate", "format_summary", "run"]

SKIPPED = 3
"""The exit code of a run that is done, but passed over records that could not be read."""


@command(
    "embed files of text",
    "embedpipe embed reviews.csv --column body -o reviews.parquet",
    "embedpipe embed reviews/ -o vectors/ --resume  # a folder; again, should it be interrupted",
    "embedpipe embed 's3://bucket/*.jsonl.gz' --on-error skip -o all.parquet",
)
@argument(
    "inputs",
    nargs=-1,
    required=True,
    type=click.Path(allow_dash=True),
    metavar="INPUT...",
    help="a file, a folder, a pattern, an address such as s3://..., or - for standard input",
)
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(allow_dash=True),
    metavar="OUT",
    help="OUT.parquet, .arrow, .jsonl, .csv, .tsv, .npy, .duckdb, .sqlite or .lance; OUT/ "
    "for a folder of Parquet; - for JSON Lines on standard output",
)
@overwrite_option
@option(
    "--resume",
    is_flag=True,
    help="go on where the same command was interrupted, if it was",
)
@option(
    "--on-error",
    type=click.Choice(("fail", "skip")),
    default="fail",
    help="what to do about records that cannot be read: skip writes them to OUT.errors.jsonl, with "
    "line and reason, and goes on (default: fail)",
)
@option("--limit", type=positive_number, metavar="N", help="embed no more than N records")
@option(
    "--dry-run",
    is_flag=True,
    help="write nothing; embed some records, and say how long all would take",
)
@option(
    "--vectors",
    default=VECTORS,
    metavar="COLUMN",
    help=f"the name that the vectors get in OUT (default: {VECTORS})",
)
@keep_option
@quiet_option
@input_options
@model_options(prompted="every text")
def run(
    inputs: Sequence[str],
    output: str,
    overwrite: bool,
    resume: bool,
    on_error: str,
    limit: int | None,
    dry_run: bool,
    vectors: str,
    keep: list[str] | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Embed every record of the inputs, in order; write all of its columns and the vector.

    INPUT is text (a record a line), CSV, TSV, JSON Lines, a JSON array, Parquet or Arrow, each also
    compressed by gzip, zstd, bzip2 or xz; content tells, then the suffix. OUT is one of

      .parquet  the columns of the inputs in their types (of CSV, strings), then embedding
                (fixed-size list of float), and source (the input's name) if there are several
      .arrow    the same, as Arrow's file format
      .jsonl    the same, an object a line, and embedding_model, which says what made the vector
      .csv      the same as strings, a vector as "[-0.09, 0.06, ...]"; .tsv between tabs
      .npy      the vectors alone, a float32 array (records, dimension)
      .duckdb   a table records; .sqlite the same, with vectors as sqlite-vec takes them
      .lance    a Lance dataset
      OUT/      a folder of Parquet files, of 65,536 records each

    A null text gets a null embedding, in .npy a row of NaN. An empty text is embedded like any
    other. A file appears under its name when it is complete, and not at all otherwise; so does each
    file of a folder. Exit codes: 0 done, 1 an error, 2 wrong arguments, 3 done but records were
    skipped, 130 interrupted.
    """
    from embedpipe.embedding.estimate import estimate_files
    from embedpipe.embedding.files import embed_files

    given: dict[str, Any] = {
        "reading": parsed_options(options, InputOptions),
        "embedding": parsed_options(options, ModelOptions),
        "vectors": vectors,
        "keep": keep,
        "on_error": on_error,
        "limit": limit,
    }
    if "-" in inputs and sys.stdin is not None and sys.stdin.isatty():
        print("embedpipe: reading what you type; end it with Ctrl-D", file=sys.stderr)
    if dry_run:
        print(format_estimate(estimate_files(inputs, output, overwrite=overwrite, **given)))
        return
    summary = embed_files(
        inputs, output, overwrite=overwrite, resume=resume, progress=not quiet, **given
    )
    if not quiet:
        print(format_summary(summary, output), file=sys.stderr)
    if summary.skipped:
        click.get_current_context().exit(SKIPPED)


def format_summary(summary: EmbedSummary, output: str | Path) -> str:
    """One line for people."""
    rate = (summary.records - summary.resumed) / max(summary.seconds, 1e-9)
    line = (
        f"{summary.records:,} records in {summary.seconds:.1f} s ({rate:,.0f} records/s): "
        f"{summary.dimension} dimensions, in {printable(str(output))}"
    )
    if summary.cut:
        line += f"; {summary.cut:,} longer than {summary.max_length} pieces were cut there"
    if summary.null:
        line += f"; {summary.null:,} null"
    if summary.resumed:
        line += f"; {summary.resumed:,} were there already"
    if summary.passed_over:
        line += f"; {summary.passed_over:,} files of other formats were passed over"
    if summary.skipped:
        line += f"; {summary.skipped:,} could not be read: see {printable(str(summary.errors))}"
    if summary.only_numbers:
        line += "; every text is a number: if another column was meant, name it with --column"
    if not summary.records:
        line += "; nothing was embedded: the inputs hold no records"
    return line


def format_estimate(estimate: Estimate) -> str:
    """A line for each thing, for people."""
    size = "unknown" if estimate.bytes is None else f"{estimate.bytes / 1e6:,.1f} MB"
    vectors = f"{estimate.output_bytes / 1e6:,.1f} MB"
    return "\n".join(
        (
            f"inputs   {estimate.inputs:,} ({size})",
            f"records  about {estimate.records:,}",
            f"rate     {estimate.rate:,.0f} records/s, as measured with {estimate.sampled:,}",
            f"time     about {duration(estimate.seconds)}",
            f"vectors  {estimate.dimension} dimensions, about {vectors}",
        )
    )
