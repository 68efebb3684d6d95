"""The Python in README.md and in pages of docs/ runs, from a page's top to its end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from embedpipe.annotator import SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, Pipeline
from tests.support.cli_support import write_tiny_model

ROOT = Path(__file__).parents[2]
PAGES = (
    *("README.md", "docs/index.md", "docs/tutorial.md", "docs/vectors.md", "docs/pipelines.md"),
    *("docs/evaluation.md", "docs/fine-tuning.md", "docs/models.md", "docs/differences.md"),
)
ELSEWHERE = {
    "docs/coming-from-nlu.md": "tests/docs/test_coming_from.py",
    "docs/coming-from-spark-nlp.md": "tests/docs/test_coming_from.py",
    "docs/coming-from-sentence-transformers.md": "tests/encoder/test_coming_from.py",
    "docs/coming-from-spark-udfs.md": "tests/spark/test_pages.py",
    "docs/frames.md": "tests/docs/test_frames_page.py",
    "docs/search.md": "tests/embedding/test_documented.py",
    "docs/server.md": "tests/oracles/server/test_clients.py",
    "docs/spark.md": "tests/spark/test_pages.py",
}
"""Others have tests of their own, for they need servers, files or sessions."""


def python_blocks(page: str) -> list[tuple[int, str]]:
    """The line and the code of each block of Python."""
    tokens = MarkdownIt("commonmark").parse((ROOT / page).read_text(encoding="utf-8"))
    return [(t.map[0], t.content) for t in tokens if t.type == "fence" and t.info == "python"]


def names_before(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the code of a page builds on."""
    names: dict[str, object] = {"__name__": "__page__"}
    if page == "docs/models.md":
        name = "bge-small-en-v1.5"  # tiny, with random weights
        write_tiny_model(folder / "models" / name)
        record = {"pooling": "cls", "prompts": {"query": "Represent this sentence: "}}
        (folder / "models" / name / "embedpipe.json").write_text(json.dumps(record))
        monkeypatch.setenv("EMBEDPIPE_CACHE", str(folder))
        monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    if page == "docs/differences.md":
        tokenizer = Tokenizer(inputCols=["sentence"], outputCol="token")
        stages = [
            DocumentAssembler(inputCol="text", outputCol="document"),
            SentenceDetector(inputCols=["document"], outputCol="sentence"),
            tokenizer,
        ]
        names |= {"pipeline": Pipeline(stages=stages), "tokenizer": tokenizer}
        names["frame"] = pd.DataFrame({"text": ["a text"]})
    return names


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(page)
    assert blocks
    names = names_before(page, tmp_path, monkeypatch)
    for line, code in blocks:
        exec(compile(code, f"{page}, block at line {line}", "exec"), names)


def test_every_page_with_python_is_run_somewhere() -> None:
    pages = [str(page.relative_to(ROOT)) for page in [*ROOT.glob("docs/**/*.md")]]
    assert {page for page in pages if python_blocks(page)} == {*PAGES, *ELSEWHERE} - {"README.md"}
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")


def test_every_link_of_a_page_leads_to_a_file() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"
