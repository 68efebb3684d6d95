"""`embedpipe search`: the nearest records of a file, stored vectors or not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import Encoder, InputOptions, ModelOptions, embed_files, search_file
from embedpipe.cli import main
from embedpipe.cli.search import format_hits
from embedpipe.embedding.nearest import Nearest
from embedpipe.embedding.search import Hit
from embedpipe.errors import ColumnError, InputError, ModelNotFoundError, ParameterError
from embedpipe.frames.files.vectors import Vectors
from tests.support.cli_support import embedpipe, write_tiny_model

QUERY = "a question"
TEXTS = [f"{'abcdefgh'[i % 8] * (i % 11 + 1)} text {i * i}" for i in range(2500)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(model: Path) -> Encoder:
    return Encoder.load(model)


def expected_hits(
    encoder: Encoder, texts: list[str], k: int, **how: object
) -> list[tuple[int, float, int, str]]:
    """By the definition of the cosine, all at once in float64."""
    vectors = encoder.encode(texts, **how).astype(np.float64)  # type: ignore[arg-type]
    query = encoder.encode([QUERY], **how)[0].astype(np.float64)  # type: ignore[arg-type]
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    order = sorted(range(len(texts)), key=lambda row: -cosines[row])[:k]
    return [(i, float(cosines[row]), row, texts[row]) for i, row in enumerate(order, start=1)]


def assert_same(found: list[Hit], expected: list[tuple[int, float, int, str]]) -> None:
    assert [(hit.rank, hit.row, hit.text) for hit in found] == [
        (rank, row, text) for rank, _, row, text in expected
    ]
    np.testing.assert_allclose(
        [hit.score for hit in found], [score for _, score, _, _ in expected], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("how", [{}, {"pooling": "cls", "normalize": True}])
def test_text_and_stored_vectors_give_the_nearest_by_cosine(
    how: dict[str, object], model: Path, encoder: Encoder, tmp_path: Path
) -> None:
    source, stored = tmp_path / "in.txt", tmp_path / "stored.parquet"
    source.write_text("\n".join(TEXTS), encoding="utf-8")
    embedding = ModelOptions(model, **how)  # type: ignore[arg-type]
    embed_files([str(source)], stored, embedding=embedding)
    expected = expected_hits(encoder, TEXTS, 7, **how)
    assert_same(search_file(QUERY, source, k=7, embedding=embedding), expected)
    # Stored vectors bring their own pooling and normalization.
    assert_same(search_file(QUERY, stored, k=7, embedding=ModelOptions(model)), expected)


def test_the_query_has_the_precision_of_the_vectors_unless_another_is_asked_for(
    model: Path, tmp_path: Path
) -> None:
    source, stored = tmp_path / "in.txt", tmp_path / "stored.parquet"
    source.write_text("\n".join([QUERY, *TEXTS[:50]]), encoding="utf-8")
    low = ModelOptions(model, precision="int8")
    embed_files([str(source)], stored, embedding=low)
    expected = expected_hits(Encoder.load(model, precision="int8"), [QUERY, *TEXTS[:50]], 7)
    assert_same(search_file(QUERY, source, k=7, embedding=low), expected)
    assert_same(search_file(QUERY, stored, k=7, embedding=ModelOptions(model)), expected)
    (found,) = search_file(QUERY, stored, k=1, embedding=ModelOptions(model, precision="float32"))
    assert found.text == QUERY
    assert 0.99 < found.score < 1 - 1e-10  # of two vectors of one text
    assert expected[0][1] == pytest.approx(1, abs=1e-12)


def test_stored_vectors_are_used_not_made_again(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": ["one", "two"]})
    parquet.write_table(table, tmp_path / "in.parquet")
    embed_files([tmp_path / "in.parquet"], path, embedding=ModelOptions(model))
    table = parquet.read_table(path)
    arrays = [table["text"], table["embedding"].take([1, 0])]
    parquet.write_table(pa.Table.from_arrays(arrays, schema=table.schema), path)
    first, _ = search_file("one", path, embedding=ModelOptions(model))
    assert (first.text, round(first.score, 6)) == ("two", 1.0)


def test_the_model_that_made_the_vectors_is_found_by_name(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, stored = tmp_path / "in.txt", tmp_path / "stored.parquet"
    source.write_text("one\ntwo\n", encoding="utf-8")
    embed_files([str(source)], stored, embedding=ModelOptions(model))
    with pytest.raises(
        ModelNotFoundError, match=r"made with the model 'tiny'; name its folder with --model"
    ):
        search_file("two", stored)
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(model.parent))
    assert search_file("two", stored)[0].text == "two"


def test_what_did_not_make_the_vectors_is_refused(model: Path, tmp_path: Path) -> None:
    source, stored = tmp_path / "in.txt", tmp_path / "stored.parquet"
    source.write_text("one\ntwo\n", encoding="utf-8")
    embed_files([str(source)], stored, embedding=ModelOptions(model))
    other = write_tiny_model(tmp_path / "other", hidden=16)
    for embedding, message in (
        (ModelOptions(other), "made with model tiny .*, not other"),
        (ModelOptions(model, pooling="cls"), "made with pooling mean, not cls"),
        (ModelOptions(model, normalize=True), "made with normalize False, not True"),
    ):
        with pytest.raises(ParameterError, match=message):
            search_file("two", stored, embedding=embedding)
    # Without the record of what made them, the dimension still tells.
    parquet.write_table(pandas.read_parquet(stored).pipe(pa.Table.from_pandas), stored)
    with pytest.raises(InputError, match="vectors have 32 dimensions, the model has 16"):
        search_file("two", stored, embedding=ModelOptions(other))
    assert search_file("two", stored, embedding=ModelOptions(model))[0].text == "two"


def test_null_texts_are_passed_over(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"body": [None, "one", None, "two"]}), path)
    reading, embedding = InputOptions(column="body"), ModelOptions(model)
    plain = search_file("two", path, reading=reading, embedding=embedding)
    output = tmp_path / "stored.parquet"
    embed_files([str(path)], output, reading=reading, embedding=embedding)
    stored = search_file("two", output, embedding=embedding)  # the file says which column it is
    assert [replace(hit, source="") for hit in plain] == [replace(hit, source="") for hit in stored]
    assert [(hit.row, hit.text) for hit in stored] == [(3, "two"), (1, "one")]


def test_equal_scores_keep_the_order_of_the_file_over_batches() -> None:
    nearest = Nearest(np.array([2.0, 0.0]), 4)
    for first in (0, 3):
        vectors = np.array([[1, 0], [0, 0], [9, 0]], np.float32)
        texts = [f"row {first + i}" for i in range(3)]
        nearest.add(Vectors(vectors, np.array([True, True, True])), texts.__getitem__)
    assert nearest.found() == [(1, "row 0"), (1, "row 2"), (1, "row 3"), (1, "row 5")]


def test_a_null_does_not_stand_in_the_way_of_a_negative_score() -> None:
    nearest = Nearest(np.array([1.0, 0.0]), 1)
    vectors = np.array([[0, 0], [-1, 0]], np.float32)
    nearest.add(Vectors(vectors, np.array([False, True])), [None, "opposite"].__getitem__)
    assert nearest.found() == [(-1.0, "opposite")]


def test_a_column_that_is_no_vector_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": ["one"], "embedding": ["no vector"]}), path)
    with pytest.raises(ColumnError, match="'embedding' has the type string; expected lists"):
        search_file("two", path)
    path.write_bytes(b"no parquet")
    with pytest.raises(InputError, match="expected a Parquet file"):
        search_file("two", path)
    path.unlink()
    said = (
        f"cannot read {path}: No such file or directory; expected a file, or - for standard input"
    )
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        search_file("two", path)


def test_hits_are_printed_by_rank(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text\n"two\nlines"\nother one\n', encoding="utf-8")
    arguments = ["search", "two lines", "--in", str(path), "--model", str(model)]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines] == ["1  ", "2  "]
    assert lines[0] == f"1  1.0000  {path}:2  two lines"
    assert main([*arguments, "-k", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["query"] == "two lines"
    (hit,) = found["hits"]
    expected = {"rank": 1, "score": 1.0, "row": 0, "text": "two\nlines", "source": str(path)}
    assert hit | {"score": 1.0} == expected | {"columns": {}, "line": 2}


def test_ranks_are_aligned() -> None:
    lines = format_hits(
        [Hit(rank, -0.25, 0, "x", "a.txt", {}) for rank in range(1, 11)]
    ).splitlines()
    assert (lines[0], lines[9]) == (" 1  -0.2500  x", "10  -0.2500  x")


def test_in_a_process(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\ntwo\n", encoding="utf-8")
    run = embedpipe("search", "two", "--in", tmp_path / "in.txt", "-k", "1", "--model", model)
    assert (run.returncode, run.stdout, run.stderr) == (
        0,
        f"1  1.0000  {tmp_path}/in.txt:2  two\n",
        "",
    )
