"""Packed weights in files: damage, full and read-only disks, many processes at once."""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedpipe.engine import packed_cache
from embedpipe.engine.native import NativeEncoder
from embedpipe.engine.packed_cache import PackedCache
from embedpipe.engine.weights import WeightsFile
from embedpipe.formats import open_model
from tests.support.cli_support import write_tiny_model
from tests.support.packed_support import the_file, vectors, vectors_without_cache, without_weights


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "models" / "tiny")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flip(at: Callable[[bytes], int]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[at(content)] ^= 0x10
        path.write_bytes(content)

    return damage


def half_written(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2].ljust(len(content), b"\0"))


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "cut": cut,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "a bit of the last number": flip(lambda content: len(content) - 1),
    "a bit of the first number": flip(lambda _: 4096),
    "a bit of the first byte": flip(lambda _: 0),
    "a bit of a size": flip(lambda content: content.index(b'{"') - 3),
    "a bit of the key": flip(lambda content: content.index(b'{"') + 9),
    "a bit of the checksum": flip(lambda content: content.index(b"]]}") + 4),
    "half-written": half_written,
    "a link that leads nowhere": loop,
}


IN_THE_WAY = {"a pipe": pipe, "a folder": folder}


@pytest.mark.parametrize("damage", [*DAMAGES, *IN_THE_WAY])
def test_a_damaged_file_changes_no_vector_and_is_replaced(
    damage: str, model: Path, packed_folder: Path
) -> None:
    expected = vectors_without_cache(model)
    assert vectors(model) == expected
    whole = the_file(packed_folder).read_bytes()
    (DAMAGES | IN_THE_WAY)[damage](the_file(packed_folder))
    assert vectors(model) == expected
    if damage in DAMAGES:
        assert the_file(packed_folder).read_bytes() == whole
        assert vectors(model) == expected
    assert len(list(packed_folder.iterdir())) == 1


def test_every_flipped_bit_of_a_block_is_noticed(model: Path, packed_folder: Path) -> None:
    read = open_model(model)
    cache = PackedCache(packed_folder, read.weights_files)
    made_for = {"isa": "any", "precision": "float32"}
    block = np.arange(8, dtype=np.float32)
    assert cache.keep(made_for, block).tobytes() == block.tobytes()
    whole = the_file(packed_folder).read_bytes()
    for bit in range(8 * block.nbytes):
        content = bytearray(whole)
        content[4096 + bit // 8] ^= 1 << bit % 8
        the_file(packed_folder).write_bytes(content)
        assert cache.find(made_for, block.size) is None


RUN = """\
import sys, zlib
from embedpipe import Encoder
encoder = Encoder.load(sys.argv[1], threads=1)
vectors = encoder.encode(["a text", "another, longer one", "z"])
maps = [line.split() for line in open("/proc/self/maps") if ".packed" in line]
print(zlib.crc32(vectors.tobytes()), *{inode for _, _, _, _, inode, *_ in maps})
"""


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 9 MB, which other processes will want to keep."""
    return write_tiny_model(tmp_path_factory.mktemp("larger") / "tiny", hidden=700)


def test_ten_processes_at_once_agree_and_map_one_file(larger: Path, packed_folder: Path) -> None:
    checksum = zlib.crc32(vectors_without_cache(larger))
    for _ in range(2):  # without a file, and with one
        command = [sys.executable, "-c", RUN, str(larger)]
        processes = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(10)
        ]
        results = [process.communicate(timeout=120) for process in processes]
        the_one = the_file(packed_folder).stat()
        assert results == [(f"{checksum} {the_one.st_ino}\n", "")] * 10
        assert the_one.st_size > 4 * 2**20


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_a_limit_on_file_sizes_leaves_nothing_behind(
    share: float, larger: Path, packed_folder: Path
) -> None:
    vectors(larger)
    limit = int(share * (the_file(packed_folder).stat().st_size - 1))
    the_file(packed_folder).unlink()
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(larger)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (run.stdout, run.stderr) == (f"{zlib.crc32(vectors_without_cache(larger))}\n", "")
    assert list(packed_folder.iterdir()) == []


@pytest.mark.usefixtures("packed_folder")
def test_a_full_disk_leaves_nothing_behind(
    larger: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDPIPE_CACHE", str(small_disk))
    assert vectors(larger) == vectors_without_cache(larger)
    assert list((small_disk / "packed").iterdir()) == []


@pytest.mark.usefixtures("packed_folder")
def test_a_read_only_disk_is_read_from_and_else_left_alone(
    model: Path, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_tiny_model(tmp_path / "others" / "tiny", seed=1)
    monkeypatch.setenv("EMBEDPIPE_CACHE", str(small_disk))
    expected = vectors(model)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    read = open_model(model)
    cache = PackedCache(small_disk / "packed", read.weights_files)
    nothing = without_weights(read.weights)
    monkeypatch.setattr(packed_cache, "_log", refuse)
    found = NativeEncoder(read.config, nothing, cache=cache)
    assert np.isfinite(found.hidden_states(*tiny_batch())).all()
    assert vectors(model) == expected
    monkeypatch.undo()
    monkeypatch.setattr(packed_cache, "_SMALLEST_BLOCK", 0)
    monkeypatch.setenv("EMBEDPIPE_CACHE", str(small_disk))
    assert vectors(other) == vectors_without_cache(other)
    assert len(list((small_disk / "packed").iterdir())) == 1


def refuse(path: Path, error: Exception) -> None:
    raise AssertionError(f"{path}: {error}")


def tiny_batch() -> tuple[np.ndarray, np.ndarray]:
    return np.array([2, 7, 3], np.int32), np.array([0, 3], np.int64)


@pytest.mark.usefixtures("packed_folder")
@pytest.mark.parametrize("place", ["a file", "a folder that refuses"])
def test_without_a_folder_to_write_in_weights_are_packed_in_memory(
    place: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if place == "a file":
        (tmp_path / "file").touch()
        monkeypatch.setenv("EMBEDPIPE_CACHE", str(tmp_path / "file"))
    else:
        monkeypatch.setenv("EMBEDPIPE_CACHE", "/proc/self")  # nobody can make folders in there
    with caplog.at_level(logging.DEBUG, "embedpipe"):
        assert vectors(model) == vectors_without_cache(model)
    assert caplog.records
    assert all(record.levelno == logging.DEBUG for record in caplog.records)


@pytest.mark.usefixtures("packed_folder")
def test_without_a_home_directory_weights_are_packed_in_memory(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("EMBEDPIPE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert vectors(model) == vectors_without_cache(model)


def test_what_was_not_used_for_longest_is_removed_beyond_the_bound(
    packed_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = np.ones(3000, np.float32)
    monkeypatch.setattr(packed_cache, "_MOST_BYTES", 3 * (4 * 3000 + 4096) + 1)
    made_for = {"isa": "any", "precision": "float32"}
    caches = [PackedCache(packed_folder, (WeightsFile(f"/{i}", 1, 2, 3),)) for i in range(5)]

    files: list[Path] = []

    def keep(i: int) -> None:
        before = set(packed_folder.iterdir())
        assert caches[i].keep(made_for, block) is not None
        (new,) = set(packed_folder.iterdir()) - before
        files.append(new)

    def there() -> list[int]:
        return [i for i, path in enumerate(files) if path.exists()]

    (tmp_path / "cache/packed").mkdir(parents=True)
    others = [packed_folder / "mine.txt", packed_folder / ".embedpipe-0123456789abcdef.tmp"]
    for path in others:
        path.write_bytes(b"x")
    for i in range(3):
        keep(i)
        os.utime(files[i], (1000 + i, 1000 + i))
    assert there() == [0, 1, 2]
    assert caches[0].find(made_for, block.size) is not None  # now 1 has waited longest
    keep(3)
    assert there() == [0, 2, 3]
    assert all(path.exists() for path in others)
    long_ago = time.time() - 4000
    for path in others:
        os.utime(path, (long_ago, long_ago))
    keep(4)
    assert there() == [0, 3, 4]
    assert [path.exists() for path in others] == [True, False]
