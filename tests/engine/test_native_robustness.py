"""The compiled encoder where processes fork and end, and where many use it at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.engine import native
from embedpipe.engine.native import supported_precisions
from embedpipe.errors import ParameterError
from tests.support.cli_support import embedpipe
from tests.support.engines import encoder_of
from tests.support.model_folders import random_config, random_pieces

PRECISIONS = supported_precisions()
SMALL = random_config("bert_L2_H128") | {"vocab_size": 500}


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code with arguments; a hang is an error after two minutes."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


FORK = """
import os, sys
import numpy as np
from embedpipe import Encoder
encoder = Encoder.load(precision=sys.argv[1], threads=2)
numbers = np.random.default_rng(0).integers(1000, 16000, 480)
batches = [numbers[:256]], [*numbers.reshape(16, 30)]  # for a team, then for chunks

def compute():
    return [encoder.hidden_states(batch).values for batch in batches]

def is_same(found):
    return all(map(np.array_equal, found, expected))

expected = compute()
child = os.fork()
if child == 0:
    grandchild = os.fork()
    same = is_same(compute())
    if grandchild == 0:
        os._exit(0 if same else 7)
    _, status = os.waitpid(grandchild, 0)
    os._exit(os.waitstatus_to_exitcode(status) if same else 8)
same = is_same(compute())  # while the child computes too
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) if same else 9)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_children_and_their_parent_compute_the_same_with_teams_and_chunks(precision: str) -> None:
    done = run_script(FORK, precision)
    assert (done.returncode, done.stderr) == (0, "")


EXIT = """
import sys, threading, time
from embedpipe import Encoder
precision, threads, count, length = sys.argv[1], *map(int, sys.argv[2:])
encoder = Encoder.load(precision=precision, threads=threads)
encoder.encode(["text"])  # packs the weights
batch = [[101] * length] * count
started = threading.Event()

def compute():
    while True:
        started.set()
        encoder.hidden_states(batch)

class Late:  # goes when the interpreter is being shut down, and takes its time
    def __del__(self, sleep=time.sleep):
        sleep(1)

late = Late()
threading.Thread(target=compute, daemon=True).start()
started.wait()
time.sleep(0.05)
print("last line", flush=True)
"""


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("threads", "count", "length"),
    [(1, 1, 256), (2, 1, 256), (1, 500, 20), (2, 500, 20)],
    ids=["one text", "one text by a team", "many texts", "many texts by two"],
)
def test_a_process_ends_while_a_daemon_thread_computes(
    threads: int, count: int, length: int, precision: str
) -> None:
    """Python would unwind the thread's stack, through what must not throw, and abort."""
    done = run_script(EXIT, precision, threads, count, length)
    assert (done.returncode, done.stdout, done.stderr) == (0, "last line\n", "")


def test_many_threads_use_encoders_of_several_precisions_at_once() -> None:
    encoders = [encoder_of(SMALL, threads=2, precision=precision) for precision in PRECISIONS]
    lengths = [(512,), (1,), (30, 5, 90, 64) * 4, (200, 511), (7,) * 100]
    batches = [random_pieces(each, 500) for each in lengths]

    def hidden_states(encoder: Any, batch: Any) -> bytes:
        return encoder.hidden_states(batch.values, batch.offsets).tobytes()

    work = [(encoder, batch) for encoder in encoders for batch in batches]
    alone = [hidden_states(*each) for each in work]
    assert len(set(alone)) == len(work)  # no precision gives what another does
    order = np.random.default_rng(3).permutation(np.repeat(np.arange(len(work)), 8))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: hidden_states(*work[i]), order))
    assert [each == alone[i] for each, i in zip(found, order, strict=True)] == [True] * len(order)


def test_threads_that_ask_for_a_precision_first_all_get_its_vectors() -> None:
    texts = ["a text", "another one, and longer"]
    expected = Encoder.load(precision="int8").encode(texts).tobytes()
    exact = Encoder.load()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: exact.with_precision("int8").encode(texts), range(8)))
    assert {each.tobytes() for each in found} == {expected}


def test_an_instruction_set_that_this_processor_lacks_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(native, "supported_isas", lambda: ("avx2", "portable"))
    monkeypatch.setenv("EMBEDPIPE_ISA", "avx512")
    message = (
        "the environment variable EMBEDPIPE_ISA is 'avx512', which this processor does not offer; "
        "it has: avx2, portable. Unset it to use the fastest."
    )
    for refuse in (Encoder.load, supported_precisions, lambda: encoder_of(SMALL)):
        with pytest.raises(ParameterError) as caught:
            refuse()
        assert str(caught.value) == message


def test_the_command_line_names_an_instruction_set_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n", encoding="utf-8")
    environment = {**os.environ, "EMBEDPIPE_ISA": "sse9"}
    out = tmp_path / "a.npy"
    for arguments in (["info"], ["embed", tmp_path / "a.txt", "-o", out, "--precision", "int8"]):
        done = embedpipe(*arguments, env=environment)
        assert done.returncode == 1
        assert "EMBEDPIPE_ISA is 'sse9', which this processor does not offer" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not out.exists()
