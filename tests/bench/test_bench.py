"""`embedpipe bench`: what engines are given, what is verified, and what is reckoned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.errors import ModelFormatError
from embedpipe_bench import OURS, RANDOM_SHAPES
from embedpipe_bench.children import Entrant
from embedpipe_bench.corpus import random_work, spread
from embedpipe_bench.machine import memory_of
from embedpipe_bench.models import get_model
from embedpipe_bench.peers.common import (
    Batching,
    EngineError,
    Entry,
    Work,
    padded_batches,
)
from embedpipe_bench.random_models import SHAPES
from embedpipe_bench.workload import Workload
from tests.support.model_folders import minilm_folder, tiny_config, write_model

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT whose vocabulary knows the letters; no value of it is small."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    vocab = folder.with_name("vocab.txt")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefg"]
    vocab.write_text("\n".join(pieces + [f"[unused{i}]" for i in range(40 - len(pieces))]))
    return write_model(folder, tiny_config(), seed=3, vocab=vocab)


def workload(folder: Path, vectors: list[list[float]]) -> Workload:
    work = Work([[2, 5, 3]] * len(vectors))
    return Workload(work, np.array(vectors), folder / "work.json")


# What is verified


def test_vectors_of_another_direction_are_refused(tmp_path: Path) -> None:
    right = workload(tmp_path, [[1.0, 0.0], [0.0, 1.0]])
    assert right.cosines(np.array([[2.0, 0.0], [0.0, 3.0]]), is_exact=True).tolist() == [1, 1]
    turned = np.array([[1.0, 0.0], [0.05, 1.0]])  # cosine 0.99875
    with pytest.raises(EngineError, match=r"1 of 2 .* sequence 1 has a cosine of 0\.9987"):
        right.cosines(turned, is_exact=True)
    assert right.cosines(turned, is_exact=False)[1] == pytest.approx(0.99875, abs=1e-5)


@pytest.mark.parametrize("is_exact", [True, False])
def test_vectors_that_are_no_numbers_or_too_few_are_refused(tmp_path: Path, is_exact: bool) -> None:
    right = workload(tmp_path, [[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(EngineError, match="sequence 0 has a cosine of nan"):
        right.cosines(np.array([[np.nan, 0.0], [0.0, 1.0]]), is_exact=is_exact)
    with pytest.raises(EngineError, match=r"shape \(1, 2\), expected \(2, 2\)"):
        right.cosines(np.array([[1.0, 0.0]]), is_exact=is_exact)


def test_processes_are_told_the_instruction_set() -> None:
    told = Entrant("ctranslate2", Entry(), "avx2").environment(threads=3)
    assert told["CT2_FORCE_CPU_ISA"] == told["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert told["RAYON_NUM_THREADS"] == "3"
    assert Entrant(OURS, Entry(), "portable").environment(1)["EMBEDPIPE_ISA"] == "portable"
    assert Entrant(OURS, Entry(), "portable").isa_reservation == ""
    openvino = Entrant("openvino", Entry(), "avx2").environment(1)
    assert openvino["OV_CPU_MAX_ISA"] == openvino["ONEDNN_MAX_CPU_ISA"] == "AVX2"


# What engines are given


def test_batches_keep_the_order_that_is_asked_for() -> None:
    sequences = [[5], [6, 7], [8, 9, 4]]
    given, by_length = (
        padded_batches(sequences, Batching(2, is_sorted), np.int64) for is_sorted in (False, True)
    )
    assert [batch.rows.tolist() for batch in given] == [[0, 1], [2]]
    assert [batch.rows.tolist() for batch in by_length] == [[2, 1], [0]]
    assert given[0].mask.tolist() == [[1, 0], [1, 1]]


def test_random_lengths_are_cut_from_the_text(model: Path) -> None:
    encoder, lines = Encoder.load(model), ["a bad cab", "age of bead"]
    work = random_work(encoder, lines, 50)
    assert {3, 24} <= {len(sequence) for sequence in work.sequences} <= set(range(3, 25))
    assert all((ids[0], ids[-1]) == (2, 3) for ids in work.sequences)
    text = [piece for line in encoder.tokenize(lines).ids for piece in line[1:-1].tolist()]
    cut = [piece for ids in work.sequences for piece in ids[1:-1]]
    assert cut == [text[i % len(text)] for i in range(len(cut))]


def test_spread_takes_all_parts_of_a_text() -> None:
    assert spread(list(range(10)), 5) == [0, 2, 4, 6, 8]
    assert spread([1, 2], 5) == [1, 2]


def test_a_shape_becomes_a_model_with_random_weights(cache: Path) -> None:
    assert set(RANDOM_SHAPES) == set(SHAPES)
    made = get_model("bert_L2_H128")
    assert made.folder.is_relative_to(cache) and made.cache.is_dir()
    assert Encoder.load(made.folder).dimension == 128
    assert (made.folder / "vocab.txt").read_bytes() == (minilm_folder() / "vocab.txt").read_bytes()


def test_a_folder_in_another_layout_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "bert_model.ckpt.index").touch()
    with pytest.raises(ModelFormatError, match=r"no config\.json and no model\.safe.*pipe import"):
        get_model(str(tmp_path))


# What is reckoned


GROWS = """
import numpy as np
print(flush=True)
input()
block = np.ones(40_000_000, np.uint8)
print(flush=True)
input()
"""


def test_memory_is_that_of_the_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GROWS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        before = memory_of(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        after = memory_of(process.pid)
        process.stdin.write("\n")
    assert 35 < after.resident - before.resident < 60
    assert after.highest >= after.resident > 40
    assert memory_of(2**22 + 1) is None
