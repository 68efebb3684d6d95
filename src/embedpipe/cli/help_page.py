"""The help page of a command: examples, usage, what it does, arguments, commands and options."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import click

__all__ = ["write"]

_REMARK = "  # "
_WIDEST = 26  # of the names; what is longer has a line of its own


def write(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the page of a command, in colors if `ctx.color` says so."""
    examples: Sequence[str] = getattr(command, "examples", ())
    if examples:
        with _section("Example" if len(examples) == 1 else "Examples", ctx, formatter):
            for line in _aligned(examples):
                call, _, remark = line.partition(_REMARK)
                shown = _styled(f"{_REMARK}{remark}" if remark else "", ctx, dim=True)
                formatter.write(f"  {call}{shown}\n")
    formatter.write_paragraph()
    usage = " ".join(command.collect_usage_pieces(ctx))
    prefix = _styled("Usage:", ctx, bold=True) + " "
    formatter.write_usage(ctx.command_path, usage, prefix=prefix)
    _write_description(command, formatter)
    tables = {"Arguments": _arguments(command, ctx)}
    if isinstance(command, click.Group):
        tables["Commands"] = _commands(command, ctx)
    tables |= _options(command, ctx)
    width = max(len(name) for rows in tables.values() for name, _ in rows)
    for title, rows in tables.items():
        _write_table(title, rows, min(width, _WIDEST), ctx, formatter)


def _write_description(command: click.Command, formatter: click.HelpFormatter) -> None:
    """Paragraphs are filled, but for those with indented lines."""
    for text in filter(None, inspect.cleandoc(command.help or "").split("\n\n")):
        formatter.write_paragraph()
        if any(line.startswith(" ") for line in text.split("\n")):
            formatter.write(f"{text}\n")
        else:
            formatter.write("\n".join(_filled(text, formatter.width)) + "\n")


def _arguments(command: click.Command, ctx: click.Context) -> list[tuple[str, str]]:
    found = [p for p in command.get_params(ctx) if isinstance(p, click.Argument)]
    rows = [(p.human_readable_name, getattr(p, "text", "")) for p in found]
    return [row for row in rows if row[1]]


def _commands(group: click.Group, ctx: click.Context) -> list[tuple[str, str]]:
    found = ((name, group.get_command(ctx, name)) for name in group.list_commands(ctx))
    return [(name, c.get_short_help_str(200)) for name, c in found if c and not c.hidden]


def _options(command: click.Command, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Rows by section, in the order in which they are declared."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if isinstance(parameter, click.Option) and record:
            sections.setdefault(getattr(parameter, "section", "Options"), []).append(record)
    return sections


def _write_table(
    title: str,
    rows: Sequence[tuple[str, str]],
    width: int,
    ctx: click.Context,
    formatter: click.HelpFormatter,
) -> None:
    """Names and texts in two columns; a name that is too long has a line of its own."""
    if not rows:
        return
    margin = " " * (width + 4)
    with _section(title, ctx, formatter):
        for name, text in rows:
            first, *others = _filled(text, formatter.width - len(margin)) or [""]
            shown = _styled(f"{name:<{width}}", ctx, fg="cyan")
            lines = (
                [f"  {shown}  {first}"] if len(name) <= width else [f"  {shown}", margin + first]
            )
            lines += [margin + line for line in others]
            formatter.write("".join(f"{line.rstrip()}\n" for line in lines))


def _filled(text: str, width: int) -> list[str]:
    """Lines at most so long; names with hyphens stay whole."""
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False, break_long_words=False)


def _section(title: str, ctx: click.Context, formatter: click.HelpFormatter) -> Any:
    return formatter.section(_styled(title, ctx, bold=True))


def _aligned(examples: Iterable[str]) -> list[str]:
    """The lines with their remarks below each other."""
    parts = [example.partition(_REMARK) for example in examples]
    width = max(len(call) for call, *_ in parts)
    return [f"{call:<{width}}{mark}{remark}".rstrip() for call, mark, remark in parts]


def _styled(text: str, ctx: click.Context, **style: Any) -> str:
    return click.style(text, **style) if ctx.color and text else text
