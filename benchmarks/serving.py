"""Servers in processes of their own, and load on them by wrk: what `server.py` is made of."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "Answered",
    "Ask",
    "Server",
    "ask_once",
    "children_of",
    "first_answer_seconds",
    "free_port",
    "loaded",
    "peer_commands",
    "running",
    "seconds_of",
]

LUA = Path(__file__).parent / "load.lua"
JSON = "application/json"
START_SECONDS = 180


@dataclass(frozen=True)
class Ask:
    """Requests that are sent in turn. texts: how many one of them brings."""

    path: str
    bodies: Sequence[bytes]
    texts: int
    media_type: str = JSON
    accept: str = JSON


@dataclass(frozen=True)
class Answered:
    """What wrk measured. cpu: processor seconds of the server meanwhile; p50, p99: milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    cpu: float


@dataclass(frozen=True)
class Server:
    """A server that answers. process: the one whose processor time counts."""

    address: str
    process: int


@contextmanager
def running(command: Sequence[str], port: int, check: bytes) -> Iterator[Server]:
    """The server of this command, once it answers the body `check`; RuntimeError if it ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{' '.join(command[:4])} does not answer")
            try:
                ask_once(address, "/v1/embeddings", check)
            except urllib.error.HTTPError:
                raise
            except OSError:
                time.sleep(0.005)
            else:
                break
        yield Server(address, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask_once(address: str, path: str, body: bytes, media_type: str = JSON) -> bytes:
    """The answer's body."""
    headers = {"content-type": media_type, "accept": media_type}
    request = urllib.request.Request(address + path, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def free_port() -> int:
    """One that nothing listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def loaded(  # noqa: PLR0913
    server: Server, ask: Ask, folder: Path, *, clients: int, seconds: float, pause: float = 0.0
) -> Answered:
    """Ask without end, from so many clients at once. pause: of a client between two, mean, ms."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("load comes from wrk, which is not here. Debian: apt-get install wrk")
    file = folder / "bodies"
    with file.open("wb") as sink:
        for body in ask.bodies:
            sink.write(b"%d\n" % len(body) + body)
    url = server.address + ask.path
    options = ["-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
    script = ["-s", str(LUA), url, "--", str(file), ask.media_type, ask.accept, str(pause)]
    before = seconds_of(server.process)
    found = subprocess.run([wrk, *options, *script], capture_output=True, text=True, check=True)
    cpu = seconds_of(server.process) - before
    figures: dict[str, Any] = json.loads(found.stdout.rstrip().rpartition("\n")[2])
    if figures["failed"]:  # none at all may be done where a server is slow
        raise RuntimeError(f"{url}: {figures['failed']} of {figures['requests']} requests failed")
    return Answered(figures["requests"], figures["seconds"], figures["p50"], figures["p99"], cpu)


def seconds_of(process: int) -> float:
    """Processor time of a process and of its children that live."""
    ids, total = [process], 0.0
    while ids:
        found = Path(f"/proc/{ids.pop()}")
        fields = (found / "stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        ids += children_of(int(found.name))
    return total


def children_of(process: int) -> list[int]:
    """Its processes that serve, without the one that keeps track of what they share."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def first_answer_seconds(arguments: Sequence[str], check: bytes) -> tuple[float, float]:
    """From the shell to the first answer of `embedpipe serve`: seconds, and processor seconds."""
    port = free_port()
    begin = time.perf_counter()
    command = [sys.executable, "-m", "embedpipe", "serve", *arguments, "--port", str(port)]
    with running(command, port, check) as server:
        return time.perf_counter() - begin, seconds_of(server.process)


def peer_commands(python: str | None, folder: str) -> dict[str, tuple[list[str], int]]:
    """How other servers are started over a model, and their ports; none without an interpreter."""
    if python is None:
        return {}
    script, infinity = Path(__file__).parent / "fastapi_server.py", Path(python).parent
    first, second = free_port(), free_port()
    options = ["--model-id", folder, "--engine", "torch", "--device", "cpu", "--url-prefix", "/v1"]
    return {
        "sentence-transformers, FastAPI": ([python, str(script), folder, str(first)], first),
        "infinity-emb": (
            [str(infinity / "infinity_emb"), "v2", *options, "--port", str(second)],
            second,
        ),
    }
