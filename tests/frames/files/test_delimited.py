"""CSV and TSV are read strictly: what is not well formed is an error with its lines, no guess."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.escaped import EscapedRows
from embedpipe.frames.files.inputs import Inputs

FIELDS = st.text(st.sampled_from('ab ,;\t"\\\n\r'), max_size=6)


def table_of(path: Path, **options: str | None) -> pa.Table:
    inputs = Inputs([str(path)], InputOptions(**options))
    return pa.Table.from_batches([batch.records for batch in inputs.batches()], inputs.schema())


def written(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def arrow_refuses(path: Path, delimiter: str) -> bool:
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    try:
        arrow_csv.read_csv(path, parse_options=parse)
    except pa.ArrowInvalid:
        return True
    return False


def pandas_refuses(path: Path, delimiter: str) -> bool:
    try:
        # Without index_col, pandas takes surplus fields for an index
        pandas.read_csv(path, sep=delimiter, index_col=False, on_bad_lines="error", engine="c")
    except (pandas.errors.ParserError, pandas.errors.ParserWarning):
        return True
    return False


# --- what is lost or joined elsewhere ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message", "others"),
    [
        (
            "more.csv",
            "id,text\n1,late, and rude\n2,fine\n",
            "line 2: the record has 3 fields, the header 2; put quotes around fields that hold ','",
            ("pandas", "arrow"),
        ),
        (
            "fewer.csv",
            "id,text,stars\n1,a,5\n\n2,b\n",
            "line 4: the record has 2 fields, the header 3",
            ("arrow",),
        ),
        (
            "unclosed.csv",
            'id,text\n1,ok\n2,"the box was open\n3,b\n4,c\n',
            "lines 3 to 5: a quote is opened and never closed; .*--quote none .*--escape",
            ("pandas",),
        ),
        (
            "half.tsv",
            'id\ttext\n1\t"open\n2\tb\n3\tbroken" it was\n4\tc\n',
            "lines 2 to 4: a quote stands within a quoted field, neither doubled nor escaped",
            (),
        ),
        (
            "spark.csv",
            'id,text\n1,"He said \\"ok\\", then left"\n2,fine\n',
            r"line 2: a quote stands within a quoted field.*--escape '\\' if a backslash",
            ("arrow",),
        ),
        (
            "return.csv",
            "id,text\n1,one\rtwo\n",
            "line 2: a carriage return stands within a field that is not quoted",
            (),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:12] else "",
)
def test_malformed_records_are_refused(
    name: str, content: str, message: str, others: tuple[str, ...], tmp_path: Path
) -> None:
    path = written(tmp_path / name, content)
    with pytest.raises(InputError, match=message):
        table_of(path)
    delimiter = "\t" if path.suffix == ".tsv" else ","
    refusing = {"pandas": pandas_refuses(path, delimiter), "arrow": arrow_refuses(path, delimiter)}
    assert [each for each in others if not refusing[each]] == []


def test_another_delimiter_is_a_hint_and_no_guess(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "id;text\n1;a, b\n")
    with pytest.raises(ColumnError, match="found 'id;text'; say --delimiter ';', or name the col"):
        table_of(path)
    assert table_of(path, delimiter=";").to_pydict() == {"id": ["1"], "text": ["a, b"]}
    with pytest.raises(ColumnError, match="say --delimiter tab"):
        table_of(written(tmp_path / "b.csv", "id\ttext\n1\ta\n"))


def test_quotes_can_be_ordinary_characters(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", 'id\ttext\n1\t"open\n2\tb\n3\tbroken" it was\n')
    assert table_of(path, quote=None)["text"].to_pylist() == ['"open', "b", 'broken" it was']
    single = written(tmp_path / "a.csv", "id,text\n1,'a, b'\n2,it''s\n3,'it''s'\n")
    assert table_of(single, quote="'")["text"].to_pylist() == ["a, b", "it''s", "it's"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ";;"}, "delimiter ';;': expected one character"),
        ({"delimiter": "\n"}, "expected one character, and no line end"),
        ({"quote": ","}, "expected different characters"),
        ({"escape": '"'}, "expected different characters"),
        ({"escape": "\\", "quote": None}, "there is no quote"),
    ],
)
def test_marks_that_contradict_each_other(
    options: dict[str, str | None], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.csv", "text\na\n")
    with pytest.raises(ParameterError, match=message):
        Inputs([str(path)], InputOptions(**options)).check()


@pytest.mark.parametrize("option", [{"delimiter": ";"}, {"quote": None}, {"escape": "\\"}])
def test_marks_of_csv_are_refused_for_other_formats(
    option: dict[str, str | None], tmp_path: Path
) -> None:
    path = written(tmp_path / "a.txt", "a\n")
    with pytest.raises(ParameterError, match="only CSV and TSV have it"):
        Inputs([str(path)], InputOptions(**option)).check()


# --- what is well formed ----------------------------------------------------------------------


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_whatever_csv_writes_comes_back(rows: list[tuple[str, str]], end: str) -> None:
    file = io.StringIO(newline="")
    # Some versions leave a carriage return without quotes where line feeds end lines
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(file, lineterminator=end, quoting=quoting)
    writer.writerows([("id", "text"), *rows])
    expected = {"id": [row[0] for row in rows], "text": [row[1] for row in rows]}
    assert _parsed(file.getvalue()) == expected


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=5), st.booleans())
def test_whatever_spark_writes_comes_back(rows: list[tuple[str, str]], always: bool) -> None:
    """By its rule: in quoted fields a backslash before quotes and backslashes, in others none."""

    def field(text: str) -> str:
        if always or any(mark in text for mark in ',"\n\r'):
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return text

    text = "".join(f"{field(one)},{field(other)}\n" for one, other in [("id", "text"), *rows])
    expected = {"id": [row[0] for row in rows], "text": [row[1] for row in rows]}
    assert _parsed(text, escape="\\") == expected


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=5))
def test_without_an_escape_in_it_the_other_parser_reads_the_same(
    rows: list[tuple[str, str]],
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    lines = list(io.StringIO(file.getvalue().replace("\\", "/"), newline="\n"))
    assert list(EscapedRows(lines, ",", '"', "\\")) == list(csv.reader(lines, strict=True))


def _parsed(text: str, **options: str) -> dict[str, list[str]]:
    from embedpipe.frames.files.bad_records import BadRecords
    from embedpipe.frames.files.delimited import delimited_batches
    from embedpipe.frames.files.lines import LineReader

    lines = LineReader(io.BytesIO(text.encode()), source="-")
    batches = list(delimited_batches(lines, InputOptions(**options), ",", BadRecords()))
    return pa.Table.from_batches([batch.records for batch in batches]).to_pydict()


def test_a_backslash_before_others_stays(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'id,text\n1,"C:\\new, \\"x\\""\n2,\\\\server\\"a"\n')
    texts = table_of(path, escape="\\")["text"].to_pylist()
    assert texts == ['C:\\new, "x"', '\\\\server\\"a"']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('id,text\n1,"a\\"\n', "a quote is opened and never closed"),
        ('id,text\n1,"a" b\n', "a quote stands within a quoted field"),
        ("id,text\n1,a,b\n", "the record has 3 fields, the header 2"),
        ("id,text\n1,a\rb\n", "a carriage return"),
    ],
)
def test_malformed_records_with_an_escape_are_refused_as_well(
    content: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        table_of(written(tmp_path / "a.csv", content), escape="\\")


def test_all_columns_are_strings_in_their_order(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "z,text,,a,a\n007,x,,1.10,\n")
    table = table_of(path)
    assert table.schema.names == ["z", "text", "", "a", "a"]
    assert [column.to_pylist() for column in table.columns] == [
        ["007"],
        ["x"],
        [""],
        ["1.10"],
        [""],
    ]
