"""`embedpipe serve` as processes: addresses, signals, workers, and what it refuses at the start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.cli import main
from tests.server.conftest import waiting_pieces
from tests.support.serving import served, wait_for

BODY = {"inputs": ["a text", "another one"]}


def vectors(address: str, **more: Any) -> bytes:
    found = httpx.post(f"{address}/embed", json=BODY, timeout=60, **more).json()
    return np.array(found, np.float32).tobytes()


def test_a_request_that_was_accepted_is_answered_before_the_end(folder: Path) -> None:
    texts = ["word " * 500] * 1000
    with served(folder / "tiny_bert") as (process, address), ThreadPoolExecutor(1) as pool:
        body = {"inputs": texts, "truncate": True}
        answer = pool.submit(httpx.post, f"{address}/embed", json=body, timeout=120)
        while waiting_pieces(httpx.get(f"{address}/metrics", timeout=60).text) < 1000:
            assert not answer.done()
        process.send_signal(signal.SIGTERM)
        assert len(answer.result().json()) == len(texts)
        assert process.wait(60) == 128 + signal.SIGTERM
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{address}/health")


def test_a_worker_that_is_killed_is_replaced(folder: Path) -> None:
    expected = Encoder.load(folder / "tiny_bert").encode(BODY["inputs"], normalize=True).tobytes()
    with served(folder / "tiny_bert", "--workers", "2") as (process, address):
        before = workers_of(process.pid)
        assert len(before) == 2
        assert vectors(address) == expected
        os.kill(before[0], signal.SIGKILL)
        for _ in range(600):
            now = workers_of(process.pid)
            if len(now) == 2 and before[0] not in now:
                break
            time.sleep(0.1)
        else:
            pytest.fail("no worker took its place")
        wait_for(address)
        assert vectors(address) == expected
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def workers_of(parent: int) -> list[int]:
    """Those of its children that serve; another one keeps track of what they share."""
    found = []
    for line in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        command = Path(f"/proc/{line}/cmdline").read_bytes()
        if b"resource_tracker" not in command:
            found.append(int(line))
    return found


def test_the_key_comes_from_a_file_or_the_environment(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("secret\n")
    with served(folder / "tiny_bert", "--api-key-file", file) as (_, address):
        assert httpx.post(f"{address}/embed", json=BODY).status_code == 401
        headers = {"authorization": "Bearer secret"}
        assert httpx.post(f"{address}/embed", json=BODY, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-of-this-name"], "nothing-of-this-name"),
        (["--api-key-file", "nothing-here"], "it cannot be read"),
        (["--host", "192.0.2.1"], "cannot listen at 192.0.2.1:8080"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_port_in_use_is_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", str(folder / "tiny_bert"), "--port", str(port)]) == 1
    assert f"cannot listen at 127.0.0.1:{port}" in capsys.readouterr().err


def test_an_empty_key_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("\n")
    assert main(["serve", "--api-key-file", str(file)]) == 1
    assert "found no key" in capsys.readouterr().err
    monkeypatch.setenv("EMBEDPIPE_API_KEY", " ")
    assert main(["serve"]) == 1
    assert "EMBEDPIPE_API_KEY: found no key" in capsys.readouterr().err


def test_without_the_extra_the_command_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve"]) == 1
    assert "pip install 'embedpipe[server]'" in capsys.readouterr().err


def test_a_server_of_models_starts_without_what_pipelines_and_pages_need(folder: Path) -> None:
    code = (
        "import sys; from embedpipe.server import Hosted, ServerSettings, create_app\n"
        f"create_app(Hosted.open([{str(folder / 'tiny_bert')!r}]))\n"
        "print(*(name for name in ('pyarrow', 'pandas', 'embedpipe.stages', 'embedpipe.site')"
        " if name in sys.modules))"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == ""
