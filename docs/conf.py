"""How `make site` makes the documentation's site."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from embedpipe import __version__

project = "embedpipe"
author = "the authors of embedpipe"
copyright = f"2026, {author}"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "search.md"]  # `searching.md` is it: Sphinx has a page named search
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # as GitHub has them, so that links hold in both places
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"embedpipe {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
default_role = "code"  # docstrings are Markdown's, with single backticks
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True


def setup(app: Any) -> None:
    """Let docstrings have tables as Markdown has them."""
    app.connect("autodoc-process-docstring", _with_tables, priority=100)  # before napoleon


def _with_tables(_app: Any, _what: str, _name: str, _found: Any, _options: Any, lines: Any) -> None:
    """Replace each table in place by one that reStructuredText has."""
    groups = groupby(list(lines), key=lambda line: line.lstrip().startswith("|"))
    lines[:] = [
        line for is_table, found in groups for line in (_table(list(found)) if is_table else found)
    ]


def _table(rows: list[str]) -> Iterator[str]:
    margin = " " * (len(rows[0]) - len(rows[0].lstrip()))
    yield from (f"{margin}.. list-table::", f"{margin}   :header-rows: 1", "")
    for row in rows:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
        if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            marks = ["* -", *["  -"] * (len(cells) - 1)]
            yield from (f"{margin}   {m} {c}" for m, c in zip(marks, cells, strict=True))
    yield ""
