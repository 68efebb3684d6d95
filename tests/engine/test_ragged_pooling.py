"""Ragged arrays, the checks on piece ids, pooling and normalization (against PyTorch)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.engine import LinearWeights, Ragged
from embedpipe.engine.pooling import (
    FURTHER_POOLINGS,
    POOLINGS,
    check_pooling,
    normalize,
    pool,
)
from embedpipe.engine.ragged import check_piece_ids
from embedpipe.errors import InputError, ParameterError

INT32 = st.integers(-(2**31), 2**31 - 1)


@given(st.lists(st.lists(INT32, max_size=5), max_size=6))
def test_sequences_come_back_as_they_went_in(sequences: list[list[int]]) -> None:
    ragged = Ragged.from_sequences(sequences, dtype=np.int32)
    assert [sequence.tolist() for sequence in ragged] == sequences
    assert len(ragged) == len(sequences)
    assert ragged.lengths.tolist() == [len(sequence) for sequence in sequences]
    assert ragged.values.dtype == np.int32
    assert ragged.offsets.dtype == np.int64


def test_sequences_of_vectors_keep_their_width() -> None:
    ragged = Ragged.from_sequences([np.ones((2, 3)), np.zeros((1, 3))], dtype=np.float32)
    assert ragged.values.shape == (3, 3)
    assert ragged.values.dtype == np.float32


def test_items_are_views_and_indices_count_from_both_ends() -> None:
    ragged = Ragged.from_sequences([[1, 2], [3]], dtype=np.int32)
    assert np.shares_memory(ragged[0], ragged.values)
    assert ragged[-2].tolist() == [1, 2]
    for index in (2, -3):
        with pytest.raises(IndexError, match=f"sequence {index} of 2"):
            ragged[index]


@pytest.mark.parametrize(
    ("sequence", "found"),
    [
        ([1, 2**31], "int64 from 1 to 2147483648"),
        ([-(2**40)], "from -1099511627776"),
        ([1.5], "float64 from 1.5"),
        (["7"], "expected a sequence of numbers"),
        ("text", "expected a sequence of numbers"),
        (7, "expected a sequence of numbers"),
        (None, "expected a sequence of numbers"),
        ([2**80], "expected a sequence of numbers"),
        ([[1], [2, 3]], "not an array of numbers"),
    ],
)
def test_what_does_not_fit_int32_exactly_is_refused(sequence: object, found: str) -> None:
    with pytest.raises(InputError, match=r"^sequence 1") as caught:
        Ragged.from_sequences([[1], sequence], dtype=np.int32)  # type: ignore[list-item]
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("offsets", "found"),
    [
        (np.array([0, 3], np.int32), "found int32"),
        (np.array([[0, 3]]), r"shape \(1, 2\)"),
        (np.array([], np.int64), r"shape \(0,\)"),
        (np.array([1, 3]), "from 1 to 3; expected from 0 to 3"),
        (np.array([0, 2]), "from 0 to 2; expected from 0 to 3"),
        (np.array([0, 2, 1, 3]), "sequence 1 ends at 1, before its begin at 2"),
    ],
)
def test_offsets_that_do_not_cut_the_values_are_refused(offsets: np.ndarray, found: str) -> None:
    with pytest.raises(InputError, match=found):
        Ragged(np.arange(3), offsets)


def check(sequences: list[list[int]], **sizes: int) -> None:
    ragged = Ragged.from_sequences(sequences, dtype=np.int32)
    sizes = {"vocab_size": 10, "max_position_embeddings": 4} | sizes
    check_piece_ids(ragged.values, ragged.offsets, **sizes)


def test_ids_and_lengths_up_to_the_limits_are_taken() -> None:
    check([[0, 9, 0, 9], [5]])
    check([])


@pytest.mark.parametrize(
    ("sequences", "found"),
    [
        ([[1], [2, 10], [3]], "sequence 1, position 1: piece id 10 .1 such ids.*ids 0 to 9"),
        ([[1, 2], [-1, -1]], "sequence 1, position 0: piece id -1 .2 such ids"),
        ([[1], [1, 2, 3, 4, 5], [1]], "sequence 1 has 5 piece ids .*has 4 positions"),
        ([[1], [], []], "sequence 1 has no piece ids .2 such sequences"),
    ],
)
def test_the_sequence_at_fault_is_named(sequences: list[list[int]], found: str) -> None:
    with pytest.raises(InputError, match=found):
        check(sequences)


def test_ids_of_another_type_are_refused_not_converted() -> None:
    for ids in (np.array([1], np.int64), np.array([[1]], np.int32), np.array([1.0])):
        with pytest.raises(InputError, match=r"expected int32 of shape \(T,\)"):
            check_piece_ids(ids, np.array([0, 1]), vocab_size=10, max_position_embeddings=4)


LENGTHS = (1, 5, 2, 40, 1)


@pytest.fixture(params=[np.float32, np.float64])
def hidden(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(sum(LENGTHS), 33)).astype(request.param)


@pytest.fixture
def offsets() -> np.ndarray:
    return np.concatenate([[0], np.cumsum(LENGTHS)])


@pytest.fixture
def pooler() -> LinearWeights:
    random = np.random.default_rng(1)
    draw = random.normal(size=(34, 33)).astype(np.float32) * np.float32(0.1)
    return LinearWeights(draw[:33], draw[33])


@pytest.mark.parametrize("pooling", [*POOLINGS, *FURTHER_POOLINGS, "max+cls"])
def test_a_row_has_the_same_bits_alone_and_in_company(
    hidden: np.ndarray, offsets: np.ndarray, pooler: LinearWeights, pooling: str
) -> None:
    together = normalize(pool(hidden, offsets, pooling, pooler))
    for i, (begin, end) in enumerate(itertools.pairwise(offsets)):
        alone = pool(hidden[begin:end], np.array([0, end - begin]), pooling, pooler)
        assert normalize(alone)[0].tobytes() == together[i].tobytes()


def test_further_poolings_are_what_they_say(hidden: np.ndarray, offsets: np.ndarray) -> None:
    for i, (begin, end) in enumerate(itertools.pairwise(offsets)):
        rows = hidden[begin:end].astype(np.float64)
        weights = np.arange(4, 4 + len(rows))  # three pieces stood before
        expected = {
            "max": rows.max(axis=0),
            "lasttoken": rows[-1],
            "mean_sqrt_len_tokens": rows.sum(axis=0) / np.sqrt(len(rows)),
            "weightedmean": np.average(rows, axis=0, weights=weights),
        }
        before = np.full(len(offsets) - 1, 3)
        for name, vector in expected.items():
            found = pool(hidden, offsets, name, before=before)[i]
            np.testing.assert_allclose(found, vector, atol=1e-6)
        both = pool(hidden, offsets, "lasttoken+max")[i]
        np.testing.assert_array_equal(both, np.concatenate([hidden[end - 1], rows.max(axis=0)]))


def test_no_sequences_give_no_rows(pooler: LinearWeights) -> None:
    hidden = np.empty((0, 33), np.float32)
    for pooling in POOLINGS:
        found = pool(hidden, np.array([0]), pooling, pooler)
        assert (found.shape, found.dtype) == ((0, 33), np.float32)
        assert normalize(found).shape == (0, 33)


def test_an_empty_sequence_cannot_be_pooled() -> None:
    with pytest.raises(InputError, match="sequence 1 has no pieces"):
        pool(np.ones((2, 3)), np.array([0, 1, 1, 2]), "mean")


def test_unknown_poolings_and_a_missing_pooler_are_refused() -> None:
    for unknown in ("attention", "cls+", "cls+cls", "", 5):
        with pytest.raises(ParameterError, match="expected one of cls, mean, pooler"):
            check_pooling(unknown, has_pooler=True)
    with pytest.raises(ParameterError, match="this model has none"):
        check_pooling("mean+pooler", has_pooler=False)
    with pytest.raises(ParameterError, match="this model has none"):
        pool(np.ones((2, 3)), np.array([0, 2]), "pooler")


def test_squares_beyond_float32_do_not_spoil_the_length() -> None:
    found = normalize(np.array([[3e25, 4e25]], np.float32))
    np.testing.assert_allclose(found, [[0.6, 0.8]], rtol=1e-7)
