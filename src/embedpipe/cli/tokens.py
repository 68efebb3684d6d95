"""``embedpipe tokens``: the words of one sentence, each with its neighbors in a corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import (
    input_options,
    json_option,
    model_option,
    overwrite_option,
    parsed_options,
    threads_option,
)
from embedpipe.cli.streams import printable
from embedpipe.cli.table import table
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.plot import Word

__all__ = ["format_words", "run"]

_AROUND = 24  # characters beside a word


@command(
    "show the words of a sentence, with those alike in a corpus",
    'embedpipe tokens "The bank lent me money." --in reviews.csv -o tokens.html',
)
@argument("sentence", metavar="SENTENCE", help="the text whose words are looked at")
@option(
    "--in",
    "files",
    multiple=True,
    required=True,
    type=click.Path(),
    metavar="FILE",
    help="the corpus: any input of `embedpipe embed`",
)
@option(
    "--limit", type=positive_number, default=1000, metavar="N", help="texts of it (default: 1000)"
)
@option("-k", type=positive_number, default=8, metavar="N", help="neighbors (default: 8)")
@option("-o", "--output", type=click.Path(), metavar="OUT.html", help="a page that works offline")
@overwrite_option
@json_option
@input_options
@model_option
@threads_option
def run(
    sentence: str,
    files: Sequence[str],
    limit: int,
    k: int,
    output: str | None,
    overwrite: bool,
    as_json: bool,
    model: str | None,
    threads: int | None,
    **given: Any,
) -> None:
    """Show for each word of SENTENCE the words of a corpus whose vectors are nearest, in context.

    Vectors of words are those of their context, so that a bank of a river is told from one for
    money. Of each text of the corpus, the nearest word counts.
    """
    from embedpipe.encoder import Encoder
    from embedpipe.plot import draw_words, words_with_neighbors
    from embedpipe.plot.gathering import read_texts
    from embedpipe.plot.page import check_picture_output

    if output is not None:
        check_picture_output(output, overwrite=overwrite, inputs=files, kinds=(".html",))
    corpus = read_texts(files, reading=parsed_options(given, InputOptions), limit=limit)
    encoder = Encoder.load(model, threads=threads)
    words = words_with_neighbors(sentence, corpus, encoder=encoder, k=k)
    if output is not None:
        draw_words(sentence, words, output, overwrite=overwrite)
    if as_json:
        print(json.dumps([asdict(word) for word in words], indent=2))
    elif output is not None:
        print(printable(output))
    else:
        print("\n".join(format_words(words)))


def format_words(words: Sequence[Word]) -> Iterator[str]:
    """A table: each word, then its neighbors with what stands around them."""
    rows = [("WORD", "COSINE", "IN THE CORPUS")]
    for word in words:
        for number, each in enumerate(word.neighbors):
            before, after = each.text[: each.begin][-_AROUND:], each.text[each.end :][:_AROUND]
            context = " ".join(f"{before}[{each.word}]{after}".split())
            name = printable(word.word) if number == 0 else ""
            rows.append((name, f"{each.score:.4f}", printable(context)))
    return table(rows)
