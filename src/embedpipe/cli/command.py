"""Commands as this program declares them: click's, with help that begins with an example.

A command is a function that click calls with what was parsed::

    @command("count the records of a file", "embedpipe count reviews.csv")
    @argument("path", metavar="FILE", help="the file to read")
    @option("--json", "as_json", is_flag=True, help="as one JSON object")
    def run(path: str, as_json: bool) -> None:
        \"\"\"Count them.\"\"\"

This module imports nothing but click, as every start of the program imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import click

from embedpipe.cli import help_page
from embedpipe.cli.invocation import Invocation

__all__ = [
    "Command",
    "CommandGroup",
    "argument",
    "command",
    "group",
    "option",
    "positive_number",
    "subcommand",
]

Decorator = Callable[[Any], Any]

_CONTEXT = {"max_content_width": 100, "help_option_names": []}
_GENERAL = "General"


class Option(click.Option):
    """An option, with the section of the help page that it stands in.

    several: it takes every value up to the next option, as in `--against a b`.
    """

    def __init__(
        self, *args: Any, section: str = "Options", several: bool = False, **attributes: Any
    ) -> None:
        attributes.setdefault("multiple", several)
        super().__init__(*args, **attributes)
        self.section = section
        self.several = several


class Argument(click.Argument):
    """An argument with a text for the help page."""

    def __init__(self, *args: Any, help: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.text = help


class _Documented(click.Command):
    """What commands and groups of them share: examples, help, and options that are given once."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        attributes["params"] = [*(attributes.get("params") or ()), *_general_options()]
        attributes["context_settings"] = _CONTEXT
        super().__init__(*args, **attributes)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does; an option whose last value would win is an error if given twice."""
        args = self._with_names_repeated(ctx, args)
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for number, parameter in enumerate(order):
            if parameter in order[:number] and _keeps_last(parameter):
                name = max(parameter.opts, key=len)
                raise click.UsageError(f"{name} is given twice; expected it once", ctx)
        return super().parse_args(ctx, args)

    def _with_names_repeated(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`--against a b` as `--against a --against b`, which click understands."""
        options = [p for p in self.get_params(ctx) if isinstance(p, Option) and p.several]
        names = {name for option in options for name in option.opts}
        repeated: list[str] = []
        name = None
        for place, word in enumerate(args):
            if word == "--":
                return [*repeated, *args[place:]]
            if word.startswith("-"):
                name = word if word in names else None
            elif name is not None and repeated[-1] != name:
                repeated.append(name)
            repeated.append(word)
        return repeated

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The page of `help_page`."""
        help_page.write(self, ctx, formatter)


class Command(_Documented):
    """One command."""


class CommandGroup(_Documented, click.Group):
    """A command that has commands; one that does not exist is told with the nearest name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, which knows no suggestions for commands that are loaded when asked for."""
        name = args[0]
        if ctx.resilient_parsing or name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        message = f"there is no command {name!r}"
        if near := get_close_matches(name, self.list_commands(ctx), 1):
            message += f"; did you mean {near[0]!r}?"
        raise click.UsageError(message, ctx)


def positive_number(text: str | int) -> int:
    """An integer of at least 1, as the type of an option."""
    given = str(text)
    if not (given.isascii() and given.isdigit() and int(given)):
        raise click.BadParameter(f"found {given!r}; expected a number of at least 1")
    return int(given)


def command(summary: str, *examples: str, **attributes: Any) -> Callable[[Any], Command]:
    """Make a function a command; its docstring is the description on the help page.

    summary: a line for the list of commands. examples: command lines that begin the page, at least
    one, of which what follows two spaces and # is a remark.
    """
    return click.command(cls=Command, short_help=summary, examples=examples, **attributes)


def group(summary: str, *examples: str, **attributes: Any) -> Callable[[Any], CommandGroup]:
    """Make a function a command that does something by itself and has commands besides."""
    return click.group(
        cls=CommandGroup,
        short_help=summary,
        examples=examples,
        invoke_without_command=True,
        **attributes,
    )


def subcommand(parent: CommandGroup, name: str, summary: str, *examples: str) -> Decorator:
    """Make a function a command of a group, as `command` does otherwise."""

    def add(function: Callable[..., Any]) -> Command:
        made = command(summary, *examples)(function)
        parent.add_command(made, name)
        made.name = name
        return made

    return add


def option(*names: str, **attributes: Any) -> Decorator:
    """click's option, with `section` and `several` of Option."""
    return click.option(*names, cls=Option, **attributes)


def argument(name: str, **attributes: Any) -> Decorator:
    """click's argument, with `help`."""
    return click.argument(name, cls=Argument, **attributes)


def _keeps_last(parameter: click.Parameter) -> bool:
    """Whether the last of several values replaces the others, not as with two equal flags."""
    return isinstance(parameter, click.Option) and not (
        parameter.multiple or (parameter.is_flag and not parameter.secondary_opts)
    )


def _general_options() -> list[click.Parameter]:
    def print_help(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not ctx.resilient_parsing:
            print(ctx.get_help())
            ctx.exit()

    def set_debug(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked:
            ctx.ensure_object(Invocation).debug = True

    always: dict[str, Any] = {
        "is_flag": True,
        "is_eager": True,
        "expose_value": False,
        "section": _GENERAL,
    }
    return [
        Option(["--debug"], callback=set_debug, help="show where an error comes from", **always),
        Option(["-h", "--help"], callback=print_help, help="show this page", **always),
    ]
