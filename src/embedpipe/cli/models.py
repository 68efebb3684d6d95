"""``embedpipe models``: the catalog as a table, and the details of one model."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from embedpipe.cli.options import positive_number
from embedpipe.cli.table import table

if TYPE_CHECKING:
    from embedpipe.hub.catalog_file import CatalogModel, Source

__all__ = ["add_parser"]

_HEADER = ("NAME", "TASK", "LANGUAGE", "DIMENSION", "CASE", "ARCHITECTURE", "HERE")


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "models",
        help="the models that can be used by name",
        description="List the models of the catalog, which are downloaded when first used.",
    )
    parser.add_argument(
        "--task", choices=("word", "sentence"), help="only models for vectors of words or sentences"
    )
    parser.add_argument("--language", metavar="CODE", help="only models for it, such as en")
    parser.add_argument(
        "--dimension", type=positive_number, metavar="N", help="only models with vectors so long"
    )
    parser.add_argument(
        "--text", metavar="PART", help="only models with this in one of their names"
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(title="commands", metavar="COMMAND")
    one = actions.add_parser(
        "show",
        help="all that is known of one model",
        description="Show what the catalog says of a model, and where it lies on this machine.",
    )
    one.add_argument(
        "name", metavar="NAME", help="a model's name, a name in one line, or NAME@VERSION"
    )
    one.set_defaults(run=run_show)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print the table."""
    from embedpipe.hub.catalog import search

    found = search(args.task, args.language, args.dimension, args.text)
    print("\n".join(table([_HEADER, *map(_row, found)])) if found else "no model fits")


def run_show(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print what is known."""
    from embedpipe.hub.catalog import catalog, show

    model = show(args.name)
    print("\n".join(_facts(model, catalog().further_names(model.name))))


def _row(model: CatalogModel) -> tuple[str, ...]:
    from embedpipe.hub.find import find_here

    return (
        model.name,
        model.task,
        model.language,
        str(model.dimension),
        _case(model),
        model.architecture,
        "yes" if find_here(model) is not None else "no",
    )


def _case(model: CatalogModel) -> str:
    return {True: "cased", False: "uncased", None: "unknown"}[model.case_sensitive]


def _facts(model: CatalogModel, further: Iterable[str]) -> Iterator[str]:
    from embedpipe.hub.find import find_here

    here = find_here(model)
    facts = {
        "name": model.name,
        "version": model.version or "unknown",
        "annotator": model.annotator,
        "architecture": model.architecture,
        "language": model.language,
        "dimension": str(model.dimension),
        "case": _case(model),
        "pooling": model.pooling or "not published (mean is used)",
        "license": model.license or "unknown",
        "here": str(here) if here is not None else "no; it is downloaded when first used",
    }
    width = max(map(len, facts))
    yield from (f"{name:<{width}}  {value}" for name, value in facts.items())
    yield from _listed("sources, in this order", map(_source, model.sources))
    yield from _listed(
        "published first values",
        (
            f"{row.text!r}" + (f" in {row.context!r}" if row.context != row.text else "") + ": "
            f"{', '.join(f'{value:.6g}' for value in row.values)}"
            for row in model.published
        ),
    )
    yield from _listed("names in one line", further)
    yield from _listed("notes", model.notes)


def _source(source: Source) -> str:
    return f"{source.kind}  {source.place}" + (
        "  (derived from the name, not on the card)" if source.derived else ""
    )


def _listed(title: str, entries: Iterable[str]) -> Iterator[str]:
    lines = list(entries)
    if lines:
        yield title
        yield from (f"  {line}" for line in lines)
