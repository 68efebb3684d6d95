"""How alike texts are: against the definition; as text, JSON, page and picture."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from embedpipe import Encoder, ModelOptions
from embedpipe.cli import main
from embedpipe.errors import InputError, OutputError
from embedpipe.plot import Likeness, draw_heat_map, likeness
from embedpipe.plot.heat import by_likeness
from tests.support.cli_support import write_tiny_model

TEXTS = ["one", "two words", "</script><script>window.ran=1</script>"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def cosines(model: Path, texts: list[str]) -> np.ndarray:
    vectors = Encoder.load(model).encode(texts).astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1)
    return vectors @ vectors.T / np.outer(lengths, lengths)


def test_cosines_are_by_definition(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = cosines(model, TEXTS)
    found = likeness(TEXTS, embedding=ModelOptions(model))
    np.testing.assert_allclose(found.cosines, expected, atol=1e-6)
    assert main(["similar", *TEXTS[:2], "--model", str(model)]) == 0
    assert capsys.readouterr().out == f"{expected[0, 1]:.4f}\n"
    assert main(["similar", *TEXTS, "--model", str(model), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["texts"] == TEXTS
    np.testing.assert_allclose(told["cosines"], expected, atol=2e-6)
    assert main(["similar", *TEXTS, "--model", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["1", "2", "3"]
    assert lines[2] == "2" + "".join(f"{v:>7.3f}" for v in expected[1]) + "  two words"


def test_texts_of_files_come_after_those_given(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "three"}\n{"text": null}\n{"text": "four"}\n')
    arguments = ["similar", "one", "--in", str(tmp_path / "a.jsonl"), "--model", str(model)]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["texts"] == ["one", "three", "four"]
    assert main([*arguments, "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["texts"] == ["one", "three"]


def test_like_ones_stand_together() -> None:
    groups = np.array([0, 1, 0, 1, 0, 1])
    order = by_likeness((groups[:, None] == groups[None]).astype(np.float32) * 0.9)
    assert sorted(order) == list(range(6))
    assert len(set(groups[order[:3]])) == len(set(groups[order[3:]])) == 1


def test_the_page_and_the_picture(model: Path, tmp_path: Path) -> None:
    found = likeness(TEXTS, embedding=ModelOptions(model))
    page, picture = tmp_path / "heat.html", tmp_path / "heat.png"
    draw_heat_map(found, page)
    draw_heat_map(found, picture)
    text = page.read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert json.loads(data)["texts"] == TEXTS
    stored = np.frombuffer(base64.b64decode(json.loads(data)["cosines"]), "<f4").reshape(3, 3)
    assert stored.tobytes() == found.cosines.tobytes()
    assert "default-src 'none'" in text and text.count("<script") == 2
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_what_cannot_be_drawn_is_told(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["similar", "alone", "--model", str(model)]) == 1
    assert "found 1; expected at least two" in capsys.readouterr().err
    many = Likeness(["x"] * 301, np.ones((301, 301), np.float32))
    with pytest.raises(InputError, match="found 301; a heat map shows at most 300"):
        draw_heat_map(many, tmp_path / "a.html")
    with pytest.raises(OutputError, match=r"found the suffix '\.gif'"):
        draw_heat_map(many, tmp_path / "a.gif")
