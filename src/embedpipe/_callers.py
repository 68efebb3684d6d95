"""Who called: warnings point at the user's line, not at one of embedpipe's."""

from __future__ import annotations

import sys

__all__ = ["level_of_caller"]


def level_of_caller() -> int:
    """For the calling function, the `stacklevel` of the code that called embedpipe."""
    own = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == own:
        level, frame = level + 1, frame.f_back
    return level
