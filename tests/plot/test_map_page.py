"""The page of a map in a browser: it draws, shows texts, finds, filters, lists; nothing runs."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embedpipe.plot.coloring import by_clusters
from embedpipe.plot.drawing import Drawing
from embedpipe.plot.map import page_of
from tests.support.browser import Chromium, Opened, chromium

HOSTILE = [
    "</script><script>window.ran = 1</script>",
    '<img src=x onerror="window.ran = 1">',
    "<svg onload=window.ran=1>",
    "javascript:window.ran=1",
]
TEXTS = [*HOSTILE, *(f"text {i}" for i in range(4, 40))]
SIZES = {"desk": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 points on a lattice, the first four of which have hostile texts."""
    rows = np.arange(40)
    places = np.stack([rows % 8 / 4 - 0.875, 0.8 - rows // 8 / 2.5], axis=1).astype(np.float32)
    names = ["<b>bold</b><script>window.ran=1</script>", "apple, train"]
    coloring = by_clusters(rows % 2, names)
    path = tmp_path_factory.mktemp("pages") / "map.html"
    drawing = Drawing("<i>title</i>", TEXTS, places, coloring, "pca")
    path.write_text(page_of(drawing), encoding="utf-8")
    return path


def place_of(opened: Opened, page: Path, point: int) -> tuple[float, float]:
    """Where a point is drawn: the square of all places fills the smaller side of the stage."""
    text = page.read_text(encoding="utf-8")
    x = point % 8 / 4 - 0.875
    y = 0.8 - point // 8 / 2.5
    assert "data" in text
    box = opened.page.locator("#stage").bounding_box()
    half = min(box["width"], box["height"]) / 2
    return box["x"] + box["width"] / 2 + x * half, box["y"] + box["height"] / 2 - y * half


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_draws_without_a_request_or_a_complaint(
    size: str, scheme: str, browser: Chromium, page: Path
) -> None:
    width, height = SIZES[size]
    with browser.open(
        page, width=width, height=height, scheme=scheme, touch=size == "phone"
    ) as opened:
        assert opened.requests == [page.as_uri()]
        assert opened.said == []
        assert opened.page.locator("#title").text_content() == "<i>title</i>"
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        is_light = sum(map(int, re.findall(r"\d+", ground)[:3])) > 600
        assert is_light == (scheme == "light")
        shown = opened.page.screenshot()
        colored = opened.page.evaluate(COUNT_COLORED, b64encode(shown).decode())
        assert colored > 300  # pixels of points: of another color than grays


COUNT_COLORED = """async (png) => {
  const bytes = Uint8Array.from(atob(png), c => c.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const box = document.getElementById("stage").getBoundingClientRect();
  const scale = image.width / innerWidth;
  const [width, height] = [box.width * scale, (box.height - 80) * scale];
  const { data } = context.getImageData(0, 80 * scale, width, height);
  let colored = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b] = data.slice(i, i + 3);
    if (Math.max(r, g, b) - Math.min(r, g, b) > 60) colored++;
  }
  return colored;
}"""


def test_the_text_under_the_pointer_is_shown_and_hostile_ones_do_nothing(
    browser: Chromium, page: Path
) -> None:
    with browser.open(page) as opened:
        for point in range(6):
            opened.page.mouse.move(*place_of(opened, page, point))
            opened.page.wait_for_function(
                "text => document.getElementById('tip-text').textContent === text", arg=TEXTS[point]
            )
            assert opened.page.locator("#tip").is_visible()
        opened.page.wait_for_timeout(100)
        assert opened.page.evaluate("window.ran") is None
        assert (
            opened.page.locator("#tip *, #legend script, #legend img").count() == 2
        )  # two paragraphs
        assert opened.said == [] and opened.requests == [page.as_uri()]


def test_a_script_that_is_put_into_the_page_does_not_run(browser: Chromium, page: Path) -> None:
    """Were a text to become markup after all, the page's policy would keep it from running."""
    with browser.open(page) as opened:
        opened.page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', "
            "'<img src=x onerror=\\'window.ran=1\\'>')"
        )
        opened.page.wait_for_timeout(200)
        assert opened.page.evaluate("window.ran") is None
        assert "Content Security Policy" in " ".join(opened.said)


def test_a_lasso_gives_a_table_that_can_be_saved(browser: Chromium, page: Path) -> None:
    with browser.open(page) as opened:
        opened.page.click("#lasso")
        left, top = place_of(opened, page, 16)
        right, bottom = place_of(opened, page, 26)  # three of each of two rows
        around = [
            (left - 30, top - 30),
            (right + 30, top - 30),
            (right + 30, bottom + 30),
            (left - 30, bottom + 30),
        ]
        opened.page.mouse.move(*around[0])
        opened.page.mouse.down()
        for corner in (*around[1:], around[0]):
            opened.page.mouse.move(*corner, steps=12)
            opened.page.wait_for_timeout(60)  # as a hand does
        opened.page.mouse.up()
        opened.page.wait_for_selector("#chosen:not([hidden])")
        texts = opened.page.locator("#rows td:nth-child(2)").all_text_contents()
        assert texts == [TEXTS[i] for i in (16, 17, 18, 24, 25, 26)]
        assert opened.page.locator("#count").text_content() == "6 chosen"
        with opened.page.expect_download() as download:
            opened.page.click("#save")
        lines = Path(download.value.path()).read_text(encoding="utf-8-sig").split("\n")
        assert lines[0].strip() == '"row","text","cluster"'
        assert len(lines) == 7
        opened.page.click("#close")
        opened.page.wait_for_selector("#chosen", state="hidden")
        assert opened.page.evaluate("window.ran") is None


def test_finding_and_the_legend_filter(browser: Chromium, page: Path) -> None:
    with browser.open(page) as opened:
        about = opened.page.locator("#about")
        opened.page.fill("#find", "TEXT 3")
        assert about.text_content() == "10 of 40 texts by PCA"
        opened.page.locator("#legend button").nth(1).click()
        assert about.text_content() == "5 of 40 texts by PCA"
        opened.page.fill("#find", "")
        assert about.text_content() == "20 of 40 texts by PCA"
        opened.page.locator("#legend button").nth(1).click()
        assert about.text_content() == "40 texts by PCA"
        assert opened.page.locator("#legend small").all_text_contents() == ["20", "20"]


def test_a_finger_taps_a_point(browser: Chromium, page: Path) -> None:
    with browser.open(page, width=390, height=844, touch=True) as opened:
        opened.page.touchscreen.tap(*place_of(opened, page, 12))
        opened.page.wait_for_selector("#chosen:not([hidden])")
        assert opened.page.locator("#rows td:nth-child(2)").all_text_contents() == [TEXTS[12]]


def test_json_of_the_page_is_what_was_given(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'id="data">(.*?)</script>', text)
    assert json.loads(found)["texts"] == TEXTS
