"""``embedpipe map``: the texts of files as points of a page or picture, near ones alike."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import input_options, model_options, overwrite_option, parsed_options
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.files.input_options import InputOptions

__all__ = ["run"]


@command(
    "draw the texts of files as a map",
    "embedpipe map reviews.parquet -o map.html  # colored by clusters, named by their words",
    "embedpipe map reviews.parquet --color stars -o map.png",
)
@argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(),
    metavar="FILE...",
    help="what `embedpipe embed` wrote, or any input that it takes",
)
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="OUT",
    help="OUT.html, a page that works offline, or OUT.png",
)
@overwrite_option
@option("--color", metavar="COLUMN", help="color by it, numbers continuously (default: clusters)")
@option(
    "--clusters",
    type=positive_number,
    metavar="N",
    help="how many (default: by the number of records, at most 12)",
)
@option(
    "--method",
    type=click.Choice(("umap", "tsne", "pca")),
    help="to two dimensions (default: umap, for fewer than 50 records pca)",
)
@option("--seed", type=int, default=0, metavar="N", help="of what is random (default: 0)")
@option("--title", metavar="TEXT", help="default: the names of the files")
@option("--limit", type=positive_number, metavar="N", help="the first N records alone")
@option(
    "--vectors",
    metavar="COLUMN",
    help=f"the column of vectors in FILE (default: {VECTORS}, where there is one)",
)
@option("-q", "--quiet", is_flag=True, help="neither progress nor summary: warnings, errors")
@input_options
@model_options(prompted="every text")
def run(files: Sequence[str], output: str, quiet: bool, **given: Any) -> None:
    """Draw every record as a point, so that texts of like meaning lie near each other.

    The page shows texts under the pointer, finds texts, and lists those that a lasso is drawn
    around. It is one file that asks for nothing else; the texts are in it. The same records and
    seed give the same map. Needs: pip install 'embedpipe[plot]'
    """
    from embedpipe.plot import draw_map

    names = ("color", "clusters", "method", "seed", "title", "limit", "vectors", "overwrite")
    summary = draw_map(
        files,
        output,
        reading=parsed_options(given, InputOptions),
        embedding=parsed_options(given, ModelOptions),
        progress=not quiet,
        **{name: given[name] for name in names},
    )
    if not quiet:
        told = f"{summary.records:,} records by {summary.method}, colored by {summary.coloring}"
        print(f"{told}, in {printable(output)}", file=sys.stderr)
