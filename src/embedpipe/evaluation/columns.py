"""Which columns of a file a task reads: by the names that data sets usually have, or as named.

similarity        sentence1, sentence2, score      how alike two texts are
retrieval         anchor, positive[, negative...]  a text and what it should find
classification    text, label
clustering        text, label                      only where it is asked for
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from embedpipe.errors import ColumnError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.detected import kind_of
from embedpipe.frames.files.inputs import Inputs
from embedpipe.frames.files.sources import is_pipe

__all__ = ["TASKS", "Columns", "Task", "check_task"]

Task = Literal["similarity", "retrieval", "classification", "clustering"]
TASKS: tuple[Task, ...] = get_args(Task)

_LABELED = (("text", "sentence"), ("label", "labels"))
_NAMES: dict[Task, tuple[tuple[str, ...], ...]] = {
    "similarity": (
        ("sentence1", "sentence_A", "text1"),
        ("sentence2", "sentence_B", "text2"),
        ("score", "similarity_score", "label"),
    ),
    "retrieval": (("anchor", "query", "question"), ("positive", "answer", "document")),
    "classification": _LABELED,
    "clustering": _LABELED,
}
"""What each column may be called, the usual name first."""

_NEGATIVE = "negative"  # what the names of all further texts of retrieval begin with


@dataclass(frozen=True)
class Columns:
    """A file that can be read, the task of its records, and the columns of it in their order."""

    inputs: Inputs
    task: Task
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        source: str,
        task: Task | None,
        named: Sequence[str] | None,
        reading: InputOptions,
    ) -> Columns:
        """Raise ColumnError where one is missing, and what `Inputs.check` raises."""
        check_task(task)
        if named is not None:
            return cls._named(source, task, tuple(named), reading)
        said = ""
        for kind in TASKS if task is None else (task,):
            for first in _NAMES[kind][0]:
                try:
                    inputs = _opened(source, first, reading)
                except ColumnError as error:
                    said = said or str(error).removesuffix(error.remedy).rstrip("; ")
                    continue
                names = inputs.schema().names
                found = _known(kind, names)
                if found is not None:
                    return cls(inputs, kind, found)
                said = f"{source}: found {', '.join(map(repr, names))}"
        wanted = (
            "; ".join(f"{','.join(n[0] for n in _NAMES[kind])} ({kind})" for kind in TASKS[:3])
            if task is None
            else ",".join(names[0] for names in _NAMES[task])
        )
        raise ColumnError(
            f"{said}; expected the columns {wanted}; name what they are called with --columns and "
            "--task (in Python columns=[...], task=...)"
        )

    @classmethod
    def _named(
        cls, source: str, task: Task | None, named: tuple[str, ...], reading: InputOptions
    ) -> Columns:
        listed = ",".join(named)
        if task is None:
            raise ParameterError(
                f"columns {listed}: which task they are for is not said; add --task, one of "
                f"{', '.join(TASKS)}"
            )
        usual = [names[0] for names in _NAMES[task]]
        if len(named) < len(usual) or (task != "retrieval" and len(named) > len(usual)):
            raise ParameterError(
                f"columns {listed}: found {len(named)}; {task} takes {','.join(usual)}"
                f"{',negative...' * (task == 'retrieval')}; name them in this order"
            )
        inputs = _opened(source, named[0], reading)
        names = inputs.schema().names
        absent = next((name for name in named if names.count(name) != 1), None)
        if absent is not None:
            raise ColumnError(
                f"{source}: {names.count(absent) or 'no'} columns are named {absent!r}; found "
                f"{', '.join(map(repr, names))}; correct --columns"
            )
        return cls(inputs, task, named)


def check_task(task: str | None) -> None:
    """ParameterError for what is none of TASKS."""
    if task is not None and task not in TASKS:
        raise ParameterError(f"task {task!r}: expected one of {', '.join(TASKS)}")


def _opened(source: str, first: str, reading: InputOptions) -> Inputs:
    options = replace(reading, column=first)
    if not is_pipe(source) and Path(source).is_file() and kind_of(source, options).format == "text":
        raise ColumnError(f"{source}: plain text has no columns; say --format if it is none")
    inputs = Inputs([source], options)
    inputs.check()
    return inputs


def _known(task: Task, names: Sequence[str]) -> tuple[str, ...] | None:
    """The file's names for the columns of the task; None where one is missing or there twice."""
    found = []
    for usual in _NAMES[task]:
        here = next((name for name in usual if names.count(name) == 1), None)
        if here is None:
            return None
        found.append(here)
    if task == "retrieval":
        found += [name for name in names if name.startswith(_NEGATIVE)]
    return tuple(found)
