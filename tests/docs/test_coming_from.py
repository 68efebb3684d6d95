"""The pages for people who come from elsewhere: their code runs, and their names are answered."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import embedpipe
from embedpipe import annotator, base
from embedpipe.errors import EmbedpipeError, NotHereError
from tests.support.published_names import write_published_names

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("coming-from-nlu.md", "coming-from-spark-nlp.md")

NAMES = [
    line.split(".")[1:]
    for line in (Path(__file__).parent / "spark_nlp_names.txt").read_text().split()
]
"""The classes that importing all of `sparknlp.base` and `sparknlp.annotator` gives, in 5.5.3."""


def blocks(page, language):
    """The fenced code of a page, tables of HTML included."""
    tokens = MarkdownIt("commonmark").parse((DOCS / page).read_text(encoding="utf-8"))
    return [t.content for t in tokens if t.type == "fence" and t.info == language]


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs_from_its_top_to_its_end(page, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(write_published_names(tmp_path / "models")))
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    found = blocks(page, "python")
    assert len(found) >= 7
    names = {"__name__": page}
    for number, code in enumerate(found):
        exec(compile(code, f"{page}, block {number}", "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_what_stands_beside_it_is_code_for_the_other_library(page):
    found = blocks(page, "py")
    assert len(found) == len((DOCS / page).read_text(encoding="utf-8").split("<tr><td>")) - 1
    assert all(ast.parse(code) and "embedpipe" not in code for code in found)


@pytest.mark.parametrize("module", [base, annotator], ids=["base", "annotator"])
def test_every_name_of_spark_nlp_is_here_or_answers_with_what_to_do(module):
    names = [name for place, name in NAMES if module.__name__ == f"embedpipe.{place}"]
    missing = []
    for name in names:
        code = f"from {module.__name__} import {name}"
        try:
            exec(code)
        except NotHereError as error:
            missing.append(name)
            assert re.match(
                rf"{re.escape(module.__name__)}\.{name}: not here( yet)?[;:., ]", str(error)
            )
            assert error.name == name and isinstance(error, (ImportError, EmbedpipeError))
    assert set(names) - set(missing) == {n for n in names if n in module.__all__}
    assert len(names) > 15


def test_names_of_another_module_say_where_they_are():
    with pytest.raises(NotHereError, match=r"import it from embedpipe\.base"):
        from embedpipe.annotator import DocumentAssembler  # noqa: F401
    with pytest.raises(NotHereError, match=r"import it from embedpipe\.annotator"):
        _ = embedpipe.BertEmbeddings
    with pytest.raises(NotHereError, match=r"embedpipe\.load\('NAME'\) makes one"):
        _ = embedpipe.PretrainedPipeline


def test_all_that_the_modules_have_is_known_where_it_is_looked_for():
    for module, other in ((base, annotator), (annotator, base)):
        for name in module.__all__:
            with pytest.raises(NotHereError, match=f"import it from {module.__name__}"):
                getattr(other, name)


def test_other_names_are_refused_as_python_does():
    with pytest.raises(ImportError, match="cannot import name 'BertEmbedings'") as caught:
        from embedpipe.annotator import BertEmbedings  # noqa: F401
    assert not isinstance(caught.value, NotHereError)
    assert not hasattr(annotator, "__path__") and not hasattr(embedpipe, "version")
