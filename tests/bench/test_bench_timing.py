"""`embedpipe bench`: which settings are tried, which is taken, and how much is timed."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from embedpipe_bench import OURS
from embedpipe_bench.children import Entrant
from embedpipe_bench.peers import ENGINES
from embedpipe_bench.peers.common import Entry, Options, Work
from embedpipe_bench.timing import best_setting, trial_call, trial_pass
from embedpipe_bench.worker import MOST_CALLS, Worker
from embedpipe_bench.workload import Workload


class Scripted:
    """Stands for a process: settings that take as long as they are said to."""

    def __init__(self, seconds: dict[str, list[float]]) -> None:
        self.left = {setting: list(each) for setting, each in seconds.items()}

    def settings(self) -> list[str]:
        return list(self.left)

    def start(self, setting: str, given: Workload) -> tuple[np.ndarray, float]:
        self.now = self.left[setting]
        return given.standard, 0.0

    def seconds_per_pass(self, *_: float) -> float:
        return self.now.pop(0)

    def latencies(self, *_: float) -> list[float]:
        return self.now


def test_the_setting_with_the_fastest_of_three_passes_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedpipe_bench.timing.REST", 0.0)
    trial = Workload(Work([[2, 3], [2, 3]]), np.eye(2), tmp_path / "work.json")
    child = Scripted({"a": [4.0, 2.0, 4.0, 1.0], "b": [9.0, 9.0, 1.6]})
    lines: list[str] = []
    found = best_setting(child, Entrant("torch", Entry(), "avx2"), trial, trial_pass, lines.append)
    assert found == ("b", {"a": 1.0, "b": 1.25})
    assert lines[0] == "torch, float32: a: 1 sequences/s"
    monkeypatch.setattr("embedpipe_bench.timing.MOST_TRIAL_SECONDS", 0.0)
    child.start("a", trial)
    child.now[:] = [5.0, 1.0]
    assert (trial_pass(child), child.now) == (5.0, [1.0])  # long ones are not repeated


def test_the_setting_with_the_fastest_median_call_is_taken_for_one_text(tmp_path: Path) -> None:
    trial = Workload(Work([[2, 3]]), np.ones((1, 2)), tmp_path / "work.json")
    child = Scripted({"a": [0.1, 0.9, 0.9], "b": [0.5, 0.5, 3.0]})
    found = best_setting(
        child, Entrant("torch", Entry(), "avx2"), trial, trial_call, lambda _: None
    )
    assert found == ("b", {"a": pytest.approx(1 / 0.9), "b": 2.0})


@pytest.mark.parametrize(("engine", "of_many"), [("openvino", "THROUGHPUT"), ("fastembed", "256")])
def test_what_matters_for_many_texts_alone_is_not_tried_for_one(
    engine: str, of_many: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = "_folder" if engine == "fastembed" else "export_onnx"
    monkeypatch.setattr(f"embedpipe_bench.peers.{engine}.{made}", lambda *_: tmp_path)
    (entry, *_) = ENGINES[engine].entries
    many, one = (
        [each.setting for each in ENGINES[engine].candidates(entry, tmp_path, tmp_path, options)]
        for options in (Options(1, (1,)), Options(1, (1,), one_text=True))
    )
    assert one == [setting for setting in many if of_many not in setting]
    assert 0 < len(one) < len(many)


def test_calls_are_as_many_as_asked_for_within_the_time() -> None:
    task = {"engine": OURS, "entry": asdict(Entry()), "options": asdict(Options(1))}
    worker = Worker({**task, "model": "", "cache": ""})
    worker._run = lambda: time.sleep(0.02)
    assert len(worker.latencies(3, least=0.0, most=9.0)) == 3
    assert len(worker.latencies(10, least=0.0, most=0.05)) in (1, 2, 3)
    assert len(worker.latencies(10, least=0.0, most=0.0)) == 1
    worker._run = lambda: None
    assert len(worker.latencies(3, least=9.0, most=9.0)) == MOST_CALLS
