"""`embedpipe serve` in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

__all__ = ["served", "wait_for"]


@contextmanager
def served(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address, once it answers."""
    command = [sys.executable, "-m", "embedpipe", "serve", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        wait_for(found[0])
        yield process, found[0]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_for(address: str) -> None:
    for _ in range(600):
        try:
            assert httpx.get(f"{address}/health", timeout=60).status_code == 200
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("it does not answer")
