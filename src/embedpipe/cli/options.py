"""Options that several commands share: of inputs, models and outputs.

This module imports nothing heavy, as every start of the program imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import reduce
from typing import Any, TypeVar

import click

from embedpipe.cli.command import option, positive_number
from embedpipe.embedding.options import ModelOptions
from embedpipe.files.input_options import FORMATS, InputOptions

__all__ = [
    "PRECISION_NAMES",
    "Decorator",
    "all_of",
    "completed_model",
    "input_options",
    "json_option",
    "keep_option",
    "model_option",
    "model_options",
    "overwrite_option",
    "parsed_options",
    "quiet_option",
    "reading_options",
    "threads_option",
]

Options = TypeVar("Options", InputOptions, ModelOptions)
Decorator = Callable[[Any], Any]

PRECISION_NAMES = ("float32", "bfloat16", "int8", "auto")
"""Those of `embedpipe.engine.precision`, which takes long to import; a test compares them."""

_INPUT = "Input"
_MODEL = "Model"

overwrite_option = option(
    "--overwrite",
    is_flag=True,
    help="replace an output that is there (default: an error); an input never",
)

json_option = option("--json", "as_json", is_flag=True, help="as JSON, for programs")


def _kept_columns(
    _: click.Context, _parameter: click.Parameter, text: str | None
) -> list[str] | None:
    """The callback of --keep."""
    if text is None:
        return None
    return [] if text == "none" else text.split(",")


keep_option = option(
    "--keep",
    callback=_kept_columns,
    metavar="COLUMNS",
    help="of the inputs' columns beside the text, as in id,stars, or none (default: all)",
)

quiet_option = option(
    "-q", "--quiet", is_flag=True, help="neither progress bar nor summary: warnings, errors"
)


def completed_model(_: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Names in the catalog, and folders."""
    from click.shell_completion import CompletionItem

    from embedpipe.hub.catalog import catalog

    names = [name for name in catalog().models if name.startswith(incomplete)]
    return [*map(CompletionItem, names)] or [CompletionItem(incomplete, type="file")]


def model_option(function: Any) -> Any:
    """--model."""
    return option(
        "--model",
        metavar="NAME|FOLDER",
        shell_complete=completed_model,
        section=_MODEL,
        help="a model's name or folder (default: the one in the package)",
    )(function)


def threads_option(function: Any) -> Any:
    """--threads."""
    return option(
        "--threads",
        type=positive_number,
        metavar="N",
        section=_MODEL,
        help="default: the cores this process may use",
    )(function)


def model_options(*, prompted: str) -> Decorator:
    """--model, --pooling, --normalize, --precision, --prompt, --prompt-name and --threads.

    `parsed_options` makes ModelOptions of them.
    """
    return all_of(
        model_option,
        option(
            "--pooling",
            type=click.Choice(("cls", "mean", "pooler")),
            section=_MODEL,
            help="default: what the model was made for",
        ),
        option(
            "--normalize/--no-normalize",
            default=None,
            section=_MODEL,
            help="scale vectors to length 1 or leave them (default: what the model was made for)",
        ),
        option(
            "--precision",
            type=click.Choice(PRECISION_NAMES),
            section=_MODEL,
            help="of the products with weights; float32 is exact, int8 the fastest; bfloat16 and "
            "auto are float32 on processors without AVX512-BF16 (default: float32)",
        ),
        option(
            "--prompt",
            metavar="TEXT",
            section=_MODEL,
            help=f"put before {prompted} (default: what the model was made for)",
        ),
        option(
            "--prompt-name",
            metavar="NAME",
            section=_MODEL,
            help="one of the model's own, such as query or document",
        ),
        threads_option,
    )


def input_options(function: Any) -> Any:
    """--column, and `reading_options`.

    `parsed_options` makes InputOptions of them.
    """
    return all_of(
        option("--column", section=_INPUT, help="the column with the text (default: text)"),
        reading_options,
    )(function)


def reading_options(function: Any) -> Any:
    """--format, --encoding, --errors, --delimiter, --quote and --escape."""
    return all_of(
        option(
            "--format",
            type=click.Choice(FORMATS),
            section=_INPUT,
            help="of every input (default: by content and suffix; else text)",
        ),
        option(
            "--encoding",
            default="utf-8",
            section=_INPUT,
            help="of text, CSV and JSON Lines (default: utf-8)",
        ),
        option(
            "--errors",
            type=click.Choice(("strict", "replace", "ignore")),
            default="strict",
            section=_INPUT,
            help="what to do about bytes that do not decode (default: strict, an error)",
        ),
        *_csv_options(),
    )(function)


def _csv_options() -> tuple[Decorator, ...]:
    return (
        option(
            "--delimiter",
            callback=_mark,
            metavar="CHARACTER",
            section=_INPUT,
            help="between fields of CSV and TSV, 'tab' for one (default: by format)",
        ),
        option(
            "--quote",
            callback=_mark,
            default=InputOptions.quote,
            metavar="CHARACTER",
            section=_INPUT,
            help="around fields of CSV and TSV; 'none' if quotes are ordinary there (default: \")",
        ),
        option(
            "--escape",
            callback=_mark,
            metavar="CHARACTER",
            section=_INPUT,
            help="before quotes within quoted fields, such as the '\\' of Spark (default: none, "
            "quotes are doubled)",
        ),
    )


def parsed_options(given: Mapping[str, Any], kind: type[Options]) -> Options:
    """The options that were parsed, each of which is named like its field.

    A usage error if both a prompt and the name of one are given.
    """
    if given.get("prompt") is not None and given.get("prompt_name") is not None:
        raise click.UsageError(
            "--prompt and --prompt-name exclude each other", click.get_current_context()
        )
    return kind(**{field.name: given[field.name] for field in fields(kind)})


def _mark(_: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """A character, "tab" or "none"."""
    return None if text is None else {"tab": "\t", "\\t": "\t", "none": None}.get(text, text)


def all_of(*decorators: Decorator) -> Decorator:
    """One decorator for several, whose options stand on the help page in this order."""
    return lambda function: reduce(lambda inner, each: each(inner), reversed(decorators), function)
