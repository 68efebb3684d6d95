"""The code of docs/frames.md, with what needs Dask."""

from __future__ import annotations

import pytest

from tests.docs.test_frames_page import PAGE, run

pytest.importorskip("dask.dataframe", reason="COULD NOT RUN: Dask is missing; pip install dask")


@pytest.mark.filterwarnings("ignore")  # of Dask's own
def test_its_code_runs_with_dask(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(PAGE, {"python", "python dask"}) == 9
