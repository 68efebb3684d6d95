"""The code of docs/frames.md runs from its top to its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

PAGE = Path(__file__).parents[2] / "docs" / "frames.md"


def run(page: Path, languages: set[str]) -> int:
    """Run the fenced code of these info strings, in one name space; how many there are."""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    found = [token for token in tokens if token.type == "fence" and token.info in languages]
    names = {"__name__": page.name}
    for token in found:
        line = token.map[0] + 1
        exec(compile("\n" * line + token.content, str(page), "exec"), names)
    return len(found)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of scikit-learn and joblib
def test_its_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(PAGE, {"python"}) == 8
