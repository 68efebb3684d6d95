"""``embedpipe distil``: a small student that learns a teacher's vectors."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.learning_options import (
    LEARNING,
    RUN,
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

__all__ = ["run"]

_STUDENT = "Student"


@command(
    "train a small student of a model's vectors",
    "embedpipe distil all-MiniLM-L6-v2 --student L2_H128 --text reviews.txt -o student",
    "embedpipe distil all-MiniLM-L6-v2 --layers 0,3,5 --vocab 16000 --text texts/*.txt "
    "--dev dev.csv -o student",
)
@argument(
    "teacher",
    metavar="TEACHER",
    shell_complete=completed_model,
    help="whose vectors are learned: a model's name or folder",
)
@option(
    "--text",
    required=True,
    several=True,
    type=click.Path(),
    metavar="FILE...",
    help="texts to learn from: files, folders and patterns",
)
@new_model_options(
    development="pairs with the columns sentence1, sentence2, score that choose the best student "
    "(default: cosine to the teacher on texts held out)"
)
@option(
    "--student",
    metavar="SIZE",
    section=_STUDENT,
    help="layers and width, as L2_H128; static or static_H256 (no layers); or a model to begin "
    "with",
)
@option(
    "--layers",
    metavar="LIST",
    section=_STUDENT,
    help="layers of the teacher to begin with, as 0,3,5; or search, which finds them by --dev "
    "(default: evenly spread, where the widths agree)",
)
@option(
    "--vocab",
    "vocabulary",
    type=positive_number,
    metavar="N",
    section=_STUDENT,
    help="keep the N pieces that the texts use most (default: all)",
)
@option(
    "--max-length",
    type=positive_number,
    metavar="N",
    section=_STUDENT,
    help="most pieces of a text (default: the teacher's)",
)
@option(
    "--loss",
    type=click.Choice(("cosine", "similarity", "both")),
    default="both",
    section=LEARNING,
    help="cosine to the teacher's vectors, similarities within a batch, or both (default: both)",
)
@option(
    "--temperature",
    type=float,
    default=0.05,
    section=LEARNING,
    help="of similarities within a batch (default: 0.05)",
)
@schedule_options(unit="text", batch=128, rate="3e-4 for trained layers, else 1e-3")
@evaluation_options(evaluations=20, taken="the development score")
@option(
    "--teacher-precision",
    type=click.Choice(("float32", "bfloat16", "int8")),
    default="int8",
    section=RUN,
    help="of the teacher's vectors (default: int8)",
)
@option(
    "--cache",
    type=click.Path(),
    metavar="DIR",
    section=RUN,
    help="where the teacher's vectors are kept (default: embedpipe's cache)",
)
@device_option("the student")
@option(
    "--bfloat16",
    is_flag=True,
    section=RUN,
    help="products in bfloat16, for processors with AMX or AVX-512 BF16",
)
@option(
    "--checkpoint-seconds",
    type=float,
    default=60.0,
    section=RUN,
    help="how much work a killed run may lose (default: 60)",
)
@restart_option
@option(
    "--finish",
    is_flag=True,
    section=RUN,
    help="write the best student of an unfinished run, and learn no more",
)
@overwrite_option
@threads_option
@input_options
@json_option
@quiet_option
def run(teacher: str, text: Sequence[str], output: str, **given: Any) -> None:
    """Make a small model whose vectors are as near to TEACHER's as it can.

    A run that was killed goes on where it was when the same command is given again, and comes to
    the same bits as one that was not. Needs PyTorch and transformers: pip install
    'embedpipe[train]'.
    """
    from embedpipe.train import DistilOptions, distil

    reading = parsed_options(given | {"prompt": None, "prompt_name": None}, InputOptions)
    summary = distil(
        teacher,
        text,
        output,
        DistilOptions(**{field.name: given[field.name] for field in fields(DistilOptions)}),
        development=given["development"],
        reading=reading,
        cache=given["cache"],
        overwrite=given["overwrite"],
        restart=given["restart"],
        finish=given["finish"],
        progress=not given["quiet"],
    )
    if given["as_json"]:
        print(json.dumps(asdict(summary)))
    elif not given["quiet"]:
        print(
            f"{printable(output)}: development score {summary.score:.2f}, the teacher's "
            f"{summary.teacher_score:.2f}; {summary.step:,} of {summary.steps:,} steps in "
            f"{summary.seconds:.0f} s",
            file=sys.stderr,
        )
