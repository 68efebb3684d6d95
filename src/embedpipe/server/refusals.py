"""Why a request is refused, and how each API says so: status and body are data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

__all__ = ["API", "Kind", "Refusal", "Style", "api_of"]

API = Literal["openai", "tei", "own"]
Kind = Literal[
    "invalid",  # not as the API describes it
    "empty",  # no text where one is needed
    "too_long",  # more pieces than the model reads, and not to be cut
    "too_many",  # texts
    "too_large",  # bytes
    "unauthorized",
    "unknown_model",
    "unknown_path",
    "method",
    "media_type",
    "slow",  # the body did not come in time
    "overloaded",
    "gone",  # the client hung up: nobody reads this
    "internal",
]


class Style(NamedTuple):
    """What one API answers: the status, and the name that it has for this kind of error."""

    status: int
    name: str


_OPENAI: Mapping[Kind, Style] = {
    "invalid": Style(400, "invalid_request_error"),
    "empty": Style(400, "invalid_request_error"),
    "too_long": Style(400, "invalid_request_error"),
    "too_many": Style(400, "invalid_request_error"),
    "too_large": Style(413, "invalid_request_error"),
    "unauthorized": Style(401, "authentication_error"),
    "unknown_model": Style(404, "invalid_request_error"),
    "unknown_path": Style(404, "invalid_request_error"),
    "method": Style(405, "invalid_request_error"),
    "media_type": Style(415, "invalid_request_error"),
    "slow": Style(408, "invalid_request_error"),
    "overloaded": Style(429, "rate_limit_error"),
    "gone": Style(499, "server_error"),
    "internal": Style(500, "server_error"),
}
_TEI: Mapping[Kind, Style] = {
    "invalid": Style(422, "Validation"),
    "empty": Style(400, "Empty"),
    "too_long": Style(413, "Validation"),
    "too_many": Style(413, "Validation"),
    "too_large": Style(413, "Validation"),
    "unauthorized": Style(401, "Unauthorized"),
    "unknown_model": Style(404, "Validation"),
    "unknown_path": Style(404, "Validation"),
    "method": Style(405, "Validation"),
    "media_type": Style(415, "Validation"),
    "slow": Style(408, "Validation"),
    "overloaded": Style(429, "Overloaded"),
    "gone": Style(499, "Backend"),
    "internal": Style(424, "Backend"),
}
_OWN: Mapping[Kind, Style] = {
    kind: Style(style.status, kind) for kind, style in _OPENAI.items()
} | {
    "invalid": Style(422, "invalid"),
    "empty": Style(422, "empty"),
    "too_long": Style(422, "too_long"),
    "too_many": Style(422, "too_many"),
}
_STYLES: Mapping[API, Mapping[Kind, Style]] = {"openai": _OPENAI, "tei": _TEI, "own": _OWN}

_TEI_PATHS = {
    "/decode",
    "/embed",
    "/embed_all",
    "/health",
    "/info",
    "/metrics",
    "/similarity",
    "/tokenize",
}


class Refusal(Exception):  # noqa: N818  # it is an answer, not a fault of ours
    """A request that is answered with an error.

    message: names the thing, what was found, what was expected and the remedy. field: of the body
    or the headers. code: a word that OpenAI's clients compare. retry_after: in seconds.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        field: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field
        self.code = code
        self.retry_after = retry_after

    def status(self, api: API) -> int:
        """The HTTP status that this API answers with."""
        return _STYLES[api][self.kind].status

    def body(self, api: API) -> dict[str, Any]:
        """The body that this API answers with."""
        name = _STYLES[api][self.kind].name
        if api == "openai":
            error = {"message": self.message, "type": name, "param": self.field, "code": self.code}
            return {"error": error}
        if api == "tei":
            return {"error": self.message, "error_type": name}
        return {"error": self.message, "error_type": name, "field": self.field}

    def headers(self) -> dict[str, str]:
        """What goes beside the body."""
        headers = {}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        if self.kind == "unauthorized":
            headers["www-authenticate"] = "Bearer"
        return headers


def api_of(path: str) -> API:
    """Whose paths these are, so that errors come in the form that its clients read.

    >>> api_of("/v1/embeddings"), api_of("/embed"), api_of("/pipelines/reviews")
    ('openai', 'tei', 'own')
    """
    if path.startswith("/v1/"):
        return "openai"
    return "tei" if path in _TEI_PATHS else "own"
