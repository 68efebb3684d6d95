"""``embedpipe similar``: how alike texts are, as a number, a table, or a heat map."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import (
    input_options,
    json_option,
    model_options,
    overwrite_option,
    parsed_options,
)
from embedpipe.cli.streams import printable
from embedpipe.embedding.options import ModelOptions
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.plot import Likeness

__all__ = ["format_likeness", "run"]


@command(
    "tell how alike texts are",
    'embedpipe similar "A red apple." "An apple pie."',
    "embedpipe similar --in sentences.txt -o heat.html  # a heat map",
)
@argument("texts", nargs=-1, metavar="[TEXT...]", help="two or more, each in quotes")
@option(
    "--in",
    "files",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="take the texts of its records, too: any input of `embedpipe embed`",
)
@option(
    "--limit", type=positive_number, default=40, metavar="N", help="so many of FILE (default: 40)"
)
@option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="OUT",
    help="draw a heat map: OUT.html, a page that works offline, or OUT.png",
)
@overwrite_option
@json_option
@input_options
@model_options(prompted="every text")
def run(
    texts: Sequence[str],
    files: Sequence[str],
    limit: int,
    output: str | None,
    overwrite: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Print the cosine similarity of two texts, or of each to each of several.

    The page and the picture need: pip install 'embedpipe[plot]'
    """
    from embedpipe.plot import draw_heat_map, likeness
    from embedpipe.plot.gathering import read_texts
    from embedpipe.plot.page import check_picture_output

    if output is not None:
        check_picture_output(output, overwrite=overwrite, inputs=files)
    read = read_texts(files, reading=parsed_options(given, InputOptions), limit=limit)
    found = likeness([*texts, *read], embedding=parsed_options(given, ModelOptions))
    if output is not None:
        draw_heat_map(found, output, overwrite=overwrite)
    if as_json:
        rows = [[round(value, 6) for value in row] for row in found.cosines.tolist()]
        print(json.dumps({"texts": found.texts, "cosines": rows}, indent=2))
    elif output is not None:
        print(printable(output))
    else:
        print(format_likeness(found))


def format_likeness(found: Likeness) -> str:
    """The number of two texts; of more, a table whose columns have the rows' numbers."""
    if len(found.texts) == 2:
        return f"{found.cosines[0, 1]:.4f}"
    width = len(str(len(found.texts)))
    lines = [" " * width + "".join(f"{i:>7}" for i in range(1, len(found.texts) + 1))]
    for i, (text, row) in enumerate(zip(found.texts, found.cosines, strict=True), start=1):
        shown = printable(" ".join(text.split()))
        lines.append(f"{i:>{width}}" + "".join(f"{value:>7.3f}" for value in row) + f"  {shown}")
    return "\n".join(lines)
