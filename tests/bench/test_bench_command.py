"""`embedpipe bench` as it is called: whole small runs, runs that are ended, what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

from embedpipe.cli import main
from embedpipe_bench.children import Child, Entrant
from embedpipe_bench.machine import NOTICE
from embedpipe_bench.models import BenchmarkModel
from embedpipe_bench.peers import ENGINES
from embedpipe_bench.peers.common import Options
from tests.support.cli_support import write_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def test_the_command_measures_ours_alone(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    command = ["bench", str(model), "--against", "none", "--precision", "float32"]
    command += ["--isa", "portable", "--rounds", "1", "--sentences", "8", "--threads", "1"]
    assert main([*command, "--json", str(path)]) == 0
    shown, told = capsys.readouterr()
    assert "### tiny, portable, 1 thread" in shown
    assert "Not measured" not in shown
    assert [re.sub(r"\d\d:\d\d ", "", line) for line in told.splitlines()[2:]] == [
        "  trial 1 of 2: embedpipe, float32: as it is, nothing to choose",
        "  trial 2 of 2: embedpipe, float32, from text: as it is, nothing to choose",
        "  round 1 of 1: 2 in turn",
        "  latency trial 1 of 2: embedpipe, float32: as it is, nothing to choose",
        "  latency trial 2 of 2: embedpipe, float32, from text: as it is, nothing to choose",
        "  latency round 1 of 1: 2 in turn",
    ]
    report = json.loads(path.read_text())
    assert report["pending"] == []
    (result,) = report["results"]
    assert [(row["engine"], row["source"]) for row in result["rows"]] == [
        ("embedpipe", "pieces"),
        ("embedpipe", "text"),
    ]
    for row in result["rows"]:
        assert row["cosine_least"] > 0.99999
        assert row["sequences_per_second"] > 0 and row["latency"]["short_p50"] > 0
        assert len(row["seconds"]) == 1 and 0 < row["latency"]["first_vector"] < 60
    assert 0 < result["rows"][0]["share_of_peak"] < 1
    assert result["left_out"] == {}


def test_random_lengths_need_no_text_and_missing_engines_are_named(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(ENGINES["openvino"]), "needs", ("no-such-package",))
    command = ["bench", str(model), "--against", "openvino", "--precision", "float32"]
    assert main([*command, "--rounds", "1", "--random-lengths", "--sentences", "4"]) == 0
    shown = capsys.readouterr().out
    assert "random lengths, 4 sequences" in shown
    assert "| text " not in shown
    assert "openvino, which is not installed; run: pip install no-such-package" in shown


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_ended_has_shown_and_saved_what_was_done(
    number: signal.Signals,
    code: int,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures, chart = tmp_path / "figures.json", tmp_path / "chart.svg"
    figures.write_text("earlier")
    second = shutil.copytree(model, tmp_path / "second")
    seen: dict[str, tuple[str, str]] = {}

    class Ended(Child):
        """The first process for a model notes what there is; that for the second one ends all."""

        def __init__(self, entrant: Entrant, measured: BenchmarkModel, options: Options) -> None:
            if measured.name not in seen:
                seen[measured.name] = (capsys.readouterr().out, figures.read_text())
            if measured.name == "second":
                os.kill(os.getpid(), number)
            super().__init__(entrant, measured, options)

    monkeypatch.setattr("embedpipe_bench.run.Child", Ended)
    command = ["bench", str(model), str(second), "--against", "none", "--isa", "portable"]
    command += ["--precision", "float32", "--rounds", "1", "--sentences", "4"]
    command += ["--json", str(figures), "--chart", str(chart), "--overwrite"]
    assert main(command) == code
    before, after = seen["tiny"], seen["second"]
    assert "###" not in before[0] and before[1] == "earlier"
    assert "### tiny, portable" in after[0] and figures.read_text() == after[1]
    report = json.loads(after[1])
    assert [result["model"] for result in report["results"]] == ["tiny"]
    assert report["pending"] == [f"{second}, portable"]
    assert "tiny, portable: sentences per second" in chart.read_text()
    left = f"\nNot measured: {second}, portable, as the run ended before\n"
    assert capsys.readouterr().out == left
    assert {path.name for path in tmp_path.iterdir()} == {"chart.svg", "figures.json", "second"}


@pytest.mark.parametrize("option", ["--json", "--chart"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    option: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing" / "file.svg"
    assert main(["bench", str(model), "--against", "none", option, str(path)]) == 1
    told = capsys.readouterr().err
    assert f"cannot write {path}: the folder {path.parent} does not exist" in told
    assert NOTICE not in told


@pytest.mark.parametrize("option", ["--json", "--chart"])
def test_a_file_that_is_there_is_refused_before_anything_is_measured(
    option: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.svg"
    path.write_text("one line\n")
    command = ["bench", str(model), "--against", "none", option, str(path)]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert "exists already" in told
    assert main([*command, "--text", str(path), "--overwrite"]) == 1
    told += capsys.readouterr().err
    assert "it is the input" in told
    assert NOTICE not in told
    assert path.read_text() == "one line\n"


def test_a_model_that_is_not_there_is_refused_before_another_is_measured(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent"
    assert main(["bench", str(model), str(absent), "--against", "none"]) == 1
    shown, told = capsys.readouterr()
    assert str(absent) in told and NOTICE not in told
    assert f"Not measured: {model}, " in shown and f"Not measured: {absent}, " in shown


def test_a_chart_without_matplotlib_is_refused_before_anything_is_measured(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command = ["bench", str(model), "--against", "none", "--rounds", "1", "--sentences", "1"]
    assert main([*command, "--chart", str(tmp_path / "chart.svg")]) == 1
    told = capsys.readouterr().err
    assert "'matplotlib', which is not installed; run: pip install matplotlib" in told
    assert NOTICE not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--chart", "chart.gif"], "ends in .svg or .png"),
        (["--against", "tensorflow"], "'tensorflow' is not one of"),
        (["--text", "a", "--random-lengths"], "--text and --random-lengths exclude each other"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["bench", *arguments])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"\xff\xff"])
def test_a_text_that_cannot_be_used_is_named(
    model: Path, tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "lines.txt"
    if content is not None:
        text.write_bytes(content)
    assert main(["bench", str(model), "--text", str(text)]) == 1
    assert f"{text}: " in capsys.readouterr().err
