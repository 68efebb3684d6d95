"""``embedpipe import``: a model in any known format in, a folder in Hugging Face's layout out."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedpipe.cli.options import add_overwrite_option

if TYPE_CHECKING:
    from embedpipe.formats.model import Model

__all__ = ["add_parser", "convert"]

_LONGEST_NAME = 200


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "import",
        help="convert a model of TensorFlow, TF-Hub, Spark NLP or PyTorch",
        description="Convert a BERT, ELECTRA or ALBERT model to a folder in Hugging Face's layout, "
        "and report how its tensors were mapped. Formats, recognized by content: Google "
        "checkpoints, TF-Hub models, Spark NLP models and pipelines, pytorch_model.bin, "
        "safetensors.",
    )
    parser.add_argument("path", metavar="PATH", help="the model: a folder, or a zip or tar archive")
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="the directory to make"
    )
    add_overwrite_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print the report."""
    print(format_report(convert(args.path, args.output, overwrite=args.overwrite), args.output))


def convert(path: str | Path, directory: str | Path, *, overwrite: bool = False) -> Model:
    """Read the model at `path`, write it to `directory`, and return it with its report.

    overwrite: whether a directory that is there and not empty is replaced, with all that is in it;
    never one that the model is read from.

    Raises OutputError if the directory cannot be written, ModelNotFoundError or
    ModelFormatError for what is wrong with the model; nothing is left behind then.
    """
    from embedpipe.formats.reading import open_model
    from embedpipe.formats.writing import write_model
    from embedpipe.output import AtomicDirectory, check_output

    check_output(directory, overwrite=overwrite, folder=True, inputs=[path])
    with AtomicDirectory(directory, replace=overwrite) as folder:
        model = open_model(path)
        write_model(model, folder)
    return model


def format_report(model: Model, directory: str | Path) -> str:
    """The format, how tensors were mapped, where the folder is, and what to do next."""
    config = model.config
    lines = [
        f"format        {model.format}",
        f"architecture  {config.architecture}: {config.num_hidden_layers} layers, hidden size "
        f"{config.hidden_size:,}, {config.num_attention_heads} attention heads, "
        f"vocabulary {config.vocab_size:,}",
        f"tensors       {len(model.origins):,} mapped, {len(model.unused):,} unused, "
        f"{len(model.missing):,} missing",
        *_listed("unused", model.unused),
        *_listed("missing", model.missing),
        f"written to    {directory}",
        f"next          embedpipe info --model {shlex.quote(str(directory))}",
    ]
    return "\n".join(lines)


def _listed(kind: str, names: Iterable[str]) -> Iterator[str]:
    """One line per tensor; control characters in names are escaped."""
    for name in names:
        yield f"  {kind:<10}  {name if name.isprintable() else ascii(name)}"[:_LONGEST_NAME]
