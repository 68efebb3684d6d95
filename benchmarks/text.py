"""The text side alone: how many sentences a second, and whether odd text takes longer than other.

    python benchmarks/text.py --rounds 5

What is measured is in docs/benchmarks.md. It fails where results are not right, or where
the time per character grows with the length of a text.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow as pa
from hostile import HOSTILE_UNITS, ONE_CLASS, functions

from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import BertEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.stages.bases.word_embeddings import sentences_of_tokens
from embedpipe.subword.sequences import Sequences, lay_out
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import NOTICE, OtherLoad, describe_machine
from embedpipe_bench.report import heading, markdown_table, save_json

__all__ = ["Flatness", "Throughput", "flatness", "throughput"]

COPIES = 10
"""Of the text in one pass: some 20,000 lines."""

SCANNED = [2**12, 2**15]
"""Characters of each hostile text, to find the one on which a function's time grows most."""

LENGTHS = [2**16, 2**17, 2**18]
"""Characters of that one.

Shorter ones would not compare: up to 50,000 characters, a batch of texts is split together.
"""

LONG_LENGTHS = [2**18, 2**19, 2**20]
"""Characters of lines of one class, the last one a mebibyte."""

TRIES = 3
"""Timings of each text that is reported; the fastest counts."""

STEEPEST = 3.0
"""Times as long a character may take in the longest text as in the shortest.

What is quadratic takes 4 times as long; caches and noise stay below this.
"""


@dataclass(frozen=True)
class Throughput:
    """A line is a sentence of the benchmark's text; the detector finds more of them in some."""

    lines_per_second: float
    sentences_per_second: float
    pieces_per_line: float
    pieces_per_sentence: float
    seconds: list[float]
    other_cores: float | None


@dataclass(frozen=True)
class Flatness:
    """Nanoseconds per character of one function, on the text on which it grows most."""

    function: str
    text: str
    lengths: list[int]
    nanoseconds: list[float]

    @property
    def growth(self) -> float:
        """How many times as long a character takes in the longest text as in the shortest."""
        return self.nanoseconds[-1] / self.nanoseconds[0]


def text_pipeline(**params: str) -> PipelineModel:
    """DocumentAssembler, SentenceDetector and Tokenizer."""
    stages = [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
    ]
    return Pipeline(stages=stages).fit(None, params)


def looked_up(stage: BertEmbeddings, batch: pa.RecordBatch) -> tuple[int, Sequences]:
    """How many sentences a batch has, and their sequences of pieces, as BertEmbeddings does it."""
    sentences = AnnotationColumn.from_arrow(batch.column("sentence"))
    tokens = AnnotationColumn.from_arrow(batch.column("token"))
    distinct = tokens.result.dictionary_encode()
    pieces = stage.encode_tokens(distinct.dictionary.to_pylist())
    sentence_of_token = sentences_of_tokens(sentences, tokens)
    layout = lay_out(pieces, distinct.indices.to_numpy(), sentence_of_token, len(sentences))
    parts = stage.parts(layout.pieces.offsets, sentences)
    return len(sentences), stage.join(layout.pieces, parts)


def check_results(table: pa.Table) -> None:
    """SystemExit unless annotations are where they say, and equal to those of the recorded path."""
    out = text_pipeline(offsetUnit="codepoint").transform(table)
    for name in ("document", "sentence", "token"):
        rows = AnnotationColumn.from_arrow(out[name]).rows()
        for text, row in zip(table["text"].to_pylist(), rows, strict=True):
            wrong = [a for a in row or [] if text[a.begin : a.end + 1] != a.result]
            if wrong:
                raise SystemExit(f"{name}: {wrong[0]} is not what stands there in {text!r}")
    recorded = text_pipeline(compatibility="spark-nlp-5.5.3").transform(table)
    if not recorded.equals(text_pipeline().transform(table)):
        raise SystemExit("sentences or tokens differ from those of the recorded path")


def throughput(lines: list[str], rounds: int) -> Throughput:
    """Texts to the pieces of their sentences, everything but the encoder."""
    table = pa.table({"text": lines * COPIES})
    model, stage = text_pipeline(), BertEmbeddings.pretrained()
    others = OtherLoad()
    seconds = []
    for _ in range(rounds + 1):  # the first one fills caches
        begin = time.perf_counter()
        found = [looked_up(stage, batch) for batch in model.transform_batches(table.to_batches())]
        seconds.append(time.perf_counter() - begin)
    sentences = sum(count for count, _ in found)
    pieces = sum(len(sequences.pieces.values) for _, sequences in found)
    typical = median(seconds[1:])
    return Throughput(
        table.num_rows / typical,
        sentences / typical,
        pieces / table.num_rows,
        pieces / sentences,
        seconds[1:],
        others.cores(),
    )


def flatness(
    name: str, function: Callable[[str], object], units: list[str], lengths: list[int]
) -> Flatness:
    """Times on that text, made of one unit, on which they grow most in a short scan."""

    def scanned(unit: str) -> float:
        short, long = (_fastest(function, _repeated(unit, n), 2) for n in SCANNED)
        return long / short

    worst = max(units, key=scanned)
    seconds = [_fastest(function, _repeated(worst, n), TRIES) for n in lengths]
    rates = [1e9 * s / n for s, n in zip(seconds, lengths, strict=True)]
    return Flatness(name, worst, lengths, rates)


def _repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def _fastest(function: Callable[[str], object], text: str, tries: int) -> float:
    """Seconds of processor time, which other programs change less than what the clock says.

    Without the garbage collector, which goes through more objects the longer the text is.
    """
    seconds = []
    gc.disable()
    for _ in range(tries):
        begin = time.process_time()
        function(text)
        seconds.append(time.process_time() - begin)
    gc.enable()
    return min(seconds)


def measure_flatness() -> list[Flatness]:
    """Every function on hostile texts, then whole pipelines on long lines of one class."""
    found = []
    for name, function in functions().items():
        print(f"  {name}", file=sys.stderr)
        found.append(flatness(name, function, HOSTILE_UNITS, LENGTHS))
    model, stage = text_pipeline(), BertEmbeddings.pretrained()

    def whole(text: str) -> None:
        for batch in model.transform_batches([pa.record_batch({"text": [text]})]):
            looked_up(stage, batch)

    for unit in ONE_CLASS:
        found.append(flatness("whole text side", whole, [unit], LONG_LENGTHS))
    return found


def main() -> None:
    """Check, measure, print the tables, write the JSON file; exit 1 where something is not flat."""
    parser = argparse.ArgumentParser(description="Measure the text side alone.", epilog=NOTICE)
    parser.add_argument("--rounds", type=int, default=5, help="timings (%(default)s)")
    parser.add_argument("--text", type=Path, default=TEXT, help="one sentence a line (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("out/text.json"), help="(%(default)s)")
    arguments = parser.parse_args()
    print(NOTICE, file=sys.stderr)
    machine = describe_machine()
    lines = read_lines(arguments.text)
    check_results(pa.table({"text": lines}))
    speed = throughput(lines, arguments.rounds)
    flat = measure_flatness()
    print(f"\n{heading(machine)}\n")
    print(
        markdown_table(
            ["unit", "per second", "pieces each"],
            [
                ["line", f"{speed.lines_per_second:,.0f}", f"{speed.pieces_per_line:.1f}"],
                [
                    "sentence found",
                    f"{speed.sentences_per_second:,.0f}",
                    f"{speed.pieces_per_sentence:.1f}",
                ],
            ],
        )
    )
    print(f"\nOther programs kept {speed.other_cores or 0:.2f} cores busy.\n")
    rows = [
        [f.function, ascii(f.text), f"{f.nanoseconds[0]:.1f}", f"{f.nanoseconds[-1]:.1f}",
         f"{f.growth:.2f}"]
        for f in flat
    ]  # fmt: skip
    header = ["function", "steepest text", "ns/character, shortest", "longest", "growth"]
    print(markdown_table(header, rows))
    save_json(arguments.json, {"machine": machine}, [speed, *flat])
    steep = [f for f in flat if f.growth > STEEPEST]
    if steep:
        raise SystemExit(f"not flat: {', '.join(f'{f.function} on {f.text!r}' for f in steep)}")


if __name__ == "__main__":
    main()
