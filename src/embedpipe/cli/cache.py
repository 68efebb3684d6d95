"""``embedpipe cache``: what the cache takes, and clearing it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from embedpipe.cli.command import group, option, subcommand
from embedpipe.cli.options import json_option
from embedpipe.cli.table import megabytes, table

if TYPE_CHECKING:
    from embedpipe.hub.keeping import CachePart

__all__ = ["run"]

_HEADER = ("WHAT", "FILES", "SIZE", "WHERE")


@group(
    "what the cache takes, and clearing it",
    "embedpipe cache",
    "embedpipe cache clean  # packed weights, and what broken downloads left",
)
@json_option
@click.pass_context
def run(ctx: click.Context, as_json: bool) -> None:
    """Show what the cache holds: downloaded models, packed weights, and leftovers of downloads.

    EMBEDPIPE_CACHE sets another place for it. Hugging Face's own cache is not part of it.
    """
    if ctx.invoked_subcommand:
        return
    from embedpipe.hub.keeping import cache_parts

    _print(cache_parts(), as_json)


@subcommand(run, "clean", "clear the cache", "embedpipe cache clean")
@option("--models", is_flag=True, help="downloaded models too, which are fetched again when used")
@json_option
def run_clean(models: bool, as_json: bool) -> None:
    """Remove packed weights, which are made again when needed, and what broken downloads left.

    Programs that run go on, and downloads that are going on stay.
    """
    from embedpipe.hub.keeping import clean_cache

    removed = clean_cache(models=models)
    if not as_json:
        print(f"removed {megabytes(sum(part.size for part in removed))}:")
    _print(removed, as_json)


def _print(parts: Sequence[CachePart], as_json: bool) -> None:
    if as_json:
        print(json.dumps([{**asdict(part), "path": str(part.path)} for part in parts], indent=2))
        return
    rows = [(part.name, str(part.files), megabytes(part.size), str(part.path)) for part in parts]
    print("\n".join(table([_HEADER, *rows])))
