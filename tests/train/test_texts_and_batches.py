"""What a student learns from, and in which order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.errors import ColumnError, InputError, TrainingDataWarning
from embedpipe.train.distillation.batches import Batches
from embedpipe.train.distillation.texts import read_texts
from tests.support.training import sentences, write_lines


def test_empty_and_repeated_lines_are_left_out_and_counted(tmp_path):
    texts = sentences(40)
    lines = [*texts[:20], "", "   ", texts[0], *texts[20:], texts[3]]
    found = read_texts([str(write_lines(tmp_path / "a.txt", lines))])
    assert found.texts == texts
    assert (found.empty, found.duplicates, found.from_development) == (2, 2, 0)


def test_development_texts_are_left_out_with_a_warning(tmp_path):
    texts = sentences(40)
    path = write_lines(tmp_path / "a.txt", texts)
    with pytest.warns(TrainingDataWarning, match="2 of 40 texts"):
        found = read_texts([str(path)], without=[texts[1].upper(), f"  {texts[5]}", "another"])
    assert found.texts == [text for text in texts if text not in (texts[1], texts[5])]
    assert found.from_development == 2


def test_texts_come_from_columns_and_missing_ones_count_as_empty(tmp_path):
    texts = sentences(20)
    rows = [{"text": text, "id": 1} for text in texts] + [{"text": None, "id": 2}]
    path = write_lines(tmp_path / "a.jsonl", [json.dumps(row) for row in rows])
    found = read_texts([str(path)])
    assert (found.texts, found.empty) == (texts, 1)
    (tmp_path / "b.csv").write_text("id,body\n1,one\n")
    with pytest.raises(ColumnError, match="'text'"):
        read_texts([str(tmp_path / "b.csv")])


def test_texts_of_one_kind_only_are_refused(tmp_path):
    path = write_lines(tmp_path / "a.txt", ["always the same"] * 100)
    with pytest.raises(InputError, match="1 distinct texts of 100 records"):
        read_texts([str(path)])


@given(
    lengths=st.lists(st.integers(2, 5000), min_size=2, max_size=300),
    size=st.integers(2, 40),
    seed=st.integers(0, 5),
)
def test_an_epoch_shows_every_text_at_most_once_in_batches_that_fit(lengths, size, seed):
    lengths = np.array(lengths)
    batches = Batches(lengths, np.arange(len(lengths)), size=size, seed=seed)
    first = [batches[step] for step in range(batches.steps(1))]
    rows = np.concatenate(first)
    assert len(set(rows)) == len(rows) >= len(lengths) - 1 - len(lengths) // (32 * size)
    for batch in first:
        assert 1 <= len(batch) <= size
        assert len(batch) <= 2 or lengths[batch].max() * len(batch) <= 8192


def test_the_order_goes_by_the_seed_and_the_epoch_alone():
    lengths = np.random.default_rng(0).integers(3, 30, 1000)
    a, b, c = (Batches(lengths, np.arange(1000), size=32, seed=seed) for seed in (1, 1, 2))
    steps = a.steps(2)
    backwards = [b[step] for step in reversed(range(steps))][::-1]
    assert all((a[step] == backwards[step]).all() for step in range(steps))
    assert any(len(a[step]) != len(c[step]) or (a[step] != c[step]).any() for step in range(9))
    assert (a.epoch_of(0), a.epoch_of(a.steps(1) - 1), a.epoch_of(a.steps(1))) == (0, 0, 1)
    assert set(a.rows_until(a.steps(1))) == set(range(1000))
