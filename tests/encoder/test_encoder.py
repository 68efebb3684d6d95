"""`Encoder`: what it computes against transformers, what it accepts, and what it promises."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pytest

from embedpipe import Encoder, Ragged
from embedpipe.encoder.windows import windows
from embedpipe.errors import ParameterError
from embedpipe.hub import find_model
from tests.support.encoder_texts import TEXTS
from tests.support.model_folders import write_albert, write_model

pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")


@pytest.fixture(scope="session")
def models(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random-weight models with real vocabularies, by name."""
    folder = tmp_path_factory.mktemp("models")
    vocab = testdata / "vocabularies/bert_uncased/vocab.txt"
    spiece = testdata / "vocabularies/albert_30k/spiece.model"
    write_model(folder / "bert_L2_H128", "bert_L2_H128", vocab=vocab)
    write_albert(folder / "albert_small", layers=3, hidden=128, vocab=spiece)
    return folder


@pytest.fixture(scope="session")
def small(models: Path) -> Encoder:
    return Encoder.load(models / "bert_L2_H128")


@pytest.fixture(scope="session")
def default() -> Encoder:
    return Encoder.load()


def test_the_reference_implementation_gives_the_same(models, small):
    reference = Encoder.load(models / "bert_L2_H128", implementation="reference")
    assert reference.isa == "reference" != small.isa
    np.testing.assert_allclose(small.encode(TEXTS), reference.encode(TEXTS), rtol=0, atol=2e-5)
    ids = small.tokenize(TEXTS[:3]).ids
    found, expected = small.hidden_states(ids), reference.hidden_states(ids)
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=2e-5)


def test_forward_gives_a_vector_per_piece(small):
    sequences = [[101, 102], [101, 7592, 2088, 102], [101]]
    hidden = small.hidden_states(sequences)
    assert (hidden.values.shape, hidden.values.dtype) == ((7, 128), np.float32)
    assert hidden.offsets.tolist() == [0, 2, 6, 7]
    pooled = small.encode(["hello world"], pooling="mean", normalize=False)[0]
    np.testing.assert_allclose(hidden[1].mean(axis=0), pooled, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "sequences",
    [
        [np.array([101, 102]), np.array([101, 7592, 102])],
        [(101, 102), [101, 7592, 102]],
        iter([[101, 102], [101, 7592, 102]]),
        Ragged(np.array([101, 102, 101, 7592, 102], np.int32), np.array([0, 2, 5])),
        Ragged(np.array([101, 102, 101, 7592, 102], np.uint16), np.array([0, 2, 5])),
        pandas.Series([[101, 102], [101, 7592, 102]]),
        pyarrow.array([[101, 102], [101, 7592, 102]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_forward_takes_ids_in_any_container(small, sequences):
    expected = small.hidden_states([[101, 102], [101, 7592, 102]])
    found = small.hidden_states(sequences)
    assert found.offsets.tolist() == [0, 2, 5]
    assert found.values.tobytes() == expected.values.tobytes()
    assert small.hidden_states(np.array([[101, 102], [101, 102]])).offsets.tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    "column",
    [
        ("one", "two three"),
        (text for text in ["one", "two three"]),
        np.array(["one", "two three"]),
        np.array(["one", "two three"], dtype=object),
        [np.str_("one"), "two three"],
        pandas.Series(["one", "two three"], index=[7, 7]),
        pandas.Series(["one", "two three"], dtype="string"),
        pandas.Series(["one", "two three"], dtype="category"),
        pandas.Index(["one", "two three"]),
        pyarrow.array(["one", "two three"]),
        pyarrow.chunked_array([["one"], ["two three"]]),
        pyarrow.array(["one", "two three"]).dictionary_encode(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_encode_takes_texts_in_any_container(small, column):
    expected = small.encode(["one", "two three"])
    assert small.encode(column).tobytes() == expected.tobytes()


def test_nothing_gives_no_rows(small):
    for nothing in ([], (), np.array([], dtype=str), pandas.Series([], dtype=str), iter("")):
        vectors = small.encode(nothing)
        assert (vectors.shape, vectors.dtype) == ((0, 128), np.float32)
    assert small.hidden_states([]).values.shape == (0, 128)
    assert len(small.tokenize([]).ids) == 0


def test_empty_and_blank_texts_have_the_vector_of_the_special_pieces(small):
    vectors = small.encode(["", "  \n", "\u3000"], pooling="cls", normalize=False)
    alone = small.hidden_states([[101, 102]]).values[0]
    assert {row.tobytes() for row in vectors} == {alone.tobytes()}


def test_a_text_has_the_same_bits_in_any_company_and_on_any_number_of_threads(
    models, small, testdata, monkeypatch
):
    lines = (testdata / "stsb/sts-dev.csv").read_text(encoding="utf-8").splitlines()[:300]
    texts = [line.split("\t")[5] for line in lines] + TEXTS
    expected = small.encode(texts)
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    shuffled = small.encode([texts[i] for i in order])
    assert shuffled.tobytes() == expected[order].tobytes()
    alone = [small.encode([text])[0] for text in texts[:20] + TEXTS]
    assert np.stack(alone).tobytes() == expected[[*range(20), *range(300, 307)]].tobytes()
    for threads in (1, 2, 3):
        other = Encoder.load(models / "bert_L2_H128", threads=threads)
        assert other.threads == threads
        assert other.encode(texts).tobytes() == expected.tobytes()
    assert small.encode_pieces(small.tokenize(texts).ids).tobytes() == expected.tobytes()
    monkeypatch.setattr(Encoder, "_window", 50)
    assert small.encode(texts).tobytes() == expected.tobytes()


def test_windows_cover_everything_once():
    assert list(windows([3, 3, 3, 3, 20, 1, 1], 10)) == [(0, 4), (4, 5), (5, 7)]
    assert list(windows([10, 10], 10)) == [(0, 1), (1, 2)]
    assert list(windows([], 10)) == []


def test_threads_may_share_an_encoder(small):
    texts = [TEXTS, TEXTS[::-1]] * 3
    results: dict[int, np.ndarray] = {}

    def work(i: int) -> None:
        results[i] = small.encode(texts[i])

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(texts))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for i, given in enumerate(texts):
        assert results[i].tobytes() == small.encode(given).tobytes()


def test_progress_is_shown_on_standard_error_only_when_asked_for(small, capfd):
    small.encode(TEXTS)
    assert capfd.readouterr() == ("", "")
    small.encode(TEXTS, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "7 texts" in err
    assert "texts/s" in err


def test_attributes_describe_the_model(models, default):
    encoder = Encoder.load(str(models / "albert_small"), threads=2)
    assert (encoder.name, encoder.path) == ("albert_small", models / "albert_small")
    assert (encoder.dimension, encoder.hidden_size, encoder.max_length) == (128, 128, 512)
    assert (encoder.pooling, encoder.normalize, encoder.precision) == ("mean", False, "float32")
    assert (encoder.config.architecture, encoder.threads) == ("albert", 2)
    assert repr(encoder).startswith("Encoder('albert_small', albert, dimension=128, pooling='mean'")
    assert (default.name, default.path) == ("embedpipe-small-v1", find_model())


def test_a_model_is_found_by_its_name(models, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(models))
    found = Encoder.load("bert_L2_H128")
    assert (found.name, found.path) == ("bert_L2_H128", models / "bert_L2_H128")


def test_how_the_model_was_published_may_be_overruled(models, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(models / "bert_L2_H128", folder)
    (folder / "embedpipe.json").write_text('{"pooling": "cls", "normalize": true}')
    encoder = Encoder.load(folder)
    assert (encoder.pooling, encoder.normalize) == ("cls", True)
    explicit = encoder.encode(TEXTS, pooling="cls", normalize=True)
    assert encoder.encode(TEXTS).tobytes() == explicit.tobytes()
    np.testing.assert_allclose(np.linalg.norm(explicit, axis=1), 1, rtol=1e-6)
    assert encoder.encode(TEXTS, normalize=False).tobytes() != explicit.tobytes()
    assert encoder.encode(TEXTS, pooling="mean").tobytes() != explicit.tobytes()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"precision": "float16"}, "precision: found 'float16'; expected one of 'float32', 'bfl"),
        ({"implementation": "reference", "precision": "int8"}, "precision: found 'int8'; the ref"),
        ({"implementation": "torch"}, "implementation: found 'torch'; expected 'native' or"),
        ({"implementation": "reference", "threads": 2}, "the reference implementation has none"),
        *(({"threads": bad}, "threads is .*; expected") for bad in (0, -1, True, 1.0, "2", 10_000)),
    ],
)
def test_arguments_of_load_are_checked_before_the_model_is_looked_for(models, argument, message):
    with pytest.raises(ParameterError, match=message):
        Encoder.load(models / "no such model", **argument)


INTERRUPTED = """
import signal
from embedpipe import Encoder
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
Encoder.load().encode(["a sentence, again and again"] * 1_000_000, progress=True)
"""


def test_progress_moves_and_an_interrupt_ends_encoding():
    terminal, end = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stderr=end,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    os.close(end)
    rest = ""
    try:
        with os.fdopen(terminal, encoding="utf-8", errors="replace", newline="\r") as shown:
            bar = shown.readline()
            while re.search(r"(?<!\d)0/1000000", bar) or not bar.strip():
                bar = shown.readline()
                assert bar, "ended before it was interrupted"
            child.send_signal(signal.SIGINT)
            with suppress(OSError):  # how a terminal tells that nobody writes any more
                for line in shown:
                    rest += line
        child.wait(timeout=60)
    finally:
        child.kill()  # nothing outlives a test that fails
    assert rest.rstrip().endswith("KeyboardInterrupt")
