"""``embedpipe search``: the texts of files whose vectors are nearest to that of a query."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import input_options, model_options, parsed_options
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.errors import InputError
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.embedding.search import Hit

__all__ = ["format_hits", "run"]


@command(
    "find the nearest texts in files and indexes",
    'embedpipe search "easy to clean" --in reviews.parquet -k 10',
    "embedpipe search - --in reviews.index --where 'stars >= 4' --json",
)
@argument("query", metavar="QUERY", help="a text; - reads one from each line of standard input")
@option(
    "--in",
    "files",
    required=True,
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="what `embedpipe embed` wrote, any input that it takes, or what `embedpipe index` made; "
    "give it again to search several as one",
)
@option("-k", type=positive_number, default=5, metavar="N", help="how many (default: 5)")
@option("--min-score", type=float, metavar="X", help="only those with at least this cosine")
@option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="only records that meet it, as in 'stars >= 4'; if it is given several times, all of them",
)
@option("--exact", is_flag=True, help="compare with every vector of an index, which takes longer")
@option(
    "--vectors",
    metavar="COLUMN",
    help=f"the column of vectors in FILE (default: {VECTORS}, where there is one)",
)
@option(
    "--json",
    "as_json",
    is_flag=True,
    help="as JSON with the records' other columns: one object, or one a line for -",
)
@input_options
@model_options(prompted="the query")
def run(
    query: str,
    files: Sequence[str],
    k: int,
    min_score: float | None,
    where: Sequence[str],
    exact: bool,
    vectors: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the records of FILE that are nearest to QUERY, each with its cosine similarity.

    A file or index that embedpipe wrote is searched by the vectors in it, with the model, pooling,
    normalization and precision that made them; another model is refused. A file with vectors that
    does not say what made them needs --model. Any other file is embedded first.
    """
    from embedpipe.embedding.search import search_files

    queries = _lines() if query == "-" else [query]
    found = search_files(
        queries,
        files,
        k=k,
        min_score=min_score,
        where=where,
        exact=exact,
        reading=parsed_options(options, InputOptions),
        embedding=parsed_options(options, ModelOptions),
        vectors=vectors,
        progress=True,
    )
    for asked, hits in zip(queries, found, strict=True):
        if as_json:
            answer = {"query": asked, "hits": [asdict(hit) for hit in hits]}
            print(json.dumps(answer, indent=None if query == "-" else 2))
            continue
        if query == "-":
            print(printable(asked))
        print(format_hits(hits) if hits else "nothing found")


def _lines() -> list[str]:
    """The lines of standard input that are not blank."""
    if sys.stdin is None:
        raise InputError("cannot read standard input: it is closed; name a query instead of -")
    lines = io.TextIOWrapper(sys.stdin.buffer, "utf-8", errors="replace")
    try:
        return [line.strip() for line in lines if line.strip()]
    finally:
        lines.detach()


def format_hits(hits: Sequence[Hit]) -> str:
    """One line per hit: rank, score, place and text; no place for rows of a single file."""
    width = len(str(len(hits)))
    with_place = len({hit.source for hit in hits}) > 1 or any(hit.line for hit in hits)
    return "\n".join(
        f"{hit.rank:>{width}}  {hit.score:.4f}  "
        + (f"{_place(hit)}  " if with_place else "")
        + printable(" ".join(hit.text.splitlines()))
        for hit in hits
    )


def _place(hit: Hit) -> str:
    return printable(hit.source) + ("" if hit.line is None else f":{hit.line}")
