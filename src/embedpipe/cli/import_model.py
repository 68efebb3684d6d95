"""``embedpipe import``: a model in any known format in, a folder in Hugging Face's layout out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option
from embedpipe.cli.options import json_option, overwrite_option

if TYPE_CHECKING:
    from embedpipe.formats.model import Model

__all__ = ["convert", "run"]

_LONGEST_NAME = 200


@command(
    "convert a model of TensorFlow, TF-Hub, Spark NLP or PyTorch",
    "embedpipe import uncased_L-2_H-128_A-2.zip -o my-model",
)
@argument(
    "path", type=click.Path(), metavar="PATH", help="the model: a folder, or a zip or tar archive"
)
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="DIR",
    help="the directory to make",
)
@option(
    "--compact",
    is_flag=True,
    help="store weights in a fifth of the bytes, for embedpipe alone: 8 bits a number, 4 for words",
)
@overwrite_option
@json_option
def run(path: str, output: str, compact: bool, overwrite: bool, as_json: bool) -> None:
    """Convert a BERT, ELECTRA or ALBERT model to a folder in Hugging Face's layout.

    How its tensors were mapped is reported. Formats, recognized by content: Google checkpoints,
    TF-Hub models, Spark NLP models and pipelines, pytorch_model.bin, safetensors, and what
    --compact wrote.
    """
    model = convert(path, output, overwrite=overwrite, compact=compact)
    print(json.dumps(report(model, output), indent=2) if as_json else format_report(model, output))


def convert(
    path: str | Path, directory: str | Path, *, overwrite: bool = False, compact: bool = False
) -> Model:
    """Read the model at `path`, write it to `directory`, and return it with its report.

    overwrite: whether a directory that is there and not empty is replaced, with all that is in it;
    never one that the model is read from. compact: whether weights are stored in fewer bits, as
    `embedpipe.formats.huggingface.compact` says.

    Raises OutputError if the directory cannot be written, ModelNotFoundError or
    ModelFormatError for what is wrong with the model; nothing is left behind then.
    """
    from embedpipe.formats.reading import open_model
    from embedpipe.formats.writing import write_model
    from embedpipe.output import AtomicDirectory, check_output

    check_output(directory, overwrite=overwrite, folder=True, inputs=[path])
    with AtomicDirectory(directory, replace=overwrite) as folder:
        model = open_model(path)
        write_model(model, folder, compact=compact)
    return model


def report(model: Model, directory: str | Path) -> dict[str, Any]:
    """What `format_report` tells, as JSON can hold it."""
    config = model.config
    return {
        "format": model.format,
        "architecture": config.architecture,
        "layers": config.num_hidden_layers,
        "hidden_size": config.hidden_size,
        "attention_heads": config.num_attention_heads,
        "vocabulary": config.vocab_size,
        "mapped": len(model.origins),
        "unused": list(model.unused),
        "missing": list(model.missing),
        "written_to": str(directory),
    }


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
