"""What a server is told when it starts: its limits, and who may ask."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits", "ServerSettings"]


@dataclass(frozen=True)
class Limits:
    """What one request may bring, and how much may wait.

    body_bytes: of a body. texts: of a request. waiting_pieces: pieces of text that wait in all;
    then requests are refused with 429 until some are computed. body_seconds: within which a body
    must have come.
    """

    body_bytes: int = 16 * 2**20
    texts: int = 10_000
    waiting_pieces: int = 2_000_000
    body_seconds: float = 30.0


@dataclass(frozen=True)
class ServerSettings:
    """How a server behaves.

    api_key: what clients must send as `Authorization: Bearer ...`, None for none. origins: whose
    pages may ask, by CORS; none unless named. truncate: whether `/embed` cuts texts that are too
    long where the request does not say. any_dimensions: whether requests may have vectors cut of
    models that do not say that these may be.
    """

    limits: Limits = Limits()
    api_key: str | None = None
    origins: tuple[str, ...] = ()
    truncate: bool = False
    any_dimensions: bool = False

    def __repr__(self) -> str:
        key = None if self.api_key is None else "..."
        return (
            f"ServerSettings(limits={self.limits}, api_key={key}, origins={self.origins}, "
            f"truncate={self.truncate}, any_dimensions={self.any_dimensions})"
        )
