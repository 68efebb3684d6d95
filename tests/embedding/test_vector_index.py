"""Indexes of vectors: exact, approximate, filtered, changed, damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embedpipe.embedding import approximate, vector_index
from embedpipe.embedding.exact import search
from embedpipe.embedding.vector_index import VectorIndex, is_index
from embedpipe.embedding.where import conditions
from embedpipe.errors import ColumnError, InputError, OutputError, ParameterError

DIMENSION = 24


def made(count: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    centers = np.random.default_rng(99).standard_normal((40, DIMENSION))
    noise = 0.5 * draw.standard_normal((count, DIMENSION))
    return (centers[draw.integers(0, 40, count)] + noise).astype(np.float32)


def batches(vectors: np.ndarray, first: int = 0) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    for begin in range(0, len(vectors), 1024):
        part = vectors[begin : begin + 1024]
        numbers = np.arange(begin, begin + len(part)) + first
        yield (
            pa.record_batch({"n": numbers, "kind": [f"k{n % 3}" for n in numbers.tolist()]}),
            part,
        )


def nearest(vectors: np.ndarray, query: np.ndarray, k: int, allowed: Any = None) -> list[int]:
    """By the definition, in float64."""
    wide, asked = vectors.astype(np.float64), query.astype(np.float64)
    cosines = wide @ asked / np.linalg.norm(wide, axis=1) / np.linalg.norm(asked)
    if allowed is not None:
        cosines[~allowed] = -np.inf
    return np.argsort(-cosines, kind="stable")[:k].tolist()


def test_the_function_equals_the_definition() -> None:
    vectors, queries = made(5000), made(7, 1)
    found = search(vectors, queries, 10)
    assert found.rows.tolist() == [nearest(vectors, query, 10) for query in queries]
    one = search(vectors, queries[0], 3)
    assert one.rows.shape == (3,)
    assert one.rows.tolist() == found.rows[0, :3].tolist()
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIMENSION)
    assert search(lists, queries, 10).rows.tolist() == found.rows.tolist()
    assert search(vectors[:2], queries[0], 10).rows.shape == (2,)
    missing = vectors.copy()
    missing[found.rows[0, 0]] = np.nan
    assert search(missing, queries[0], 9).rows.tolist() == found.rows[0, 1:].tolist()
    with pytest.raises(InputError, match=r"shape \(5000, 24\), query: \(23,\)"):
        search(vectors, np.ones(23))
    with pytest.raises(ParameterError, match="k: found 0"):
        search(vectors, queries[0], 0)


def test_exact_search_finds_what_the_definition_does(tmp_path: Path) -> None:
    vectors, queries = made(5000), made(5, 1)
    assert not is_index(tmp_path)
    index = VectorIndex.create(tmp_path / "i", DIMENSION, {}).add(batches(vectors[:3000]))
    index = index.add(batches(vectors[3000:], 3000))
    assert is_index(tmp_path / "i")
    assert index.count == 5000
    found = index.search(queries, 10)
    assert found.rows.tolist() == [nearest(vectors, query, 10) for query in queries]
    assert index.record(4321).to_pylist() == [{"n": 4321, "kind": "k1"}]
    again = VectorIndex(tmp_path / "i")
    assert again.search(queries, 10).rows.tolist() == found.rows.tolist()


def test_conditions_and_deleted_records(tmp_path: Path) -> None:
    vectors, query = made(3000), made(1, 1)[0]
    index = VectorIndex.create(tmp_path / "i", DIMENSION, {}).add(batches(vectors))
    numbers = np.arange(3000)
    asked = conditions(["kind = k1", "n < 2000"])
    allowed = (numbers % 3 == 1) & (numbers < 2000)
    found = index.search(query, 10, conditions=asked).rows[0].tolist()
    assert found == nearest(vectors, query, 10, allowed)
    index, count = index.delete(conditions("n>=1000"))
    assert (count, index.count) == (2000, 1000)
    assert index.delete(conditions("n > 1500"))[1] == 0
    found = index.search(query, 10).rows[0].tolist()
    assert found == nearest(vectors, query, 10, numbers < 1000)
    index = index.add(batches(vectors[:5], 9000))
    assert index.count == 1005
    assert sorted(path.name for path in (tmp_path / "i").iterdir()) == [
        ".lock",
        "000001",
        "000003",
        "deleted-000003.npy",
        "index.json",
    ]
    with pytest.raises(ColumnError, match="no column is named 'stars'; found 'kind', 'n'"):
        index.search(query, 3, conditions=conditions("stars>1"))
    with pytest.raises(ParameterError, match="type int64, with which 'many' cannot be compared"):
        index.search(query, 3, conditions=conditions("n > many"))
    with pytest.raises(ParameterError, match="where 'n': expected a column"):
        conditions("n")


def test_fewer_records_than_asked_for(tmp_path: Path) -> None:
    index = VectorIndex.create(tmp_path / "i", DIMENSION, {})
    assert index.search(made(1)[0], 3).rows.tolist() == [[-1, -1, -1]]
    index = index.add(batches(made(2)))
    assert (index.search(made(1)[0], 3).rows[0] >= 0).tolist() == [True, True, False]


@pytest.fixture
def low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss", reason="COULD NOT RUN: pip install faiss-cpu")
    monkeypatch.setattr(vector_index, "LEAST_ROWS", 5000)
    monkeypatch.setattr(vector_index, "_FEW", 100)


@pytest.mark.usefixtures("low_threshold")
def test_approximate_search_finds_most_and_scores_exactly(tmp_path: Path) -> None:
    vectors, queries = made(12_000), made(60, 1)
    index = VectorIndex.create(tmp_path / "i", DIMENSION, {}).add(batches(vectors[:9000]))
    index = index.add(batches(vectors[9000:], 9000))  # to the lists that there are
    index, _ = index.delete(conditions("n < 50"))
    allowed = np.arange(12_000) >= 50
    state = json.loads((tmp_path / "i" / "index.json").read_text())
    assert (state["lists"]["rows"], state["lists"]["built"]) == (12_000, 9000)
    assert 48 <= state["lists"]["probes"] < 128
    exact = index.search(queries, 10, exact=True)
    assert exact.rows.tolist() == [nearest(vectors, query, 10, allowed) for query in queries]
    found = index.search(queries, 10)
    recall = np.mean([np.isin(e, f).mean() for e, f in zip(exact.rows, found.rows, strict=True)])
    assert recall >= 0.95
    assert index._opened_lists() is not None
    same = found.rows == exact.rows
    np.testing.assert_allclose(found.scores[same], exact.scores[same], rtol=0, atol=1e-12)
    some = index.search(queries, 10, conditions=conditions("kind = k2"))
    assert (some.rows % 3 == 2).all()
    index = index.add(batches(made(20_000, 5)))  # so many more that the lists are made anew
    state = json.loads((tmp_path / "i" / "index.json").read_text())
    assert state["lists"]["built"] == 32_000


@pytest.mark.usefixtures("low_threshold")
def test_without_faiss_search_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    vectors, query = made(6000), made(1, 1)[0]
    index = VectorIndex.create(tmp_path / "i", DIMENSION, {}).add(batches(vectors))
    assert index.search(query, 10).rows[0].tolist() == nearest(vectors, query, 10)


def test_damaged_indexes_and_two_writers(tmp_path: Path) -> None:
    from filelock import FileLock

    folder = tmp_path / "i"
    index = VectorIndex.create(folder, DIMENSION, {}).add(batches(made(100)))
    with FileLock(folder / ".lock"), pytest.raises(OutputError, match="another process changes"):
        index.add(batches(made(5)))
    vectors = folder / "000001" / "vectors.f32"
    whole = vectors.read_bytes()
    vectors.write_bytes(whole[:-4])
    with pytest.raises(InputError, match=r"holds no index that can be read: .*has 9596 bytes"):
        VectorIndex(folder)
    vectors.write_bytes(whole)
    (folder / "000001" / "records.arrow").write_bytes(b"none")
    with pytest.raises(InputError, match="holds no index that can be read"):
        VectorIndex(folder)
    (folder / "index.json").write_text("{}")
    with pytest.raises(InputError, match="holds no index that can be read"):
        VectorIndex(folder)


def test_a_change_that_is_interrupted_changes_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        yield from batches(made(50, 3))
        raise KeyboardInterrupt

    index = VectorIndex.create(tmp_path / "i", DIMENSION, {}).add(batches(made(100)))
    with pytest.raises(KeyboardInterrupt):
        index.add(broken())
    assert VectorIndex(tmp_path / "i").count == 100
    added = index.add(batches(made(50, 3)))
    assert added.count == 150
    with pytest.raises(OutputError, match="changed since it was opened; open it again"):
        index.add(batches(made(50, 3)))
    assert approximate.RECALL > 0.95
