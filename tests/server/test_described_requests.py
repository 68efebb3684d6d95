"""What the description allows, and what it does not, is answered as described. `python -m
tests.fuzz.server` does the same many more times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.described_api import ask_described, ask_with_damaged_streams
from tests.support.serving import served


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder / "tiny_bert", folder / "reviews", "--no-access-log") as (_, address):
        yield address


def test_requests_drawn_from_the_description_are_answered_as_described(address: str) -> None:
    found = ask_described(address, 12)
    assert found[200] >= 20
    assert sum(count for status, count in found.items() if 400 <= status < 500) >= 50


def test_damaged_arrow_streams_are_refused_or_read(address: str) -> None:
    ask_with_damaged_streams(address, "reviews", 40)
