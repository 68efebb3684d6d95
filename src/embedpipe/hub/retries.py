"""Retries of requests: which failures, how often, and with which delays."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from embedpipe.errors import DownloadError

__all__ = ["TransientError", "http_errors", "status_error", "unanswered", "with_retries"]

T = TypeVar("T")

_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_ATTEMPTS = 5
# A server that is not there is rarely back within seconds, and each attempt takes long to fail.
_ATTEMPTS_BY_ERROR = {"ConnectError": 3, "ConnectTimeout": 2}
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_ASKED_WAIT = 300.0


class TransientError(Exception):
    """A failure that may pass. wait: seconds until then, if known. attempts: how many to make."""

    def __init__(
        self, reason: str, *, wait: float | None = None, attempts: int = _ATTEMPTS
    ) -> None:
        super().__init__(reason)
        self.wait = wait
        self.attempts = attempts


def with_retries(attempt: Callable[[], T], what: str) -> T:
    """The result of `attempt`, tried again after a TransientError, with longer and longer waits.

    Raises DownloadError, which names `what`, when that has been enough.
    """
    failures = 0
    while True:
        try:
            return attempt()
        except TransientError as failure:
            failures += 1
            if failures >= failure.attempts:
                raise DownloadError(f"{what}: {failure}, {failures} times in a row") from failure
            if failure.wait is not None and failure.wait > _LONGEST_ASKED_WAIT:
                raise DownloadError(
                    f"{what}: {failure}, and asks to wait {failure.wait:.0f} seconds; "
                    "try again after that"
                ) from failure
            # Not all at the same moment, should many machines have been turned away together.
            share = random.uniform(0.5, 1.0)  # noqa: S311
            usual = min(_FIRST_WAIT * 2 ** (failures - 1), _LONGEST_WAIT) * share
            time.sleep(usual if failure.wait is None else failure.wait)


def status_error(status: int, headers: Mapping[str, str]) -> TransientError | None:
    """The TransientError for an HTTP status that may pass, else None."""
    if status not in _TRANSIENT_STATUS:
        return None
    return TransientError(f"the server answers {status}", wait=_retry_after(headers))


def unanswered(error: Exception) -> TransientError:
    """The TransientError for the HTTP library's error about a connection."""
    name = type(error).__name__
    return TransientError(
        f"{name}: {error or 'no answer'}", attempts=_ATTEMPTS_BY_ERROR.get(name, _ATTEMPTS)
    )


def http_errors(*names: str) -> tuple[type[Exception], ...]:
    """Errors by name of the library that huggingface_hub uses: httpx2, below its version 2 httpx.

    One that was raised is loaded, and nothing else in it is needed here.
    """
    libraries = [sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules]
    return tuple(getattr(library, name) for library in libraries for name in names)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as `Retry-After` says in seconds or as a date; None without one."""
    import email.utils

    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    moment = email.utils.parsedate_tz(value) if value else None
    return None if moment is None else max(0.0, email.utils.mktime_tz(moment) - time.time())
