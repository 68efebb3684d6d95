"""Options of the commands that train a model: what comes out, how long it learns, and where."""

from __future__ import annotations

import click

from embedpipe.cli.command import option, positive_number
from embedpipe.cli.options import Decorator, all_of

__all__ = [
    "LEARNING",
    "RUN",
    "device_option",
    "evaluation_options",
    "new_model_options",
    "restart_option",
    "schedule_options",
]

LEARNING, RUN = "Learning", "Run"
"""Sections of the help page."""

restart_option = option(
    "--restart", is_flag=True, section=RUN, help="throw away the state of an unfinished run"
)


def new_model_options(*, development: str) -> Decorator:
    """--output, and --dev, of which `development` tells."""
    return all_of(
        option(
            "-o", "--output", required=True, type=click.Path(), metavar="DIR", help="the new model"
        ),
        option("--dev", "development", type=click.Path(), metavar="FILE", help=development),
    )


def schedule_options(*, unit: str, batch: int, rate: str) -> Decorator:
    """--epochs, --steps, --batch and --learning-rate.

    unit: what is learned from, one of them. rate: the help page's words on the default.
    """
    return all_of(
        option(
            "--epochs",
            type=positive_number,
            default=3,
            metavar="N",
            section=LEARNING,
            help=f"how often each {unit} is seen (default: 3)",
        ),
        option(
            "--steps",
            type=positive_number,
            metavar="N",
            section=LEARNING,
            help="how many batches, in place of --epochs",
        ),
        option(
            "--batch",
            type=positive_number,
            default=batch,
            metavar="N",
            section=LEARNING,
            help=f"{unit}s in a batch (default: {batch})",
        ),
        option(
            "--learning-rate",
            type=float,
            section=LEARNING,
            help=f"the highest (default: {rate})",
        ),
    )


def evaluation_options(*, evaluations: int, taken: str) -> Decorator:
    """--seed, --evaluations and --patience. taken: what is taken that often."""
    return all_of(
        option("--seed", type=int, default=0, section=LEARNING, help="of all chance (default: 0)"),
        option(
            "--evaluations",
            type=positive_number,
            default=evaluations,
            metavar="N",
            section=LEARNING,
            help=f"how often {taken} is taken (default: {evaluations})",
        ),
        option(
            "--patience",
            type=positive_number,
            metavar="N",
            section=LEARNING,
            help="stop after N of these without a better one (default: never)",
        ),
    )


def device_option(who: str) -> Decorator:
    """--device, where `who` learns."""
    return option(
        "--device",
        type=click.Choice(("auto", "cpu", "cuda")),
        default="auto",
        section=RUN,
        help=f"where {who} learns (default: auto, a GPU where there is one)",
    )
