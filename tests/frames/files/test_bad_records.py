"""Bad records and inputs: told with line and reason, while the others are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedpipe.errors import ColumnError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs


def bad_of(path: Path, **options: str) -> tuple[list[str | None], list[tuple[int | None, str]]]:
    inputs = Inputs([str(path)], InputOptions(**options), skip=True)
    inputs.check()
    batches = list(inputs.batches())
    texts = [text for batch in batches for text in batch.records["text"].to_pylist()]
    return texts, [(bad.line, bad.reason) for batch in batches for bad in batch.bad]


def test_bad_records_are_told_with_line_and_reason_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,one\n2\n3,"x"y\n4,caf\xe9\n5,"a\nb"\n6,six,\n7,seven\n')
    texts, bad = bad_of(path)
    assert texts == ["one", "a\nb", "seven"]
    assert [line for line, _ in bad] == [3, 4, 5, 8]
    assert "1 field, the header 2" in bad[0][1]
    assert "quote" in bad[1][1]
    assert "do not decode" in bad[2][1]
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"text": "one"}\nno\n\n{"text": 3}\n[]\n{"text": "caf\xe9"}\n{"text": "two"}'
    )
    texts, bad = bad_of(path)
    assert texts == ["one", "two"]
    assert [line for line, _ in bad] == [2, 4, 5, 6]
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ncaf\xe9\ntwo\n")
    assert bad_of(path)[0] == ["one", "two"]


def test_a_quote_never_closed_loses_the_rest_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text\n1,one\n2,"two\n3,three\n')
    texts, bad = bad_of(tmp_path / "a.csv")
    assert texts == ["one"]
    assert bad[0][0] == 3
    assert "lines 3 to 4: a quote is opened and never closed" in bad[0][1]


def test_inputs_that_cannot_be_read_are_told_and_the_others_read(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,body\n1,one\n")
    (tmp_path / "2.csv").write_text("text\ntwo\n")
    (tmp_path / "3.parquet").write_bytes(b"PAR1 broken")
    inputs = Inputs([str(tmp_path), str(tmp_path / "none.txt")], skip=True)
    inputs.check()
    batches = list(inputs.batches())
    assert [text for batch in batches for text in batch.records["text"].to_pylist()] == ["two"]
    bad = [each for batch in batches for each in batch.bad]
    assert [(Path(each.source).name, each.line) for each in bad] == [
        ("1.csv", None),
        ("3.parquet", None),
        ("none.txt", None),
    ]
    with pytest.raises(ColumnError, match="no column is named 'text'"):
        Inputs([str(tmp_path / "1.csv")], skip=True).check()


def test_reading_goes_on_where_a_batch_ended(tmp_path: Path) -> None:
    for i in range(4):
        (tmp_path / f"{i}.txt").write_bytes(
            b"".join(f"{i} {n}\n".encode() + b"\xff\n" * (n % 500 == 0) for n in range(2500))
        )
    inputs = Inputs([str(tmp_path)], skip=True)
    inputs.check()
    whole = list(inputs.batches())
    assert len({batch.next for batch in whole}) == len(whole)
    for i, batch in enumerate(whole):
        rest = list(Inputs([str(tmp_path)], skip=True).batches(batch.next))
        assert [(each.records, each.bad, each.lines, each.bytes_read) for each in rest] == [
            (each.records, each.bad, each.lines, each.bytes_read) for each in whole[i + 1 :]
        ]


def test_lines_are_those_on_which_records_begin(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text\n\n1,"a\nb"\n2,c\n')
    (tmp_path / "b.jsonl").write_text('\n{"text": "x"}\n\n{"text": "y"}\n')
    (tmp_path / "c.txt").write_text("p\n\nq")
    found = [list(batch.lines or ()) for batch in Inputs([str(tmp_path)]).batches()]
    assert found == [[3, 5], [2, 4], [1, 2, 3]]
