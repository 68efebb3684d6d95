"""The examples of docs/coming-from-sentence-transformers.md run, and print what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/coming-from-sentence-transformers.md"


@pytest.mark.trained_model
def test_the_examples_of_the_page_run_in_turn(capsys):
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    printed = capsys.readouterr().out
    for comment in re.findall(r"print\(.*\)  # (.*)", "\n".join(blocks)):
        assert comment in printed
    assert "##kill 'kill' 4 8 (384,)" in printed
    assert names["word"].shape == (384,)  # type: ignore[attr-defined]
