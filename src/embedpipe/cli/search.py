"""``embedpipe search``: the texts of a file whose vectors are nearest to that of a query."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embedpipe.cli.options import (
    InputOptions,
    ModelOptions,
    add_input_options,
    add_model_options,
    input_options,
    model_options,
    positive_number,
)

__all__ = ["Hit", "add_parser", "search_file"]

_DESCRIPTION = """\
Print the records of FILE that are nearest to QUERY, each with its cosine similarity.

A Parquet file that `embedpipe embed` wrote is searched by the vectors in it, with the model,
pooling, normalization and precision that made them; any other file is embedded first."""


@dataclass(frozen=True)
class Hit:
    """A record found. rank counts from 1, row from 0; score is the cosine similarity."""

    rank: int
    score: float
    row: int
    text: str


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "search",
        help="find the nearest texts in a file",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", metavar="QUERY")
    parser.add_argument(
        "--in",
        dest="file",
        required=True,
        metavar="FILE",
        help="Parquet from `embedpipe embed`, or any input that it takes",
    )
    parser.add_argument(
        "-k", type=positive_number, default=5, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    add_input_options(parser)
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print what was found."""
    hits = search_file(
        args.query,
        args.file,
        k=args.k,
        reading=input_options(args),
        embedding=model_options(args),
    )
    if args.json:
        print(json.dumps({"query": args.query, "hits": [asdict(hit) for hit in hits]}, indent=2))
    else:
        print(format_hits(hits))


def search_file(
    query: str,
    file: str | Path,
    *,
    k: int = 5,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
) -> list[Hit]:
    """The k records of `file` whose vectors have the largest cosine with the query's, best first.

    Equal scores keep the order of the file; records with a null text are passed over; fewer than k
    records give fewer hits. The file is read through in batches, so that it may be larger than
    memory. Where `file` holds vectors, `embedding` defaults to what made them; to name another
    model, pooling or normalization is a ParameterError, a wrong dimension an InputError.
    """
    from embedpipe.cli.nearest import Nearest
    from embedpipe.cli.records import check_inputs, read_records
    from embedpipe.cli.stored import stored_vectors
    from embedpipe.cli.vectors import Embedder

    source = str(file)
    reading, embedding = reading or InputOptions(), embedding or ModelOptions()
    stored = stored_vectors(source, reading)
    if stored is None:
        check_inputs([source], reading)
        embedder = Embedder.load(embedding)
    else:
        embedder = stored.embedder(embedding)
    nearest = Nearest(embedder.embed([query]).values[0], k)
    if stored is None:
        for batch in read_records([source], reading):
            nearest.add(batch.texts, embedder.embed(batch.texts))
    else:
        for texts, vectors in stored.batches(embedder.dimension):
            nearest.add(texts, vectors)
    return [Hit(rank, *found) for rank, found in enumerate(nearest.found(), start=1)]


def format_hits(hits: Sequence[Hit]) -> str:
    """A line a hit: rank, score and text."""
    width = len(str(len(hits)))
    return "\n".join(
        f"{hit.rank:>{width}}  {hit.score:.4f}  {' '.join(hit.text.splitlines())}" for hit in hits
    )
