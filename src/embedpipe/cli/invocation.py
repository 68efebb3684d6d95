"""What holds for one run of the program, whichever command it is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Invocation"]


@dataclass
class Invocation:
    """One run of the program. debug: whether errors show where they come from."""

    debug: bool = False
