"""What files say of their vectors is believed only where it can be true."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import Encoder, ModelOptions, embed_files, search_file
from embedpipe.errors import ColumnError, InputError, ParameterError
from tests.support.cli_support import write_tiny_model

LINES = ["the train is late", "hello", "a question"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def found_by_name(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(encoder.path.parent))


def stored(folder: Path, encoder: Encoder, suffix: str = ".parquet") -> Path:
    (folder / "in.txt").write_text("".join(f"{line}\n" for line in LINES))
    path = folder / f"v{suffix}"
    embed_files(folder / "in.txt", path, embedding=ModelOptions(encoder))
    return path


def saying(path: Path, said: bytes) -> Path:
    """The file with other metadata of its vectors."""
    table = parquet.read_table(path)
    field = table.schema.field("embedding").with_metadata({"embedpipe": said})
    schema = table.schema.set(table.schema.get_field_index("embedding"), field)
    parquet.write_table(table.cast(schema), path)
    return path


def said_by(path: Path) -> dict[str, Any]:
    return json.loads(parquet.read_schema(path).field("embedding").metadata[b"embedpipe"])


@pytest.mark.parametrize("said", [b"[" * 100_000, b"\xff", b"[]", b'{"model": 5}'])
def test_what_says_nothing_is_asked_for(said: bytes, encoder: Encoder, tmp_path: Path) -> None:
    path = saying(stored(tmp_path, encoder), said)
    with pytest.raises(ParameterError, match="does not say which model"):
        search_file("hello", path)
    assert search_file("hello", path, embedding=ModelOptions(encoder), k=1)[0].text == "hello"


@pytest.mark.parametrize("entry", ["fingerprint", "normalize", "column", "precision", "pooling"])
@pytest.mark.parametrize("value", [None, 7, ["a"]], ids=repr)
def test_entries_of_another_type_say_nothing(
    entry: str, value: object, encoder: Encoder, tmp_path: Path
) -> None:
    path = stored(tmp_path, encoder)
    saying(path, json.dumps(said_by(path) | {entry: value}).encode())
    assert search_file("hello", path, embedding=ModelOptions(encoder), k=1)[0].text == "hello"


def test_a_fingerprint_without_a_name_is_checked(encoder: Encoder, tmp_path: Path) -> None:
    path = saying(stored(tmp_path, encoder), b'{"fingerprint": "ffff"}')
    with pytest.raises(ParameterError, match="made with model None"):
        search_file("hello", path, embedding=ModelOptions(encoder))


@pytest.mark.usefixtures("found_by_name")
def test_every_file_must_say_it_not_the_first_alone(encoder: Encoder, tmp_path: Path) -> None:
    path, silent = stored(tmp_path, encoder), tmp_path / "silent.parquet"
    shutil.copy(path, silent)
    saying(silent, b"{}")
    with pytest.raises(ParameterError, match=r"silent\.parquet: the file does not say"):
        search_file("hello", [path, silent])
    hits = search_file("hello", [path, silent], embedding=ModelOptions(encoder), k=2)
    assert [hit.text for hit in hits] == ["hello", "hello"]


@pytest.mark.usefixtures("found_by_name")
def test_every_record_must_say_it_not_the_first_alone(encoder: Encoder, tmp_path: Path) -> None:
    path = stored(tmp_path, encoder, ".jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    del records[1]["embedding_model"]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(InputError, match="not in all records does 'embedding_model' say"):
        search_file("hello", path)
    assert search_file("hello", path, embedding=ModelOptions(encoder), k=1)[0].text == "hello"


@pytest.mark.usefixtures("found_by_name")
@pytest.mark.parametrize("change", [{"normalize": True}, {"pooling": "cls"}, "mine"])
def test_records_made_otherwise_are_refused(change: Any, encoder: Encoder, tmp_path: Path) -> None:
    path = stored(tmp_path, encoder, ".jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    said = records[1]["embedding_model"]
    records[1]["embedding_model"] = said | change if isinstance(change, dict) else change
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(InputError, match="made with several models or settings"):
        search_file("hello", path)


@pytest.mark.usefixtures("found_by_name")
def test_a_column_of_the_users_own_says_nothing_of_vectors(
    encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("text,embedding_model\nhello,mine\n")
    embed_files(tmp_path / "in.csv", tmp_path / "v.parquet", embedding=ModelOptions(encoder))
    assert search_file("hello", tmp_path / "v.parquet")[0].text == "hello"


@pytest.mark.usefixtures("found_by_name")
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_names_that_are_not_utf8(suffix: str, encoder: Encoder, tmp_path: Path) -> None:
    path = stored(tmp_path, encoder, suffix)
    renamed = path.rename(tmp_path / os.fsdecode(b"v\xe9" + suffix.encode()))
    assert search_file("hello", renamed, k=1)[0].text == "hello"


def test_a_pipe_is_read_once(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    content = "".join(json.dumps({"text": text}) + "\n" for text in LINES)
    writer = threading.Thread(target=path.write_text, args=(content,), daemon=True)
    writer.start()
    hits = search_file("hello", path, embedding=ModelOptions(encoder))
    assert {hit.text for hit in hits} == set(LINES)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"query": None}, InputError, "query: found None; expected str"),
        ({"k": 0}, ParameterError, "k: found 0; expected a number of at least 1"),
        ({"k": -1}, ParameterError, "k: found -1"),
        ({"file": []}, ParameterError, "file: found none"),
    ],
)
def test_arguments_that_mean_nothing(
    arguments: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(error, match=message):
        search_file(**{"query": "x", "file": tmp_path / "a.txt", **arguments})


@pytest.mark.filterwarnings("error")
def test_vectors_that_are_too_large_and_two_columns_of_them(
    encoder: Encoder, tmp_path: Path
) -> None:
    lists = pa.array([np.full(encoder.dimension, 1e300)])
    table = pa.table({"text": ["a"], "embedding": lists})
    path = tmp_path / "a.parquet"
    parquet.write_table(table, path)
    with pytest.raises(InputError, match="row 0: the vector has values that are no finite"):
        search_file("x", path, embedding=ModelOptions(encoder))
    parquet.write_table(table.append_column("embedding", lists), path)
    with pytest.raises(ColumnError, match="2 columns are named 'embedding'"):
        search_file("x", path, embedding=ModelOptions(encoder))


@pytest.mark.parametrize("name", ["\udce9", "source"])
def test_names_of_vectors_that_no_file_can_have(
    name: str, encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x")
    inputs = [tmp_path / "a.txt"] * 2
    with pytest.raises((ParameterError, ColumnError), match=r"is no text|--vectors"):
        embed_files(inputs, tmp_path / "o.parquet", vectors=name, embedding=ModelOptions(encoder))
