"""Texts to learn from: read as everywhere, without empty ones, duplicates and development texts."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from embedpipe.errors import ColumnError, InputError, TrainingDataWarning
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs
from embedpipe.progress import Progress
from embedpipe.train.checks import folded

__all__ = ["TrainingTexts", "read_texts"]

_FEWEST = 16


@dataclass(frozen=True)
class TrainingTexts:
    """Distinct texts in the order in which they came, and what was left out on the way.

    sources: names of the files. empty, duplicates, from_development: how many records.
    """

    texts: list[str]
    sources: tuple[str, ...] = ()
    empty: int = 0
    duplicates: int = 0
    from_development: int = 0
    digest: str = field(default="", compare=False)


def read_texts(
    sources: Sequence[str],
    options: InputOptions | None = None,
    *,
    without: Collection[str] = (),
    progress: bool = False,
) -> TrainingTexts:
    """Read all texts of files, folders and patterns.

    without: development texts; those that are equal to one of them, but for case and white space,
    are left out with a TrainingDataWarning. Missing texts count as empty.

    Raises InputError for fewer than 16 distinct texts, and as all readers do.
    """
    inputs = Inputs(list(sources), options)
    column = inputs.options.text_column
    schema = inputs.schema()
    if column not in schema.names:
        raise ColumnError(
            f"no column is named {column!r}; found {', '.join(map(repr, schema.names))}. Name the "
            "one with the texts with --column"
        )
    held = {folded(text) for text in without}
    distinct: dict[str, None] = {}
    records = empty = leaked = kept = 0
    total = inputs.total_size()
    with Progress(unit="texts", label="reading", shown=progress, leave=False) as bar:
        for batch in inputs.batches():
            texts = batch.records.column(batch.records.schema.names.index(column)).to_pylist()
            for text in texts:
                if text is None or not text.strip():
                    empty += 1
                elif held and folded(text) in held:
                    leaked += 1
                else:
                    kept += 1
                    distinct[text] = None
            records += len(texts)
            bar.advance(len(texts), share=batch.bytes_read / total if total else None)
    _check(len(distinct), records, leaked)
    digest = sha256()
    for text in distinct:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    names = tuple(inputs.sources)
    duplicates = kept - len(distinct)
    return TrainingTexts([*distinct], names, empty, duplicates, leaked, digest.hexdigest())


def _check(distinct: int, records: int, leaked: int) -> None:
    if leaked:
        warnings.warn(
            f"{leaked:,} of {records:,} texts stand among the development pairs, too; they were "
            "left out of training, or the score would flatter",
            TrainingDataWarning,
            stacklevel=3,
        )
    if distinct < _FEWEST:
        raise InputError(
            f"{distinct} distinct texts of {records:,} records; expected at least {_FEWEST}, and "
            "thousands for a student that is worth something. Name more files with --text"
        )
