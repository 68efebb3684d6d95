"""A pipeline's frame goes through a Parquet file and comes back, by the ways that the docs name."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest
from pyarrow import parquet

from embedpipe.base import DocumentAssembler, Pipeline


@pytest.fixture
def written(tmp_path: Path) -> Path:
    frame = pandas.DataFrame({"text": ["one", "two"], "n": [1, 2]})
    Pipeline(stages=[DocumentAssembler(inputCol="text")]).fit(frame).transform(frame).to_parquet(
        tmp_path / "a.parquet"
    )
    return tmp_path / "a.parquet"


def test_pandas_reads_it_with_types_of_arrow(written: Path) -> None:
    frame = pandas.read_parquet(written, dtype_backend="pyarrow")
    assert [cell[0]["result"] for cell in frame["document"]] == ["one", "two"]


def test_pyarrow_reads_it(written: Path) -> None:
    table = parquet.read_table(written)
    assert [cell[0]["result"] for cell in table["document"].to_pylist()] == ["one", "two"]


def test_pandas_alone_does_not(written: Path) -> None:
    """Its metadata names a type that it cannot parse; when this passes, the docs may forget it."""
    with pytest.raises(TypeError, match="list<element"):
        pandas.read_parquet(written)
