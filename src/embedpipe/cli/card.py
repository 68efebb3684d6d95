"""``embedpipe card``: the model card of a model, with measured figures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from embedpipe.cli.options import add_overwrite_option, add_threads_option
from embedpipe.errors import ParameterError

__all__ = ["add_parser"]

_MOST_TEXTS = 1000


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "card",
        help="write a model's card with measured figures",
        description="Write README.md (with the front matter of Hugging Face's model cards) and "
        "index.html: sizes, published values beside computed ones, speed and precision here.",
    )
    parser.add_argument("model", metavar="NAME|FOLDER", help="a model's name or folder")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="card", help="default: %(default)s"
    )
    parser.add_argument("--no-measure", action="store_true", help="compute nothing with the model")
    parser.add_argument(
        "--text", metavar="FILE", help=f"measure on its first {_MOST_TEXTS:,} texts"
    )
    add_threads_option(parser)
    parser.add_argument(
        "--record",
        action="store_true",
        help="also write what was measured into the model's embedpipe.json",
    )
    add_overwrite_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print where the card is."""
    from embedpipe.card import Measuring, gather, record_measured, write_card
    from embedpipe.card.writing import check_card_output

    if args.no_measure and (args.text is not None or args.record):
        raise ParameterError(
            "--no-measure measures nothing; leave it out, or leave out --text and --record"
        )
    inputs = [] if args.text is None else [args.text]
    check_card_output(args.output, overwrite=args.overwrite, inputs=inputs)
    options: dict[str, Any] = {}
    if args.text is not None:
        options = {"texts": _texts(args.text), "text_source": Path(args.text).name}
    measuring = Measuring(threads=args.threads, progress=None, **options)
    facts = gather(args.model, measuring=None if args.no_measure else measuring)
    for path in write_card(facts, args.output, overwrite=args.overwrite):
        print(path)
    if args.record:
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
