"""Connections that are slow, silent, half closed or given up, on a real socket."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import uvicorn

from embedpipe.server import Hosted, Limits, ServerSettings, create_app, protocol
from tests.server.conftest import waiting_pieces

Address = tuple[str, int]


@pytest.fixture
def listening(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """A server in this process that waits for little."""
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 1.0)
    settings = ServerSettings(Limits(body_seconds=1.0))
    config = uvicorn.Config(
        create_app(hosted, settings), http=protocol.PatientProtocol, log_config=None, ws="none"
    )
    server = uvicorn.Server(config)
    with closing(socket.create_server(("127.0.0.1", 0))) as bound:
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        until(lambda: server.started)
        yield bound.getsockname()
        server.should_exit = True
        thread.join()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def head(length: int, path: str = "/embed") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
        f"content-length: {length}\r\n\r\n"
    ).encode()


def answer_of(connection: socket.socket) -> bytes:
    """All that comes until the other side closes, or nothing more does."""
    connection.settimeout(20)
    found = b""
    while b"\r\n\r\n" not in found and (part := connection.recv(65536)):
        found += part
    return found


def test_a_body_that_does_not_come_in_time_is_refused(listening: Address) -> None:
    with socket.create_connection(listening) as slow:
        slow.sendall(head(100) + b'{"inputs"')
        assert answer_of(slow).startswith(b"HTTP/1.1 408 ")


def test_a_head_that_does_not_come_in_time_is_given_up(listening: Address) -> None:
    with socket.create_connection(listening) as silent, socket.create_connection(listening) as slow:
        slow.sendall(b"POST /embed HTTP/1.1\r\nhost: te")
        assert answer_of(silent) == b""
        assert answer_of(slow) == b""


def test_many_idle_connections_leave_others_served(listening: Address) -> None:
    idle = [socket.create_connection(listening) for _ in range(300)]
    body = json.dumps({"inputs": "a text"}).encode()
    with socket.create_connection(listening) as served:
        served.sendall(head(len(body)) + body)
        assert answer_of(served).startswith(b"HTTP/1.1 200 ")
    for connection in idle:
        connection.close()


def test_what_a_client_gave_up_is_not_computed(listening: Address) -> None:
    large = json.dumps({"inputs": ["word " * 500] * 5000, "truncate": True}).encode()
    gone = socket.create_connection(listening)
    gone.sendall(head(len(large)) + large)
    until(lambda: waiting_pieces(metrics(listening).decode()) > 1000)
    gone.close()
    until(lambda: waiting_pieces(metrics(listening).decode()) == 0)
    assert b'route="/embed",status="499"' in metrics(listening)


def test_a_half_closed_connection_is_answered_or_closed(listening: Address) -> None:
    body = json.dumps({"inputs": "a text"}).encode()
    with socket.create_connection(listening) as half:
        half.sendall(head(len(body)) + body)
        half.shutdown(socket.SHUT_WR)
        found = answer_of(half)
    assert found == b"" or found.startswith(b"HTTP/1.1 200 ")
    assert b"embedpipe_waiting_pieces" in metrics(listening)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r\n\x00\r\n\r\n",
        b"POST /embed HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_or_closed(listening: Address, request_bytes: bytes) -> None:
    with socket.create_connection(listening) as odd:
        odd.sendall(request_bytes)
        try:
            found = answer_of(odd)
        except ConnectionResetError:
            found = b""
    assert found == b"" or found.startswith(b"HTTP/1.1 4")
    assert b"embedpipe_waiting_pieces" in metrics(listening)


def metrics(address: Address) -> bytes:
    with socket.create_connection(address) as asking:
        asking.sendall(b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        asking.settimeout(20)
        found = b""
        while part := asking.recv(65536):
            found += part
        return found
