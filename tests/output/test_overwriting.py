"""An output never replaces an input, and nothing else without `overwrite`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from embedpipe.errors import OutputError
from embedpipe.output import check_output


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.write_text("precious")
    return path


def test_what_is_not_there_may_be_written(source: Path, tmp_path: Path) -> None:
    check_output(tmp_path / "out", overwrite=False, inputs=[source])
    (tmp_path / "dangling").symlink_to("nowhere")
    check_output(tmp_path / "dangling", overwrite=False, inputs=[source])


def test_what_is_there_needs_overwrite(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("in")
    for path in (source, tmp_path / "link"):
        with pytest.raises(OutputError, match=r"exists already; .*--overwrite .*overwrite=True"):
            check_output(path, overwrite=False)
        check_output(path, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_input_is_never_an_output(overwrite: bool, source: Path, tmp_path: Path) -> None:
    (tmp_path / "symbolic").symlink_to(source)
    os.link(source, tmp_path / "hard")
    (tmp_path / "around").symlink_to(tmp_path, target_is_directory=True)
    names = [source, tmp_path / "symbolic", tmp_path / "hard", tmp_path / "around" / "in"]
    for output in names:
        for given in names:
            with pytest.raises(OutputError, match=f"it is the input {given}, or part of it"):
                check_output(output, overwrite=overwrite, inputs=["elsewhere", given])


def test_a_folder_and_what_is_in_it(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    for output in (model, model / "config.json", tmp_path):
        with pytest.raises(OutputError, match="it is the input"):
            check_output(output, overwrite=True, folder=output.is_dir(), inputs=[model])
    check_output(model / "new", overwrite=False, inputs=[model])
    (tmp_path / "empty").mkdir()
    check_output(tmp_path / "empty", overwrite=False, folder=True)
    with pytest.raises(OutputError, match="exists already"):
        check_output(model, overwrite=False, folder=True)
