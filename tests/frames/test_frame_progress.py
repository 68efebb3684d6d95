"""`transform(frame, progress=True)`: rows, rate and time left; never other results."""

from __future__ import annotations

import io
import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from embedpipe import progress
from tests.support.small_pipelines import embedding, sentences
from tests.support.wide_table import wide_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.mark.parametrize("make", [pa.table, pl.DataFrame, pd.DataFrame])
def test_all_rows_are_counted_with_rate_and_time_left(monkeypatch, make):
    terminal = on_a_terminal(monkeypatch)
    frame = make({"text": ["One."] * 50})
    sentences().transform(frame, progress=True)
    assert "50/50 [00:00<00:00, " in terminal.getvalue()
    assert " rows/s]" in terminal.getvalue()


def test_of_a_reader_the_total_is_not_known(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    table = pa.table({"text": ["One."] * 50})
    out = sentences().transform(table.to_reader(), progress=True)
    assert terminal.getvalue() == ""
    out.read_all()
    assert "50 rows [00:00, " in terminal.getvalue()


def test_it_is_silent_unless_asked(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    sentences().transform(wide_table())
    assert terminal.getvalue() == ""
    lazy = pl.from_arrow(wide_table().select(["text"])).lazy()
    sentences().transform(lazy, progress=True).collect()
    assert terminal.getvalue() == ""  # the query may run in parts


def test_chunks_follow_the_time_that_they_take_and_change_no_bit(monkeypatch, encoder):
    on_a_terminal(monkeypatch)
    now = [0.0]
    sizes = []
    model = embedding(encoder)
    annotate = type(model.stages[0]).apply

    def slowly(stage, batch, inputs):
        sizes.append(batch.row_count)
        now[0] += 0.01 * batch.row_count
        return annotate(stage, batch, inputs)

    monkeypatch.setattr(type(model.stages[0]), "apply", slowly)
    monkeypatch.setattr(progress.time, "monotonic", lambda: 1 + now[0])
    table = pa.table({"text": [f"Text {i}." for i in range(300)]})
    shown = model.transform(table, progress=True)
    assert sizes[0] == 32
    assert set(sizes[1:-1]) == {25}
    assert sum(sizes) == 300
    sizes.clear()
    assert (
        model.transform(table)["vector"].combine_chunks().equals(shown["vector"].combine_chunks())
    )
    assert sizes == [300]
