"""What goes to executors by value, since they may lack embedpipe: the function that Spark calls.

Spark pickles functions of installed packages by name. This module's class goes with its code
instead, so that an executor without embedpipe, or with another version of it, can say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["BatchFunction"]


class BatchFunction:
    """An iterator of Arrow record batches to another one, for `mapInArrow`.

    task: the name of a function in `embedpipe.spark.worker`. payload: what that function is told.
    version: of the embedpipe that made the payload.
    """

    def __init__(self, task: str, payload: bytes, version: str) -> None:
        self.task = task
        self.payload = payload
        self.version = version

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """What `task` makes of the batches; RuntimeError where embedpipe is not the driver's."""
        import sys

        where = f"the Python of an executor ({sys.executable})"
        remedy = (
            f"Install the driver's on all executors (pip install embedpipe=={self.version}), or "
            "send an environment that has it along (--archives)"
        )
        try:
            from embedpipe._version import __version__ as found
            from embedpipe.spark import worker
        except ImportError as error:
            raise RuntimeError(f"{where} cannot import embedpipe: {error}. {remedy}") from None
        if found != self.version:
            raise RuntimeError(
                f"{where} has embedpipe {found}, and the driver {self.version}. {remedy}"
            )
        yield from getattr(worker, self.task)(self.payload, batches)
