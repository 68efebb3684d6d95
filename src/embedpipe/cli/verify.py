"""``embedpipe verify``: whether a model gives its published values, and with which settings."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from embedpipe.cli.table import table

if TYPE_CHECKING:
    from embedpipe.verification import Combination, Verification

__all__ = ["add_parser", "format_verification"]

_HEADER = ("POOLING", "ACTIVATION", "CASE", "DIFFERENCE", "TOLERANCE", "FITS")


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "verify",
        help="compare a model with its published values",
        description="Compute the sentences or words whose first values are published for a model, "
        "in each pooling, form of GELU and case, and say which fits. The exit code is 0 if the "
        "settings in use fit, else 1.",
    )
    parser.add_argument(
        "model", metavar="NAME|FOLDER", help="a model of the catalog, or its folder"
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="also write the outcome into the model's embedpipe.json",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command, print what was found, and raise if it does not fit."""
    from embedpipe.verification import verify

    found = verify(args.model)
    print("\n".join(format_verification(found)))
    if args.record:
        print(f"recorded in {found.record()}")
    found.check()


def format_verification(found: Verification) -> Iterator[str]:
    """The table, and what the tolerance is."""
    from embedpipe.verification import FLOAT32_TOLERANCE

    yield from table([_HEADER, *(_row(c, found.used) for c in found.combinations)])
    yield (
        "difference: of the value farthest away; tolerance: half a unit of its last published "
        f"digit, and {FLOAT32_TOLERANCE:g} for float32"
    )


def _row(combination: Combination, used: Combination) -> tuple[str, ...]:
    return (
        *combination.settings,
        f"{combination.difference:.2e}",
        f"{combination.tolerance:.2e}",
        ("yes" if combination.fits else "no") + (", in use" if combination is used else ""),
    )
