"""The system's Chromium, without a window, for tests that look at pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Chromium", "Opened", "chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# drawn by the processor: machines that run tests have no graphics card
_ARGUMENTS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


_ABOUT_SPEED = "GL Driver Message (OpenGL, Performance"
"""What the drawing by the processor says of its own speed, now and then; no page can help it."""


@dataclass
class Opened:
    """A page that is open, and whatever it asked for, reported or failed at meanwhile."""

    page: Any
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def heard(self, text: str) -> None:
        """Take down what the console shows, but for the driver's words on its speed."""
        if _ABOUT_SPEED not in text:
            self.said.append(text)


class Chromium:
    """A browser that is running."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    @contextmanager
    def open(
        self,
        place: Path | str,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "light",
        touch: bool = False,
    ) -> Iterator[Opened]:
        """Open a file or an address, and wait until its script says that it is ready."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",  # colors on their way would be looked at, too
            has_touch=touch,
            is_mobile=touch,
            accept_downloads=True,
        )
        page = context.new_page()
        opened = Opened(page)
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda message: opened.heard(message.text))
        page.on("pageerror", lambda error: opened.said.append(str(error)))
        page.on("dialog", lambda dialog: opened.said.append(f"dialog: {dialog.message}"))
        page.goto(place if isinstance(place, str) else place.as_uri())
        page.wait_for_selector("body[data-ready]", state="attached", timeout=120_000)
        yield opened
        context.close()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Run the browser; the test is skipped where there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None or find_spec("playwright") is None:
        pytest.skip(
            "COULD NOT RUN: looking at pages needs Chromium (Debian: apt-get install chromium) and "
            "the package playwright"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield Chromium(browser)
        browser.close()
