"""What all downloads share: patience, progress, room on the disk, and what errors may show.

One file over HTTP is in `http_file`, a Hugging Face repository in `repository`.
"""

from __future__ import annotations

import errno
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from embedpipe.errors import DownloadError, EmbedpipeError, OutputError

__all__ = [
    "TransientError",
    "check_room",
    "patiently",
    "retry_after",
    "shown",
    "unanswered",
    "write_failure",
]

T = TypeVar("T")

TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})

_PATIENCE = 5
_MOST_ATTEMPTS = 50
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_ASKED_WAIT = 300.0


@dataclass
class TransientError(Exception):
    """A failure that may pass.

    reason: in words. wait: seconds until it is worth trying again, if known. progress: whether
    something came. cost: how much of the patience it takes; most for a server that is not there.
    """

    reason: str
    wait: float | None = None
    progress: bool = False
    cost: int = 1


def patiently(attempt: Callable[[], T], what: str) -> T:
    """The result of `attempt`, tried again after a TransientError, with longer and longer waits.

    Attempts that bring something are not counted against it, so that a connection that drops often
    gets there. Raises DownloadError when patience ends.
    """
    fruitless = spent = 0
    for _ in range(_MOST_ATTEMPTS):
        try:
            return attempt()
        except TransientError as failure:
            fruitless = 0 if failure.progress else fruitless + 1
            spent = 0 if failure.progress else spent + failure.cost
            if spent >= _PATIENCE:
                raise DownloadError(
                    f"{what}: {failure.reason}, {fruitless} times in a row"
                ) from failure
            _wait(failure, fruitless, what)
            reason = failure.reason
    raise DownloadError(f"{what}: {reason}, after {_MOST_ATTEMPTS} attempts")


def _wait(failure: TransientError, fruitless: int, what: str) -> None:
    if failure.wait is not None and failure.wait > _LONGEST_ASKED_WAIT:
        raise DownloadError(
            f"{what}: {failure.reason}, with the wish to be asked again in {failure.wait:.0f} "
            "seconds; try again then"
        )
    # Not all at the same moment, should many machines have been turned away together.
    usual = min(_FIRST_WAIT * 2 ** max(fruitless - 1, 0), _LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311
    time.sleep(usual if failure.wait is None else failure.wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as `Retry-After` says in seconds or as a date; None without one."""
    import email.utils

    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    moment = email.utils.parsedate_tz(value) if value else None
    return None if moment is None else max(0.0, email.utils.mktime_tz(moment) - time.time())


def unanswered(error: Exception) -> TransientError:
    """What to make of the HTTP library's error about a connection: the slower, the less often."""
    costs = {"ConnectError": 2, "ConnectTimeout": 3}
    name = type(error).__name__
    return TransientError(f"{name}: {error or 'no answer'}", cost=costs.get(name, 1))


def check_room(folder: Path, needed: int, *, variable: str = "EMBEDPIPE_CACHE") -> None:
    """Raise OutputError unless that many bytes are free in `folder`, which `variable` moves."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"the model needs {_megabytes(needed)} in {folder}, and {_megabytes(free)} are free; "
            f"free some space, or set {variable} to a directory on another disk"
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


@contextmanager
def write_failure(folder: Path, *, variable: str = "EMBEDPIPE_CACHE") -> Iterator[None]:
    """Make an OutputError of a refusal to write into `folder`, which `variable` moves."""
    try:
        yield
    except EmbedpipeError:  # some of which are OSErrors as well
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space" if full else "check the folder's permissions"
        raise OutputError(
            f"cannot write to {folder}: {error.strerror or error}; {remedy}, or set "
            f"{variable} to another directory"
        ) from error


def shown(address: str) -> str:
    """An address as errors and records may hold it: without user, password and query."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
