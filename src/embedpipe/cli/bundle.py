"""``embedpipe bundle``: a saved pipeline in, one file with the pipeline and its models out."""

from __future__ import annotations

from pathlib import Path

import click

from embedpipe.cli.command import argument, command, option
from embedpipe.cli.options import overwrite_option

__all__ = ["bundle", "run"]


@command(
    "put a saved pipeline and its models into one file",
    "embedpipe bundle my-pipeline -o my-pipeline.zip",
)
@argument("path", metavar="PIPELINE", type=click.Path(), help="the folder that save has written")
@option(
    "-o", "--output", required=True, type=click.Path(), metavar="FILE", help="the file to write"
)
@overwrite_option
def run(path: str, output: str, overwrite: bool) -> None:
    """Put a saved stage or pipeline, with all of its models, into one file.

    PipelineModel.load opens it on a machine without network. The same stages give the same bytes.
    Pipelines that Spark NLP saved can be given, too.
    """
    name, size = bundle(path, output, overwrite=overwrite)
    print(f"{output}: {size:,} bytes; open it with {name}.load")


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
