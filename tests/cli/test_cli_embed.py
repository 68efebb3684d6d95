"""`embedpipe embed` from end to end: the same vectors as `Encoder.encode`, in every format."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import Encoder, InputOptions, ModelOptions, embed_files
from embedpipe.cli import main
from embedpipe.cli.embed import format_summary
from embedpipe.embedding.files import EmbedSummary
from embedpipe.engine.precision import PRECISIONS, AskedPrecision
from embedpipe.errors import EmbedpipeError
from tests.support.cli_support import MAX_LENGTH, command, embedpipe, names_in, write_tiny_model

# one of the texts is cut, as it is by the command
pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")

TEXTS = ["short", "", "a little longer, with commas", "x" * 100, "short", "last \u2028 one"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(model: Path) -> Encoder:
    return Encoder.load(model)


def write_texts(path: Path, texts: list[str | None]) -> Path:
    """`texts` in the format of the suffix, in a column named body where there are columns."""
    if path.suffix == ".txt":
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    elif path.suffix == ".parquet":
        parquet.write_table(pa.table({"n": range(len(texts)), "body": texts}), path)
    elif path.suffix == ".jsonl":
        lines = [json.dumps({"n": n, "body": text}) for n, text in enumerate(texts)]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            rows.writerows([["n", "body"], *enumerate(texts)])
    return path


def read_vectors(path: Path) -> np.ndarray:
    """The vectors of an output, NaN where null, read without embedpipe."""
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".parquet":
        rows = parquet.read_table(path)["embedding"].to_pylist()
    else:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        rows = [json.loads(line)["embedding"] for line in lines]
    size = len(next(row for row in rows if row is not None))
    return np.array([[np.nan] * size if row is None else row for row in rows], np.float32)


# --- the vectors ------------------------------------------------------------------------------


@pytest.mark.parametrize("output", [".parquet", ".npy", ".jsonl"])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".tsv", ".jsonl", ".parquet"])
def test_vectors_equal_those_of_encode(
    suffix: str, output: str, model: Path, encoder: Encoder, tmp_path: Path
) -> None:
    source = write_texts(tmp_path / f"in{suffix}", TEXTS)
    summary = embed_files(
        [str(source)],
        tmp_path / f"out{output}",
        reading=InputOptions(column=None if suffix == ".txt" else "body"),
        embedding=ModelOptions(model),
    )
    found = read_vectors(tmp_path / f"out{output}")
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()
    assert (summary.records, summary.null, summary.cut) == (len(TEXTS), 0, 1)
    assert (summary.max_length, summary.dimension) == (MAX_LENGTH, 32)


@pytest.mark.parametrize("output", [".parquet", ".npy", ".jsonl"])
def test_null_texts_have_null_vectors(
    output: str, model: Path, encoder: Encoder, tmp_path: Path
) -> None:
    texts = [None, "one", None, "two"]
    source = write_texts(tmp_path / "in.jsonl", texts)
    summary = embed_files(
        [str(source)],
        tmp_path / f"out{output}",
        reading=InputOptions(column="body"),
        embedding=ModelOptions(model),
    )
    found = read_vectors(tmp_path / f"out{output}")
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True, False]
    assert found[[1, 3]].tobytes() == encoder.encode(["one", "two"]).tobytes()
    assert (summary.records, summary.null) == (4, 2)


@pytest.mark.parametrize("arguments", [["--pooling", "cls", "--normalize"], ["--no-normalize"]])
def test_pooling_and_normalization_are_passed_on(
    arguments: list[str], model: Path, encoder: Encoder, tmp_path: Path
) -> None:
    source = write_texts(tmp_path / "in.txt", ["one", "two"])
    out = tmp_path / "out.npy"
    code = main(["embed", str(source), "-o", str(out), "--model", str(model), *arguments])
    pooling = "cls" if "cls" in arguments else None
    expected = encoder.encode(["one", "two"], pooling=pooling, normalize="--normalize" in arguments)
    other = encoder.encode(["one", "two"], pooling="mean", normalize="--normalize" in arguments)
    assert code == 0
    assert np.load(out).tobytes() == expected.tobytes()
    assert (expected.tobytes() == other.tobytes()) == (pooling is None)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("output", [".parquet", ".npy", ".jsonl"])
def test_the_precision_is_passed_on(
    output: str, precision: AskedPrecision, model: Path, encoder: Encoder, tmp_path: Path
) -> None:
    source, out = write_texts(tmp_path / "in.txt", TEXTS), tmp_path / f"out{output}"
    arguments = ["--model", str(model), "--precision", precision]
    assert main(["embed", str(source), "-o", str(out), *arguments]) == 0
    low = Encoder.load(model, precision=precision)
    texts = source.read_text(encoding="utf-8").split("\n")[:-1]
    assert read_vectors(out).tobytes() == low.encode(texts).tobytes()
    is_exact = low.encode(texts).tobytes() == encoder.encode(texts).tobytes()
    assert is_exact == (low.precision == "float32")


def test_thousands_of_records_keep_their_order(encoder: Encoder, tmp_path: Path) -> None:
    texts = [f"{i} " + "z" * (i * 7 % 40) for i in range(3000)]
    source = write_texts(tmp_path / "in.txt", texts)
    embed_files([str(source)], tmp_path / "out.parquet", embedding=ModelOptions(encoder))
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table["text"].to_pylist() == texts
    assert read_vectors(tmp_path / "out.parquet").tobytes() == encoder.encode(texts).tobytes()


def test_several_inputs_are_told_apart_by_source(model: Path, tmp_path: Path) -> None:
    first = write_texts(tmp_path / "a.txt", ["one", "two"])
    second = write_texts(tmp_path / "b.txt", ["three"])
    run = embedpipe(
        "embed", first, "-", second, "-o", tmp_path / "o.parquet", "--model", model, input="std\n"
    )
    assert run.returncode == 0, run.stderr
    table = parquet.read_table(tmp_path / "o.parquet")
    assert table["text"].to_pylist() == ["one", "two", "std", "three"]
    assert table["source"].to_pylist() == [str(first), str(first), "-", str(second)]


# --- what it says -----------------------------------------------------------------------------


def test_in_a_pipe_there_is_no_bar_but_a_summary(model: Path, tmp_path: Path) -> None:
    source = write_texts(tmp_path / "in.txt", TEXTS)
    run = embedpipe("embed", source, "-o", tmp_path / "out.npy", "--model", model)
    assert (run.returncode, run.stdout) == (0, "")
    assert re.fullmatch(
        r"6 records in \d+\.\d s \([\d,]+ records/s\): 32 dimensions, in \S+out\.npy; "
        r"1 longer than 48 pieces were cut there\n",
        run.stderr,
    )
    quiet = embedpipe(
        "embed", source, "-o", tmp_path / "out.npy", "--model", model, "--quiet", "--overwrite"
    )
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_the_summary_tells_nulls() -> None:
    summary = EmbedSummary(12345, null=2, cut=0, max_length=9, dimension=8, seconds=2.0)
    assert format_summary(summary, "o.npy") == (
        "12,345 records in 2.0 s (6,172 records/s): 8 dimensions, in o.npy; 2 null"
    )


@pytest.mark.parametrize(
    ("texts", "told"),
    [(["1", "-2.5", ""], True), (["1", "two"], False), ([""], False), ([], False)],
)
def test_the_summary_tells_numbers_where_texts_are_expected(
    texts: list[str], told: bool, model: Path, tmp_path: Path
) -> None:
    """Parquet refuses a column of numbers; of CSV nothing else could tell."""
    source = write_texts(tmp_path / "in.csv", list(texts))
    summary = embed_files(
        [source],
        tmp_path / "o.npy",
        reading=InputOptions(column="body"),
        embedding=ModelOptions(str(model)),
    )
    line = format_summary(summary, "o.npy")
    assert ("every text is a number: if another column was meant, name it with" in line) is told


@pytest.mark.parametrize("known", [True, False])
def test_on_a_terminal_there_is_a_bar(known: bool, model: Path, tmp_path: Path) -> None:
    source = write_texts(tmp_path / "in.txt", ["some text or other"] * 200_000)
    arguments = command(
        *("embed", source if known else "-", "-o", tmp_path / "out.npy", "--model", model)
    )
    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    content = subprocess.Popen(["cat", str(source)], stdout=subprocess.PIPE)
    process = subprocess.Popen(arguments, stdin=content.stdout, stderr=side)
    os.close(side)
    shown = b""
    while piece := read_terminal(terminal):
        shown += piece
    assert process.wait(60) == 0
    content.stdout.close()
    content.wait(60)
    os.close(terminal)
    text = shown.decode()
    of_all = r"\d%\|.*\| [\d,]+ records, [\d,]+ records/s \[\d\d:\d\d<\d\d:\d\d\]"  # and time left
    assert bool(re.search(of_all, text)) == known
    assert known or re.search(r"\d+ records \[\d\d:\d\d, +[\d.]+ records/s\]", text)
    assert "200,000 records in" in text


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # what Linux gives when the other side is closed
        return b""


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.txt", "-o", "out.npy"], "cannot read none.txt"),
        (["in.txt", "-o", "out.bin"], "suffix '.bin' is unknown"),
        (["in.txt", "-o", "none/out.npy"], "the folder none does not exist"),
        (["in.txt", "-o", "folder.npy"], "it is a folder"),
        (["in.csv", "-o", "out.npy"], "no column is named 'text'; found 'n', 'body'"),
        (["in.txt", "in.docx", "-o", "out.npy"], "suffix '.docx'"),
        (["in.txt", "-o", "out.npy", "--encoding", "x-none"], "encoding 'x-none' is unknown"),
    ],
)
def test_errors_are_found_before_the_model_is_loaded(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Encoder, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    write_texts(tmp_path / "in.txt", ["one"])
    write_texts(tmp_path / "in.csv", ["one"])
    write_texts(tmp_path / "in.docx", ["one"])
    (tmp_path / "folder.npy").mkdir()
    before = names_in(tmp_path)
    assert main(["embed", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("embedpipe: error: ")
    assert message in captured.err
    assert captured.out == ""
    assert names_in(tmp_path) == before


def test_an_error_in_the_middle_leaves_no_output(model: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_bytes(b"good\n" * 30_000 + b"\xff\n")
    with pytest.raises(EmbedpipeError, match="line 30001"):
        embed_files([str(source)], tmp_path / "out.parquet", embedding=ModelOptions(model))
    assert names_in(tmp_path) == ["in.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["embed", "a.txt"],
        ["embed", "a", "-o", "b.npy", "--threads", "0"],
        ["embed", "a", "-o", "b.npy", "--precision", "half"],
        ["search", "a", "--in", "b", "--precision", "float64"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    page = f"(see: embedpipe {arguments[0]} --help)\n" if arguments else "Usage: embedpipe "
    assert page in told


def test_a_failure_in_a_process_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    source = write_texts(tmp_path / "in.txt", ["one"])
    run = embedpipe("embed", source, "-o", tmp_path / "out.npy", "--model", tmp_path / "none")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("embedpipe: error: ")
    assert "Traceback" not in run.stderr
    assert names_in(tmp_path) == ["in.txt"]
