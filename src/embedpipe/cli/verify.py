"""``embedpipe verify``: whether a model gives its published values, and with which settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from embedpipe.cli.command import argument, command, option
from embedpipe.cli.options import completed_model, json_option
from embedpipe.cli.table import table

if TYPE_CHECKING:
    from embedpipe.verification import Combination, Verification

__all__ = ["format_verification", "run"]

_HEADER = ("POOLING", "ACTIVATION", "CASE", "DIFFERENCE", "TOLERANCE", "FITS")


@command(
    "compare a model with its published values",
    "embedpipe verify small_bert_L2_128",
)
@argument(
    "model",
    metavar="NAME|FOLDER",
    shell_complete=completed_model,
    help="a model of the catalog, or its folder",
)
@option(
    "--record",
    is_flag=True,
    help="also write the outcome into the model's embedpipe.json",
)
@json_option
def run(model: str, record: bool, as_json: bool) -> None:
    """Compare a model with its published values, and say with which settings it fits.

    The sentences or words whose first values are published are computed in each pooling, form of
    GELU and case. The exit code is 0 if the settings in use fit, else 1.
    """
    from embedpipe.verification import verify

    found = verify(model)
    print(json.dumps(report(found), indent=2) if as_json else "\n".join(format_verification(found)))
    if record:
        place = found.record()
        if not as_json:
            print(f"recorded in {place}")
    found.check()


def report(found: Verification) -> dict[str, Any]:
    """What `format_verification` tells, as JSON can hold it."""
    return {
        "combinations": [
            {
                **dict(zip(("pooling", "activation", "case"), tried.settings, strict=True)),
                "difference": tried.difference,
                "tolerance": tried.tolerance,
                "fits": tried.fits,
                "in_use": tried is found.used,
            }
            for tried in found.combinations
        ]
    }


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
