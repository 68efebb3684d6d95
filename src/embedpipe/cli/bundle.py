"""``embedpipe bundle``: a saved pipeline in, one file with the pipeline and its models out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from embedpipe.cli.options import add_overwrite_option

__all__ = ["add_parser", "bundle"]


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of `embedpipe`."""
    parser = commands.add_parser(
        "bundle",
        help="put a saved pipeline and its models into one file",
        description="Put a saved stage or pipeline, with all of its models, into one file, which "
        "PipelineModel.load opens on a machine without network. The same stages give the same "
        "bytes. Pipelines that Spark NLP saved can be given, too.",
    )
    parser.add_argument("path", metavar="PIPELINE", help="the folder that save has written")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the file to write")
    add_overwrite_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Carry out the parsed command and print what was written."""
    name, size = bundle(args.path, args.output, overwrite=args.overwrite)
    print(f"{args.output}: {size:,} bytes; open it with {name}.load")


def bundle(path: str | Path, output: str | Path, *, overwrite: bool = False) -> tuple[str, int]:
    """Write what is saved at `path` to one file; the name of its class, and bytes written.

    overwrite: whether `output` may replace a file that is there; never `path` or a part of it.

    Raises ModelNotFoundError or ModelFormatError for what is wrong with it, OutputError for what is
    wrong with the file.
    """
    from embedpipe import saving
    from embedpipe.output import check_output
    from embedpipe.pipeline.savable import Savable

    check_output(output, overwrite=overwrite, inputs=[path])
    saved = saving.load(path, Savable)
    saving.bundle(saved, output, overwrite=overwrite)
    return type(saved).__name__, Path(output).stat().st_size
