"""The pages of heat maps and of words in a browser: what they show, and that no text runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embedpipe.plot import Likeness, Neighbor, Word, draw_heat_map, draw_words
from tests.support.browser import Chromium, chromium

HOSTILE = '</script><script>window.ran=1</script><img src=x onerror="window.ran=1">'
SIZES = [(1280, 800, "light"), (390, 844, "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


@pytest.mark.parametrize(("width", "height", "scheme"), SIZES)
def test_a_heat_map_tells_both_texts_and_changes_its_order(
    width: int, height: int, scheme: str, browser: Chromium, tmp_path: Path
) -> None:
    cosines = np.float32([[1, 0.1, 0.8], [0.1, 1, 0.2], [0.8, 0.2, 1]])
    path = tmp_path / "heat.html"
    draw_heat_map(Likeness([HOSTILE, "other", "third"], cosines), path, title=HOSTILE)
    with browser.open(path, width=width, height=height, scheme=scheme) as opened:
        page = opened.page
        assert page.locator("#names li").all_text_contents() == [HOSTILE, "other", "third"]
        box = page.locator("#canvas").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.1)
        assert page.locator("#pair b").text_content() == "0.8000"
        assert HOSTILE in page.locator("#pair").text_content()
        page.click("#alike")
        names = page.locator("#names li").all_text_contents()
        assert abs(names.index(HOSTILE) - names.index("third")) == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("window.ran") is None
        assert opened.said == [] and opened.requests == [path.as_uri()]


@pytest.mark.parametrize(("width", "height", "scheme"), SIZES)
def test_a_word_shows_its_neighbors_in_context(
    width: int, height: int, scheme: str, browser: Chromium, tmp_path: Path
) -> None:
    sentence, text = f"\U0001f600 bank {HOSTILE}", f"\U0001f600 a bank {HOSTILE}"
    words = [
        Word("\U0001f600", 0, 1, [Neighbor(0.1, "a", text, 2, 3)]),
        Word("bank", 2, 6, [Neighbor(0.9, "bank", text, 4, 8), Neighbor(0.2, "x", "x", 0, 1)]),
    ]
    path = tmp_path / "words.html"
    draw_words(sentence, words, path)
    with browser.open(path, width=width, height=height, scheme=scheme) as opened:
        page = opened.page
        assert page.locator("#sentence").text_content() == sentence
        assert page.locator("#neighbors mark").all_text_contents() == ["bank", "x"]
        assert page.locator("#neighbors p").first.text_content() == text
        page.locator("#sentence button").nth(0).click()
        assert page.locator("#neighbors mark").all_text_contents() == ["a"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("window.ran") is None
        assert opened.said == [] and opened.requests == [path.as_uri()]
