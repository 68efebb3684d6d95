"""The program: commands by name, each imported when it is asked for, and how errors are told."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

import embedpipe
from embedpipe.cli.command import CommandGroup, Option
from embedpipe.cli.installed import installed_command, installed_names
from embedpipe.cli.invocation import Invocation
from embedpipe.cli.streams import has_colors, tell_error

__all__ = ["OWN_COMMANDS", "PROGRAM", "PROGRAM_NAME", "execute"]

PROGRAM_NAME = "embedpipe"
_USAGE = 2  # as other programs have it

OWN_COMMANDS = {
    "embed": "embedpipe.cli.embed",
    "index": "embedpipe.cli.index",
    "search": "embedpipe.cli.search",
    "map": "embedpipe.cli.map",
    "similar": "embedpipe.cli.similar",
    "tokens": "embedpipe.cli.tokens",
    "evaluate": "embedpipe.cli.evaluate",
    "train": "embedpipe.cli.train",
    "serve": "embedpipe.cli.serve",
    "models": "embedpipe.cli.models",
    "cache": "embedpipe.cli.cache",
    "hub": "embedpipe.cli.hub",
    "verify": "embedpipe.cli.verify",
    "card": "embedpipe.cli.card",
    "import": "embedpipe.cli.import_model",
    "bundle": "embedpipe.cli.bundle",
    "info": "embedpipe.cli.info",
    "completion": "embedpipe.cli.completion",
    "help": "embedpipe.cli.help_command",
}
"""Where each command of our own is, in the order in which they are shown; its function is `run`."""


class _Program(CommandGroup):
    """Commands of our own, then those of other distributions, which replace none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, our own first."""
        return [*OWN_COMMANDS, *(name for name in installed_names() if name not in OWN_COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now."""
        if cmd_name not in OWN_COMMANDS:
            return installed_command(cmd_name)
        command: click.Command = import_module(OWN_COMMANDS[cmd_name]).run
        command.name = cmd_name
        return command


def _program() -> _Program:
    def print_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not ctx.resilient_parsing:
            print(f"embedpipe {embedpipe.__version__}")
            ctx.exit()

    version = Option(
        ["-V", "--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=print_version,
        section="General",
        help="show the version",
    )
    return _Program(
        PROGRAM_NAME,
        params=[version],
        help="Embed text with BERT-family models, search it, and see what runs underneath.",
        examples=(
            "embedpipe embed reviews.csv -o reviews.parquet  # a vector for each record",
            'embedpipe search "easy to clean" --in reviews.parquet  # the nearest records',
            "embedpipe models --language en  # the models that have names",
        ),
        no_args_is_help=False,
        invoke_without_command=True,
        callback=_without_command,
    )


def _without_command() -> None:
    """Print the help where no command is given, which is an error."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        ctx.color = has_colors(sys.stderr)
        print(ctx.get_help(), file=sys.stderr)
        ctx.exit(_USAGE)


PROGRAM = _program()


def execute(arguments: Sequence[str], invocation: Invocation) -> None:
    """Carry out a command line. Raises SystemExit(2) after saying what is wrong with it."""
    try:
        with PROGRAM.make_context(
            PROGRAM_NAME, list(arguments), obj=invocation, color=has_colors(sys.stdout)
        ) as ctx:
            PROGRAM.invoke(ctx)
    except click.exceptions.Exit as end:
        if end.exit_code:
            raise SystemExit(end.exit_code) from None
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else PROGRAM_NAME
        tell_error(f"{_message(error)} (see: {path} --help)", invocation)
        raise SystemExit(_USAGE) from None


def _message(error: click.UsageError) -> str:
    """One line, with one suggestion, that continues after a colon."""
    near = getattr(error, "possibilities", None)
    if isinstance(error, click.NoSuchOption):
        text = f"there is no option {error.option_name}"
        return f"{text}; did you mean {near[0]}?" if near else text
    text = " ".join(error.format_message().split()).rstrip(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
