"""Tar archives: what Python's own library writes is read, and nothing is extracted to a place."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.formats import open_model, recognize
from embedpipe.formats.archives import tar as tar_archive
from embedpipe.formats.archives.tree import open_tree
from tests.support.format_support import assert_tensors, damaged, fuzzed, refused, survives

CONTENT = {"model/a": b"content" * 100, "model/empty": b"", "b": b"x"}


def archive(
    content: dict[str, bytes] | None = None,
    mode: str = "w:gz",
    change: Callable[[tarfile.TarInfo], object] = lambda _: None,
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:
        for name, data in (CONTENT if content is None else content).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            change(member)
            file.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def read_all(path: Path, content: bytes) -> dict[str, bytes]:
    path.write_bytes(content)
    tree = open_tree(path)
    return {name: bytes(tree.read(name)) for name in tree.names}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_members_are_what_was_written(tmp_path: Path, mode: str) -> None:
    assert read_all(tmp_path / "some.tar", archive(mode=mode)) == CONTENT


def test_a_model_in_a_tar_archive_is_imported(testdata: Path, tmp_path: Path) -> None:
    folder = testdata / "models/tf1/tfhub_bert_1"
    path = tmp_path / "1.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name in ("saved_model.pb", "variables", "assets"):
            file.add(folder / name, arcname=f"./{name}")
    assert recognize(path) == "tensorflow saved model"
    assert_tensors(dict(open_model(path).tensors), folder / "expected.safetensors")


def link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0


def hard_link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname, member.size = tarfile.LNKTYPE, "b", 0


def device(member: tarfile.TarInfo) -> None:
    member.type, member.size = tarfile.CHRTYPE, 0


GOOD = archive()
BAD = {
    "a link": (archive(change=link), "link or a device"),
    "a hard link": (archive(change=hard_link), "link or a device"),
    "a device": (archive(change=device), "link or a device"),
    "upwards": (archive({"../a": b""}), "not a relative path"),
    "absolute": (archive({"/a": b""}), "not a relative path"),
    "too many": (archive({str(i): b"" for i in range(4097)}), "more than 4096 members"),
    "a bomb": (archive({"a": bytes(3 * 2**20)}), "grow beyond"),
    "compressed end cut off": (GOOD[:-3], "damaged or no tar archive"),
    "plain end cut off": (archive(mode="w")[:600], "some.tar"),
    "other checksum": (GOOD[:-8] + bytes(8), "damaged or no tar archive: CRC"),
    "gzip of something else": (b"\x1f\x8b\x08" + bytes(100), "damaged or no tar archive"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_way_to_break_an_archive_has_its_own_error(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    content, finding = BAD[case]
    refused(lambda: read_all(tmp_path / "some.tar", content), "some.tar", finding)
    assert not list((tmp_path / "temporary").iterdir())


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    def same(member: tarfile.TarInfo) -> None:
        member.name = "a"

    refused(lambda: read_all(tmp_path / "some.tar", archive(change=same)), "'a' occurs twice")


def test_the_total_has_a_limit_that_the_error_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_archive, "LARGEST_TOTAL", 500)
    refused(lambda: read_all(tmp_path / "some.tar", archive()), "beyond 500 bytes")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@fuzzed
@given(data=st.data())
def test_a_damaged_archive_gives_our_error_or_members(
    tmp_path: Path, mode: str, data: st.DataObject
) -> None:
    content = data.draw(damaged(archive(mode=mode)))
    survives(lambda: read_all(tmp_path / "some.tar", content))
