"""What `embedpipe bench` reckons from timings, and shows: figures, tables, JSON, the chart."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from embedpipe_bench import OURS
from embedpipe_bench.chart import caption, draw
from embedpipe_bench.children import Entrant
from embedpipe_bench.packages import Package
from embedpipe_bench.peers.common import Entry
from embedpipe_bench.report import as_json, beginning_markdown, result_markdown
from embedpipe_bench.results import (
    Comparison,
    Report,
    Row,
    Task,
    Timings,
    comparisons,
    make_result,
)
from embedpipe_bench.timing import Calls, Passes, Rounds


def fixed_report() -> Report:
    """Ten sequences of 20 pieces: ours takes 2 s, int8 1 s, torch 4 s; one thread's latencies."""
    ours, small = Entrant(OURS, Entry(), "portable"), Entrant(OURS, Entry("int8"), "portable")
    text = Entrant("fastembed", Entry(source="text"), "portable")
    torch_ = Entrant("torch", Entry(), "portable")
    passes = [
        Passes(ours, "as it is", {}, np.array([1.0, 1.0]), [2.0, 9.0, 1.0]),
        Passes(small, "as it is", {}, np.array([0.99, 0.97]), [1.0]),
        Passes(torch_, "batch 32", {"batch 32": 7.0}, np.array([1.0, 0.9999]), [4.0]),
        Passes(text, "batch 256", {}, np.array([1.0, 1.0]), [0.5]),
    ]
    calls = [
        Calls(ours, "as it is", [0.25], [0.001] * 98 + [0.005] * 2, [0.02, 0.04]),
        Calls(torch_, "batch 1", [0.5], [0.003, 0.004, 0.009], [0.05]),
        Calls(text, "batch 1", [0.5], [0.0001]),
    ]
    task = Task("tiny", "10 sequences", "portable", 2, [20] * 10, 30.0, short=14, long=512)
    rounds = Rounds({"float32": [20.0, 30.0, 40.0], "int8": [60.0]}, other_cores=0.5)
    timings = Timings(passes, rounds, calls, {"openvino, bfloat16": "computes in f32 here"})
    names = (OURS, "torch", "fastembed")
    result = make_result(task, timings, {name: Package("1.2", 300.0) for name in names})
    machine = {"processor": "Some CPU", "cores": 2, "date": "2026-01-02"}
    return Report(machine, {"torch": "1.2"}, {"ctranslate2": ["ctranslate2"]}, [], [result])


def test_figures_are_of_the_median_round() -> None:
    (result,) = fixed_report().results
    ours, small, torch_, text = result.rows
    assert (ours.sequences_per_second, ours.pieces_per_second) == (5.0, 100.0)
    assert (ours.gflop_per_second, ours.share_of_peak, small.share_of_peak) == (15.0, 0.5, 0.5)
    assert (small.cosine_mean, small.cosine_least) == (pytest.approx(0.98), 0.97)
    assert (torch_.isa_reservation, text.isa_reservation) == ("", "not held to it")
    assert (torch_.share_of_peak, text.share_of_peak) == (0.25, None)
    assert ours.latency.short_p50 == 0.001 and 0.001 < ours.latency.short_p99 <= 0.005
    assert ours.latency.long_p50 == pytest.approx(0.03)
    (comparison,) = result.comparisons  # nobody else has int8, and text is another task
    assert comparison == Comparison("float32", 2, "torch", 0.25, "torch")


def test_the_best_peer_of_many_texts_may_be_another_one_than_that_of_one_text() -> None:
    row = fixed_report().results[0].rows[0]

    def peer(engine: str, rate: float, p50: float | None) -> Row:
        latency = p50 and replace(row.latency, short_p50=p50)
        return replace(row, engine=engine, sequences_per_second=rate, latency=latency)

    rows = [row, peer("a", 10.0, None), peer("b", 4.0, 0.002), peer("c", 2.0, 0.0005)]
    assert comparisons(rows) == [Comparison("float32", 0.5, "a", 2.0, "c")]
    assert comparisons(rows[:2]) == [Comparison("float32", 0.5, "a", None, "")]
    free = replace(peer("d", 99.0, 0.0001), isa_reservation="not held to it")
    assert comparisons([*rows, free]) == comparisons(rows)


def test_the_tables_show_the_figures() -> None:
    report = fixed_report()
    parts = [beginning_markdown(report), *map(result_markdown, report.results)]
    shown = "\n".join(parts).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown]
    assert "### tiny, portable, 2 threads" in shown
    assert [
        *("embedpipe 1.2", "int8", "pieces", "as it is"),
        *("10", "200", "30.0", "50%", "0.980000", "0.970000"),
    ] in cells
    assert [
        *("fastembed 1.2", "float32", "text", "batch 256; not held to it"),
        *("20", "400", "60.0", "-", "1.000000", "1.000000"),
    ] in cells
    assert [
        *("embedpipe 1.2", "float32", "pieces", "1.00", "5.00", "30.00", "39.80"),
        *("0.25", "-", "-", "300"),
    ] in cells
    text = "\n".join(shown)
    assert (
        "- embedpipe in float32: 2.00 times the sentences/s of the best peer (torch); "
        "0.25 times the p50 of the best peer (torch) for 14 pieces" in shown
    )
    assert "other programs kept 0.50 cores busy" in text
    assert "Not measured: openvino, bfloat16: computes in f32 here" in text
    assert "ctranslate2, which is not installed; run: pip install ctranslate2" in text


def test_json_has_every_timing() -> None:
    report = json.loads(as_json(asdict(fixed_report())))
    ours, _, torch_, _ = report["results"][0]["rows"]
    assert ours["seconds"] == [2.0, 9.0, 1.0]
    assert len(ours["latency"]["short_seconds"]) == 100
    assert torch_["tried"] == {"batch 32": 7.0}
    assert report["results"][0]["peaks"] == {"float32": 30.0, "int8": 60.0}


@pytest.mark.parametrize(("file_format", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_chart_is_drawn_and_the_same_each_time(file_format: str, begin: bytes) -> None:
    report = fixed_report()
    image = draw(report, file_format)
    assert image.startswith(begin)
    assert image == draw(report, file_format)
    assert caption(report) == (
        "Some CPU, 2 cores, 2026-01-02. Threads: 2. 10 sequences. torch 1.2. "
        "* uses a faster instruction set, as it cannot be held to this one."
    )
