"""Other engines give the vectors of transformers, and operations are counted right."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel

from embedpipe import Encoder
from embedpipe.cli import main
from embedpipe_bench import OURS, PEERS
from embedpipe_bench.children import Child, Entrant
from embedpipe_bench.corpus import text_work
from embedpipe_bench.models import BenchmarkModel, get_model
from embedpipe_bench.packages import missing_packages
from embedpipe_bench.peers import ENGINES
from embedpipe_bench.peers.common import (
    EngineError,
    Entry,
    Options,
    Work,
)
from embedpipe_bench.work import useful_gflop
from embedpipe_bench.workload import Workload
from tests.support.model_folders import tiny_config, write_model

pytestmark = pytest.mark.usefixtures("own_cache")


INSTALLED = [name for name, engine in ENGINES.items() if not missing_packages(engine.needs)]


TEXTS = ["a b c", "d e f g a b", "a", "g f e d"]


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


def test_every_engine_has_its_name_in_the_command_line() -> None:
    assert tuple(ENGINES) == (OURS, *PEERS)
    assert {OURS, "torch"} <= set(INSTALLED)  # else the next test would prove little


@pytest.mark.parametrize("engine", INSTALLED)
def test_an_engine_gives_the_vectors_of_transformers(
    engine: str, model: Path, tmp_path: Path
) -> None:
    encoder = Encoder.load(model)
    work = text_work(encoder, TEXTS)
    oracle = AutoModel.from_pretrained(model).eval()
    with torch.inference_mode():
        hidden = [oracle(torch.tensor([ids])).last_hidden_state[0] for ids in work.sequences]
    standard = np.array([states.mean(dim=0).numpy() for states in hidden])
    right = Workload(work, standard, tmp_path / "work.json")
    for entry in ENGINES[engine].entries:
        if entry.precision != "float32":
            continue
        entrant = Entrant(engine, entry, encoder.isa)
        with Child(entrant, get_model(str(model)), Options(1, (3,), encoder.max_length)) as child:
            for setting in child.settings():
                vectors, _ = child.start(setting, right)
                assert right.cosines(vectors, is_exact=True).min() > 0.99999
                assert min(child.seconds_per_pass(0.0), *child.latencies(2, 0.0, 9.0)) > 0


def test_an_engine_that_fails_says_why(tmp_path: Path) -> None:
    empty = BenchmarkModel("empty", tmp_path, tmp_path)
    right = workload(tmp_path, [[1.0]])
    with Child(Entrant("torch", Entry(), "avx2"), empty, Options(1)) as child:
        (setting,) = child.settings()
        with pytest.raises(EngineError, match="Unrecognized model"):
            child.start(setting, right)
        os.kill(child.identifier, signal.SIGKILL)
        with pytest.raises(EngineError, match="its process ended with status"):
            child.settings()


def test_operations_are_those_that_torch_counts(model: Path) -> None:
    oracle = AutoModel.from_pretrained(model, attn_implementation="eager", add_pooling_layer=False)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        for length in (3, 20):
            oracle(torch.full((1, length), 5))
    assert useful_gflop(model, [3, 20]) * 1e9 == counter.get_total_flops()


def test_an_engine_with_wrong_vectors_is_left_out_and_the_report_says_so(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Turning(Child):
        """A process whose vectors are turned away, if they are of torch."""

        def __init__(self, entrant: Entrant, *others: Any) -> None:
            super().__init__(entrant, *others)
            self.offset = 1.0 if entrant.engine == "torch" else 0.0

        def start(self, setting: str, given: Workload) -> tuple[np.ndarray, float]:
            vectors, done = super().start(setting, given)
            return vectors + self.offset, done

    monkeypatch.setattr("embedpipe_bench.run.Child", Turning)
    command = ["bench", str(model), "--against", "torch", "--precision", "float32"]
    assert main([*command, "--rounds", "1", "--sentences", "4"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"Not measured: torch, float32: wrong results: \d of \d vectors", shown)
    assert "| torch" not in shown and "| embedpipe" in shown
