"""``embedpipe embed``: the texts of files to a file of vectors, in bounded memory."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedpipe.cli.options import (
    InputOptions,
    ModelOptions,
    add_input_options,
    add_model_options,
    input_options,
    model_options,
)

if TYPE_CHECKING:
    from embedpipe.cli.records import Records
    from embedpipe.cli.sinks import Sink
    from embedpipe.cli.vectors import Embedder
    from embedpipe.progress import Progress

__all__ = ["EmbedSummary", "add_parser", "embed_files"]

_DESCRIPTION = """\
Embed every record of the inputs, in order, and write the vectors to a file.

inputs:  text (a record a line), CSV, TSV, JSON Lines, Parquet; - is standard input
outputs: .parquet  columns: the text, embedding (fixed-size list of float), and source
                   (the input's name) if there are several inputs
         .jsonl    the same, an object a line
         .npy      a float32 array (records, dimension)

A null text gets a null embedding, in .npy a row of NaN. An empty text is embedded like any other.
The output appears under its name when it is complete, and not at all otherwise."""


@dataclass(frozen=True)
class EmbedSummary:
    """What `embed_files` did.

    null: records without text. cut: records longer than the model's max_length pieces, which lost
    their end. seconds: from the first byte read to the output's last one written.
    """

    records: int
    null: int
    cut: int
    max_length: int
    dimension: int
    seconds: float


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
        "-o", "--output", required=True, metavar="OUT", help="OUT.parquet, OUT.npy or OUT.jsonl"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="neither progress bar nor summary, errors alone"
    )
    add_input_options(parser)
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print its summary on standard error."""
    summary = embed_files(
        args.inputs,
        args.output,
        reading=input_options(args),
        embedding=model_options(args),
        progress=not args.quiet,
    )
    if not args.quiet:
        print(format_summary(summary, args.output), file=sys.stderr)


def embed_files(
    inputs: Sequence[str],
    output: str | Path,
    *,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    progress: bool = False,
) -> EmbedSummary:
    """Embed every record of `inputs` in order and write texts and vectors to `output`.

    inputs: paths, "-" for standard input. reading, embedding: None for the defaults. progress:
    whether to draw a bar when standard error is a terminal. Memory does not grow with the inputs.

    Raises InputError, ColumnError, ParameterError and OutputError, where possible before the model
    is loaded; `output` is then as it was before.
    """
    from embedpipe.cli.records import check_inputs, read_records, total_size
    from embedpipe.cli.sinks import Layout, check_output_name
    from embedpipe.cli.vectors import Embedder
    from embedpipe.output import AtomicFile
    from embedpipe.progress import Progress

    reading, embedding = reading or InputOptions(), embedding or ModelOptions()
    sink_class = check_output_name(output, reading.column)
    with AtomicFile(output) as file:
        check_inputs(inputs, reading)
        embedder = Embedder.load(embedding)
        origin = embedder.origin() | {"column": reading.column}
        layout = Layout(reading.column, embedder.dimension, len(inputs) > 1, origin)
        start = time.perf_counter()
        with (
            sink_class(file, layout) as sink,
            Progress(unit="records", shown=None if progress else False, leave=False) as bar,
        ):
            batches = read_records(inputs, reading)
            count = _embed_batches(batches, embedder, sink, bar, total_size(inputs))
    return EmbedSummary(
        **count,
        max_length=embedder.encoder.max_length,
        dimension=embedder.dimension,
        seconds=time.perf_counter() - start,
    )


def _embed_batches(
    batches: Iterable[Records],
    embedder: Embedder,
    sink: Sink,
    bar: Progress,
    total_bytes: int | None,
) -> dict[str, int]:
    """Embed and write each batch; return the counts of EmbedSummary."""
    records = null = cut = 0
    for batch in batches:
        vectors = embedder.embed(batch.texts)
        sink.write(batch.texts, batch.source, vectors.values, vectors.present)
        records += len(batch.texts)
        null += batch.texts.count(None)
        cut += vectors.cut
        bar.advance(len(batch.texts), share=batch.bytes_read / total_bytes if total_bytes else None)
    return {"records": records, "null": null, "cut": cut}


def format_summary(summary: EmbedSummary, output: str | Path) -> str:
    """One line for people."""
    rate = summary.records / max(summary.seconds, 1e-9)
    line = (
        f"{summary.records:,} records in {summary.seconds:.1f} s ({rate:,.0f} records/s): "
        f"{summary.dimension} dimensions, in {output}"
    )
    if summary.cut:
        line += f"; {summary.cut:,} longer than {summary.max_length} pieces were cut there"
    if summary.null:
        line += f"; {summary.null:,} null"
    return line
