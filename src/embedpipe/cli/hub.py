"""``embedpipe hub``: the catalog as a static site."""

from __future__ import annotations

import click

from embedpipe.cli.command import group, option, subcommand
from embedpipe.cli.options import overwrite_option

__all__ = ["run"]


@group("pages to find models by, and a page for each", "embedpipe hub build -o hub")
@click.pass_context
def run(ctx: click.Context) -> None:
    """The catalog as a static site; `embedpipe serve` has it at /hub/."""
    if not ctx.invoked_subcommand:
        click.echo(ctx.get_help())


@subcommand(run, "build", "write the pages into a folder", "embedpipe hub build -o hub")
@option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="DIR",
    required=True,
    help="the folder to make; it appears whole or not at all",
)
@option("--demo", metavar="URL", help="of an `embedpipe serve` that the pages lead to")
@overwrite_option
def build(output: str, demo: str | None, overwrite: bool) -> None:
    """Write a page that finds models, and one per model with code, results and sources."""
    from embedpipe.site import build_hub

    count = build_hub(output, demo=demo, overwrite=overwrite)
    print(f"{count} models: {output}/index.html")
