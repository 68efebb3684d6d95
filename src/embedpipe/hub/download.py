"""Downloads a file through huggingface_hub's HTTP session, with retries and a check.

So proxies and certificates that were set for that session hold here too. Its back-off is not used:
it writes addresses, which may hold secrets, into logs, and waits for as long as a server asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from embedpipe._dependencies import require
from embedpipe.errors import DownloadError
from embedpipe.files.hashes import sha256_of
from embedpipe.hub.disk import writing_into
from embedpipe.hub.retries import (
    TransientError,
    http_errors,
    status_error,
    unanswered,
    with_retries,
)
from embedpipe.progress import Progress

__all__ = ["download_file", "without_secrets"]

_CONNECT_SECONDS = 5.0
_SILENCE_SECONDS = 30.0


def download_file(
    address: str,
    target: Path,
    *,
    sha256: str | None = None,
    check_size: Callable[[int], None] | None = None,
) -> str:
    """Fetch `address` to `target`, whose folder exists, and return its SHA-256.

    A download that breaks off begins anew. check_size: called with the number of bytes, if the
    server tells it, before anything is written. A bar is drawn if standard error is a terminal.

    Raises DownloadError that says why the file cannot be had, OutputError if it cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    with writing_into(target.parent):
        try:
            with_retries(lambda: _attempt(address, part, check_size), without_secrets(address))
            found = sha256_of(part)
            if sha256 not in (None, found):
                raise DownloadError(
                    f"{without_secrets(address)}: the file has SHA-256 {found}; expected {sha256}. "
                    "It was damaged or replaced"
                )
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return found


def without_secrets(address: str) -> str:
    """An address as errors and records may hold it: without user, password and query."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _attempt(address: str, part: Path, check_size: Callable[[int], None] | None) -> None:
    """Fetch the file once; TransientError for a failure that may pass."""
    with _response(address) as response:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        if total is not None and check_size is not None:
            check_size(total)
        bar = Progress(total, unit="bytes", label=Path(urlsplit(address).path).name)
        with part.open("wb") as file, bar:
            for block in response.iter_raw():
                bar.advance(file.write(block))
    if total not in (None, bar.done):
        raise TransientError(f"{bar.done} bytes came; {total} were announced")


@contextmanager
def _response(address: str) -> Iterator[Any]:
    """The response to a GET, with its body not yet read; errors of the library become ours."""
    hub = require("huggingface_hub", "downloading a model")
    parts = urlsplit(address)
    options: dict[str, Any] = {}
    if parts.username is not None:  # kept out of the address, which libraries write into logs
        options["auth"] = (unquote(parts.username), unquote(parts.password or ""))
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    timeout = (_CONNECT_SECONDS, _SILENCE_SECONDS, _SILENCE_SECONDS, _SILENCE_SECONDS)
    try:
        with hub.get_session().stream(
            "GET",
            urlunsplit(parts),
            follow_redirects=True,
            timeout=timeout,
            headers={"Accept-Encoding": "identity"},  # as it lies there, as SHA-256 and length are
            **options,
        ) as response:
            _check_answer(response, address)
            yield response
    except http_errors("TransportError") as error:
        raise unanswered(error) from error
    except http_errors("HTTPError", "InvalidURL") as error:
        raise DownloadError(
            f"{without_secrets(address)}: {type(error).__name__}: {error}"
        ) from error


def _check_answer(response: Any, address: str) -> None:
    """Raise an error unless the response has the file."""
    status = response.status_code
    if address.startswith("https:") and response.url.scheme != "https":
        raise DownloadError(
            f"{without_secrets(address)}: leads on to {without_secrets(str(response.url))}, "
            "without encryption; refused"
        )
    transient = status_error(status, response.headers)
    if transient is not None:
        raise transient
    if status != 200:
        reason = ", no such file" if status in (404, 410) else ""
        raise DownloadError(f"{without_secrets(address)}: the server answers {status}{reason}")
