"""``embedpipe embed``: the texts of files to a file with their vectors, in bounded memory."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedpipe.cli.options import (
    Once,
    add_input_options,
    add_model_options,
    add_overwrite_option,
    parsed_options,
)
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.embedding.files import EmbedSummary

__all__ = ["add_parser", "format_summary"]

_DESCRIPTION = """\
Embed every record of the inputs, in order, and write all of its columns and the vector to a file.

inputs:  text (a record a line), CSV, TSV, JSON Lines, Parquet; - is standard input
outputs: .parquet  the columns of the inputs in their types (of CSV, strings), then embedding
                   (fixed-size list of float), and source (the input's name) if there are several
         .jsonl    the same, an object a line, and embedding_model, which says what made the vector
         .npy      the vectors alone, a float32 array (records, dimension)

A null text gets a null embedding, in .npy a row of NaN. An empty text is embedded like any other.
The output appears under its name when it is complete, and not at all otherwise."""


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "embed",
        help="embed files of text",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="a file, or - for standard input"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        action=Once,
        metavar="OUT",
        help="OUT.parquet, OUT.npy or OUT.jsonl",
    )
    add_overwrite_option(parser)
    parser.add_argument(
        "--vectors",
        action=Once,
        default=VECTORS,
        metavar="COLUMN",
        help="the name that the vectors get in OUT (default: %(default)s)",
    )
    parser.add_argument(
        "--keep",
        action=Once,
        type=_names,
        metavar="COLUMNS",
        help="of the inputs' columns beside the text, as in id,stars, or none (default: all)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="neither progress bar nor summary, errors alone"
    )
    add_input_options(parser)
    add_model_options(parser, prompted="every text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print its summary on standard error."""
    from embedpipe.embedding.files import embed_files

    summary = embed_files(
        args.inputs,
        args.output,
        reading=parsed_options(args, InputOptions),
        embedding=parsed_options(args, ModelOptions),
        vectors=args.vectors,
        keep=args.keep,
        overwrite=args.overwrite,
        progress=not args.quiet,
    )
    if not args.quiet:
        print(format_summary(summary, args.output), file=sys.stderr)


def _names(text: str) -> list[str]:
    return [] if text == "none" else text.split(",")


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
