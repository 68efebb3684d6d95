"""Whether bfloat16 is worth its rounding: only where it computes faster than float32.

AMX does, several times. AVX512-BF16 is twice as fast on some processors and half as fast on
others, in ways that lists of models would not keep up with; so it is measured once, and what was
found is kept beside the packed weights, with the processor's name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from embedpipe.engine.processor import processor_name
from embedpipe.environment import isa_name

__all__ = ["Look", "look_at"]

_WORTH_IT = 1.3
"""Times float32. Real ratios are near a half or near two, and a single look may err by a third."""

_FILE = "bfloat16.json"


class Look(NamedTuple):
    """What was found. why: for `embedpipe info`."""

    is_worth_it: bool
    why: str


def look_at(isa: str, permitted: str, has: bool, measure: Callable[[str, str], float]) -> Look:
    """Whether to compute in bfloat16 with an instruction set.

    permitted: the one that the system lets bfloat16 have instead, or the same. has: whether that
    multiplies bfloat16. measure: how many times as fast as float32, by its name and "bfloat16".
    """
    if not has:
        return Look(False, f"{permitted} has no instructions for bfloat16")
    if isa_name() == isa:
        return Look(True, f"bfloat16 by {isa}, as EMBEDPIPE_ISA demands")
    if permitted == "amx":
        return Look(True, "bfloat16 by AMX's tiles")
    refused = "the system refuses AMX's tiles; " if isa != permitted else ""
    ratio = _ratio(permitted, measure)
    is_worth_it = ratio >= _WORTH_IT
    compared = "" if is_worth_it else ", so float32 is computed instead"
    return Look(is_worth_it, f"{refused}bfloat16 by {permitted} is {ratio:.2g} x float32{compared}")


@cache
def _ratio(isa: str, measure: Callable[[str, str], float]) -> float:
    """How many times as fast as float32, as it was found before on this processor, or measured."""
    from embedpipe.output.findings import found_once

    return found_once(
        _FILE,
        {"processor": processor_name(), "isa": isa},
        "ratio",
        find=lambda: round(measure(isa, "bfloat16"), 3),
        is_valid=lambda kept: isinstance(kept, float) and 0 < kept < 1000,
    )
