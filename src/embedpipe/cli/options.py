"""How inputs are read and which model embeds them: the options that several commands share.

This module imports nothing heavy, as every start of the program imports it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedpipe.encoder.encoder import Encoder
    from embedpipe.engine.pooling import Pooling
    from embedpipe.engine.precision import AskedPrecision

__all__ = [
    "FORMATS",
    "InputOptions",
    "ModelOptions",
    "add_input_options",
    "add_model_option",
    "add_model_options",
    "add_threads_option",
    "input_options",
    "model_options",
    "positive_number",
]

FORMATS = ("text", "csv", "tsv", "jsonl", "parquet")
"""What an input can be, by the names that `--format` takes."""


@dataclass(frozen=True)
class InputOptions:
    """How inputs are read.

    column: where the text is in CSV, TSV, JSON Lines and Parquet. format: one of FORMATS; None goes
    by each name's suffix. encoding, errors: of all but Parquet, as `bytes.decode` takes them.
    """

    column: str = "text"
    format: str | None = None
    encoding: str = "utf-8"
    errors: str = "strict"


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how its vectors are made.

    model: a name or folder for `Encoder.load`, None for the default model; or an encoder that is
    loaded already, for which `threads` is settled. pooling, normalize: as for `Encoder.encode`.
    precision: as for `Encoder.load`; None for float32, or that of the encoder that is loaded, or of
    the vectors that are searched.
    """

    model: str | Path | Encoder | None = None
    threads: int | None = None
    pooling: Pooling | None = None
    normalize: bool | None = None
    precision: AskedPrecision | None = None


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--model, --pooling, --normalize, --no-normalize, --precision and --threads."""
    group = parser.add_argument_group("model")
    add_model_option(group)
    group.add_argument(
        "--pooling", choices=("cls", "mean", "pooler"), help="default: what the model was made for"
    )
    group.add_argument(
        "--normalize",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="scale vectors to length 1 or leave them (default: what the model was made for)",
    )
    group.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "int8", "auto"),
        help="of the products with weights; float32 is exact, int8 the fastest; bfloat16 and auto "
        "are float32 on processors without AVX512-BF16 (default: float32)",
    )
    add_threads_option(group)


def add_model_option(parser: argparse._ActionsContainer) -> None:
    """--model."""
    parser.add_argument(
        "--model",
        metavar="NAME|FOLDER",
        help="a model's name or folder (default: all-MiniLM-L6-v2)",
    )


def add_threads_option(parser: argparse._ActionsContainer) -> None:
    """--threads."""
    parser.add_argument(
        "--threads",
        type=positive_number,
        metavar="N",
        help="default: the cores this process may use",
    )


def model_options(args: argparse.Namespace) -> ModelOptions:
    """What `add_model_options` has parsed."""
    return ModelOptions(args.model, args.threads, args.pooling, args.normalize, args.precision)


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """--column, --format, --encoding and --errors."""
    group = parser.add_argument_group("input")
    group.add_argument(
        "--column", default="text", help="the column with the text (default: %(default)s)"
    )
    group.add_argument(
        "--format",
        choices=FORMATS,
        help="of every input (default: by suffix; a name without one and - are text)",
    )
    group.add_argument(
        "--encoding", default="utf-8", help="of text, CSV and JSON Lines (default: %(default)s)"
    )
    group.add_argument(
        "--errors",
        choices=("strict", "replace", "ignore"),
        default="strict",
        help="what to do about bytes that do not decode (default: %(default)s, an error)",
    )


def input_options(args: argparse.Namespace) -> InputOptions:
    """What `add_input_options` has parsed."""
    return InputOptions(args.column, args.format, args.encoding, args.errors)


def positive_number(text: str) -> int:
    """For argparse's `type`: an integer of at least 1."""
    number = int(text)  # argparse reports a ValueError as a wrong value
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number
