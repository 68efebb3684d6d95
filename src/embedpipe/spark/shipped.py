"""What goes to executors by value, since they may lack embedpipe: the function that Spark calls.

Spark pickles functions of installed packages by name. This module's classes go with their code
instead, so that an executor without embedpipe, or with another version of it, can say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["BatchFunction", "ColumnFunction"]


def _worker(module: str, version: str) -> Any:
    """A module of `embedpipe.spark`; RuntimeError where embedpipe is not the driver's."""
    import importlib
    import sys

    where = f"the Python of an executor ({sys.executable})"
    remedy = (
        f"Install the driver's on all executors (pip install embedpipe=={version}), or send an "
        "environment that has it along (--archives)"
    )
    try:
        found = importlib.import_module("embedpipe._version").__version__
        worker = importlib.import_module(f"embedpipe.spark.{module}")
    except ImportError as error:
        raise RuntimeError(f"{where} cannot import embedpipe: {error}. {remedy}") from None
    if found != version:
        raise RuntimeError(f"{where} has embedpipe {found}, and the driver has {version}. {remedy}")
    return worker


class BatchFunction:
    """An iterator of Arrow record batches to another one, for `mapInArrow`.

    payload: what `embedpipe.spark.worker.run` is told. version: of the embedpipe that made it.
    """

    def __init__(self, payload: bytes, version: str) -> None:
        self.payload = payload
        self.version = version

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """What the stages make of the batches."""
        yield from _worker("worker", self.version).run(self.payload, batches)


class ColumnFunction:
    """Two Arrow arrays to one: an SQL function, by its name in `embedpipe.spark.functions`."""

    def __init__(self, name: str, payload: bytes, version: str) -> None:
        self.name = name
        self.payload = payload
        self.version = version

    def __call__(self, first: Any, second: Any) -> Any:
        """What the function makes of one batch of rows."""
        worker = _worker("worker_functions", self.version)
        return worker.run(self.name, self.payload, first, second)
