"""Reading texts: every format, encodings, and what is said about inputs that are broken."""

from __future__ import annotations

import csv
import json
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import InputBatch, Inputs

AWKWARD = ["plain", "", "comma, quote \" and ' mark", "two\nlines", "tab\there", "Zürich 東京 🎉"]


def texts_of(*paths: Path, **options: str) -> list[str | None]:
    batches = Inputs([str(path) for path in paths], InputOptions(**options)).batches()
    return [text for batch in batches for text in texts_in(batch, options.get("column", "text"))]


def texts_in(batch: InputBatch, column: str = "text") -> list[str | None]:
    return batch.records[column].to_pylist()


def check(*sources: object, **options: str) -> None:
    Inputs([str(source) for source in sources], InputOptions(**options)).check()


def written(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


# --- decoding ---------------------------------------------------------------------------------


def test_a_wrong_byte_far_into_a_file_is_found_at_its_place(tmp_path: Path) -> None:
    good = "größer\n".encode() * 40_000
    path = written(tmp_path / "late.txt", good + b"ab\xe9\n")
    with pytest.raises(InputError, match=f"line 40001: byte {len(good) + 2} "):
        texts_of(path)


def test_a_file_cut_within_a_character_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "cut.txt", "ab\ncdé".encode()[:-1])
    with pytest.raises(InputError, match=r"line 2: byte 5 \(0xc3\).*unexpected end"):
        texts_of(path)


def test_wrong_bytes_can_be_replaced_ignored_or_read_in_their_own_encoding(tmp_path: Path) -> None:
    path = written(tmp_path / "latin.txt", b"caf\xe9\n")
    assert texts_of(path, errors="replace") == ["caf\ufffd"]
    assert texts_of(path, errors="ignore") == ["caf"]
    assert texts_of(path, encoding="latin-1") == ["café"]


@pytest.mark.parametrize("name", ["no-such-encoding", "hex", "rot13"])
def test_what_is_not_a_text_encoding_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=f"encoding '{name}' is unknown"):
        check(written(tmp_path / "a.txt", "a"), encoding=name)


# --- text -------------------------------------------------------------------------------------


def test_text_gives_every_line_as_a_record(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "\ufefffirst\r\n\n  spaced \x0b\u2028same line\nlast")
    assert texts_of(path) == ["first", "", "  spaced \x0b\u2028same line", "last"]


@pytest.mark.parametrize(("content", "expected"), [("", []), ("\n", [""]), ("\ufeff", [])])
def test_nearly_empty_text(content: str, expected: list[str], tmp_path: Path) -> None:
    assert texts_of(written(tmp_path / "a.txt", content)) == expected


def test_a_line_of_a_million_characters_is_one_record(tmp_path: Path) -> None:
    long = "é" * 1_000_000
    assert texts_of(written(tmp_path / "a.txt", f"x\n{long}\ny")) == ["x", long, "y"]


# --- CSV and TSV ------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_delimited_text_agrees_with_arrow(suffix: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([["id", "text"], *([str(i), text] for i, text in enumerate(AWKWARD))])
    table = arrow_csv.read_csv(
        path,
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(column_types={"text": pa.string()}),
    )
    assert texts_of(path) == table["text"].to_pylist() == AWKWARD


def test_empty_rows_of_csv_are_skipped_and_empty_fields_kept(tmp_path: Path) -> None:
    assert texts_of(written(tmp_path / "a.csv", "id,text\r\n1,\r\n\r\n2,b\r\n")) == ["", "b"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("id,body\n1,a\n", ColumnError, "no column is named 'text'; found 'id', 'body'"),
        ("", ColumnError, "no column is named 'text'; found no columns"),
        ("text,text\n1,a\n", ColumnError, "2 columns are named 'text'"),
        ("id,text\n1,a\n2\n", InputError, "line 3: the record has 1 field, the header 2"),
        (
            'id,text\n1,"' + "never closed\n" * 1_500_000,
            InputError,
            "a quote is never closed",
        ),
    ],
    ids=["missing", "empty", "twice", "short", "quote"],
)
def test_broken_csv(content: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        texts_of(written(tmp_path / "a.csv", content))


# --- JSON Lines -------------------------------------------------------------------------------


def test_json_lines_give_strings_and_nulls(tmp_path: Path) -> None:
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate([*AWKWARD, None])]
    path = written(tmp_path / "a.jsonl", "\n".join([*lines, "", '{"id": 9}']) + "\n")
    assert texts_of(path) == [*AWKWARD, None, None]


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("{'text': 1}", InputError, "line 2: not JSON"),
        ("[" * 100_000, InputError, "line 2: not JSON"),
        ("3", InputError, "line 2: found a number; expected a JSON object"),
        ('{"text": ["a"]}', ColumnError, "line 2: 'text' is an array; expected a string or null"),
        (r'{"text": "x\ud800"}', InputError, r"line 2: the escape \\ud800 is half a character"),
    ],
)
def test_broken_json_lines(line: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "good"}\n' + line + "\n")
    with pytest.raises(error, match=message):
        texts_of(path)


def test_the_first_object_must_have_the_column(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"id": 1, "body": "a"}\n')
    with pytest.raises(ColumnError, match="no column is named 'text'; found 'id', 'body'"):
        check(path)
    assert texts_of(path, column="body") == ["a"]


def test_half_characters_in_json_can_be_replaced(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", r'{"text": "x\ud800y\ud83c\udf89"}')
    assert texts_of(path, errors="replace") == ["x\ufffdy🎉"]
    assert texts_of(path, errors="ignore") == ["xy🎉"]


# --- Parquet ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_parquet_gives_strings_and_nulls(kind: pa.DataType, tmp_path: Path) -> None:
    texts = pa.array([*AWKWARD, None], pa.string()).cast(kind)
    table = pa.table({"id": range(len(texts)), "body": texts})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    assert texts_of(tmp_path / "a.parquet", column="body") == [*AWKWARD, None]


def test_parquet_of_another_type_or_without_the_column(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": [1, 2]}), path)
    with pytest.raises(ColumnError, match="'text' has the type int64; expected string"):
        texts_of(path)
    with pytest.raises(ColumnError, match="no column is named 'body'; found 'text'"):
        texts_of(path, column="body")


def test_what_is_not_parquet_or_cut_short_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "whole.parquet"
    parquet.write_table(pa.table({"text": ["some text"] * 1000}), path)
    whole = path.read_bytes()
    for content in (b"", b"just text", whole[:-10], whole[:50] + bytes(50) + whole[100:]):
        with pytest.raises(InputError, match=r"bad\.parquet is not a Parquet file"):
            texts_of(written(tmp_path / "bad.parquet", content))


# --- which file is what -----------------------------------------------------------------------


def test_damage_within_parquet_is_told_with_its_rows_and_what_comes_before_is_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    words = [f"word {number}" for number in range(3000)]
    parquet.write_table(pa.table({"text": words}), path, row_group_size=1024)
    chunk = parquet.read_metadata(path).row_group(2).column(0)
    data = bytearray(path.read_bytes())
    begin = chunk.dictionary_page_offset or chunk.data_page_offset
    data[begin + 30 : begin + 200] = b"\xff" * 170
    path.write_bytes(data)
    with pytest.raises(
        InputError, match=r"a\.parquet: what holds its rows 2,048 to 2,999 \(from 0"
    ):
        texts_of(path)
    read = Inputs([str(path)], skip=True)
    found = [text for batch in read.batches() for text in batch.records["text"].to_pylist()]
    assert found == words[:2048]


def test_several_inputs_come_in_order_and_by_name(tmp_path: Path) -> None:
    first = written(tmp_path / "b.txt", "1\n2\n")
    empty = written(tmp_path / "empty.txt", "")
    second = written(tmp_path / "a.CSV", "text\n3\n")
    names = [str(first), str(empty), str(second), str(first)]
    inputs = Inputs(names)
    batches = list(inputs.batches())
    assert [(batch.source, texts_in(batch)) for batch in batches] == [
        (str(first), ["1", "2"]),
        (str(second), ["3"]),
        (str(first), ["1", "2"]),
    ]
    assert batches[-1].bytes_read == inputs.total_size() == 4 + 0 + 7 + 4


def test_no_inputs_at_all_are_an_error() -> None:
    with pytest.raises(ParameterError, match="inputs: found none; name a file"):
        Inputs([])


def test_format_overrides_the_suffix(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text\na\n")
    assert texts_of(path, format="text") == ["text", "a"]


def test_an_unknown_suffix_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    path = written(tmp_path / "a.docx", "a")
    with pytest.raises(InputError, match=r"suffix '\.docx' nor.*\.jsonl.*--format"):
        check(path)


def test_a_missing_file_a_folder_and_a_pipe_of_parquet_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.txt: No such file"):
        check(tmp_path / "none.txt")
    with pytest.raises(InputError, match="the folder holds no files"):
        check(tmp_path)
    os.mkfifo(tmp_path / "pipe.parquet")
    for source in ("-", str(tmp_path / "pipe.parquet")):
        with pytest.raises(InputError, match="Parquet cannot be read from a pipe"):
            check(source, format="parquet")


def test_checking_leaves_pipes_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)
    try:
        os.write(writer, b"unread")
        sources = [str(tmp_path / "pipe"), "-"]
        thread = threading.Thread(target=check, args=sources, daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive(), "it waits for the pipe"
        assert Inputs([str(tmp_path / "pipe")]).total_size() is None
        assert os.read(reader, 100) == b"unread"
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".parquet"])
def test_batches_are_bounded_and_tell_how_far_reading_got(suffix: str, tmp_path: Path) -> None:
    texts = [f"record {i} of many" for i in range(5000)]
    path = tmp_path / f"a{suffix}"
    if suffix == ".parquet":
        parquet.write_table(pa.table({"text": texts}), path)
    elif suffix == ".jsonl":
        written(path, "".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        written(path, "\n".join(["text", *texts] if suffix == ".csv" else texts))
    batches = list(Inputs([str(path)]).batches())
    assert [text for batch in batches for text in texts_in(batch)] == texts
    assert max(batch.records.num_rows for batch in batches) <= 1024
    far = [batch.bytes_read for batch in batches]
    assert far == sorted(far)
    assert 0 < far[0] < far[-1] == path.stat().st_size


def test_long_texts_come_in_smaller_batches(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", ("x" * 300_000 + "\n") * 9)
    assert [batch.records.num_rows for batch in Inputs([str(path)]).batches()] == [4, 4, 1]
