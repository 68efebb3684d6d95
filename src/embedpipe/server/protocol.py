"""HTTP connections that are closed when nothing comes: a head must come within some seconds."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["PatientProtocol"]

_HEAD_SECONDS = 20.0


class PatientProtocol(HttpToolsProtocol):
    """Uvicorn's, which waits forever for the head of a connection's first request; this does not.

    Later requests of a connection, and bodies, have limits elsewhere.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def on_headers_complete(self) -> None:
        """Stop waiting."""
        self._head_timer.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._head_timer.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        self.transport.close()
