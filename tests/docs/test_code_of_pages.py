"""The Python in README.md and in pages of docs/ runs, from a page's top to its end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/pipelines.md", "docs/evaluation.md", "docs/fine-tuning.md")
"""Others have tests of their own, for they need servers, files or sessions."""


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = MarkdownIt("commonmark").parse((ROOT / page).read_text(encoding="utf-8"))
    blocks = [token for token in tokens if token.type == "fence" and token.info == "python"]
    assert len(blocks) >= 2
    names = {"__name__": "__page__"}
    for block in blocks:
        exec(compile(block.content, f"{page}, block at line {block.map[0]}", "exec"), names)


def test_every_link_of_a_page_leads_to_a_file() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"
