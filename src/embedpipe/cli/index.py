"""``embedpipe index``: makes what `embedpipe search` searches quickly."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from embedpipe.cli.command import argument, command, option
from embedpipe.cli.options import (
    input_options,
    json_option,
    keep_option,
    model_options,
    overwrite_option,
    parsed_options,
    quiet_option,
)
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.files.input_options import InputOptions

__all__ = ["run"]


@command(
    "make an index of files, for quick search",
    "embedpipe index reviews.parquet -o reviews.index",
    "embedpipe index more.csv -o reviews.index --add",
    "embedpipe index -o reviews.index --delete 'stars < 2'",
)
@argument(
    "inputs",
    nargs=-1,
    type=click.Path(),
    metavar="[INPUT...]",
    help="what `embedpipe embed` wrote, or any input that it takes",
)
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="DIR",
    help="the folder of the index",
)
@overwrite_option
@option("--add", is_flag=True, help="add the records to an index that is there")
@option(
    "--delete",
    multiple=True,
    metavar="CONDITION",
    help="delete the records that meet it, as in 'stars < 2' or 'source = a.csv'; if it is given "
    "several times, those that meet all",
)
@option(
    "--vectors",
    metavar="COLUMN",
    help=f"the column of vectors in INPUT (default: {VECTORS}, where there is one)",
)
@keep_option
@json_option
@quiet_option
@input_options
@model_options(prompted="every text that is embedded")
def run(
    inputs: Sequence[str],
    output: str,
    overwrite: bool,
    add: bool,
    delete: Sequence[str],
    vectors: str | None,
    keep: list[str] | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Make an index of all records of the inputs, add to one, or delete from it.

    Vectors that INPUT holds are taken, other texts are embedded. Small ones are searched exactly;
    with 50,000 records and more, search is approximate if FAISS is installed (pip install
    'embedpipe[search]'). All other columns are kept, with file and line of each record.
    """
    from embedpipe.embedding.indexing import delete_from_index, index_files

    if bool(inputs) == bool(delete):
        raise click.UsageError("expected either files or --delete", click.get_current_context())
    if delete:
        summary = delete_from_index(output, delete)
    else:
        summary = index_files(
            inputs,
            output,
            reading=parsed_options(options, InputOptions),
            embedding=parsed_options(options, ModelOptions),
            vectors=vectors,
            keep=keep,
            add=add,
            overwrite=overwrite,
            progress=not quiet,
        )
    if as_json:
        print(json.dumps(asdict(summary)))
    elif not quiet:
        changes = f"{summary.deleted:,} deleted" if delete else f"{summary.added:,} added"
        print(
            f"{changes} in {summary.seconds:.1f} s: {summary.records:,} records in "
            f"{printable(output)}",
            file=sys.stderr,
        )
