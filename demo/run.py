"""Embed the sentences of The Devil's Dictionary, write them to Parquet, and find some by meaning.

    python demo/run.py

`make demo` runs this once everything is set up. At the end it prints commands that do the same.
"""

from __future__ import annotations

import os
import textwrap
import time
from pathlib import Path

import embedpipe
from embedpipe import Encoder, ModelOptions, embed_files, search_file

REPOSITORY = Path(__file__).resolve().parent.parent
TEXT = REPOSITORY / "bench/src/embedpipe_bench/devils_dictionary.txt"
OUTPUT = REPOSITORY / "out" / "demo.parquet"
QUERIES = (
    "someone who never stops talking about himself",
    "a doctor who kills his patients",
)


def main() -> None:
    """Run the demonstration and print it."""
    start = time.perf_counter()
    encoder = Encoder.load()
    loading = time.perf_counter() - start
    print(f"embedpipe {embedpipe.__version__}, model {encoder.name} (loaded in {loading:.1f} s)")
    print(f"processor path {encoder.isa}, {encoder.threads} threads, {encoder.precision}\n")

    OUTPUT.parent.mkdir(exist_ok=True)
    summary = embed_files(
        [TEXT], OUTPUT, embedding=ModelOptions(encoder), overwrite=True, progress=True
    )
    sentences = TEXT.read_text(encoding="utf-8").splitlines()
    pieces = len(encoder.tokenize(sentences).ids.values)
    print(
        f"{summary.records:,} sentences of Ambrose Bierce's Devil's Dictionary, {pieces:,} pieces"
    )
    rates = [f"{count / summary.seconds:,.0f}" for count in (summary.records, pieces)]
    print(f"embedded in {summary.seconds:.1f} s: {rates[0]} sentences/s, {rates[1]} pieces/s")
    output = Path(os.path.relpath(OUTPUT))
    print(f"written to {output}, {summary.dimension} dimensions, {OUTPUT.stat().st_size:,} bytes")

    for query in QUERIES:
        print(f"\n? {query}")
        for hit in search_file(query, OUTPUT, embedding=ModelOptions(encoder)):
            print(
                textwrap.fill(
                    hit.text,
                    width=98,
                    initial_indent=f"  {hit.score:.3f}  ",
                    subsequent_indent=" " * 9,
                )
            )

    corpus = Path(os.path.relpath(TEXT))
    print("\nThe same on the command line, with files and questions of your own:")
    print(f"  .venv/bin/embedpipe embed {corpus} -o {output} --overwrite")
    print(f'  .venv/bin/embedpipe search "{QUERIES[0]}" --in {output}')


if __name__ == "__main__":
    main()
