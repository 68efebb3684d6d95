"""``embedpipe card``: the model card of a model, with measured figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embedpipe.cli.command import argument, command, option
from embedpipe.cli.options import completed_model, overwrite_option, threads_option
from embedpipe.errors import ParameterError

__all__ = ["run"]

_MOST_TEXTS = 1000


@command(
    "write a model's card with measured figures",
    "embedpipe card small_bert_L2_128 -o card",
)
@argument(
    "model", metavar="NAME|FOLDER", shell_complete=completed_model, help="a model's name or folder"
)
@option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="DIR",
    default="card",
    help="the folder to make (default: card)",
)
@option("--no-measure", is_flag=True, help="compute nothing with the model")
@option(
    "--text",
    type=click.Path(),
    metavar="FILE",
    help=f"measure on its first {_MOST_TEXTS:,} texts",
)
@threads_option
@option(
    "--record",
    is_flag=True,
    help="also write what was measured into the model's embedpipe.json",
)
@overwrite_option
def run(
    model: str,
    output: str,
    no_measure: bool,
    text: str | None,
    threads: int | None,
    record: bool,
    overwrite: bool,
) -> None:
    """Write README.md (with the front matter of Hugging Face's model cards) and index.html.

    Both show sizes, published values beside computed ones, speed and precision on this machine.
    """
    from embedpipe.card import Measuring, gather, record_measured, write_card
    from embedpipe.card.writing import check_card_output

    if no_measure and (text is not None or record):
        raise ParameterError(
            "--no-measure measures nothing; leave it out, or leave out --text and --record"
        )
    inputs = [] if text is None else [text]
    check_card_output(output, overwrite=overwrite, inputs=inputs)
    options: dict[str, Any] = {}
    if text is not None:
        options = {"texts": _texts(text), "text_source": Path(text).name}
    measuring = Measuring(threads=threads, progress=None, **options)
    facts = gather(model, measuring=None if no_measure else measuring)
    for path in write_card(facts, output, overwrite=overwrite):
        print(path)
    if record:
        print(record_measured(facts))


def _texts(file: str) -> list[str]:
    """The first texts of a file that are not empty."""
    from embedpipe.frames.files.inputs import Inputs

    found: list[str] = []
    for batch in Inputs([file]).batches():
        texts = batch.records["text"].to_pylist()
        found += [text for text in texts if text and not text.isspace()]
        if len(found) >= _MOST_TEXTS:
            break
    return found[:_MOST_TEXTS]
