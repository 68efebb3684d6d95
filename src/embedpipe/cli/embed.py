"""``embedpipe embed``: the texts of files to a file with their vectors, in bounded memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option
from embedpipe.cli.options import (
    input_options,
    model_options,
    overwrite_option,
    parsed_options,
)
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.embedding.files import EmbedSummary

__all__ = ["format_summary", "run"]


def _names(_: click.Context, _parameter: click.Parameter, text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [] if text == "none" else text.split(",")


@command(
    "embed files of text",
    "embedpipe embed reviews.csv --column body -o reviews.parquet",
    "embedpipe embed *.jsonl --model bert_base_cased --precision int8 -o all.parquet",
)
@argument(
    "inputs",
    nargs=-1,
    required=True,
    type=click.Path(allow_dash=True),
    metavar="INPUT...",
    help="a file, or - for standard input",
)
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="OUT",
    help="OUT.parquet, OUT.npy or OUT.jsonl",
)
@overwrite_option
@option(
    "--vectors",
    default=VECTORS,
    metavar="COLUMN",
    help=f"the name that the vectors get in OUT (default: {VECTORS})",
)
@option(
    "--keep",
    callback=_names,
    metavar="COLUMNS",
    help="of the inputs' columns beside the text, as in id,stars, or none (default: all)",
)
@option("-q", "--quiet", is_flag=True, help="neither progress bar nor summary, errors alone")
@input_options
@model_options(prompted="every text")
def run(
    inputs: Sequence[str],
    output: str,
    overwrite: bool,
    vectors: str,
    keep: list[str] | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Embed every record of the inputs, in order; write all of its columns and the vector.

    INPUT is text (a record a line), CSV, TSV, JSON Lines or Parquet. OUT is one of

      .parquet  the columns of the inputs in their types (of CSV, strings), then embedding
                (fixed-size list of float), and source (the input's name) if there are several
      .jsonl    the same, an object a line, and embedding_model, which says what made the vector
      .npy      the vectors alone, a float32 array (records, dimension)

    A null text gets a null embedding, in .npy a row of NaN. An empty text is embedded like any
    other. The output appears under its name when it is complete, and not at all otherwise.
    """
    from embedpipe.embedding.files import embed_files

    summary = embed_files(
        inputs,
        output,
        reading=parsed_options(options, InputOptions),
        embedding=parsed_options(options, ModelOptions),
        vectors=vectors,
        keep=keep,
        overwrite=overwrite,
        progress=not quiet,
    )
    if not quiet:
        print(format_summary(summary, output), file=sys.stderr)


def format_summary(summary: EmbedSummary, output: str | Path) -> str:
    """One line for people."""
    rate = summary.records / max(summary.seconds, 1e-9)
    line = (
        f"{summary.records:,} records in {summary.seconds:.1f} s ({rate:,.0f} records/s): "
        f"{summary.dimension} dimensions, in {printable(str(output))}"
    )
    if summary.cut:
        line += f"; {summary.cut:,} longer than {summary.max_length} pieces were cut there"
    if summary.null:
        line += f"; {summary.null:,} null"
    return line
