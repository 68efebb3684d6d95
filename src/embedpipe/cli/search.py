"""``embedpipe search``: the texts of files whose vectors are nearest to that of a query."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from embedpipe.cli.options import (
    Once,
    add_input_options,
    add_model_options,
    parsed_options,
    positive_number,
)
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.embedding.search import Hit

__all__ = ["add_parser", "format_hits"]

_DESCRIPTION = """\
Print the records of FILE that are nearest to QUERY, each with its cosine similarity.

A Parquet or JSON Lines file that `embedpipe embed` wrote is searched by the vectors in it, with the
model, pooling, normalization and precision that made them; another model is refused. A file with
vectors that does not say what made them needs --model. Any other file is embedded first."""


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "search",
        help="find the nearest texts in files",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", metavar="QUERY")
    parser.add_argument(
        "--in",
        dest="files",
        required=True,
        action="append",
        metavar="FILE",
        help="what `embedpipe embed` wrote, or any input that it takes; give it again to search "
        "several as one",
    )
    parser.add_argument(
        "-k", type=positive_number, default=5, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--vectors",
        action=Once,
        metavar="COLUMN",
        help=f"the column of vectors in FILE (default: {VECTORS}, where there is one)",
    )
    parser.add_argument(
        "--json", action="store_true", help="as one JSON object, with the records' other columns"
    )
    add_input_options(parser)
    add_model_options(parser, prompted="the query")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print what was found."""
    from embedpipe.embedding.search import search_file

    hits = search_file(
        args.query,
        args.files,
        k=args.k,
        reading=parsed_options(args, InputOptions),
        embedding=parsed_options(args, ModelOptions),
        vectors=args.vectors,
    )
    if args.json:
        print(json.dumps({"query": args.query, "hits": [asdict(hit) for hit in hits]}, indent=2))
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
