"""Options of the commands that read records with answers: `evaluate` and `train`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from embedpipe.cli.command import option
from embedpipe.cli.options import Decorator

__all__ = ["columns_option", "data_option", "task_option"]


def data_option(help_text: str) -> Decorator:
    """--data FILE...: which records."""
    return option(
        "--data",
        required=True,
        several=True,
        type=click.Path(),
        metavar="FILE...",
        help=f"{help_text}: CSV, TSV, JSON Lines, JSON, Parquet or Arrow",
    )


def task_option(names: Sequence[str], help_text: str) -> Decorator:
    """--task, one of `names`."""
    return option(
        "--task",
        type=click.Choice(names),
        help=f"{help_text} (default: what the columns' names tell)",
    )


columns_option = option(
    "--columns",
    callback=lambda _, __, text: None if text is None else text.split(","),
    metavar="NAMES",
    section="Input",
    help="what the task's columns are called, in its order, as in first,second,score "
    "(default: the usual names)",
)
