"""``embedpipe models``: what there is and what is here; details, getting and removing of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, group, option, positive_number, subcommand
from embedpipe.cli.options import completed_model, json_option
from embedpipe.cli.table import megabytes, table

if TYPE_CHECKING:
    from embedpipe.hub.catalog_file import CatalogModel, Source, Task
    from embedpipe.hub.keeping import KeptModel

__all__ = ["run"]

_HEADER = ("NAME", "TASK", "LANGUAGE", "DIMENSION", "CASE", "ARCHITECTURE", "SIZE", "HERE")
_KEPT_HEADER = ("NAME", "PLACE", "SIZE", "PATH")


@group(
    "the models that can be used by name",
    "embedpipe models --task sentence --language en",
    "embedpipe models show small_bert_L2_128",
    "embedpipe models get BAAI/bge-small-en-v1.5  # to use it later without a network",
    "embedpipe models --here  # what needs no download",
)
@option(
    "--task",
    type=click.Choice(("word", "sentence")),
    help="only models for vectors of words or sentences",
)
@option("--language", metavar="CODE", help="only models for it, such as en")
@option("--dimension", type=positive_number, metavar="N", help="only models with vectors so long")
@option("--text", metavar="PART", help="only models with this in one of their names")
@option("--here", is_flag=True, help="what is on this machine, of the catalog or not")
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    task: Task | None,
    language: str | None,
    dimension: int | None,
    text: str | None,
    here: bool,
    as_json: bool,
) -> None:
    """List the models of the catalog, which are downloaded when first used.

    Any other model of Hugging Face can be used by its id, such as org/name or org/name@revision, if
    it is of an architecture that runs here. SIZE is about what is downloaded.
    """
    if ctx.invoked_subcommand:
        return
    if here:
        if task or language or dimension:
            raise click.UsageError("--here goes with --text and --json alone", ctx)
        _print_here(text or "", as_json)
        return
    from embedpipe.hub.catalog import search_models

    found = search_models(task, language, dimension, text)
    if as_json:
        print(json.dumps([_properties(model) for model in found], indent=2))
    else:
        print("\n".join(table([_HEADER, *map(_row, found)])) if found else "no model fits")


@subcommand(run, "show", "all that is known of one model", "embedpipe models show bert_base_cased")
@argument(
    "name",
    metavar="NAME",
    shell_complete=completed_model,
    help="a model's name, a name in one line, or NAME@VERSION",
)
@json_option
def run_show(name: str, as_json: bool) -> None:
    """Show what the catalog says of a model, and where it lies on this machine."""
    from embedpipe.hub.catalog import catalog, show

    model = show(name)
    further = catalog().further_names(model.name)
    if as_json:
        print(json.dumps(_all_properties(model, further), indent=2))
    else:
        print("\n".join(_facts(model, further)))


@subcommand(
    run, "get", "have a model on this machine", "embedpipe models get BAAI/bge-small-en-v1.5"
)
@argument(
    "name",
    metavar="NAME",
    shell_complete=completed_model,
    help="a name in the catalog, or a model's id at Hugging Face, ORG/NAME or ORG/NAME@REVISION",
)
@json_option
def run_get(name: str, as_json: bool) -> None:
    """Download a model unless it is here, to use it later without a network."""
    from embedpipe.hub.keeping import get_model

    _print_kept(get_model(name), as_json)


@subcommand(run, "rm", "remove a model from the cache", "embedpipe models rm bge-small-en-v1.5")
@argument("name", metavar="NAME", help="as embedpipe models --here lists it, in the place cache")
@json_option
def run_rm(name: str, as_json: bool) -> None:
    """Remove a model from embedpipe's cache. What lies anywhere else stays there."""
    from embedpipe.hub.keeping import remove_model

    removed = remove_model(name)
    if as_json:
        print(json.dumps(_kept(removed), indent=2))
    else:
        print(f"removed {removed.name}, {megabytes(removed.size)}")


def _print_here(text: str, as_json: bool) -> None:
    from embedpipe.hub.keeping import models_here

    found = [model for model in models_here() if text.lower() in model.name.lower()]
    if as_json:
        print(json.dumps([_kept(model) for model in found], indent=2))
    elif found:
        rows = [(m.name, m.place, megabytes(m.size), str(m.path)) for m in found]
        print("\n".join(table([_KEPT_HEADER, *rows])))
    else:
        print("no model is here")


def _print_kept(model: KeptModel, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_kept(model), indent=2))
    else:
        print(f"{model.name}: {megabytes(model.size)} in {model.path}")


def _kept(model: KeptModel) -> dict[str, Any]:
    return {**asdict(model), "path": str(model.path)}


def _properties(model: CatalogModel) -> dict[str, Any]:
    """What the table tells, as JSON can hold it; `here` is the folder, or null."""
    from embedpipe.hub.keeping import place_of

    here = place_of(model)
    return {
        "name": model.name,
        "task": model.task,
        "language": model.language,
        "dimension": model.dimension,
        "case_sensitive": model.case_sensitive,
        "architecture": model.architecture,
        "size": model.size,
        "here": None if here is None else str(here),
    }


def _all_properties(model: CatalogModel, further: Iterable[str]) -> dict[str, Any]:
    """All that the catalog says; what it does not say is null."""
    return {**_properties(model), **asdict(model), "names_in_one_line": list(further)}


def _row(model: CatalogModel) -> tuple[str, ...]:
    from embedpipe.hub.keeping import place_of

    return (
        model.name,
        model.task,
        model.language,
        str(model.dimension),
        _case(model),
        model.architecture,
        megabytes(model.size),
        "yes" if place_of(model) is not None else "no",
    )


def _case(model: CatalogModel) -> str:
    return {True: "cased", False: "uncased", None: "unknown"}[model.case_sensitive]


def _facts(model: CatalogModel, further: Iterable[str]) -> Iterator[str]:
    from embedpipe.hub.keeping import place_of

    here = place_of(model)
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
        "size": megabytes(model.size),
        "here": str(here) if here is not None else "no; it is downloaded when first used",
    }
    width = max(map(len, facts))
    yield from (f"{name:<{width}}  {value}" for name, value in facts.items())
    prompts = (model.prompts or {}).items()
    yield from _listed("prompts", (f"{name}: {text!r}" for name, text in prompts))
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
