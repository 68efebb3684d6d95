"""Treats a server as badly as a network can, and watches that others are served meanwhile.

    python -m tests.fuzz.server                  10,000 requests, 5,000 idle connections, and more

Beside requests drawn from the description (`described_api`): bodies of 100 MB, senders of one byte
a second, half-closed and idle connections, JSON that is nested, NaN or no text. A well-behaved
client asks all the time: it must be answered rightly, within SECONDS. The server's memory may grow
by MEGABYTES at most. It ends with 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from embedpipe import Encoder
from embedpipe.annotator import BertSentenceEmbeddings
from embedpipe.base import DocumentAssembler, Pipeline
from embedpipe_bench.machine import memory_of
from tests.fuzz.described_api import ask_described, ask_with_damaged_streams
from tests.support.golden_models import load_encoders
from tests.support.serving import served
from tests.support.testdata import testdata_folder

SECONDS = 10.0
"""Within which a well-behaved client is answered, on a machine that others use, too."""

MEGABYTES = 400.0
"""Bodies of 16 MB are read whole, several at once."""

OPERATIONS = 8
"""That take a body."""
TEXTS = ["The train is late.", "Painkillers help."]
HEAD = "POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"

Address = tuple[str, int]


class Watcher:
    """A client that asks all the time, and the server's memory."""

    def __init__(self, address: str, expected: bytes, process: int) -> None:
        self._address, self._expected, self._process = address, expected, process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.slowest, self.asked, self.wrong = 0.0, 0, ""
        self.begin = self.most = self.resident()

    def resident(self) -> float:
        """10^6 bytes."""
        memory = memory_of(self._process)
        if memory is None:
            raise RuntimeError("the server has ended")
        return memory.resident

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._address, timeout=120) as client:
            while not self._stop.wait(0.05):
                begin = time.monotonic()
                try:
                    answer = client.post("/v1/embeddings", json=_question())
                    if answer.content != self._expected:
                        self.wrong = f"answered {answer.status_code}: {answer.text[:200]}"
                    self.most = max(self.most, self.resident())
                except (httpx.HTTPError, RuntimeError) as error:
                    self.wrong = repr(error)
                self.slowest = max(self.slowest, time.monotonic() - begin)
                self.asked += 1


def _question() -> dict[str, object]:
    return {"input": TEXTS, "encoding_format": "base64"}


def large_bodies(place: Address) -> None:
    """100 MB, with its length said and in parts; it is refused before it has come."""
    for said in (True, False):
        with socket.create_connection(place, timeout=60) as sender:
            length = "content-length: 100000000" if said else "transfer-encoding: chunked"
            sender.sendall(f"{HEAD}{length}\r\n\r\n".encode())
            part = b"x" * 2**20
            try:
                for _ in range(100):
                    sender.sendall(part if said else b"100000\r\n" + part + b"\r\n")
            except OSError:
                continue  # refused and closed
            _expect(sender, (b"HTTP/1.1 413",))


def odd_json(place: Address) -> None:
    """Each is refused with 4xx, and the reason in JSON."""
    deep = b'{"inputs": ' + b"[" * 200_000
    for body in (
        *(deep, deep + b"]" * 200_000 + b"}", b'{"inputs": NaN}', b'{"inputs": Infinity}'),
        *(
            b'{"inputs": 1e99999}',
            b'{"inputs": "\xff\xfe"}',
            b"\x00" * 1000,
            b'{"inputs": "\\ud800',
        ),
        *(b'{"inputs":' + b'"a",' * 10**6, b'{"inputs": [' + b'"a",' * 200_000 + b'"a"]}'),
    ):
        with socket.create_connection(place, timeout=60) as sender:
            sender.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body)
            _expect(sender, (b"HTTP/1.1 4",))


def slow_senders(place: Address, count: int, seconds: float) -> None:
    """A byte a second, in the head and in the body; then they give up."""
    senders = [socket.create_connection(place, timeout=60) for _ in range(count)]
    for sender in senders[::2]:
        sender.sendall(f"{HEAD}content-length: 1000\r\n\r\n".encode())
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for sender in senders:
            with suppress(OSError):  # closed, as it should be in time
                sender.send(b"P")
        time.sleep(1)
    for sender in senders:
        sender.close()


def half_closed(place: Address, count: int) -> None:
    """Questions after which nothing more is sent, and answers that nobody reads."""
    body = json.dumps({"inputs": ["a text"] * 100}).encode()
    for number in range(count):
        with socket.create_connection(place, timeout=60) as sender:
            sender.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body)
            if number % 2:
                sender.shutdown(socket.SHUT_WR)


@contextmanager
def idle_connections(place: Address, count: int) -> Iterator[int]:
    """So many that say nothing, or as many as the system lets one process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    possible = min(count, hard - 200)
    opened = [socket.create_connection(place, timeout=60) for _ in range(possible)]
    try:
        yield len(opened)
    finally:
        for connection in opened:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _expect(connection: socket.socket, beginnings: tuple[bytes, ...]) -> None:
    try:
        found = connection.recv(65536)
    except ConnectionResetError:
        return  # refused while it still sent
    if found and not found.startswith(beginnings):
        raise RuntimeError(f"found {found[:200]!r}; expected {beginnings}")


def run(arguments: argparse.Namespace, address: str, watcher: Watcher) -> None:
    """All of it, one after the other, each with a line that says how it went."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    place = (host, int(port))
    each = -(-arguments.requests // (2 * OPERATIONS))

    def idle() -> str:
        with idle_connections(place, arguments.idle) as count:
            time.sleep(2)
            return f"{count:,} connections"

    steps: dict[str, Callable[[], object]] = {
        "odd JSON": lambda: odd_json(place),
        "bodies of 100 MB": lambda: large_bodies(place),
        "half-closed connections": lambda: half_closed(place, 200),
        "slow senders": lambda: slow_senders(place, 200, arguments.slow_seconds),
        "idle connections": idle,
        "damaged Arrow streams": lambda: ask_with_damaged_streams(
            address, "reviews", arguments.requests // 20, seed=arguments.seed
        ),
        "described requests": lambda: dict(ask_described(address, each, seed=arguments.seed)),
    }
    for name, step in steps.items():
        begin, watcher.slowest = time.monotonic(), 0.0
        said = step() or "as expected"
        print(
            f"{name}: {said}, {time.monotonic() - begin:.0f} s; others waited "
            f"{watcher.slowest * 1000:.0f} ms at most; {watcher.resident():.0f} MB",
            flush=True,
        )
        if watcher.wrong or watcher.slowest > SECONDS:
            raise RuntimeError(f"others: {watcher.wrong or 'they waited for too long'}")


def main() -> int:
    """Start a server, and run all; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000, help="(%(default)s)")
    parser.add_argument("--idle", type=int, default=5_000, help="connections (%(default)s)")
    parser.add_argument("--slow-seconds", type=float, default=40.0, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load_encoders(testdata_folder(), folder)
        encoder = Encoder.load(folder / "tiny_bert")
        stages = [
            DocumentAssembler(inputCol="text", outputCol="document"),
            BertSentenceEmbeddings(encoder, inputCols=["document"], outputCol="vectors"),
        ]
        Pipeline(stages=stages).fit().save(folder / "reviews")
        options = ("--no-access-log",)
        with served(folder / "tiny_bert", folder / "reviews", *options) as (process, address):
            asked = httpx.post(f"{address}/v1/embeddings", json=_question(), timeout=120)
            expected = asked.raise_for_status().content
            with Watcher(address, expected, process.pid) as watcher:
                run(arguments, address, watcher)
        grown = watcher.most - watcher.begin
        print(f"{watcher.asked:,} answers to others were right; memory grew by {grown:.0f} MB")
        return int(grown > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
