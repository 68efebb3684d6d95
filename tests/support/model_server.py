"""A web server on loopback that counts what it is asked and misbehaves as it is told."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


@dataclass
class Request:
    """What was asked: method, path with query, and headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Answer:
    """How to answer one request, instead of giving the file as it should be.

    status: another one, without the file. headers: further or other ones. cut: close the connection
    after so many bytes of the body. announce: another Content-Length. stall: seconds of silence
    halfway. pause: seconds between blocks, of which there are 20.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    announce: int | None = None
    stall: float = 0.0
    pause: float = 0.0


class ModelServer:
    """Files by path, the requests that came, and answers to come by path; the last one stays."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []
        self.sent = 0
        self.lock = threading.Lock()
        self.address = ""

    def add(self, path: str, content: bytes) -> str:
        """Serve this, and give its address."""
        self.files[path] = content
        return self.address + path

    def asked(self, path: str) -> list[Request]:
        """The requests for a path, without its query."""
        return [request for request in self.requests if urlsplit(request.path).path == path]

    def next_answer(self, path: str) -> Answer:
        """How to answer now."""
        with self.lock:
            planned = self.answers.get(path, [])
            if not planned:
                return Answer()
            return planned.pop(0) if len(planned) > 1 else planned[0]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model_server: ModelServer

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        self._serve(with_body=False)

    def do_GET(self) -> None:
        self._serve(with_body=True)

    def _serve(self, *, with_body: bool) -> None:
        server = self.model_server
        headers = {key.lower(): value for key, value in self.headers.items()}
        with server.lock:
            server.requests.append(Request(self.command, self.path, headers))
        path = unquote(urlsplit(self.path).path)
        answer = server.next_answer(path)
        content = server.files.get(path)
        if answer.status is not None or content is None:
            self._plain(404 if answer.status is None else answer.status, answer.headers)
            return
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        body, facts = content, {"ETag": tag}
        length = len(body) if answer.announce is None else answer.announce
        facts |= {"Content-Length": str(length), **server.headers.get(path, {}), **answer.headers}
        self.send_response(200)
        for name, value in facts.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self._send(body, answer)

    def _plain(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, body: bytes, answer: Answer) -> None:
        cut = answer.cut is not None and answer.cut < len(body)
        body = body[: answer.cut]
        if answer.announce is not None:
            cut = True
            body = body[: answer.announce]
        half = len(body) // 2
        parts = [body[:half], body[half:]] if answer.stall else [body]
        if answer.pause:
            step = len(body) // 20 + 1
            parts = [body[i : i + step] for i in range(0, len(body), step)]
        try:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(answer.stall or answer.pause)
                with self.model_server.lock:  # first, as the client may look right after
                    self.model_server.sent += len(part)
                self.wfile.write(part)
                self.wfile.flush()
        except ConnectionError:
            cut = True  # the client lost patience, or was ended
        self.close_connection = cut


class _QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what these tests are about."""


@contextmanager
def model_server(make: Callable[[], ModelServer] = ModelServer) -> Iterator[ModelServer]:
    """A server that runs while the context lasts."""
    model = make()
    handler = type("Handler", (_Handler,), {"model_server": model})
    server = _QuietServer(("127.0.0.1", 0), handler)
    model.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
