"""Where inputs are and what they are: compressed, folders, patterns, object stores, content."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from embedpipe.errors import ColumnError, InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstd,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
TEXTS = [f"text {i} ü" for i in range(3000)]


def read(*sources: object, skip: bool = False, **options: str) -> list[str | None]:
    inputs = Inputs([str(source) for source in sources], InputOptions(**options), skip=skip)
    inputs.check()
    column = inputs.options.text_column
    return [text for batch in inputs.batches() for text in batch.records[column].to_pylist()]


# --- compressed -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", COMPRESS)
def test_what_is_compressed_is_read_as_what_it_holds(kind: str, tmp_path: Path) -> None:
    compress = COMPRESS[kind]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
    (tmp_path / f"a.jsonl.{kind}").write_bytes(compress(lines.encode()))
    (tmp_path / "unnamed").write_bytes(compress("\n".join(TEXTS).encode()))
    # Files that are put together stay a file of all of them
    halves = [
        compress(("text\n" * (i == 0) + "\n".join(h) + "\n").encode())
        for i, h in enumerate((TEXTS[:1500], TEXTS[1500:]))
    ]
    (tmp_path / f"a.CSV.{kind}").write_bytes(b"".join(halves))
    for name in (f"a.jsonl.{kind}", "unnamed", f"a.CSV.{kind}"):
        assert read(tmp_path / name) == TEXTS


@pytest.mark.parametrize("kind", COMPRESS)
def test_compressed_data_that_end_early_or_are_damaged(kind: str, tmp_path: Path) -> None:
    words = [f"{i * 7919 % 100003} text {i * 104729 % 100003}" for i in range(40_000)]
    whole = COMPRESS[kind]("\n".join(words).encode())
    path = tmp_path / "a.txt"
    path.write_bytes(whole[:-100])
    with pytest.raises(InputError, match=r"a\.txt: its (gzip|zstd|bzip2|xz) data end early"):
        read(path)
    if kind in ("gz", "xz"):  # the others have blocks larger than this file
        before = read(path, skip=True)
        assert 10_000 < len(before) < len(words)
        assert before == words[: len(before)]
    path.write_bytes(whole[:6] + bytes(200) + whole[206:])
    with pytest.raises(InputError, match=r"a\.txt: its (gzip|zstd|bzip2|xz) data are damaged"):
        read(path)


def test_parquet_within_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(b"PAR1 and so on"))
    with pytest.raises(InputError, match="Parquet within gzip cannot be read; decompress it first"):
        read(tmp_path / "a.parquet.gz")


def test_a_compressed_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    data = gzip.compress("\n".join(TEXTS).encode())
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[data], daemon=True)
    writer.start()
    assert read(tmp_path / "pipe") == TEXTS


# --- folders, patterns, addresses -------------------------------------------------------------


def make_folder(folder: Path) -> None:
    (folder / "b").mkdir()
    (folder / ".git").mkdir()
    (folder / "b" / "2.txt").write_text("two")
    (folder / "1.csv").write_text("text\none\n")
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (folder / "_SUCCESS").write_text("")
    (folder / ".git" / "3.txt").write_text("hidden")


def test_a_folder_stands_for_its_files_in_order_without_those_of_other_formats(
    tmp_path: Path,
) -> None:
    make_folder(tmp_path)
    inputs = Inputs([str(tmp_path)])
    inputs.check()
    assert inputs.sources == [str(tmp_path / "1.csv"), str(tmp_path / "b" / "2.txt")]
    assert inputs.passed_over == [str(tmp_path / "a.png")]
    assert read(tmp_path) == ["one", "two"]


def test_patterns_and_files_that_are_named_like_one(tmp_path: Path) -> None:
    make_folder(tmp_path)
    assert read(tmp_path / "**" / "*.txt") == ["two"]
    assert read(tmp_path / "[12].csv") == ["one"]
    (tmp_path / "[12].csv").write_text("text\nitself\n")
    assert read(tmp_path / "[12].csv") == ["itself"]
    with pytest.raises(InputError, match="no file fits the pattern"):
        read(tmp_path / "*.tsv")


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(tmp_path)
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"cannot read the folder .*b: Permission denied; change"):
        read(tmp_path)


def test_object_stores_are_read_through_fsspec() -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/inputs/1.csv", b"text\none\n")
    memory.pipe("/inputs/below/2.txt.gz", gzip.compress(b"two"))
    memory.pipe("/inputs/_state.json", b"{}")
    try:
        assert read("memory://inputs") == ["one", "two"]
        assert read("memory://inputs/*.csv") == ["one"]
        assert read("memory://inputs/below/2.txt.gz") == ["two"]
        with pytest.raises(
            InputError, match=r"cannot read memory://inputs/none\.txt: FileNotFound"
        ):
            read("memory://inputs/none.txt")
    finally:
        memory.rm("/inputs", recursive=True)


def test_an_address_of_an_unknown_kind() -> None:
    with pytest.raises(InputError, match=r"cannot open nowhere://a: .*nowhere"):
        read("nowhere://a")


# --- content ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,text\n1,one\n", ["one"]),
        (b"\xef\xbb\xbfid;text\r\n1;one\r\n", ["one"]),
        (b'"id"\t"text"\n1\tone\n', ["one"]),
        (b'{"text": "one"}\n{"text": "two"}\n', ["one", "two"]),
        (b' [\n{"text": "one"},\n {"text": "two"}]', ["one", "two"]),
        (b"[sic] text\n", ["[sic] text"]),
        (b"{not json}\n", ["{not json}"]),
        (b"some text, and more\n", ["some text, and more"]),
    ],
)
def test_a_file_without_suffix_is_told_by_its_content(
    content: bytes, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(content)
    assert read(tmp_path / "a") == expected


def test_columnar_files_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    from pyarrow import feather, parquet

    table = pa.table({"text": TEXTS, "n": range(len(TEXTS))})
    parquet.write_table(table, tmp_path / "p.dat")
    feather.write_feather(table, tmp_path / "f.txt", compression="zstd")
    with pa.OSFile(str(tmp_path / "s"), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table, 700)
    for name in ("p.dat", "f.txt", "s"):
        assert read(tmp_path / name) == TEXTS
    whole = (tmp_path / "f.txt").read_bytes()
    (tmp_path / "cut.arrow").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.arrow is not an Arrow file that can be read"):
        read(tmp_path / "cut.arrow")


def test_utf16_is_recognized(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,one\n", encoding="utf-16")
    with pytest.raises(InputError, match="begins as UTF-16 does: say --encoding utf-16"):
        read(tmp_path / "a.csv")
    assert read(tmp_path / "a.csv", encoding="utf-16") == ["one"]


def test_a_column_of_almost_that_name_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,Text\n1,one\n")
    with pytest.raises(ColumnError, match="found 'id', 'Text'; did you mean 'Text'"):
        read(tmp_path / "a.csv")
