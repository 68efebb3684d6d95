"""The recorded data that tests read: what is unpacked is what was packed, and nothing else."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from tests.support import testdata


def packed(source: Path, member: tarfile.TarInfo, content: bytes = b"kept") -> None:
    """A folder of data with one archive of one member, and its sum."""
    source.mkdir()
    member.size = len(content) if member.isfile() else 0
    with tarfile.open(source / "models.tar.xz", "w:xz") as archive:
        archive.addfile(member, io.BytesIO(content))
    digest = hashlib.sha256((source / "models.tar.xz").read_bytes()).hexdigest()
    (source / "SHA256SUMS").write_text(f"{digest}  models.tar.xz\n")


def test_an_archive_becomes_a_folder_once(tmp_path: Path) -> None:
    packed(tmp_path / "data", tarfile.TarInfo("models/a/b.txt"))
    folder = testdata.testdata_folder(tmp_path / "data", tmp_path / "build")
    assert (folder / "models/a/b.txt").read_bytes() == b"kept"
    assert testdata.testdata_folder(tmp_path / "data", tmp_path / "build") == folder
    assert list((tmp_path / "build").iterdir()) == [folder]


def test_a_changed_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    packed(tmp_path / "data", tarfile.TarInfo("models/b.txt"))
    with (tmp_path / "data/models.tar.xz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="has the SHA-256"):
        testdata.testdata_folder(tmp_path / "data", tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == []


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "models/../../escaped"])
def test_a_member_outside_is_refused(tmp_path: Path, name: str) -> None:
    packed(tmp_path / "data", tarfile.TarInfo(name))
    with pytest.raises(ValueError, match="no file or folder inside"):
        testdata.testdata_folder(tmp_path / "data", tmp_path / "build")


def test_a_link_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("models/link")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    packed(tmp_path / "data", member)
    with pytest.raises(ValueError, match="no file or folder inside"):
        testdata.testdata_folder(tmp_path / "data", tmp_path / "build")
