"""`index_files`, `search_files` and their commands: places, columns, conditions, many queries."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import Encoder, ModelOptions, embed_files, index_files, search_file, search_files
from embedpipe.cli import main
from embedpipe.embedding.indexing import delete_from_index
from embedpipe.embedding.vector_index import VectorIndex
from embedpipe.errors import ColumnError, OutputError, ParameterError
from tests.support.cli_support import names_in, write_tiny_model

TEXTS = [f"{'abcdefgh'[i % 8] * (i % 11 + 1)} text {i * i}" for i in range(1200)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three files of one table."""
    folder = tmp_path / "in"
    folder.mkdir()
    for part in range(3):
        lines = [
            json.dumps({"n": i, "text": TEXTS[i] if i % 100 else None, "stars": i % 5})
            for i in range(part * 400, part * 400 + 400)
        ]
        (folder / f"{part}.jsonl").write_text("\n".join(lines))
    return folder


def test_an_index_finds_what_the_files_give(source: Path, encoder: Encoder, tmp_path: Path) -> None:
    options: dict[str, Any] = {"embedding": ModelOptions(encoder)}
    summary = index_files(source, tmp_path / "i", **options)
    assert (summary.records, summary.added) == (1188, 1188)
    queries = ["a question", "ccc text 9"]
    expected = search_files(queries, source, k=6, **options)
    found = search_files(queries, tmp_path / "i", k=6, **options)
    for hits, others in zip(found, expected, strict=True):
        assert [(h.rank, h.row, h.line, h.text, h.source, h.columns) for h in hits] == [
            (h.rank, h.row, h.line, h.text, h.source, h.columns) for h in others
        ]
        assert [h.score for h in hits] == pytest.approx([h.score for h in others], abs=1e-6)
    best = found[1][0]
    n = best.columns["n"]
    assert (best.line, best.row, best.text) == (n % 400 + 1, n % 400, TEXTS[n])
    assert best.source == str(source / f"{n // 400}.jsonl")
    # The model is known by the index; what is stored in files is taken as it is
    embed_files(source, tmp_path / "v.parquet", **options)
    index_files(tmp_path / "v.parquet", tmp_path / "j", **options)
    again = search_files(queries, tmp_path / "j", k=6, **options)
    assert [[h.columns["n"] for h in hits] for hits in again] == [
        [h.columns["n"] for h in hits] for hits in found
    ]


def test_conditions_scores_and_several_at_once(
    source: Path, encoder: Encoder, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"embedding": ModelOptions(encoder), "k": 50}
    index_files(source / "0.jsonl", tmp_path / "i", embedding=ModelOptions(encoder))
    where = ["stars >= 3", "n < 600"]
    both = [tmp_path / "i", source / "1.jsonl", source / "2.jsonl"]
    expected = search_file("a question", source, where=where, **options)
    found = search_file("a question", both, where=where, **options)
    assert [h.columns for h in found] == [h.columns for h in expected]
    assert all(h.columns["stars"] >= 3 and h.columns["n"] < 600 for h in found)
    least = found[9].score - 1e-9
    few = search_file("a question", both, where=where, min_score=least, **options)
    assert [h.columns for h in few] == [h.columns for h in found[:10]]
    with pytest.raises(ColumnError, match="no column is named 'star', which --where asks for"):
        search_file("a", source, where="star > 1", **options)


def test_adding_and_deleting(source: Path, encoder: Encoder, tmp_path: Path) -> None:
    options: dict[str, Any] = {"embedding": ModelOptions(encoder)}
    index_files(source / "0.jsonl", tmp_path / "i", **options)
    with pytest.raises(OutputError, match="holds an index already; add to it with --add, or"):
        index_files(source / "1.jsonl", tmp_path / "i", **options)
    summary = index_files(source / "1.jsonl", tmp_path / "i", add=True, **options)
    assert (summary.records, summary.added) == (792, 396)
    (tmp_path / "more.csv").write_text("text,extra\nanother record,x\n")
    index_files(tmp_path / "more.csv", tmp_path / "i", add=True, **options)
    hit = search_file("another record", tmp_path / "i", k=1, **options)[0]
    assert (hit.text, hit.columns, hit.line) == ("another record", {"extra": "x"}, 2)
    name = str(source / "0.jsonl")
    summary = delete_from_index(tmp_path / "i", f"source = {name}")
    assert (summary.records, summary.deleted) == (397, 396)
    hits = search_file("a question", tmp_path / "i", k=500, **options)
    assert len(hits) == 397
    assert all(hit.source != name for hit in hits)
    index_files(source / "2.jsonl", tmp_path / "i", overwrite=True, **options)
    assert VectorIndex(tmp_path / "i").count == 396
    assert names_in(tmp_path) == ["i", "in", "more.csv"]


def test_what_is_refused(source: Path, encoder: Encoder, tmp_path: Path) -> None:
    options: dict[str, Any] = {"embedding": ModelOptions(encoder)}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("x")
    with pytest.raises(OutputError, match="holds something that is no index"):
        index_files(source, tmp_path / "mine", overwrite=True, **options)
    index_files(source, tmp_path / "i", **options)
    other = write_tiny_model(tmp_path / "models" / "other", seed=1)
    with pytest.raises(ParameterError, match="were made with model tiny"):
        search_file("a", tmp_path / "i", embedding=ModelOptions(other))
    with pytest.raises(ParameterError, match="were made with model tiny"):
        index_files(source, tmp_path / "i", add=True, embedding=ModelOptions(other))
    table = pa.table({"body": ["x"], "n": [1]})
    parquet.write_table(table, tmp_path / "b.parquet")
    with pytest.raises(ColumnError, match="no column is named 'text'"):
        index_files(tmp_path / "b.parquet", tmp_path / "i", add=True, **options)


def test_the_commands(
    source: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = str(tmp_path / "i")
    assert main(["index", str(source), "-o", index, "--model", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 1188
    asked = ["--in", index, "--model", str(model), "-k", "2"]
    assert main(["search", "ccc text 9", *asked, "--where", "stars > 2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    stdin = io.TextIOWrapper(io.BytesIO("one text\n\nü two\n".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["search", "-", *asked, "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["query"] for answer in answers] == ["one text", "ü two"]
    assert {"rank", "score", "row", "line", "text", "source", "columns"} == set(
        answers[0]["hits"][0]
    )
    assert main(["search", "x", *asked, "--min-score", "2"]) == 0
    assert capsys.readouterr().out == "nothing found\n"
    assert main(["index", "-o", index, "--delete", "stars < 3"]) == 0
    assert "deleted in" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["index", "-o", index])
    assert "expected either files or --delete" in capsys.readouterr().err
