"""What holds for one run of the program, whichever command it is."""

from __future__ import annotations

__all__ = ["Invocation"]


class Invocation:
    """One run of the program. debug: whether errors show where they come from."""

    def __init__(self) -> None:
        self.debug = False
