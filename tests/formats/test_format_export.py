"""Writing model folders and safetensors files: read by others, whole or not at all."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from embedpipe.errors import OutputError
from embedpipe.files.vocabulary import vocabulary_lines
from embedpipe.formats import Model, open_model
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.formats.tokenizer_files import vocabulary_files
from embedpipe.formats.writing import write_model
from embedpipe.output import AtomicDirectory
from tests.support.cli_support import names_in
from tests.support.format_support import refused

TENSORS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "half": np.array([0.1, -65504.0], np.float16),
    "double": np.array([0.1]),
    "big-endian": np.array([1.5, 2.5], ">f4"),
    "scalar": np.array(7, np.float32),
    "empty": np.zeros((3, 0, 2), np.float32),
    'a "quoted" name, ä': np.ones(1, np.float32),
}


def write(model: Model, target: Path) -> None:
    with AtomicDirectory(target) as folder:
        write_model(model, folder)


@pytest.fixture(scope="module")
def model(testdata: Path) -> Model:
    return open_model(testdata / "models/tf1/tf2_encoder_checkpoint")


def test_the_official_reader_finds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for length in range(9):  # of a name, so that every amount of padding occurs
        tensors = {**TENSORS, "n" * length: np.ones(2, np.float32)}
        path.write_bytes(b"".join(safetensors_parts(tensors)))
        assert int.from_bytes(path.read_bytes()[:8], "little") % 8 == 0
        with safe_open(path, framework="numpy") as file:
            assert file.metadata() == {"format": "pt"}
            assert sorted(file.keys()) == sorted(tensors)
            for name, tensor in tensors.items():
                found = file.get_tensor(name)
                assert found.dtype == np.float32
                assert found.shape == tensor.shape
                assert (found == tensor.astype(np.float32)).all()


class _Unreadable(Mapping[str, Any]):
    """Tensors of which the second cannot be had: the reader's memory or disk has failed."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._reads = 0

    def __getitem__(self, name: str) -> np.ndarray:
        self._reads += 1
        if self._reads > 3:  # both shapes, and the first one's values
            raise self._error
        return np.zeros(1000, np.float32)

    def __iter__(self) -> Any:
        return iter(("first", "second"))

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_a_folder_that_fails_halfway_leaves_everything_as_before(
    model: Model, tmp_path: Path, failure: BaseException, raised: type[BaseException], old
) -> None:
    target = tmp_path / "model"
    if old:
        target.mkdir()
        (target / "before").touch()
    broken = dataclasses.replace(model, tensors=_Unreadable(failure))
    with pytest.raises(raised), AtomicDirectory(target, replace=old) as folder:
        write_model(broken, folder)
    assert names_in(tmp_path) == (["model"] if old else [])
    assert not old or names_in(target) == ["before"]


def test_the_reason_of_a_failure_is_told(model: Model, tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OutputError, match=r"No space left on device; check the name, the disk"):
        write(dataclasses.replace(model, tensors=_Unreadable(full)), tmp_path / "model")


def test_a_folder_is_replaced_only_if_so_wanted(model: Model, tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "before").touch()
    with pytest.raises(OutputError, match="the directory is not empty"):
        AtomicDirectory(target)
    with AtomicDirectory(target, replace=True) as folder:
        write_model(model, folder)
        assert names_in(target) == ["before"]
    assert names_in(tmp_path) == ["model"]
    assert "config.json" in names_in(target)
    assert "before" not in names_in(target)


def test_the_old_folder_comes_back_if_the_new_one_cannot_be_named(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "before").touch()
    rename = Path.rename

    def refuse(self: Path, name: Path) -> Path:
        if self.suffix == ".tmp":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, name)

    monkeypatch.setattr(Path, "rename", refuse)
    with (
        pytest.raises(OutputError, match="Permission denied"),
        AtomicDirectory(target, replace=True) as folder,
    ):
        write_model(model, folder)
    assert names_in(tmp_path) == ["model"]
    assert names_in(target) == ["before"]


def test_a_directory_filled_meanwhile_is_left_alone(model: Model, tmp_path: Path) -> None:
    target = tmp_path / "model"
    with (
        pytest.raises(OutputError, match=r"cannot write .*model: "),
        AtomicDirectory(target) as folder,
    ):
        write_model(model, folder)
        target.mkdir()
        (target / "other").touch()
    assert names_in(tmp_path) == ["model"]
    assert names_in(target) == ["other"]


def test_a_model_without_vocabulary_is_not_written(model: Model, tmp_path: Path) -> None:
    changed = dataclasses.replace(model, tokenizer_files={"tokenizer_config.json": b"{}"})
    refused(lambda: write(changed, tmp_path / "model"), "has no vocabulary", "vocab.txt")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("pieces", "finding"),
    [
        (("[PAD]", "a\nb"), r"the piece 1, 'a\nb', is no line"),
        (("[PAD]", "\r"), r"the piece 1, '\r', is no line"),
        (("\ud800",), r"the piece 0, '\ud800', is no line"),
    ],
)
def test_a_vocabulary_that_no_file_can_hold_is_refused(
    pieces: tuple[str, ...], finding: str
) -> None:
    refused(lambda: vocabulary_files(pieces, "model", do_lower_case=None), "model: ", finding)


def test_pieces_that_look_like_line_ends_keep_their_ids(model: Model, tmp_path: Path) -> None:
    pieces = ("[PAD]", "\u2028", "\x0b", "\x85", "", "東", "")
    files = vocabulary_files(pieces, "model", do_lower_case=True)
    write(dataclasses.replace(model, tokenizer_files=files), tmp_path / "model")
    found = open_model(tmp_path / "model").tokenizer_files
    assert found == files
    assert vocabulary_lines(found["vocab.txt"], "vocab.txt") == pieces
