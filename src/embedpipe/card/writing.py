"""Writes the files of a card, each completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from embedpipe._dependencies import require
from embedpipe.card.facts import CardFacts
from embedpipe.card.rendering import html, markdown
from embedpipe.errors import OutputError, ParameterError
from embedpipe.formats.layout import TRAINING_CURVE
from embedpipe.formats.own_record import add_to_record
from embedpipe.output import AtomicFile, check_output

__all__ = ["MARKDOWN", "PAGE", "check_card_output", "record_measured", "write_card"]

MARKDOWN, PAGE = "README.md", "index.html"


def check_card_output(
    directory: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> None:
    """Raise OutputError if the card cannot be written there; to be called before measuring.

    inputs: files that are read and thus never replaced. Raises MissingDependencyError without the
    package that makes the page.
    """
    require("markdown_it", "a model's card as a page")
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"cannot write {folder}: it is a file; give the name of a directory")
    if not folder.absolute().parent.is_dir():
        raise OutputError(
            f"cannot write {folder}: the folder {folder.parent} does not exist; make it first"
        )
    for name in (MARKDOWN, PAGE):
        check_output(folder / name, overwrite=overwrite, inputs=inputs)


def write_card(
    facts: CardFacts, directory: str | os.PathLike[str], *, overwrite: bool = False
) -> tuple[Path, Path]:
    """Write `README.md` and `index.html` into a directory, and return their paths.

    The picture of how a model was trained goes beside them, where there is one.

    overwrite: whether files of these names are replaced; others there are never touched.

    Raises OutputError if they cannot be written; each file is then whole or as it was.

    >>> import tempfile
    >>> from embedpipe.card import gather
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = write_card(gather("all-MiniLM-L6-v2", measuring=None), folder)
    ...     [path.name for path in paths], "384" in paths[0].read_text(encoding="utf-8")
    (['README.md', 'index.html'], True)
    """
    check_card_output(directory, overwrite=overwrite)
    texts = markdown(facts), html(facts)
    folder = Path(directory)
    paths = folder / MARKDOWN, folder / PAGE
    is_new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror}; change its permissions or name another one"
        ) from error
    curve = None if facts.training is None else facts.training.curve
    try:
        with AtomicFile(paths[0]) as readme, AtomicFile(paths[1]) as page:
            for file, text in zip((readme, page), texts, strict=True):
                file.write(text.encode("utf-8"))
            if curve is not None and (overwrite or not (folder / TRAINING_CURVE).exists()):
                with AtomicFile(folder / TRAINING_CURVE) as picture:
                    picture.write(curve)
    except BaseException:
        if is_new:
            with suppress(OSError):  # another process may have put something there
                folder.rmdir()
        raise
    return paths


def record_measured(facts: CardFacts) -> Path:
    """Record the measurement as `measured` in the model's `embedpipe.json`; return its path.

    Raises ParameterError if nothing was measured, OutputError if it cannot be written.
    """
    if facts.measured is None:
        raise ParameterError(f"{facts.name}: nothing was measured that could be recorded")
    measured = {"made_on": facts.made_on, "made_by": facts.made_by, **asdict(facts.measured)}
    return add_to_record(facts.place, {"measured": measured}, digits=6)
