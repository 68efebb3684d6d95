"""Databases, Arrow and standard output hold what Parquet does; limits, estimates, bad records."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import Encoder, ModelOptions, embed_files
from embedpipe.cli import main
from embedpipe.embedding.estimate import estimate_files
from embedpipe.errors import MissingDependencyError, OutputError, ParameterError
from tests.support.cli_support import names_in

TEXTS = [f"text {i}" if i % 50 else None for i in range(2500)]


@pytest.fixture(scope="module")
def expected(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """What Parquet holds; `in.parquet` beside it is what it was made of."""
    folder = tmp_path_factory.mktemp("expected")
    table = pa.table(
        {
            "n": range(len(TEXTS)),
            "text": TEXTS,
            "kind": pa.array(["a", "b"] * 1250).dictionary_encode(),
            "tags": [["x"], []] * 1250,
            "day": [datetime.date(2020, 1, 2)] * 2500,
        }
    )
    parquet.write_table(table, folder / "in.parquet", row_group_size=700)
    embed_files(folder / "in.parquet", folder / "out.parquet", embedding=ModelOptions(encoder))
    return parquet.read_table(folder / "out.parquet").append_column(
        "in", pa.array([str(folder / "in.parquet")] * 2500)
    )


def written(expected: pa.Table, encoder: Encoder, output: str, **options: Any) -> None:
    source = expected["in"][0].as_py()
    embed_files(source, output, embedding=ModelOptions(encoder), **options)


def vectors_of(expected: pa.Table) -> np.ndarray:
    lists = expected["embedding"].combine_chunks()
    return np.stack(
        [np.full(32, np.nan, np.float32) if v is None else np.float32(v) for v in lists.to_pylist()]
    )


def test_arrow(expected: pa.Table, encoder: Encoder, tmp_path: Path) -> None:
    written(expected, encoder, str(tmp_path / "o.arrow"))
    with pa.memory_map(str(tmp_path / "o.arrow")) as file, pa.ipc.open_file(file) as reader:
        found = reader.read_all()
    assert found.schema.field("embedding").metadata == expected.field("embedding").metadata
    assert found.to_pylist() == expected.drop_columns("in").to_pylist()


def test_duckdb(expected: pa.Table, encoder: Encoder, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="COULD NOT RUN: pip install duckdb")
    written(expected, encoder, str(tmp_path / "o.duckdb"))
    with duckdb.connect(str(tmp_path / "o.duckdb"), read_only=True) as connection:
        kinds = dict(
            connection.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'records'"
            ).fetchall()
        )
        assert kinds["embedding"] == "FLOAT[32]"
        rows = connection.execute("SELECT n, text, tags, embedding FROM records ORDER BY n")
        names = ["n", "text", "tags", "embedding"]
        found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        comment = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE column_name = 'embedding'"
        ).fetchone()[0]
    for row in found:
        row["embedding"] = row["embedding"] and list(row["embedding"])
    assert found == expected.select(names).to_pylist()
    assert json.loads(comment)["model"] == "tiny"
    with pytest.raises(OutputError, match="exists already"):
        written(expected, encoder, str(tmp_path / "o.duckdb"))
    written(expected, encoder, str(tmp_path / "o.duckdb"), overwrite=True, keep=[])
    assert names_in(tmp_path) == ["o.duckdb"]


def test_sqlite_as_sqlite_vec_takes_it(
    expected: pa.Table, encoder: Encoder, tmp_path: Path
) -> None:
    apsw = pytest.importorskip("apsw", reason="COULD NOT RUN: pip install apsw")
    sqlite_vec = pytest.importorskip("sqlite_vec", reason="COULD NOT RUN: pip install sqlite-vec")
    written(expected, encoder, str(tmp_path / "o.sqlite"))
    connection = apsw.Connection(str(tmp_path / "o.sqlite"))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    vectors = vectors_of(expected).astype(np.float64)
    cosines = vectors @ vectors[7] / np.linalg.norm(vectors, axis=1) / np.linalg.norm(vectors[7])
    nearest = [i for i in np.argsort(-cosines) if not np.isnan(cosines[i])][:20]
    found = connection.execute(
        "SELECT n, text, tags, day, vec_distance_cosine(embedding, ?) AS distance FROM records"
        " WHERE embedding IS NOT NULL ORDER BY distance LIMIT 20",
        [np.float32(vectors[7]).tobytes()],
    ).fetchall()
    np.testing.assert_allclose([row[4] for row in found], 1 - cosines[nearest], atol=1e-5)
    n, text, tags, day, _ = found[0]
    assert (n, text, tags, day) == (7, "text 7", "[]", "2020-01-02")
    assert json.loads(next(connection.execute("SELECT made_with FROM embedpipe"))[0])["model"]
    connection.close()


def test_lance(expected: pa.Table, encoder: Encoder, tmp_path: Path) -> None:
    lance = pytest.importorskip("lance", reason="COULD NOT RUN: pip install pylance")
    written(expected, encoder, str(tmp_path / "o.lance"))
    found = lance.dataset(str(tmp_path / "o.lance")).to_table()
    assert found.to_pylist() == expected.drop_columns("in").to_pylist()
    assert names_in(tmp_path) == ["o.lance"]


def test_a_library_that_is_missing_is_named(
    expected: pa.Table, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lance", None)
    with pytest.raises(MissingDependencyError, match="pip install pylance"):
        written(expected, encoder, str(tmp_path / "o.lance"))
    assert names_in(tmp_path) == []


def test_standard_output_gets_json_lines(
    model: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "in.txt").write_text("one\ntwo\n")
    assert main(["embed", str(tmp_path / "in.txt"), "-o", "-", "--model", str(model)]) == 0
    records = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [record["text"] for record in records] == ["one", "two"]
    assert len(records[0]["embedding"]) == 32


def test_a_limit_is_kept(encoder: Encoder, expected: pa.Table, tmp_path: Path) -> None:
    for output in ("o.parquet", "folder/"):
        written(expected, encoder, f"{tmp_path}/{output}", limit=1500)
        found = parquet.read_table(tmp_path / output)
        assert found.equals(expected.drop_columns("in").slice(0, 1500).cast(found.schema))
    with pytest.raises(ParameterError, match="limit: found 0; expected a number of at least 1"):
        written(expected, encoder, str(tmp_path / "p.parquet"), limit=0)


def test_an_estimate_writes_nothing_and_counts_right(
    encoder: Encoder, expected: pa.Table, tmp_path: Path
) -> None:
    source, options = expected["in"][0].as_py(), ModelOptions(encoder)
    found = estimate_files(source, tmp_path / "o.parquet", embedding=options)
    assert (found.inputs, found.records, found.output_bytes) == (1, 2500, 2500 * 32 * 4)
    assert found.seconds == pytest.approx(found.records / found.rate)
    assert names_in(tmp_path) == []
    (tmp_path / "o.parquet").write_text("x")
    with pytest.raises(OutputError, match="exists already"):
        estimate_files(source, tmp_path / "o.parquet", embedding=options)


def test_skipped_records_are_written_beside_and_told_by_the_exit_code(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "o.parquet"
    source.write_bytes(b"id,text\n1,one\n2\n3,caf\xe9\n4,four\n")
    arguments = ["embed", str(source), "-o", str(output), "--model", str(model)]
    assert main(arguments) == 1
    assert "line 4" in capsys.readouterr().err
    assert names_in(tmp_path) == ["in.csv"]
    with pytest.raises(SystemExit, match="3"):
        main([*arguments, "--on-error", "skip"])
    assert "2 could not be read: see" in capsys.readouterr().err
    assert parquet.read_table(output)["id"].to_pylist() == ["1", "4"]
    lines = (tmp_path / "o.parquet.errors.jsonl").read_text().splitlines()
    bad = [json.loads(line) for line in lines]
    assert [(each["line"], Path(each["source"]).name) for each in bad] == [
        (3, "in.csv"),
        (4, "in.csv"),
    ]
    assert bad[0]["record"] == "2"
    assert "1 field, the header 2" in bad[0]["reason"]


def test_an_empty_input_is_told(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("")
    for output in ("o.parquet", "folder/"):
        out = f"{tmp_path}/{output}"
        assert main(["embed", f"{tmp_path}/in.txt", "-o", out, "--model", str(model)]) == 0
        assert "nothing was embedded: the inputs hold no records" in capsys.readouterr().err
        assert parquet.read_table(tmp_path / output).num_rows == 0


def test_many_small_files_are_embedded_together(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    for i in range(300):
        (tmp_path / "in" / f"{i:03}.txt").write_text(f"text {i}\nsecond")
    calls: list[int] = []
    count = Encoder.encode_counting

    def counted(self: Encoder, texts: list[str], **options: Any) -> Any:
        calls.append(len(texts))
        return count(self, texts, **options)

    monkeypatch.setattr(Encoder, "encode_counting", counted)
    embed_files(tmp_path / "in", tmp_path / "o.parquet", embedding=ModelOptions(encoder))
    assert calls == [600]
    found = parquet.read_table(tmp_path / "o.parquet")
    assert found["source"].to_pylist()[5] == str(tmp_path / "in" / "002.txt")
