"""Writing vectors: whole files or none, and the three formats."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe.errors import OutputError, ParameterError
from embedpipe.frames.files.sinks import Sink, sink_of
from embedpipe.frames.files.vectors import MADE_WITH, Vectors, vector_field
from embedpipe.output import AtomicFile
from tests.support.cli_support import names_in

# The last one needs nine digits.
EXTREMES = np.array(
    [0.0, -0.0, 1e-45, 1.1754944e-38, 3.4028235e38, -1 / 3, 0.124283254], np.float32
)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop the rights that let root write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def write(path: Path, *batches: tuple[list[str | None], np.ndarray], source: bool = False) -> None:
    """Write batches as the command does; a null text has no vector."""
    columns = [
        pa.field("text", pa.string()),
        vector_field("embedding", len(EXTREMES), b'{"model": "tiny"}'),
        *([pa.field("source", pa.string())] if source else []),
    ]
    schema = pa.schema(columns)
    with AtomicFile(path) as file, sink_of(path)(file, schema, "embedding") as sink:
        for texts, vectors in batches:
            write_batch(sink, schema, texts, vectors)


def write_batch(
    sink: Sink, schema: pa.Schema, texts: list[str | None], vectors: np.ndarray
) -> None:
    present = np.array([text is not None for text in texts], bool)
    arrays = {
        "text": pa.array(texts, pa.string()),
        "embedding": Vectors(vectors, present).to_arrow(),
        "source": pa.array(["a.txt"] * len(texts)),
    }
    columns = [arrays[name] for name in schema.names]
    sink.write(pa.RecordBatch.from_arrays(columns, schema=schema))


# --- whole or not at all ----------------------------------------------------------------------


def test_the_name_appears_at_the_end_with_everything_in_it(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "out") as file:
        assert file.write(b"abc") == 3
        assert file.write(memoryview(np.arange(2, dtype="<i4"))) == 8
        file.overwrite(1, b"B")
        assert file.tell() == 11
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out").read_bytes() == b"aBc\0\0\0\0\1\0\0\0"
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, b"old"])
def test_after_an_error_everything_is_as_before(
    error: type[BaseException], old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(error), AtomicFile(path) as file:
        file.write(b"new")
        raise error
    assert names_in(tmp_path) == ([] if old is None else ["out"])
    assert old is None or path.read_bytes() == old


def test_a_file_that_comes_meanwhile_is_not_replaced_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with (
        pytest.raises(OutputError, match="File exists; it came while this was written"),
        AtomicFile(path, replace=False) as file,
    ):
        file.write(b"new")
        path.write_bytes(b"other")
    assert path.read_bytes() == b"other"
    assert names_in(tmp_path) == ["out"]
    with AtomicFile(tmp_path / "second", replace=False) as file:
        file.write(b"new")
    assert (tmp_path / "second").read_bytes() == b"new"
    assert names_in(tmp_path) == ["out", "second"]


def test_permissions_follow_the_umask_and_then_the_replaced_file(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        for mode in (0o640, 0o604):
            with AtomicFile(tmp_path / "out") as file:
                file.write(b"x")
            assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == mode
            (tmp_path / "out").chmod(0o604)
    finally:
        os.umask(previous)


def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/real")
    for content in (b"one", b"two"):
        with AtomicFile(tmp_path / "link") as file:
            file.write(content)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "elsewhere" / "real").read_bytes() == content
    assert names_in(tmp_path / "elsewhere") == ["real"]


def test_places_that_cannot_be_written_are_told_beforehand(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path, "it is a folder; give the name of a file"),
        (tmp_path / "none" / "out", "none does not exist; make it first: mkdir -p"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "file/x/out", "file is a file and no folder; name another one"),
    ):
        with pytest.raises(OutputError, match=message):
            AtomicFile(path)


def test_a_folder_or_file_without_write_permission_is_an_error(tmp_path: Path) -> None:
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)  # pytest's folders are closed to others
    (tmp_path / "protected").write_bytes(b"old")
    (tmp_path / "protected").chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with as_nobody():
            with pytest.raises(OutputError, match="Permission denied; change the folder's"):
                AtomicFile(tmp_path / "out").__enter__()
            with pytest.raises(OutputError, match="write-protected"):
                AtomicFile(tmp_path / "protected")
    finally:
        tmp_path.chmod(0o755)
    assert names_in(tmp_path) == ["protected"]


# --- formats ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 1025])
def test_npy_has_the_bytes_of_numpy_save(rows: int, tmp_path: Path) -> None:
    vectors = np.random.default_rng(rows).random((rows, len(EXTREMES)), np.float32)
    halves = [part for part in np.array_split(vectors, 2) if len(part)]
    write(tmp_path / "a.npy", *((["x"] * len(part), part) for part in halves))
    expected = io.BytesIO()
    np.save(expected, vectors)
    assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()


def test_null_texts_are_nan_rows_in_npy(tmp_path: Path) -> None:
    write(tmp_path / "a.npy", (["a", None], np.stack([EXTREMES, EXTREMES])))
    found = np.load(tmp_path / "a.npy")
    assert found[0].tobytes() == EXTREMES.tobytes()
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("source", [False, True])
def test_parquet_keeps_text_vector_source_and_origin(source: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    vectors = np.stack([EXTREMES, EXTREMES[::-1], EXTREMES])
    write(path, (["a", None, "東"], vectors), ([None], vectors[:1]), source=source)
    table = parquet.read_table(path)
    assert table.column_names == ["text", "embedding", *(["source"] if source else [])]
    assert table["text"].to_pylist() == ["a", None, "東", None]
    assert str(table["embedding"].type).startswith("fixed_size_list")
    assert table["embedding"].type.list_size == len(EXTREMES)
    assert table["embedding"].is_null().to_pylist() == [False, True, False, True]
    kept = table["embedding"].drop_null().combine_chunks().flatten().to_numpy()
    assert kept.tobytes() == vectors[[0, 2]].tobytes()
    if source:
        assert table["source"].to_pylist() == ["a.txt"] * 4
    assert json.loads(table.schema.field("embedding").metadata[MADE_WITH]) == {"model": "tiny"}


@pytest.mark.parametrize("source", [False, True])
def test_json_lines_give_back_the_same_floats(source: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, (['say "東"\n', None], np.stack([EXTREMES, EXTREMES])), source=source)
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["text"] == 'say "東"\n'
    assert np.array(first["embedding"], np.float32).tobytes() == EXTREMES.tobytes()
    extra = {"source": "a.txt"} if source else {}
    extra |= {"embedding_model": {"model": "tiny"}}
    assert second == {"text": None, "embedding": None} | extra
    assert list(first) == list(second)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_no_records_give_a_file_without_rows(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    write(path)
    if suffix == ".parquet":
        assert parquet.read_table(path).shape == (0, 2)
    else:
        assert path.read_bytes() == b""


def test_an_unknown_suffix_is_an_error() -> None:
    with pytest.raises(ParameterError, match=r"suffix '\.bin' is unknown.*\.parquet, \.npy"):
        sink_of("a.bin")


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".jsonl", ".csv"])
def test_an_error_in_the_middle_leaves_nothing_and_says_nothing_else(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a{suffix}"

    schema = pa.schema(
        [pa.field("text", pa.string()), vector_field("embedding", len(EXTREMES), b"{}")]
    )

    def fail(sink: Sink) -> None:
        write_batch(sink, schema, ["a"], EXTREMES[None])
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        AtomicFile(path) as file,
        sink_of(path)(file, schema, "embedding") as sink,
    ):
        fail(sink)
    del sink
    assert names_in(tmp_path) == []
    assert capsys.readouterr().err == ""
