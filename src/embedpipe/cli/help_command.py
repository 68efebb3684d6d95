"""``embedpipe help``: the help page of a command, as its --help."""

from __future__ import annotations

import click

from embedpipe.cli.command import argument, command

__all__ = ["run"]


@command("show the help of a command", "embedpipe help embed")
@argument("names", nargs=-1, metavar="COMMAND", help="a command's name, as in `models show`")
@click.pass_context
def run(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command, or of the program where none is named."""
    of = ctx.find_root()
    for name in names:
        group = of.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{of.command_path!r} has no commands", of)
        _, found, _ = group.resolve_command(of, [name])
        assert found is not None  # noqa: S101 - resolve_command raises otherwise
        of = click.Context(found, parent=of, info_name=name, color=of.color)
    print(of.get_help())
