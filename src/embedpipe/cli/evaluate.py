"""``embedpipe evaluate``: how good models are on data with known answers, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.answer_options import columns_option, data_option, task_option
from embedpipe.cli.command import argument, command, option
from embedpipe.cli.options import (
    PRECISION_NAMES,
    completed_model,
    json_option,
    overwrite_option,
    parsed_options,
    quiet_option,
    reading_options,
    threads_option,
)
from embedpipe.cli.streams import printable
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.engine.precision import AskedPrecision

__all__ = ["TASK_NAMES", "run"]

TASK_NAMES = ("similarity", "retrieval", "classification", "clustering")
"""Those of `embedpipe.evaluation`, which takes long to import; a test compares them."""


@command(
    "measure models on data with known answers",
    "embedpipe evaluate all-MiniLM-L6-v2 --data pairs.csv",
    "embedpipe evaluate all-MiniLM-L6-v2 tuned/ --data faq.jsonl --precision float32 int8",
    "embedpipe evaluate tuned/ --data mails.csv --task clustering --json",
)
@argument(
    "models",
    nargs=-1,
    required=True,
    shell_complete=completed_model,
    metavar="MODEL...",
    help="names or folders of models",
)
@data_option("records with answers")
@task_option(TASK_NAMES, "what to measure")
@option(
    "--learn-from",
    type=click.Path(),
    metavar="FILE",
    help="what a classification learns from (default: four fifths of --data, tested on the rest)",
)
@option("--seed", type=int, default=0, metavar="N", help="of splits and clusters (default: 0)")
@option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="OUT",
    help="write OUT.md or OUT.json instead of printing",
)
@overwrite_option
@json_option
@quiet_option
@columns_option
@reading_options
@option(
    "--precision",
    "precisions",
    several=True,
    type=click.Choice(PRECISION_NAMES),
    section="Model",
    help="one or several (default: float32)",
)
@threads_option
def run(
    models: Sequence[str],
    data: Sequence[str],
    task: Any,
    learn_from: str | None,
    seed: int,
    output: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    columns: list[str] | None,
    precisions: Sequence[AskedPrecision],
    threads: int | None,
    **options: Any,
) -> None:
    """Measure each MODEL in each precision on each FILE, and print a table for each file.

    The columns tell the task:

      sentence1,sentence2,score     similarity: correlation of cosines with scores
      anchor,positive[,negative]    retrieval: recall, MRR and nDCG among all that is there
      text,label                    classification: accuracy and F1 of a logistic regression
      text,label                    clustering (say --task): V-measure of k-means

    Classification, clustering and correlations need: pip install 'embedpipe[evaluate]'
    """
    from embedpipe.embedding.options import ModelOptions
    from embedpipe.evaluation import evaluate, markdown
    from embedpipe.output import check_output

    is_json = as_json or (output is not None and output.endswith(".json"))
    if output is not None:
        if not output.endswith((".md", ".json")):
            raise click.UsageError(
                f"--output: found {output!r}; expected a name that ends in .md or .json",
                click.get_current_context(),
            )
        inputs = [*data, *([] if learn_from is None else [learn_from])]
        check_output(output, overwrite=overwrite, inputs=inputs)
    found = evaluate(
        models,
        data,
        task=task,
        columns=columns,
        learned_from=learn_from,
        precisions=precisions,
        seed=seed,
        reading=parsed_options(options | {"column": None}, InputOptions),
        embedding=ModelOptions(threads=threads),
        progress=not quiet,
    )
    text = json.dumps([asdict(each) for each in found], indent=2) if is_json else markdown(found)
    if output is None:
        print("\n".join(map(printable, text.split("\n"))))
        return
    from embedpipe.output import AtomicFile

    with AtomicFile(output, replace=overwrite) as file:
        file.write(f"{text}\n".encode())
