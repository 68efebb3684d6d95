"""The fuzzer finds what it looks for: each kind of fault, planted in a reader, is reported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.mutations import damage
from tests.fuzz.reader import Reader
from tests.fuzz.run import counts, input_for, report_of
from tests.fuzz.seeds import readers

PLANTED = """
import json, os, sys, tempfile, warnings
from pathlib import Path
from tests.fuzz import watch as bounds
from tests.fuzz.run import fuzz
from tests.fuzz.reader import Reader

bounds.SECONDS = 0.1
top = Path(sys.argv[1])
watch = bounds.Watch(top / "watched")
kept = []

class Foreign(BaseException):
    pass

def foreign(_):
    raise Foreign("a panic")

def spin(_):
    while True:
        pass

def leftover(_):
    tempfile.NamedTemporaryFile(delete=False).close()

def overwrite(_):
    Path(watch.inputs, "input").write_bytes(b"changed")

faults = {
    "none": lambda content: content,
    "another error": lambda content: int("x"),
    "a warning": lambda content: warnings.warn("overflow", RuntimeWarning),
    "a panic": foreign,
    "much memory at once": lambda content: bytearray(10**9),
    "no end": spin,
    "a command": lambda content: os.system("true"),
    "evaluation": lambda content: eval("1 + 1"),
    "a file outside": lambda content: Path(top, "watched/a/escaped").write_bytes(b""),
    "a file written over": overwrite,
    "a file left behind": leftover,
    "a leak": lambda content: kept.append(bytearray(30 * 2**20)),
}
found = [Reader(name, 1, lambda rng: rng.randbytes(9), read, []) for name, read in faults.items()]
progress = os.open(os.devnull, os.O_WRONLY)
report = fuzz(found, watch, progress, seed=0, total=8 * len(found), share=(0, 1))
print(json.dumps(report["findings"]))
"""


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    command = [sys.executable, "-c", PLANTED, str(tmp_path_factory.mktemp("planted"))]
    folder = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("another error, input 0", "ValueError: invalid literal"),
        ("a warning, input 0", "RuntimeWarning: overflow"),
        ("a panic, input 0", "Foreign: a panic"),
        ("much memory at once, input 0", "MemoryError"),
        ("a leak, input 6", "MemoryError"),
        ("no end, input 0", "seconds of processor time"),
        ("a command, input 0", "os.system"),
        ("evaluation, input 0", "compile"),
        ("a file outside, input 0", "opened for writing"),
        ("a file written over, input 0", "opened for writing"),
        ("a file left behind", "files appeared"),
    ],
)
def test_a_planted_fault_is_found(findings: list[str], fault: str, message: str) -> None:
    assert any(line.startswith(f"{fault}: ") and message in line for line in findings), findings


def test_a_reader_without_fault_is_not_accused(findings: list[str]) -> None:
    assert not [line for line in findings if line.startswith("none")]


DIES = "import os, pathlib, sys; pathlib.Path(sys.argv[-1]).write_text('onnx, input 17'); "


def test_a_process_that_dies_is_reported_with_its_input() -> None:
    report = report_of(["-c", f"{DIES} os.abort()"])
    assert report["findings"] == ["onnx, input 17: the process ended with -6"]


def test_a_process_that_hangs_is_reported_with_its_input() -> None:
    report = report_of(["-c", f"{DIES} import time; time.sleep(60)"], longest=2)
    assert report["findings"] == ["onnx, input 17: the process ran for 2 seconds"]


@pytest.fixture(scope="module")
def found(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Reader]:
    folder = tmp_path_factory.mktemp("fuzz")
    return readers(testdata, folder / "seeds", folder / "inputs")


def test_every_reader_gets_its_share_of_the_inputs(found: list[Reader]) -> None:
    numbers = counts(found, 100_000)
    assert len(numbers) == len(found) >= 20
    assert sum(numbers.values()) >= 100_000
    assert min(numbers.values()) >= 900


def test_inputs_differ_from_each_other_and_can_be_made_again(found: list[Reader]) -> None:
    for reader in found:
        made = [repr(input_for(reader, 0, number)) for number in range(40)]
        assert made == [repr(input_for(reader, 0, number)) for number in range(40)], reader.name
        assert Counter(made).most_common(1)[0][1] < 8, reader.name
        assert repr(input_for(reader, 1, 0)) != made[0], reader.name


def test_damage_by_structure_reaches_behind_the_checksums(found: list[Reader]) -> None:
    """Some damaged files must still be read, and the errors must be of many kinds."""
    for name in ("checkpoint", "zip archive", "safetensors", "pytorch", "java stream"):
        reader = next(each for each in found if each.name == name)
        outcomes = Counter[str]()
        for number in range(150):
            try:
                reader.read(input_for(reader, 0, number))
                outcomes["read"] += 1
            except Exception as error:
                outcomes[str(error)[:60]] += 1
        assert outcomes["read"] >= 3, (name, outcomes)
        assert len(outcomes) >= 6, (name, outcomes)


def test_damage_of_nothing_is_no_error() -> None:
    for name in ("a.json", "a.zip", "a.tar.gz", "a.index", "a.bin", "a.pkl", "a.pb", "part-00000"):
        for number in range(50):
            damage(Random(number), name, b"")
