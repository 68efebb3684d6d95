"""Ctrl-C, termination and full disks: nothing half-written stays, under no name."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pyarrow.parquet
import pytest

from embedpipe import ModelOptions, embed_files
from tests.support.cli_support import command, embedpipe, names_in, write_tiny_model

SUFFIXES = (".parquet", ".npy", ".jsonl")
LINES = b"a line of text\n" * 4000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def start_embedding(
    output: Path, model: Path, *arguments: str, **options: object
) -> subprocess.Popen[bytes]:
    """Start a command and return once it has written vectors and waits for more input."""
    process = subprocess.Popen(
        command("embed", "-", "-o", output, "--model", model, *arguments),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,  # type: ignore[call-overload]
    )
    feed(process.stdin)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 100_000 for path in output.parent.glob(".*.tmp")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.01)
    return process


def feed(stdin: IO[bytes]) -> None:
    stdin.write(LINES)
    stdin.flush()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGINT, 130, "embedpipe: interrupted\n"),
        (signal.SIGTERM, 143, "embedpipe: ended by SIGTERM\n"),
        (signal.SIGHUP, 129, "embedpipe: ended by SIGHUP\n"),
    ],
)
def test_a_signal_leaves_what_was_there_before(
    number: signal.Signals, code: int, message: str, suffix: str, model: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    output.write_bytes(b"old")
    process = start_embedding(output, model, "--overwrite")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.decode()) == (code, message)
    assert names_in(tmp_path) == [output.name]
    assert output.read_bytes() == b"old"


def test_a_signal_that_was_ignored_stays_ignored(model: Path, tmp_path: Path) -> None:
    process = start_embedding(
        tmp_path / "out.npy",
        model,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # as nohup does
    )
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(b"one more\n", timeout=60)
    assert process.returncode == 0, errors
    assert b"4,001 records" in errors


def test_repeated_interrupts_at_any_time_leave_a_whole_file_or_none(
    model: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in.txt"
    source.write_bytes(LINES)
    for delay in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        process = subprocess.Popen(
            command("embed", source, "-o", tmp_path / "out.parquet", "--model", model),
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)
        process.wait(60)
        assert set(names_in(tmp_path)) <= {"in.txt", "out.parquet"}
        # The first interrupt may also come after the renaming: then the file is whole
        if (tmp_path / "out.parquet").exists():
            assert pyarrow.parquet.read_metadata(tmp_path / "out.parquet").num_rows == 4000
        else:
            assert process.returncode != 0
        (tmp_path / "out.parquet").unlink(missing_ok=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_an_error_and_leaves_nothing(
    suffix: str, model: Path, small_disk: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in.txt"
    source.write_bytes(LINES * 4)
    run = embedpipe("embed", source, "-o", small_disk / f"out{suffix}", "--model", model)
    assert run.returncode == 1
    assert run.stderr.startswith(f"embedpipe: error: cannot write {small_disk / 'out'}{suffix}: ")
    assert "No space left on device; free some space or write to another disk" in run.stderr
    assert run.stderr.count("\n") == 1
    assert names_in(small_disk) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0, 0.6, 1])
def test_a_limit_on_file_sizes_is_an_error_and_leaves_nothing(
    share: float, suffix: str, model: Path, tmp_path: Path
) -> None:
    """The limits are met at the beginning, in the middle and with the very last byte."""
    source, whole = tmp_path / "in.txt", tmp_path / f"whole{suffix}"
    source.write_bytes(LINES)
    embed_files([str(source)], whole, embedding=ModelOptions(model))
    limit = int(share * (whole.stat().st_size - 1))
    whole.unlink()
    run = embedpipe(
        *("embed", source, "-o", tmp_path / f"out{suffix}", "--model", model),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert run.returncode == 1
    assert run.stderr.endswith("File too large; the limit on file sizes is too small (ulimit -f)\n")
    assert run.stderr.count("\n") == 1
    assert names_in(tmp_path) == ["in.txt"]


def test_a_reader_that_leaves_early_is_no_error(model: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("".join(f"text {i}\n" for i in range(5000)), encoding="utf-8")
    process = subprocess.Popen(
        command("search", "text", "--in", source, "-k", "5000", "--model", model),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline().startswith(b"   1  ")
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141
    process.stderr.close()


def test_version_and_usage_start_without_the_heavy_packages() -> None:
    code = (
        "import sys\n"
        "from embedpipe.cli import main\n"
        "main(['--help'])\n"
        "main(['embed', '--help'])\n"
        "heavy = {'numpy', 'pyarrow', 'tokenizers', 'tqdm', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    version = embedpipe("--version", env={**os.environ, "PYTHONWARNINGS": "error"})
    assert version.stdout.startswith("embedpipe 0.")
