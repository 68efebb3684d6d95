"""One file over HTTP: resumed where it broke off, tried again, checked, and whole or not there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from embedpipe._dependencies import http_client
from embedpipe.errors import DownloadError
from embedpipe.files.hashes import sha256_of
from embedpipe.hub.transfer import (
    TRANSIENT_STATUS,
    TransientError,
    patiently,
    retry_after,
    shown,
    unanswered,
    write_failure,
)
from embedpipe.progress import Progress

__all__ = ["MissingFileError", "download_file", "read_small_file"]

_CheckSize = Callable[[int, int], None]

_CONNECT_SECONDS = 5.0
_SILENCE_SECONDS = 30.0
_LARGEST_SMALL_FILE = 16 * 2**20
_CONTENT_RANGE = re.compile(r"bytes (?:([0-9]+)-[0-9]+|\*)/([0-9]+)")


class MissingFileError(DownloadError):
    """The server says that there is no such file."""


@dataclass(frozen=True)
class _Partial:
    """A file on its way, and beside it what the server said of it when it began."""

    path: Path

    @property
    def _facts(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self, address: str) -> str | None:
        """What to send as If-Range, if this is the beginning of what lies at the address."""
        try:
            facts = json.loads(self._facts.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # the process ended while it was written
            return None
        known = isinstance(facts, dict) and facts.get("address") == shown(address)
        return facts.get("validator") if known else None

    def restart(self, address: str, validator: str | None) -> None:
        self.path.unlink(missing_ok=True)
        facts = {"address": shown(address), "validator": validator}
        self._facts.write_text(json.dumps(facts), encoding="utf-8")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)


def download_file(
    address: str,
    target: Path,
    *,
    sha256: str | None = None,
    check_size: _CheckSize | None = None,
) -> str:
    """Fetch `address` to `target`, whose folder exists, and return its SHA-256.

    What an earlier process has left is resumed if the server still has the same. check_size is
    called before anything is taken, with the numbers of bytes to come and of the whole file.

    Raises MissingFileError for a file that the server does not have, DownloadError that says why
    it cannot be had, OutputError if it cannot be written.
    """
    partial = _Partial(target.with_name(f"{target.name}.part"))
    with write_failure(target.parent):
        for last in (False, True):
            patiently(lambda: _attempt(address, partial, check_size), shown(address))
            found = sha256_of(partial.path)
            if sha256 in (None, found):
                break
            # What was resumed may have been spoilt before; once from the beginning will tell.
            partial.discard()
            if last:
                raise DownloadError(
                    f"{shown(address)}: the file has SHA-256 {found}; expected {sha256}. "
                    "It was damaged or replaced"
                )
        partial.path.replace(target)
        partial.discard()
    return found


def read_small_file(address: str) -> bytes:
    """The contents of a file of settings, at most 16 MiB. Raises as `download_file` does."""
    return patiently(lambda: _read_small(address), shown(address))


def _read_small(address: str) -> bytes:
    data = bytearray()
    with _requested(address, {}) as response:
        for block in response.iter_raw():
            data += block
            if len(data) > _LARGEST_SMALL_FILE:
                raise DownloadError(f"{shown(address)}: larger than {_LARGEST_SMALL_FILE} bytes")
    return bytes(data)


def _attempt(address: str, partial: _Partial, check_size: _CheckSize | None) -> None:
    """Fetch what is missing of the file; TransientError if that did not succeed this time."""
    before, validator = partial.size(), partial.validator(address)
    headers = {}
    if before and validator is not None:
        headers = {"Range": f"bytes={before}-", "If-Range": validator}
    try:
        with _requested(address, headers) as response:
            total = _take(response, address, partial, check_size)
    except TransientError as failure:
        failure.progress = partial.size() > before
        raise
    size = partial.size()
    if total is not None and size != total:  # a server may send less of a range than was asked for
        if size > total:
            partial.discard()
        raise TransientError(
            f"{size} bytes came; {total} were announced", progress=before < size < total
        )


def _take(
    response: Any, address: str, partial: _Partial, check_size: _CheckSize | None
) -> int | None:
    """Append what the server sends, and return the size of the whole file, None if it is unsaid."""
    have = partial.size()
    if response.status_code == 200:
        have, total = 0, _number(response.headers.get("Content-Length"))
        partial.restart(address, _validator(response.headers))
    else:
        begin, total = _range(response)
        if response.status_code == 416 and total == have:
            return total  # it was complete already
        if begin != have:
            partial.discard()
            raise TransientError("the server sends another part than was asked for; begun again")
    if total is not None and check_size is not None:
        check_size(total - have, total)
    label = Path(urlsplit(address).path).name
    bar = Progress(total, unit="bytes", label=label)
    with partial.path.open("ab") as file, bar:
        for block in response.iter_raw():
            bar.advance(file.write(block))
    return total


@contextmanager
def _requested(address: str, headers: Mapping[str, str]) -> Iterator[Any]:
    """The response to a GET, its body still to be read; the library's errors become ours."""
    http = http_client()
    parts = urlsplit(address)
    auth = None
    if parts.username is not None:  # kept out of the address, which libraries write into logs
        auth = (unquote(parts.username), unquote(parts.password or ""))
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    client = http.Client(
        auth=auth,
        follow_redirects=True,
        timeout=http.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
        # As it lies there: ranges and lengths count the file's own bytes.
        headers={"Accept-Encoding": "identity", **headers},
    )
    try:
        with client, client.stream("GET", urlunsplit(parts)) as response:
            _check_status(response, address, partial=bool(headers))
            yield response
    except http.TransportError as error:
        raise unanswered(error) from error
    except (http.HTTPError, http.InvalidURL) as error:
        raise DownloadError(f"{shown(address)}: {type(error).__name__}: {error}") from error


def _check_status(response: Any, address: str, *, partial: bool) -> None:
    """Raise unless the body is the file, or the part of it that was asked for."""
    status = response.status_code
    if address.startswith("https:") and response.url.scheme != "https":
        raise DownloadError(
            f"{shown(address)}: leads on to {shown(str(response.url))}, without encryption; refused"
        )
    if status in TRANSIENT_STATUS:
        raise TransientError(f"the server answers {status}", wait=retry_after(response.headers))
    if status in (404, 410):
        raise MissingFileError(f"{shown(address)}: the server answers {status}, no such file")
    if status != 200 and not (partial and status in (206, 416)):
        raise DownloadError(f"{shown(address)}: the server answers {status}")


def _range(response: Any) -> tuple[int | None, int | None]:
    """Where the part that comes begins, and the size of the whole; None for what is not said."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None:
        return None, None
    return _number(match[1]), int(match[2])


def _validator(headers: Mapping[str, str]) -> str | None:
    """What tells whether the file has changed: a strong ETag, else the date."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
