"""Vectors know their model: what a file says is believed, what it does not say is asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import Encoder, InputOptions, ModelOptions, embed_files, search_file
from embedpipe.errors import ColumnError, InputError, ParameterError
from tests.support.cli_support import write_tiny_model

LINES = ["the train is late", "hello", "a question"]


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model in a folder of the same name."""
    return write_tiny_model(tmp_path_factory.mktemp("other") / "tiny", seed=1)


@pytest.fixture(autouse=True)
def found_by_name(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(model.parent))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(LINES)))
    return path


def stored(source: Path, name: str, model: Path, **options: object) -> Path:
    path = source.parent / name
    embed_files([source], path, embedding=ModelOptions(model, **options))  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("name", ["v.parquet", "v.jsonl"])
def test_the_file_names_the_model_and_another_is_refused(
    name: str, model: Path, retrained: Path, source: Path
) -> None:
    path = stored(source, name, model, pooling="cls", normalize=True)
    (hit,) = search_file(LINES[0], path, k=1)
    assert (hit.text, hit.columns, round(hit.score, 6)) == (LINES[0], {"id": "0"}, 1)
    with pytest.raises(ParameterError, match=r"with model tiny \(fingerprint .*, not tiny \(fing"):
        search_file(LINES[0], path, embedding=ModelOptions(retrained))
    with pytest.raises(ParameterError, match="with pooling cls, not mean"):
        search_file(LINES[0], path, embedding=ModelOptions(model, pooling="mean"))


@pytest.mark.parametrize("name", ["v.parquet", "v.jsonl"])
def test_a_name_that_means_another_model_now_is_refused(
    name: str, model: Path, retrained: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(source, name, model)
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(retrained.parent))
    with pytest.raises(ParameterError, match="name that model with --model"):
        search_file(LINES[0], path)
    assert search_file(LINES[0], path, embedding=ModelOptions(model))[0].text == LINES[0]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_what_other_libraries_drop_is_asked_for(
    library: str, model: Path, source: Path, tmp_path: Path
) -> None:
    path, copied = stored(source, "v.parquet", model), tmp_path / "copied.parquet"
    if library == "pandas":
        pandas.read_parquet(path).to_parquet(copied)  # lists of double
    elif library == "polars":
        polars.read_parquet(path).write_parquet(copied)
    else:
        table = parquet.read_table(path)
        parquet.write_table(pa.table(table.to_pydict()), copied)
    with pytest.raises(
        ParameterError, match=r"does not say which model made its vectors .*--model"
    ):
        search_file(LINES[0], copied)
    (hit,) = search_file(LINES[0], copied, k=1, embedding=ModelOptions(model))
    assert (hit.text, round(hit.score, 6)) == (LINES[0], 1)


def test_json_lines_say_it_through_other_libraries_as_well(
    model: Path, retrained: Path, source: Path, tmp_path: Path
) -> None:
    path, copied = stored(source, "v.jsonl", model), tmp_path / "copied.parquet"
    pandas.read_json(path, lines=True).to_parquet(copied)
    assert search_file(LINES[0], copied, k=1)[0].text == LINES[0]
    with pytest.raises(ParameterError, match="not tiny"):
        search_file(LINES[0], copied, embedding=ModelOptions(retrained))


def test_vectors_of_two_models_in_one_file_are_refused(
    model: Path, retrained: Path, source: Path, tmp_path: Path
) -> None:
    paths = [stored(source, "v.jsonl", model), stored(source, "w.jsonl", retrained)]
    both = tmp_path / "both.jsonl"
    both.write_text("".join(path.read_text() for path in paths))
    with pytest.raises(InputError, match="made with several models"):
        search_file(LINES[0], both)


def test_several_files_are_searched_as_one(
    model: Path, retrained: Path, source: Path, tmp_path: Path
) -> None:
    more = tmp_path / "more.txt"
    more.write_text("other\nthe train is late!\n")
    path = stored(source, "v.parquet", model)
    hits = search_file(LINES[0], [path, more], k=2)
    assert [(hit.source, hit.row, hit.text) for hit in hits] == [
        (str(path), 0, LINES[0]),
        (str(more), 1, "the train is late!"),
    ]
    other = stored(source, "w.parquet", retrained)
    with pytest.raises(ParameterError, match=r"w\.parquet: its vectors were made with model tiny"):
        search_file(LINES[0], [path, other])


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float64()),
        pa.large_list(pa.float64()),
        pa.list_(pa.float32(), 32),
        pa.list_(pa.float64(), 32),
        pa.list_(pa.float16(), 32),
    ],
    ids=str,
)
def test_lists_of_every_kind_are_vectors(kind: pa.DataType, model: Path, tmp_path: Path) -> None:
    vectors = Encoder.load(model).encode(LINES)
    lists = [row.astype(np.float16) if "halffloat" in str(kind) else row for row in vectors]
    array = pa.array([*map(list, lists), None], kind)
    table = pa.table({"review": [*LINES, "without"], "v": array, "stars": [1, 2, 3, 4]})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    hits = search_file(
        LINES[1],
        tmp_path / "a.parquet",
        reading=InputOptions(column="review"),
        embedding=ModelOptions(model),
        vectors="v",
    )
    assert len(hits) == 3
    assert (hits[0].text, hits[0].columns) == (LINES[1], {"stars": 2})
    assert hits[0].score == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("columns", "options", "error", "message"),
    [
        ({"review": ["a"], "embedding": [[1.0]]}, {}, ColumnError, "'text'; found 'review', 'emb"),
        ({"text": ["a"], "n": [1]}, {"vectors": "n"}, ColumnError, "'n' has the type int64"),
        ({"text": ["a"], "n": [1]}, {"vectors": "v"}, ColumnError, "no column is named 'v'; found"),
        ({"text": ["a"], "embedding": [[1.0]]}, {}, InputError, "have 1 dimensions, the model has"),
        ({"text": ["a"], "embedding": [[np.nan] * 32]}, {}, InputError, "row 0: .* no finite"),
        ({"text": ["a"], "embedding": [[None] * 31 + [1.0]]}, {}, InputError, "row 0: .* finite"),
        ({"text": [1], "embedding": [[1.0]]}, {}, ColumnError, "'text' has the type int64"),
    ],
)
def test_columns_that_are_missing_or_of_another_kind(
    columns: dict[str, list[object]],
    options: dict[str, str],
    error: type[Exception],
    message: str,
    model: Path,
    tmp_path: Path,
) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(error, match=message):
        search_file("a", tmp_path / "a.parquet", embedding=ModelOptions(model), **options)


def test_what_the_vectors_were_made_with_stands_in_their_field(model: Path, source: Path) -> None:
    path = stored(source, "v.parquet", model, precision="int8")
    said = json.loads(parquet.read_schema(path).field("embedding").metadata[b"embedpipe"])
    encoder = Encoder.load(model)
    assert said["fingerprint"] == encoder.fingerprint
    assert (said["model"], said["pooling"], said["normalize"]) == ("tiny", "mean", False)
    assert (said["precision"], said["column"]) == ("int8", "text")
    first = json.loads(
        stored(source, "v.jsonl", model, precision="int8").read_text().split("\n")[0]
    )
    assert first["embedding_model"] == said


def test_the_record_of_earlier_versions_is_read(model: Path, source: Path, tmp_path: Path) -> None:
    """They kept it in the schema's metadata, without a fingerprint."""
    table = parquet.read_table(stored(source, "v.parquet", model, pooling="cls"))
    said = json.loads(table.schema.field("embedding").metadata[b"embedpipe"])
    del said["fingerprint"]
    plain = pa.table({name: table[name] for name in table.column_names})
    plain = plain.cast(pa.schema([field.remove_metadata() for field in table.schema]))
    path = tmp_path / "old.parquet"
    parquet.write_table(plain.replace_schema_metadata({"embedpipe": json.dumps(said)}), path)
    assert search_file(LINES[0], path, k=1)[0].text == LINES[0]
    other = tmp_path / "other"
    shutil.copytree(model, other)
    with pytest.raises(ParameterError, match="made with model tiny, not other"):
        search_file(LINES[0], path, embedding=ModelOptions(other))
