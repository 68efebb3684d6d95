"""A run that was interrupted and goes on gives what an uninterrupted one gives."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from embedpipe import Encoder, ModelOptions, embed_files
from embedpipe.embedding import parts
from embedpipe.embedding.files import EmbedSummary
from embedpipe.errors import InputError, OutputError, ParameterError


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_RECORDS", 1500)


def write_inputs(folder: Path, *, files: int = 24, records: int = 400) -> Path:
    """A folder of several formats, with records that cannot be read."""
    draw = random.Random(5)
    folder.mkdir()
    for i in range(files):
        texts = [f"text {draw.random()} of {i}" for _ in range(draw.randrange(2 * records))]
        lines = "".join(
            json.dumps({"text": text, "n": n}) + "\n" + "no record\n" * (n % 97 == 5)
            for n, text in enumerate(texts)
        )
        if i % 3 == 0:
            (folder / f"{i:02}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
        elif i % 3 == 1:
            (folder / f"{i:02}.txt").write_text("\n".join(texts))
        else:
            (folder / f"{i:02}.jsonl").write_text(lines)
    return folder


def contents(output: Path) -> dict[str, bytes]:
    """What other readers see, and the state, without the lock."""
    if output.is_file():
        errors = output.with_name(output.name + ".errors.jsonl")
        return {"": output.read_bytes(), "errors": errors.read_bytes()}
    return {path.name: path.read_bytes() for path in output.iterdir() if path.name != ".lock"}


def embed(source: Path, output: Path, encoder: Encoder, **options: Any) -> EmbedSummary:
    options = {"on_error": "skip", "resume": True, **options}
    target = f"{output}/" if not output.suffix else str(output)
    return embed_files(source, target, embedding=ModelOptions(encoder), **options)


@pytest.mark.parametrize("name", ["out", "out.jsonl", "out.arrow"])
def test_after_any_group_it_goes_on(
    name: str, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_inputs(tmp_path / "in")
    whole = embed(source, tmp_path / f"whole{Path(name).suffix}", encoder)
    assert whole.skipped > 20
    assert whole.resumed == 0
    calls = itertools.count()
    count = Encoder.encode_counting
    embedded = 0

    def interrupted(self: Encoder, texts: list[str], **options: Any) -> Any:
        nonlocal embedded
        if next(calls) % 5 == 4:
            raise KeyboardInterrupt
        embedded += len(texts)
        return count(self, texts, **options)

    monkeypatch.setattr(Encoder, "encode_counting", interrupted)
    interruptions = 0
    while True:
        try:
            found = embed(source, tmp_path / name, encoder)
            break
        except KeyboardInterrupt:
            interruptions += 1
    assert interruptions >= 2
    assert contents(tmp_path / name) == contents(tmp_path / f"whole{Path(name).suffix}")
    assert (found.records, found.cut, found.skipped) == (whole.records, whole.cut, whole.skipped)
    assert found.records - 5 * 1024 < found.resumed < found.records
    assert embedded < whole.records + interruptions * 1500
    monkeypatch.undo()


def in_child(work: Callable[[], object]) -> int:
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_kill_9_at_ten_random_moments(name: str, encoder: Encoder, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in", files=40)
    begin = time.perf_counter()
    embed(source, tmp_path / f"whole{Path(name).suffix}", encoder)
    took = time.perf_counter() - begin
    draw = random.Random(os.getpid())
    killed = 0
    while killed < 10:
        child = in_child(lambda: embed(source, tmp_path / name, encoder))
        time.sleep(draw.uniform(0, took / 3))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):  # it was done before: once more from the beginning
            assert os.waitstatus_to_exitcode(status) == 0
            embed(source, tmp_path / name, encoder, resume=False, overwrite=True)
            break
        killed += 1
    _, status = os.waitpid(in_child(lambda: embed(source, tmp_path / name, encoder)), 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1)
    assert contents(tmp_path / name) == contents(tmp_path / f"whole{Path(name).suffix}")
    assert not (tmp_path / f"{name}.parts").exists()


def test_what_is_complete_is_not_read_again(encoder: Encoder, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in", files=6)
    first = embed(source, tmp_path / "out", encoder)
    again = embed(source, tmp_path / "out", encoder)
    assert (again.records, again.resumed) == (first.records, first.records)


def test_another_job_is_refused_and_says_what_differs(encoder: Encoder, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in", files=6)
    embed(source, tmp_path / "out", encoder)
    with pytest.raises(OutputError, match="begun with limit null, now it is 5; say the same"):
        embed(source, tmp_path / "out", encoder, limit=5)
    (source / "01.txt").write_text("another")
    with pytest.raises(OutputError, match=r"the input .*01\.txt has changed"):
        embed(source, tmp_path / "out", encoder)
    (source / "01.txt").unlink()
    with pytest.raises(OutputError, match=r"the input .*01\.txt is not among the inputs now"):
        embed(source, tmp_path / "out", encoder)


def test_a_folder_is_not_replaced_unless_it_is_asked_for_and_ours(
    encoder: Encoder, tmp_path: Path
) -> None:
    source = write_inputs(tmp_path / "in", files=6)
    embed(source, tmp_path / "out", encoder, resume=False)
    with pytest.raises(OutputError, match="not empty, go on with --resume, or replace it with"):
        embed(source, tmp_path / "out", encoder, resume=False)
    before = contents(tmp_path / "out")
    embed(source, tmp_path / "out", encoder, resume=False, overwrite=True)
    assert contents(tmp_path / "out") == before
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match=r"the folder holds mine\.txt, which is no part"):
        embed(source, tmp_path / "out", encoder, resume=False, overwrite=True)
    with pytest.raises(ParameterError, match="contradict each other"):
        embed(source, tmp_path / "out", encoder, overwrite=True)


def test_two_processes_do_not_write_one_folder(encoder: Encoder, tmp_path: Path) -> None:
    from filelock import FileLock

    source = write_inputs(tmp_path / "in", files=3)
    (tmp_path / "out").mkdir()
    with (
        FileLock(tmp_path / "out" / ".lock"),
        pytest.raises(OutputError, match="another process writes there"),
    ):
        embed(source, tmp_path / "out", encoder)


def test_an_error_keeps_the_parts_before_it(encoder: Encoder, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for i in range(4):
        (source / f"{i}.txt").write_text("".join(f"{i} {n}\n" for n in range(1600)))
    (source / "9.txt").write_bytes(b"good\n" * 30_000 + b"\xff")
    with pytest.raises(InputError, match=r"9\.txt, line 30001"):
        embed(source, tmp_path / "out", encoder, on_error="fail")
    found = sorted((tmp_path / "out").glob("part-*"))
    assert len(found) >= 4
    records = sum(parquet.read_metadata(path).num_rows for path in found)
    (source / "9.txt").write_bytes(b"good\n" * 30_000)
    with pytest.raises(OutputError, match=r"9\.txt has changed"):
        embed(source, tmp_path / "out", encoder, on_error="fail")
    assert records >= 6000


def test_an_object_store_is_written_and_resumed(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    source = write_inputs(tmp_path / "in")
    embed(source, tmp_path / "whole", encoder)
    memory = fsspec.filesystem("memory")
    options: dict[str, Any] = {"on_error": "skip", "embedding": ModelOptions(encoder)}
    count = Encoder.encode_counting
    calls = itertools.count()

    def interrupted(self: Encoder, texts: list[str], **how: Any) -> Any:
        if next(calls) == 7:
            raise KeyboardInterrupt
        return count(self, texts, **how)

    monkeypatch.setattr(Encoder, "encode_counting", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            embed_files(source, "memory://out/vectors/", **options)
        found = embed_files(source, "memory://out/vectors/", resume=True, **options)
        assert found.resumed > 1000
        names = {name.rpartition("/")[2] for name in memory.ls("/out/vectors", detail=False)}
        written = {name: memory.cat(f"/out/vectors/{name}") for name in names}
        assert written == contents(tmp_path / "whole")
        embed_files(source / "01.txt", "memory://out/a.npy", embedding=ModelOptions(encoder))
        assert memory.cat("/out/a.npy").startswith(b"\x93NUMPY")
    finally:
        memory.rm("/out", recursive=True)
