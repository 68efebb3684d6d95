"""Many processes that fetch one model, and processes that are killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from embedpipe import Encoder
from embedpipe.hub import find_model
from tests.support.download_support import (
    GOOGLE,
    GOOGLE_EXPECTED,
    assert_is_whole,
    entry,
    finished,
    names_below,
    process,
)
from tests.support.model_server import Answer


def test_ten_processes_download_once(place, server, tiny, fixtures):
    server.answers["/tiny.zip"] = [Answer(pause=0.05)]
    crowd = [process(tiny) for _ in range(10)]
    results = [finished(child) for child in crowd]
    assert {output for output, _ in results} == {str(place.models / "tiny")}, results
    assert len(server.asked("/tiny.zip")) == 1
    assert_is_whole(place.models / "tiny", fixtures / GOOGLE_EXPECTED)


def test_processes_that_are_killed_leave_nothing_wrong(place, server, tiny, fixtures):
    size = (fixtures / GOOGLE).stat().st_size
    server.answers["/tiny.zip"] = [Answer(pause=0.1)]
    for share in (0.2, 0.5, 0.8):
        server.sent = 0
        child = process(tiny)
        deadline = time.monotonic() + 20
        while server.sent < share * size and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        finished(child)
        assert names_below(place.models) == [".tiny.partial"]
    server.answers.clear()
    output, errors = finished(process(tiny))
    assert output == str(place.models / "tiny"), errors
    assert_is_whole(place.models / "tiny", fixtures / GOOGLE_EXPECTED)
    assert len(server.asked("/tiny.zip")) == 4


KILLED = """
import os, signal, sys
import {module} as module
from embedpipe.hub import find_model

real = module.{function}

def deadly(*args, **options):
    if {after}:
        real(*args, **options)
    if str(args[0]).endswith({ending!r}):
        os.kill(os.getpid(), signal.SIGKILL)
    if not {after}:
        real(*args, **options)

module.{function} = deadly
find_model(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("module", "function", "after", "ending"),
    [
        ("embedpipe.hub.fetch", "convert_archive", False, ""),
        ("embedpipe.hub.fetch", "convert_archive", True, ""),
        ("embedpipe.hub.install", "_write_json", True, "tokenizer_config.json"),
        ("embedpipe.hub.install", "_write_json", True, "embedpipe.json"),
        ("embedpipe.hub.fetch", "install_model", True, ""),
        ("shutil", "rmtree", False, ".partial"),
    ],
)
def test_killed_at_each_step_the_next_process_makes_it_right(
    place, server, fixtures, module, function, after, ending
):
    tiny, address = "tiny", server.add("/tiny.zip", (fixtures / GOOGLE).read_bytes())
    source = {"kind": "archive", "address": address}
    place.describe(entry(tiny, source, case_sensitive=True))
    code = KILLED.format(module=module, function=function, after=after, ending=ending)
    child = process(tiny, code=code)
    _, errors = finished(child)
    assert child.returncode == -signal.SIGKILL, errors
    if (place.models / "tiny").exists():
        assert_is_whole(place.models / "tiny", fixtures / GOOGLE_EXPECTED)
    assert_is_whole(find_model(tiny), fixtures / GOOGLE_EXPECTED)
    assert Encoder.load(tiny).encode(["a"]).shape == (1, 32)
    assert len(server.asked("/tiny.zip")) <= 2


def test_an_encoder_of_a_cached_model_loads_nothing_of_downloads(tiny):
    find_model(tiny)
    code = """
import json, sys
from embedpipe import Encoder
Encoder.load(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""
    output, errors = finished(process(tiny, code=code))
    loaded = set(json.loads(output))
    assert "embedpipe.hub.find" in loaded, errors
    unwanted = {"huggingface_hub", "httpx", "httpx2", "filelock", "tqdm"}
    unwanted |= {f"embedpipe.hub.{name}" for name in ("catalog", "fetch", "download")}
    assert not loaded & unwanted
