"""Compare models: python -m tools.default_model.measure [NAME=FOLDER ...] -o TABLE.md

The default model and its teacher in float32 and int8, a static model of model2vec's recipe, and
whatever else is named, on STS-B's development set and on finding paragraphs. Speeds are texts of
STS-B for each second of CPU time on one thread, the best of five rounds taken in turn, and their
ratios to the teacher in float32.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

from embedpipe import Encoder
from embedpipe.hub.names import DEFAULT_MODEL

from .checks import SHORT, Embed, found_first, opening_sentences, read_pairs, spearman
from .static import StaticModel

_TEACHER = "all-MiniLM-L6-v2"
_PAIRS = Path(__file__).resolve().parents[2] / "tests/data/stsb/sts-dev.csv"
_DEFAULT = Path(__file__).resolve().parents[2] / "src/embedpipe/default_model"
"""The clone's, which was just made: the installed package may hold another."""
_ROUNDS = 5
_TIMED = 600


class Measured(NamedTuple):
    """A row of the table. size: bytes of what is stored."""

    label: str
    size: int
    similarity: float
    retrieval: float
    short: float
    embed: Embed


def main() -> None:
    """Measure all, then time them in turn, then print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--packages", type=Path, default=Path("build/model/packages"))
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    pairs = read_pairs(_PAIRS)
    articles = options.packages / "articles"
    usual, short = opening_sentences(articles), opening_sentences(articles, SHORT)

    def measured(label: str, size: int, embed: Embed) -> Measured:
        found = found_first(embed, usual), found_first(embed, short)
        row = Measured(label, size, spearman(embed, pairs), *found, embed)
        print(f"{label}: {row.similarity:.2f}, {row.retrieval:.1f}, {row.short:.1f}", flush=True)
        return row

    named = [(_TEACHER, _TEACHER), (DEFAULT_MODEL, str(_DEFAULT))]
    named += [(label, folder) for label, _, folder in (m.partition("=") for m in options.models)]
    rows = []
    for label, place in named:
        for precision in ("float32", "int8"):
            encoder = Encoder.load(place, precision=precision, threads=1)
            rows.append(measured(f"{label}, {precision}", _size(encoder.path), encoder.encode))
    static = StaticModel(Encoder.load(_TEACHER))
    rows.append(measured("model2vec's recipe, 256 values", static.size, static.encode))
    table = _table(rows, _seconds([row.embed for row in rows], pairs[0][:_TIMED]))
    print(table)
    if options.output is not None:
        options.output.write_text(table, "utf-8")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


def _seconds(embeds: list[Embed], texts: list[str]) -> list[float]:
    """CPU time of each, the best of its rounds, which are taken in turn."""
    best = [float("inf")] * len(embeds)
    for _ in range(_ROUNDS):
        best = [min(least, _timed(embed, texts)) for least, embed in zip(best, embeds, strict=True)]
    return best


def _timed(embed: Embed, texts: list[str]) -> float:
    begin = time.process_time()
    embed(texts)
    return time.process_time() - begin


def _table(rows: list[Measured], seconds: list[float]) -> str:
    lines = [
        "| model | MB stored | STS-B dev | paragraph found | short ones | sentences/s | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row, taken in zip(rows, seconds, strict=True):
        lines.append(
            f"| {row.label} | {row.size / 1e6:.2f} | {row.similarity:.2f} | {row.retrieval:.1f} "
            f"| {row.short:.1f} | {_TIMED / taken:,.0f} | {seconds[0] / taken:.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
