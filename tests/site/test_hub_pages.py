"""The hub's pages: every model of the catalog, code that runs, and texts of others escaped."""

from __future__ import annotations

import ast
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from embedpipe.cli import main
from embedpipe.hub.catalog import catalog
from embedpipe.hub.catalog_file import CatalogModel, Source
from embedpipe.site import build_hub
from embedpipe.site.pages import ModelPage, index_page, model_page
from embedpipe.site.usage import code_by_language
from tests.support.published_names import write_published_names


class _Links(HTMLParser):
    """Every address in a page, and its identifiers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
            if name == "id" and value is not None:
                self.ids.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("above") / "hub"
    assert build_hub(folder) == len(catalog().models)
    return folder


def test_every_model_has_a_page_and_every_link_leads_somewhere(site: Path) -> None:
    pages = list(site.glob("*.html"))
    assert len(pages) == len(catalog().models) + 1
    for page in pages:
        found = _Links(page.read_text(encoding="utf-8"))
        assert len(found.ids) == len(set(found.ids))
        for link in found.links:
            if link.startswith("#"):
                assert link[1:] in found.ids
            else:
                assert ":" not in link, "no other host is asked"
                assert (site / link).is_file(), link
    index = (site / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in index for name in catalog().models if "/" not in name)


def test_the_page_has_the_published_values_and_the_sources(site: Path) -> None:
    page = (site / "small_bert_L12_256.html").read_text(encoding="utf-8")
    (model,) = catalog().models["small_bert_L12_256"]
    assert all(f"{value:.6g}" in page for value in model.published[0].values)
    assert all(source.place in page for source in model.sources)
    order = ["How to use", "Results", "Model information", "Download", "Data source"]
    places = [page.index(f">{title}</h2>") for title in order]
    assert places == sorted(places)


def test_notebooks_hold_code_and_no_results(site: Path) -> None:
    for path in site.glob("notebooks/*.ipynb"):
        content = json.loads(path.read_text(encoding="utf-8"))
        assert content["nbformat"] == 4
        sources = ["".join(cell["source"]) for cell in content["cells"]]
        ast.parse("\n".join(source for source in sources if not source.startswith("%")))
        assert all(cell["outputs"] == [] for cell in content["cells"])


@pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")  # of tiny models
def test_the_code_of_a_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(write_published_names(tmp_path)))
    for name, columns in (
        ("small_bert_L12_256", ["text", "document", "sentence", "token", "embeddings"]),
        ("sent_small_bert_L2_512", ["text", "document", "sentence", "sentence_embeddings"]),
        ("albert_large_uncased", ["text", "document", "sentence", "token", "embeddings"]),
    ):
        (model,) = catalog().models[name]
        names: dict[str, object] = {}
        exec(code_by_language(model, None)["Python"], names)
        result = names["result"]
        assert list(result.columns) == columns  # type: ignore[attr-defined]


def test_texts_of_others_are_escaped() -> None:
    bad = "<script>alert(1)</script>\"'&"
    model = CatalogModel(
        name=bad,
        annotator="BertEmbeddings",
        architecture=bad,
        language=bad,
        dimension=8,
        sources=(Source("archive", address=f"https://a.example/{bad}"),),
        license=bad,
        notes=(bad,),
    )
    page = ModelPage(model, bad, None)
    for found in (model_page(page, f"https://a.example/{bad}"), index_page([page])):
        assert _Links(found).scripts == 1  # the site's own
        assert "alert(1)</script>" not in found


def test_the_command_writes_the_site_and_replaces_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "hub")
    assert main(["hub", "build", "-o", target, "--demo", "http://127.0.0.1:8080/"]) == 0
    assert "index.html" in capsys.readouterr().out
    page = (tmp_path / "hub" / "albert_large_uncased.html").read_text(encoding="utf-8")
    assert 'href="http://127.0.0.1:8080/?model=albert_large_uncased"' in page
    assert main(["hub", "build", "-o", target]) == 1
    assert "not empty" in capsys.readouterr().err
    assert main(["hub", "build", "-o", target, "--overwrite"]) == 0
