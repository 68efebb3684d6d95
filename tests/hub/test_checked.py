"""Hashes that are remembered: for as long as the file is the same, and no longer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from embedpipe.hub import checked
from embedpipe.hub.checked import remembered_sha256


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which files were read, and a cache of this test's."""
    found: list[Path] = []

    def counted(path: Path) -> str:
        found.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setenv("EMBEDPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(checked, "sha256_of", counted)
    return found


def test_a_file_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"abc")
    second.write_bytes(b"")
    # FIPS 180-2, appendix B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert [remembered_sha256(first) for _ in range(3)] == [digest] * 3
    assert remembered_sha256(second).startswith("e3b0c44298fc1c14")
    assert reads == [first, second]


def test_a_file_that_was_replaced_or_written_is_read_again(
    tmp_path: Path, reads: list[Path]
) -> None:
    path, other = tmp_path / "weights", tmp_path / "other"
    path.write_bytes(b"abc")
    before = remembered_sha256(path)
    other.write_bytes(b"abd")
    other.replace(path)
    assert remembered_sha256(path) != before
    path.write_bytes(b"abcd")
    assert remembered_sha256(path) == hashlib.sha256(b"abcd").hexdigest()
    assert len(reads) == 3


@pytest.mark.parametrize("content", ["", "[]", "{", None])
def test_what_is_damaged_is_not_believed(
    content: str | None, tmp_path: Path, reads: list[Path]
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    digest = remembered_sha256(path)
    (kept,) = (tmp_path / "cache" / "packed").iterdir()
    stored = json.loads(kept.read_text())
    kept.write_text(json.dumps(stored | {"sha256": 5}) if content is None else content)
    assert remembered_sha256(path) == digest
    assert len(reads) == 2
    assert json.loads(kept.read_text()) == stored


def test_without_a_cache_it_is_read_each_time(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDPIPE_PACKED_CACHE", "0")
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    assert remembered_sha256(path) == remembered_sha256(path)
    assert len(reads) == 2
    assert not (tmp_path / "cache").exists()
