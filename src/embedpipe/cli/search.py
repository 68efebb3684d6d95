"""``embedpipe search``: the texts of files whose vectors are nearest to that of a query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import input_options, model_options, parsed_options
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.embedding.search import Hit

__all__ = ["format_hits", "run"]


@command(
    "find the nearest texts in files",
    'embedpipe search "easy to clean" --in reviews.parquet -k 10',
)
@argument("query", metavar="QUERY", help="a text, not necessarily one of FILE")
@option(
    "--in",
    "files",
    required=True,
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="what `embedpipe embed` wrote, or any input that it takes; give it again to search "
    "several as one",
)
@option("-k", type=positive_number, default=5, metavar="N", help="how many (default: 5)")
@option(
    "--vectors",
    metavar="COLUMN",
    help=f"the column of vectors in FILE (default: {VECTORS}, where there is one)",
)
@option(
    "--json", "as_json", is_flag=True, help="as one JSON object, with the records' other columns"
)
@input_options
@model_options(prompted="the query")
def run(
    query: str, files: Sequence[str], k: int, vectors: str | None, as_json: bool, **options: Any
) -> None:
    """Print the records of FILE that are nearest to QUERY, each with its cosine similarity.

    A Parquet or JSON Lines file that `embedpipe embed` wrote is searched by the vectors in it, with
    the model, pooling, normalization and precision that made them; another model is refused. A file
    with vectors that does not say what made them needs --model. Any other file is embedded first.
    """
    from embedpipe.embedding.search import search_file

    hits = search_file(
        query,
        files,
        k=k,
        reading=parsed_options(options, InputOptions),
        embedding=parsed_options(options, ModelOptions),
        vectors=vectors,
    )
    if as_json:
        print(json.dumps({"query": query, "hits": [asdict(hit) for hit in hits]}, indent=2))
    else:
        print(format_hits(hits))


def format_hits(hits: Sequence[Hit]) -> str:
    """One line per hit: rank, score, the source if there are several, and text."""
    width = len(str(len(hits)))
    with_source = len({hit.source for hit in hits}) > 1
    return "\n".join(
        f"{hit.rank:>{width}}  {hit.score:.4f}  "
        + (f"{printable(hit.source)}  " if with_source else "")
        + printable(" ".join(hit.text.splitlines()))
        for hit in hits
    )
