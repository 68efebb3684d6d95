"""Tiles beside threads, forks and small signal stacks: right results, by AMX or by its model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedpipe.engine.native import supported_isas
from tests.support.cli_support import write_tiny_model

ISA = "amx" if "amx" in supported_isas() else "amx_model"

BEFORE = """\
import ctypes, os, sys, threading
from embedpipe import Encoder
TEXTS = ["a text", "another, longer one", "z"]

def vectors(isa):
    os.environ["EMBEDPIPE_ISA"] = isa
    return Encoder.load(sys.argv[1], precision=sys.argv[2], threads=2).encode(TEXTS).tobytes()
"""

THREADS = """
begin, found = threading.Event(), []

def work():
    begin.wait()
    found.append(encoder.encode(TEXTS).tobytes())

threads = [threading.Thread(target=work) for _ in range(64)]
for thread in threads:
    thread.start()
encoder = Encoder.load(sys.argv[1], precision=sys.argv[2], threads=1)  # asks for tiles only now
begin.set()
for thread in threads:
    thread.join()
assert len(found) == 64 and len(set(found)) == 1, len(set(found))
assert found[0] == encoder.encode(TEXTS).tobytes() == vectors("amx_model")
"""

FORK = """
expected = vectors(sys.argv[3])
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0 if vectors(sys.argv[3]) == expected else 3)
    assert os.waitpid(child, 0)[1] == 0
assert vectors("amx_model") == expected
"""

SMALL_STACK = """
class Stack(ctypes.Structure):
    _fields_ = [("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

libc = ctypes.CDLL(None, use_errno=True)
memory = ctypes.create_string_buffer(4096)
stack = Stack(ctypes.cast(memory, ctypes.c_void_p), 0, 4096)
assert libc.sigaltstack(ctypes.byref(stack), None) == 0, os.strerror(ctypes.get_errno())
os.environ.pop("EMBEDPIPE_ISA", None)
found = Encoder.load(sys.argv[1], precision=sys.argv[2]).encode(TEXTS)  # by whatever is lent
assert found.shape[0] == 3 and (found == found).all()
again = libc.sigaltstack(ctypes.byref(stack), None)
assert again == 0, "the process may no longer have the stack that it had"
"""


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
@pytest.mark.parametrize("code", [THREADS, FORK, SMALL_STACK], ids=["threads", "fork", "stack"])
def test_a_process_of_its_own_gets_right_results(code: str, precision: str, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + code, str(model), precision, ISA],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "EMBEDPIPE_ISA": ISA, "EMBEDPIPE_PACKED_CACHE": "0"},
    )
    assert (done.returncode, done.stderr) == (0, "")
