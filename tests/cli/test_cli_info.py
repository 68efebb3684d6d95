"""`embedpipe info`: what it says is what the parts say of themselves."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from embedpipe import Encoder, __version__
from embedpipe.cli import main
from embedpipe.cli.info import format_facts, gather
from embedpipe.engine.native import supported_isas, supported_precisions
from embedpipe.engine.threads import default_threads
from embedpipe.errors import ModelNotFoundError
from tests.support.cli_support import MAX_LENGTH, PIECES, write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def test_facts_of_the_machine_and_of_a_model(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", "--model", str(model), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["embedpipe"] == __version__
    assert facts["python"] == platform.python_version()
    assert facts["processor"]
    assert facts["instruction_sets"] == list(supported_isas())
    assert facts["precisions"] == list(supported_precisions())
    assert facts["instruction_set_in_use"] == Encoder.load(model).isa
    assert facts["threads"] == default_threads()
    assert facts["model"] == {
        "name": "tiny",
        "folder": str(model),
        "architecture": "bert",
        "layers": 1,
        "hidden_size": 32,
        "attention_heads": 2,
        "vocabulary": len(PIECES),
        "longest_input": MAX_LENGTH,
        "pooling": "mean",
        "normalized": False,
    }


def test_text_has_a_line_a_fact_with_values_aligned(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", "--model", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"embedpipe               {__version__}"
    assert "  layers                1" in lines
    assert "  normalized            no" in lines
    facts = {"sets": ["a", "b"], "model": {"vocabulary": 30522}}
    assert format_facts(facts) == "sets          a, b\nmodel\n  vocabulary  30,522"


def test_precisions_are_those_of_the_instruction_set_in_use(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMBEDPIPE_ISA", "portable")
    assert main(["info", "--model", str(model)]) == 0
    assert "precisions              float32, int8" in capsys.readouterr().out.splitlines()


def test_a_missing_model_is_an_error_only_if_asked_for(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelNotFoundError):
        gather(model / "none")

    def none_there(*_: object) -> Encoder:
        raise ModelNotFoundError("it is not there")

    monkeypatch.setattr(Encoder, "load", none_there)
    facts = gather()
    assert facts["model"] == "it is not there"
    assert facts["instruction_sets"] == list(supported_isas())
