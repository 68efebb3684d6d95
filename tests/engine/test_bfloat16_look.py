"""Whether bfloat16 is worth it: measured once for a processor, and never a loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedpipe.cli.info import gather
from embedpipe.engine import bfloat16_look, native
from embedpipe.engine.choice import EngineChoice
from embedpipe.engine.native import look_at_bfloat16, supported_precisions

KIND = "avx512_bf16"


class Processor:
    """One with AVX512-BF16, which is `ratio` times as fast as float32; looks are counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.ratio = 2.0
        self.looks = 0
        self.name = "a processor"
        monkeypatch.setenv("EMBEDPIPE_CACHE", str(folder))
        monkeypatch.setattr(native, "supported_isas", lambda: (KIND, "portable"))
        monkeypatch.setattr(native._native, "has_bfloat16", lambda isa: isa in (KIND, "amx"))
        monkeypatch.setattr(native._native, "multiply_add_ratio", self.look)
        monkeypatch.setattr(bfloat16_look, "processor_name", lambda: self.name)
        self.forget()

    def look(self, isa: str, precision: str) -> float:
        assert (isa, precision) == (KIND, "bfloat16")
        self.looks += 1
        return self.ratio

    def forget(self) -> None:
        """As a new process would."""
        bfloat16_look._ratio.cache_clear()


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    yield Processor(monkeypatch, tmp_path)
    bfloat16_look._ratio.cache_clear()


@pytest.mark.parametrize(
    ("ratio", "found"), [(2.0, "bfloat16"), (1.2, "float32"), (0.55, "float32")]
)
def test_auto_and_bfloat16_are_never_slower_than_float32(
    processor: Processor, ratio: float, found: str
) -> None:
    processor.ratio = ratio
    for asked in ("auto", "bfloat16"):
        assert EngineChoice.of("native", precision=asked).precision == found
    assert ("bfloat16" in supported_precisions()) == (found == "bfloat16")
    stated = "" if found == "bfloat16" else ", so float32 is computed instead"
    why = f"bfloat16 by {KIND} is {ratio:.2g} x float32{stated}"
    assert gather()["precision_auto"] == f"{found}: {why}"


@pytest.mark.parametrize(("ratio", "found"), [(2.0, KIND), (0.55, "portable")])
def test_int8_takes_no_set_whose_attention_would_be_slower(
    processor: Processor, monkeypatch: pytest.MonkeyPatch, ratio: float, found: str
) -> None:
    processor.ratio = ratio
    assert EngineChoice.of("native", precision="int8").isa == found
    monkeypatch.setenv("EMBEDPIPE_ISA", KIND)
    assert EngineChoice.of("native", precision="int8").isa == KIND


def test_a_demanded_instruction_set_computes_what_is_asked(
    processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.ratio = 0.5
    monkeypatch.setenv("EMBEDPIPE_ISA", KIND)
    assert EngineChoice.of("native", precision="bfloat16").precision == "bfloat16"
    assert look_at_bfloat16(KIND).why == f"bfloat16 by {KIND}, as EMBEDPIPE_ISA demands"
    assert processor.looks == 0


def test_what_was_found_is_kept_for_other_processes(processor: Processor, tmp_path: Path) -> None:
    assert look_at_bfloat16(KIND).is_worth_it
    place = tmp_path / "packed" / "bfloat16.json"
    stored = json.loads(place.read_text())
    assert stored == {"processor": "a processor", "isa": KIND, "ratio": 2.0}
    processor.ratio = 0.5
    processor.forget()
    assert look_at_bfloat16(KIND).is_worth_it
    assert processor.looks == 1
    processor.name = "another"
    processor.forget()
    assert not look_at_bfloat16(KIND).is_worth_it
    assert json.loads(place.read_text())["processor"] == "another"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ratio": 5.0}', None])
def test_a_damaged_file_is_measured_anew(
    processor: Processor, content: str | None, tmp_path: Path
) -> None:
    place = tmp_path / "packed" / "bfloat16.json"
    look_at_bfloat16(KIND)
    whole = json.loads(place.read_text())
    place.write_text(json.dumps(whole | {"ratio": "fast"}) if content is None else content)
    processor.forget()
    assert look_at_bfloat16(KIND).is_worth_it
    assert processor.looks == 2
    assert json.loads(place.read_text()) == whole


def test_nothing_is_kept_where_nothing_can_be(
    processor: Processor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packed").write_text("a file in the way")
    assert look_at_bfloat16(KIND).is_worth_it
    monkeypatch.setenv("EMBEDPIPE_PACKED_CACHE", "0")
    monkeypatch.setenv("EMBEDPIPE_CACHE", str(tmp_path / "other"))
    processor.forget()
    assert look_at_bfloat16(KIND).is_worth_it
    assert processor.looks == 2
    assert not (tmp_path / "other").exists()


def test_tiles_need_no_look(processor: Processor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "supported_isas", lambda: ("amx", KIND, "portable"))
    monkeypatch.setattr(native._native, "tiles_are_permitted", lambda: True)
    assert look_at_bfloat16("amx") == (True, "bfloat16 by AMX's tiles")
    assert processor.looks == 0
    monkeypatch.setattr(native._native, "tiles_are_permitted", lambda: False)
    assert look_at_bfloat16("amx").why.startswith("the system refuses AMX's tiles; bfloat16 by")
    assert EngineChoice.of("native", precision="auto").isa == KIND


def test_the_ratio_of_float32_to_itself_is_one() -> None:
    ratios = [native._native.multiply_add_ratio("portable", "float32") for _ in range(5)]
    assert 0.5 < sorted(ratios)[2] < 2
