"""Options that several commands share: of inputs and of models.

This module imports nothing heavy, as every start of the program imports it.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any, TypeVar

from embedpipe.embedding.options import ModelOptions
from embedpipe.files.input_options import FORMATS, InputOptions

__all__ = [
    "Once",
    "add_input_options",
    "add_model_option",
    "add_model_options",
    "add_overwrite_option",
    "add_threads_option",
    "parsed_options",
    "positive_number",
]

Options = TypeVar("Options", InputOptions, ModelOptions)


class Once(argparse.Action):
    """Stores a value; giving the option twice is an error."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the value; a usage error if there is one already."""
        given: set[str] = namespace.__dict__.setdefault("_given", set())
        if self.dest in given:
            parser.error(f"argument {option_string}: given twice; expected it once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def add_overwrite_option(parser: argparse._ActionsContainer) -> None:
    """--overwrite."""
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an output that is there (default: an error); an input never",
    )


def add_model_options(parser: argparse.ArgumentParser, *, prompted: str) -> None:
    """--model, --pooling, --normalize, --precision, --prompt, --prompt-name and --threads."""
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
    prompts = group.add_mutually_exclusive_group()
    prompts.add_argument(
        "--prompt",
        metavar="TEXT",
        help=f"put before {prompted} (default: what the model was made for)",
    )
    prompts.add_argument(
        "--prompt-name", metavar="NAME", help="one of the model's own, such as query or document"
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


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """--column, --format, --encoding, --errors, --delimiter, --quote and --escape."""
    group = parser.add_argument_group("input")
    group.add_argument("--column", action=Once, help="the column with the text (default: text)")
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
    group.add_argument(
        "--delimiter",
        type=_mark,
        metavar="CHARACTER",
        help="between fields of CSV and TSV, 'tab' for one (default: by format)",
    )
    group.add_argument(
        "--quote",
        type=_mark,
        default=InputOptions.quote,
        metavar="CHARACTER",
        help="around fields of CSV and TSV; 'none' if quotes are ordinary there (default: \")",
    )
    group.add_argument(
        "--escape",
        type=_mark,
        metavar="CHARACTER",
        help="before quotes within quoted fields, such as the '\\' of Spark (default: none, quotes "
        "are doubled)",
    )


def _mark(text: str) -> str | None:
    """A character, "tab" or "none"."""
    return {"tab": "\t", "\\t": "\t", "none": None}.get(text, text)


def parsed_options(args: argparse.Namespace, kind: type[Options]) -> Options:
    """The options that were parsed, each of which is named like its field."""
    return kind(**{field.name: getattr(args, field.name) for field in fields(kind)})


def positive_number(text: str) -> int:
    """For argparse's `type`: an integer of at least 1."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a number of at least 1")
    return int(text)
