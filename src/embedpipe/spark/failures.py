"""Errors of executors: what they say on their way to the driver, and what is found there."""

from __future__ import annotations

import re
import socket

from embedpipe import errors
from embedpipe.errors import EmbedpipeError, InputError, place_of

__all__ = ["cause_of", "located"]

_LINE = re.compile(r"^embedpipe\.errors\.(\w+): (.*)", re.MULTILINE | re.DOTALL)
_END = re.compile(r"\n\s*(?:at |Driver stacktrace|JVM stacktrace|SQLSTATE)|\s+SQLSTATE: \w+|\n\n")
_FEWER_ROWS = (
    "Give Python fewer rows at once (spark.sql.execution.arrow.maxRecordsPerBatch), or executors "
    "more memory beside the JVM (spark.executor.memoryOverhead)"
)


def located(error: Exception, doing: str = "") -> EmbedpipeError:
    """The error with partition, host, stage and columns in front; InputError if it is not ours."""
    from pyspark import TaskContext

    context = TaskContext.get()
    parts = [f"partition {context.partitionId()}"] if context else []
    parts.append(f"host {socket.gethostname()}")
    place = place_of(error)
    if place is not None:
        stage, columns = place
        parts.append(f"stage {stage}, reading {' and '.join(map(repr, columns)) or 'no column'}")
    if doing:
        parts.append(doing)
    where = ", ".join(parts)
    if isinstance(error, EmbedpipeError):
        return type(error)(f"{where}: {error}")
    return InputError(f"{where}: {type(error).__name__}: {error}. {_FEWER_ROWS}")


def cause_of(error: BaseException) -> EmbedpipeError | None:
    """The error of ours that Spark's error wraps, as it was raised on an executor; None if none.

    Its message tells partition, stage and columns, what was found and what to do; `remedy` is the
    last of these.

    >>> wrapped = Exception("An exception was thrown from the Python worker:\\n"
    ...     "embedpipe.errors.InputError: partition 3, stage A: row 7 is bad. Drop it")
    >>> cause_of(wrapped)
    InputError('partition 3, stage A: row 7 is bad. Drop it')
    >>> cause_of(wrapped).remedy
    'Drop it'
    """
    if isinstance(error, EmbedpipeError):
        return error
    found = None
    for found in _LINE.finditer(str(error)):  # noqa: B007 - the last one is the cause
        pass
    if found is None:
        return None
    kind = getattr(errors, found[1], None)
    message = _END.split(found[2], maxsplit=1)[0].strip()
    return kind(message) if isinstance(kind, type) and issubclass(kind, EmbedpipeError) else None
