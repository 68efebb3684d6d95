"""Errors of executors: what they say on the way to the driver, and what is found there."""

from __future__ import annotations

import socket
from typing import TypeVar

from embedpipe.errors import EmbedpipeError

__all__ = ["located"]

E = TypeVar("E", bound=EmbedpipeError)


def located(error: E) -> E:
    """The error with the partition in front of its message."""
    from pyspark import TaskContext

    context = TaskContext.get()
    where = f"partition {context.partitionId()}, " if context else ""
    return type(error)(f"{where}host {socket.gethostname()}: {error}")
