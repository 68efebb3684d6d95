"""Zip archives: what Python's own library writes is read; what lies or leads away is refused."""

from __future__ import annotations

import io
import stat
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.formats.archives import zip as zip_archive
from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.archives.zip import ZipArchive
from tests.support.format_support import damaged, fuzzed, refused, survives

CONTENT = {
    "metadata/part-00000": b'{"class": "x"}' * 20,
    "empty": b"",
    "random": np.random.default_rng(0).bytes(3000),
    "na\u00efve": b"x",
}


def archive(
    content: dict[str, bytes] = CONTENT, method: int = zipfile.ZIP_DEFLATED, **more: object
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in content.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            for key, value in more.items():
                setattr(info, key, value)
            file.writestr(info, data)
    return buffer.getvalue()


def streamed(content: dict[str, bytes]) -> bytes:
    """With sizes after the data, as Java writes."""

    class Pipe(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)
    return pipe.written


def opened(data: bytes) -> ZipArchive:
    return ZipArchive(memoryview(data), "some.zip")


def read_all(data: bytes) -> dict[str, bytes]:
    found = opened(data)
    return {name: bytes(found.read(name)) for name in found.names}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_what_was_written(method: int) -> None:
    assert read_all(archive(method=method)) == CONTENT


def test_archives_with_sizes_after_the_data_are_read() -> None:
    assert read_all(streamed(CONTENT)) == CONTENT


def test_archives_beyond_four_gigabytes_are_read_by_their_long_records() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file, file.open("a", "w", force_zip64=True) as member:
        member.write(b"content")
    # The library writes the long end record only for long archives; here is one by hand
    short = bytearray(buffer.getvalue())
    end = short.rfind(b"PK\5\6")
    count, size, begin = struct.unpack_from("<HLL", short, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, begin)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    final = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    assert read_all(bytes(short[:end]) + record + locator + final) == {"a": b"content"}


def test_stored_members_are_views_of_the_file() -> None:
    data = memoryview(archive(method=zipfile.ZIP_STORED))
    found = ZipArchive(data, "some.zip").read("random")
    assert found.obj is data.obj


def test_a_folder_and_its_archive_are_the_same_tree(tmp_path: Path) -> None:
    for name, data in {**CONTENT, ".hidden.crc": b"1"}.items():
        (tmp_path / "folder" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "folder" / name).write_bytes(data)
    (tmp_path / "file.zip").write_bytes(archive({**CONTENT, ".hidden.crc": b"1"}))
    for place in ("folder", "file.zip"):
        tree = open_tree(tmp_path / place)
        assert {name: bytes(tree.read(name)) for name in tree.names} == CONTENT
        below = tree.below("metadata")
        assert below.names == ("part-00000",)
        assert bytes(below.read("part-00000")) == CONTENT["metadata/part-00000"]
        refused(lambda tree=tree: tree.read("absent"), place, "has no absent")


def patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    place = data.rfind(signature) + offset
    return data[:place] + value + data[place + len(value) :]


ONE = archive({"a": b"content"})
LINK = (stat.S_IFLNK | 0o777) << 16
DEVICE = (stat.S_IFCHR | 0o666) << 16
BAD = {
    "empty": (b"", "no end record"),
    "no archive": (b"x" * 100, "no end record"),
    "cut off": (ONE[:-1], "no end record"),
    "more behind": (ONE + b"x", "ends at byte"),
    "two disks": (patched(ONE, b"PK\5\6", 4, b"\1"), "one part of several"),
    "count too large": (patched(ONE, b"PK\5\6", 8, b"\2\0\2\0"), "directory is cut off"),
    "directory past the end": (patched(ONE, b"PK\5\6", 16, b"\xff\xff\0\0"), "claims bytes"),
    "zip64 without records": (patched(ONE, b"PK\5\6", 12, b"\xff" * 4), "zip64"),
    "a link": (archive({"a": b"/etc/passwd"}, external_attr=LINK), "link or a device"),
    "a device": (archive({"a": b""}, external_attr=DEVICE), "link or a device"),
    "upwards": (archive({"../a": b""}), "'../a' is not a relative path"),
    "upwards inside": (archive({"a/../../b": b""}), "not a relative path"),
    "absolute": (archive({"/a": b""}), "not a relative path"),
    "backslash": (archive({"..\\a": b""}), "not a relative path"),
    "drive": (archive({"C:a": b""}), "not a relative path"),
    "double slash": (archive({"a//b": b""}), "not a relative path"),
    "encrypted": (patched(ONE, b"PK\1\2", 8, b"\1"), "is encrypted"),
    "bzip2": (archive({"a": b"x"}, zipfile.ZIP_BZIP2), "compressed by method 12"),
    "file and folder": (archive({"a": b"", "a/b": b""}), "'a' is a file and a folder"),
    "a bomb": (archive({"a": bytes(3 * 2**20)}), "a ratio of at most 100"),
    "grows": (patched(ONE, b"PK\1\2", 24, b"\3"), "more than the 3"),
    "shrinks": (patched(ONE, b"PK\1\2", 24, b"\x09"), "inflates to 7 of 9"),
    "other checksum": (patched(ONE, b"PK\1\2", 16, b"\0"), "checksum does not fit"),
    "no deflate stream": (patched(ONE, b"PK\3\4", 31, b"\xff" * 5), "inflated"),
    "no local header": (patched(ONE, b"PK\3\4", 0, b"xx"), "not where the directory says"),
    "past the archive": (patched(ONE, b"PK\1\2", 20, b"\xff\xff"), "reaches beyond"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_way_to_break_an_archive_has_its_own_error(case: str) -> None:
    content, finding = BAD[case]
    refused(lambda: read_all(content), "some.zip", finding)


def test_a_name_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("a", b"1")
            file.writestr("a", b"2")
    refused(lambda: opened(buffer.getvalue()), "'a' occurs twice")


def test_members_that_share_their_bytes_are_refused() -> None:
    content = archive({"a": b"x" * 50, "b": b"x" * 50}, zipfile.ZIP_STORED)
    place = content.rfind(b"PK\1\2") + 42
    refused(lambda: opened(content[:place] + bytes(4) + content[place + 4 :]), "overlaps")


def test_count_and_total_have_limits_that_the_error_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused(lambda: opened(archive({str(i): b"" for i in range(4097)})), "4097", "at most 4096")
    monkeypatch.setattr(zip_archive, "LARGEST_TOTAL", 1000)
    refused(lambda: opened(archive()), "at most 1000 are allowed")


HOSTILE = {
    "bomb_2gb.zip": "a ratio of at most 100",
    "bomb_lying_size.zip": "inflates to more than the 100 it claims",
    "many_entries.zip": "5000 members; at most 4096",
    "symlink_outside.zip": "link or a device",
    "symlink_then_write.zip": "link or a device",
    "traversal_absolute.zip": "not a relative path",
    "traversal_backslash.zip": "not a relative path",
    "traversal_relative.zip": "not a relative path",
    "truncated.zip": "no end record",
}


def test_every_hostile_archive_is_in_the_list(testdata: Path) -> None:
    files = (testdata / "hostile").glob("*.zip")
    assert sorted(HOSTILE) == sorted(file.name for file in files)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing_behind(
    testdata: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def read() -> None:
        tree = open_tree(testdata / "hostile" / name)
        for member in tree.names:
            tree.read(member)

    refused(read, name, HOSTILE[name])
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_between_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a").write_bytes(b"1")
    (tmp_path / "model/loop").symlink_to(tmp_path / "model")
    assert open_tree(tmp_path / "model").names == ("a",)


@fuzzed
@given(data=st.data())
def test_a_damaged_archive_gives_our_error_or_members(data: st.DataObject) -> None:
    content = data.draw(damaged(archive({"a/b": b"content" * 9, "c": b""})))
    survives(lambda: read_all(content))
