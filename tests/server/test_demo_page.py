"""The page at `/` and the hub in a browser: figures are Python's, and every button works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from embedpipe import Encoder
from tests.support.browser import Chromium, Opened, chromium
from tests.support.serving import served

HOSTILE = '<img src=x onerror="window.ran=1"> and <script>window.ran=1</script>.'
SIZES = {"desk": (1280, 900, "light"), "phone": (390, 844, "dark")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder / "tiny_bert", folder / "tiny_albert") as (_, address):
        yield address


def settled(opened: Opened, text: str) -> None:
    """Type a text and wait for what is computed of it."""
    before = opened.page.get_attribute("body", "data-ready")
    opened.page.fill("#text", text)
    opened.page.wait_for_selector(f'body[data-ready]:not([data-ready="{before}"])')


def check_clean(opened: Opened, address: str) -> None:
    assert opened.said == []
    assert all(url.startswith((address, "data:")) for url in opened.requests)
    assert opened.page.evaluate("window.ran") is None
    serious = [
        (violation["id"], [node["target"] for node in violation["nodes"]])
        for violation in Axe().run(opened.page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("size", SIZES)
def test_every_button_works_and_nobody_else_is_asked(
    browser: Chromium, address: str, size: str
) -> None:
    width, height, scheme = SIZES[size]
    with browser.open(f"{address}/", width=width, height=height, scheme=scheme) as opened:
        page = opened.page
        for sample in page.query_selector_all("[data-sample]"):
            before = page.get_attribute("body", "data-ready")
            sample.click()
            page.wait_for_selector(f'body[data-ready]:not([data-ready="{before}"])')
        page.click(".token >> nth=3")
        assert page.query_selector_all("#nearest li")
        page.click("table.heat button >> nth=1")
        assert re.match(r"-?\d\.\d{3}: ", page.inner_text("#pair"))
        page.focus("#map")
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#map-reading").startswith("1: ")
        for tab in page.query_selector_all("#tabs button"):
            tab.click()
            assert page.inner_text("#code").strip()
        was = page.get_attribute("html", "data-theme")
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") != was
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        check_clean(opened, address)


def test_figures_are_those_of_python(browser: Chromium, address: str, folder: Path) -> None:
    encoder = Encoder.load(folder / "tiny_albert")
    sentences = ["The train is late.", "Painkillers help.", "Nobody knows why."]
    with browser.open(f"{address}/?model=tiny_albert") as opened:
        assert opened.page.input_value("#model") == "tiny_albert"
        settled(opened, "\n".join(sentences))
        shown = [
            float(cell.inner_text()) for cell in opened.page.query_selector_all(".heat button")
        ]
        vectors = encoder.encode(sentences, normalize=True)
        assert np.allclose(np.reshape(shown, (3, 3)), vectors @ vectors.T, atol=0.006)
        counts = [cell.inner_text() for cell in opened.page.query_selector_all(".count")]
        expected = encoder.tokenize(sentences).ids.lengths
        assert counts == [f"{count} pieces" for count in expected]
        assert "3 lines" in opened.page.inner_text("#map-reading")


def test_what_is_cut_off_is_shown(browser: Chromium, address: str) -> None:
    with browser.open(f"{address}/") as opened:
        settled(opened, "word " * 600)
        cut = opened.page.query_selector_all(".token.cut")
        assert len(cut) == 600 - 510
        assert "602 pieces, cut" in opened.page.inner_text(".count")


def test_texts_are_shown_as_they_are_and_run_nothing(browser: Chromium, address: str) -> None:
    with browser.open(f"{address}/") as opened:
        settled(opened, HOSTILE)
        for token in opened.page.query_selector_all(".token")[:5]:
            token.click()
        shown = re.sub(r"[\n·]", "", opened.page.inner_text(".tokens"))
        assert shown == re.sub(" ", "", HOSTILE)
        assert opened.page.evaluate("window.ran") is None
        assert opened.said == []


def test_a_file_that_is_opened_becomes_the_text(
    browser: Chromium, address: str, tmp_path: Path
) -> None:
    lines = [f"line number {n}" for n in range(2000)]
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    with browser.open(f"{address}/") as opened:
        before = opened.page.get_attribute("body", "data-ready")
        opened.page.set_input_files("#file", tmp_path / "lines.txt")
        opened.page.wait_for_selector(f'body[data-ready]:not([data-ready="{before}"])')
        assert opened.page.inner_text("#map-reading").startswith("2000 lines")


@pytest.mark.parametrize("size", SIZES)
def test_the_hub_finds_models_and_shows_them(browser: Chromium, address: str, size: str) -> None:
    width, height, scheme = SIZES[size]
    with browser.open(f"{address}/hub/", width=width, height=height, scheme=scheme) as opened:
        page = opened.page
        page.fill("#search", "small 256")
        page.select_option("#task", "word")
        rows = page.query_selector_all("#models tbody tr")
        names = [row.inner_text().split()[0] for row in rows if row.is_visible()]
        assert names
        assert all(re.fullmatch(r"small_bert_L\d+_256", name) for name in names)
        page.click("thead button >> nth=2")
        check_clean(opened, address)
        page.get_by_role("link", name=names[0], exact=True).click()
        page.wait_for_selector("body[data-ready]")
        for tab in page.query_selector_all("[role=tab]"):
            tab.click()
            assert (
                len([p for p in page.query_selector_all("[role=tabpanel]") if p.is_visible()]) == 1
            )
        check_clean(opened, address)
