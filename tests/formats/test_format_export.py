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
from embedpipe.formats import ImportedModel, import_model
from embedpipe.formats.export import write_huggingface
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.formats.imported import TokenizerFiles
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


def write(model: ImportedModel, target: Path) -> None:
    with AtomicDirectory(target) as folder:
        write_huggingface(model, folder)


@pytest.fixture(scope="module")
def model(testdata: Path) -> ImportedModel:
    return import_model(testdata / "models/tf1/tf2_encoder_checkpoint")


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
    model: ImportedModel, tmp_path: Path, failure: BaseException, raised: type[BaseException], old
) -> None:
    target = tmp_path / "model"
    if old:
        target.mkdir()
        (target / "before").touch()
    broken = dataclasses.replace(model, tensors=_Unreadable(failure))
    with pytest.raises(raised), AtomicDirectory(target, replace=old) as folder:
        write_huggingface(broken, folder)
    assert names_in(tmp_path) == (["model"] if old else [])
    assert not old or names_in(target) == ["before"]


def test_the_reason_of_a_failure_is_told(model: ImportedModel, tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OutputError, match=r"model: No space left on device; check the disk"):
        write(dataclasses.replace(model, tensors=_Unreadable(full)), tmp_path / "model")


def test_a_folder_is_replaced_only_if_so_wanted(model: ImportedModel, tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "before").touch()
    with pytest.raises(OutputError, match="the directory is not empty"):
        AtomicDirectory(target)
    with AtomicDirectory(target, replace=True) as folder:
        write_huggingface(model, folder)
        assert names_in(target) == ["before"]
    assert names_in(tmp_path) == ["model"]
    assert "config.json" in names_in(target)
    assert "before" not in names_in(target)


def test_the_old_folder_comes_back_if_the_new_one_cannot_be_named(
    model: ImportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        write_huggingface(model, folder)
    assert names_in(tmp_path) == ["model"]
    assert names_in(target) == ["before"]


def test_a_directory_filled_meanwhile_is_left_alone(model: ImportedModel, tmp_path: Path) -> None:
    target = tmp_path / "model"
    with (
        pytest.raises(OutputError, match=r"cannot write .*model: "),
        AtomicDirectory(target) as folder,
    ):
        write_huggingface(model, folder)
        target.mkdir()
        (target / "other").touch()
    assert names_in(tmp_path) == ["model"]
    assert names_in(target) == ["other"]


@pytest.mark.parametrize(
    ("tokenizer", "findings"),
    [
        (TokenizerFiles(), ("has no vocabulary", "neither vocab.txt nor spiece.model")),
        (TokenizerFiles(("[PAD]", "a\nb")), (r"the piece 1, 'a\nb', is no line",)),
        (TokenizerFiles(("[PAD]", "\r")), (r"the piece 1, '\r', is no line",)),
        (TokenizerFiles(("\ud800",)), (r"the piece 0, '\ud800', is no line",)),
    ],
)
def test_a_vocabulary_that_no_file_can_hold_is_refused(
    model: ImportedModel, tmp_path: Path, tokenizer: TokenizerFiles, findings: tuple[str, ...]
) -> None:
    changed = dataclasses.replace(model, tokenizer=tokenizer)
    refused(lambda: write(changed, tmp_path / "model"), *findings)
    assert names_in(tmp_path) == []


def test_pieces_that_look_like_line_ends_keep_their_ids(
    model: ImportedModel, tmp_path: Path
) -> None:
    pieces = ("[PAD]", "\u2028", "\x0b", "\x85", "", "東", "")
    tokenizer = TokenizerFiles(pieces, do_lower_case=None)
    write(dataclasses.replace(model, tokenizer=tokenizer), tmp_path / "model")
    assert import_model(tmp_path / "model").tokenizer == tokenizer
