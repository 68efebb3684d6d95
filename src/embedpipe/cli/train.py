"""``embedpipe train``: a model fine-tuned on data of one's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.answer_options import columns_option, data_option, task_option
from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.learning_options import (
    LEARNING,
    device_option,
    evaluation_options,
    new_model_options,
    restart_option,
    schedule_options,
)
from embedpipe.cli.options import (
    completed_model,
    input_options,
    json_option,
    overwrite_option,
    parsed_options,
    quiet_option,
    threads_option,
)
from embedpipe.cli.streams import printable
from embedpipe.files.input_options import InputOptions

if TYPE_CHECKING:
    from embedpipe.train import TrainSummary

__all__ = ["HEADS", "LOSS_NAMES", "TRAIN_TASK_NAMES", "run"]

TRAIN_TASK_NAMES = ("similarity", "retrieval", "classification", "mlm")
LOSS_NAMES = ("CoSENTLoss", "CosineSimilarityLoss", "MultipleNegativesRankingLoss")
HEADS = ("frozen", "contrastive", "sequence")
"""Those of `embedpipe.train.tuning.options`; a test compares all three."""

_LABELS, _WORDS = "Labels", "Masked words"


@command(
    "fine-tune a model on data of your own",
    "embedpipe train all-MiniLM-L6-v2 --data pairs.csv --dev dev.csv -o tuned",
    "embedpipe train all-MiniLM-L6-v2 --data faq.jsonl --hard-negatives 3 -o tuned",
    "embedpipe train all-MiniLM-L6-v2 --data mails.csv --task classification -o sorter",
    "embedpipe train small_bert_L2_128 --data texts/*.txt --task mlm -o domain",
)
@argument(
    "base",
    metavar="BASE",
    shell_complete=completed_model,
    help="what learning begins with: a model's name or folder",
)
@data_option("what is learned from (for mlm plain text, too)")
@new_model_options(
    development="records with answers, whose score chooses what is kept and tells what was gained"
)
@task_option(TRAIN_TASK_NAMES, "what is learned")
@option(
    "--loss",
    "losses",
    several=True,
    type=click.Choice(LOSS_NAMES, case_sensitive=False),
    section=LEARNING,
    help="by sentence-transformers' names (default: CoSENTLoss for scores, "
    "MultipleNegativesRankingLoss for pairs)",
)
@option(
    "--score-range",
    type=(float, float),
    metavar="LOW HIGH",
    section=LEARNING,
    help="of the scores that CosineSimilarityLoss learns (default: as they are, from -1 to 1)",
)
@option(
    "--hard-negatives",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    section=LEARNING,
    help="find N wrong answers for each pair, near to the right one (default: 0)",
)
@schedule_options(unit="record", batch=32, rate="5e-5, of masked words 5e-4")
@option(
    "--layer-decay",
    type=float,
    default=1.0,
    section=LEARNING,
    help="the rate of a layer over that of the one above it (default: 1)",
)
@option(
    "--warmup",
    type=float,
    default=0.1,
    section=LEARNING,
    help="share of steps in which the rate rises (default: 0.1)",
)
@option(
    "--max-length",
    type=positive_number,
    metavar="N",
    section=LEARNING,
    help="most pieces of a text while it learns (default: BASE's)",
)
@evaluation_options(evaluations=10, taken="the score of --dev, and a checkpoint,")
@option(
    "--head",
    type=click.Choice(HEADS),
    default="frozen",
    section=_LABELS,
    help="frozen: logistic regression on BASE's vectors; contrastive: texts of a label are drawn "
    "together first; sequence: transformers' classifier, all weights learned (default: frozen)",
)
@option(
    "--mask",
    type=float,
    default=0.15,
    section=_WORDS,
    help="share of pieces that are hidden (default: 0.15)",
)
@option("--random", is_flag=True, section=_WORDS, help="begin with random weights of BASE's sizes")
@device_option("it")
@restart_option
@overwrite_option
@threads_option
@columns_option
@input_options
@json_option
@quiet_option
def run(base: str, data: Sequence[str], output: str, **given: Any) -> None:
    """Fine-tune BASE on FILE, and write it as a folder that all libraries open.

    The columns tell what is learned; files with and without scores may be given together:

      sentence1,sentence2,score     similarity: cosines that follow the scores
      anchor,positive[,negative]    retrieval: what belongs together, near; the rest, far
      text,label                    classification: a head on the vectors
      text                          masked words (say --task mlm): a domain's language

    A run that was interrupted goes on where it was when the same command is given again. Needs
    PyTorch and sentence-transformers: pip install 'embedpipe[train]'
    """
    from embedpipe.train import TrainOptions, train

    summary = train(
        base,
        data,
        output,
        TrainOptions(**{field.name: given[field.name] for field in fields(TrainOptions)}),
        task=given["task"],
        columns=given["columns"],
        development=given["development"],
        reading=parsed_options(given, InputOptions),
        overwrite=given["overwrite"],
        restart=given["restart"],
        progress=not given["quiet"],
    )
    if given["as_json"]:
        print(json.dumps(asdict(summary), indent=2))
    elif not given["quiet"]:
        print(format_summary(summary), file=sys.stderr)


def format_summary(summary: TrainSummary) -> str:
    """A line for people, and the table of what was gained."""
    from embedpipe.evaluation import markdown
    from embedpipe.progress import duration

    line = (
        f"{summary.records:,} records, {summary.steps:,} steps in {duration(summary.seconds)}: "
        f"{printable(summary.output)}"
    )
    return f"{line}\n\n{markdown(summary.measured)}" if summary.measured else line
