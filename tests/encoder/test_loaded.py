"""What encoders of one model share: weights are packed once, also for threads and after a fork."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from embedpipe import Encoder
from embedpipe.encoder import loaded
from embedpipe.engine.choice import EngineChoice

MODEL = Path(__file__).parent.parent / "saving/golden_pipeline/format_1/saved/models/golden_bert"
TEXTS = ["it rains a lot", "the sun, though!"]


def test_threads_that_come_at_once_pack_once(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Encoder.load(MODEL, precision="int8").encode(TEXTS).tobytes()
    made: list[EngineChoice] = []
    make = EngineChoice.make

    def slowly(choice: EngineChoice, *parts: Any) -> Any:
        made.append(choice)
        time.sleep(0.05)
        return make(choice, *parts)

    monkeypatch.setattr(EngineChoice, "make", slowly)
    encoder = Encoder.load(MODEL)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: encoder.with_precision("int8").encode(TEXTS), range(8)))
    assert {vectors.tobytes() for vectors in found} == {expected}
    assert len(made) == 1


@pytest.mark.filterwarnings("ignore:.*fork")  # that it is there while threads are
def test_a_fork_while_a_thread_packs_does_not_wait_for_it() -> None:
    encoder = Encoder.load(MODEL)
    context = multiprocessing.get_context("fork")
    with loaded._packing[0]:
        child = context.Process(target=encoder.encode, args=[TEXTS])
        child.start()
        child.join(60)
    code = child.exitcode
    child.kill()
    assert code == 0
