"""The published values of a model, and the stage that it was published for."""

from __future__ import annotations

import os
from pathlib import Path

from embedpipe.environment import CATALOG_VARIABLE
from embedpipe.errors import ModelNotFoundError, ParameterError
from embedpipe.formats.own_record import OWN_RECORD, read_record
from embedpipe.formats.reading import open_model_tree
from embedpipe.hub.catalog import catalog, show
from embedpipe.hub.catalog_file import CatalogModel, Published
from embedpipe.stages import STAGES
from embedpipe.stages.bases.encoder_stage import EncoderStage

__all__ = ["catalog_entry", "comparable_rows", "stage_class", "why_not_comparable"]


def catalog_entry(asked: str | os.PathLike[str], place: Path) -> CatalogModel:
    """The catalog's entry of the model at `place`: as recorded there, or else by its name.

    Raises ModelNotFoundError if the catalog has none.
    """
    record = read_record(open_model_tree(place))
    name, version, language = (record.get(key) for key in ("name", "version", "language"))
    if isinstance(name, str):
        return show(f"{name}@{version}" if version else name, language)
    if Path(asked) != place:
        return show(str(asked))
    found = catalog().get(place.resolve().name)
    if found is None:
        raise ModelNotFoundError(
            f"{place}: neither its {OWN_RECORD} nor its name tells which model of the catalog "
            f"it is. Give the folder that model's name, or write it into {OWN_RECORD} as 'name'"
        )
    return found


def why_not_comparable(entry: CatalogModel) -> str | None:
    """The reason why vectors cannot be compared with published values; None if they can."""
    rows = _published(entry)
    if not rows:
        return f"the catalog has no published values of a {_level(entry)} to compare with"
    if len({row.text for row in rows}) > 1 and len({row.values for row in rows}) == 1:
        return "the published values are the same for different texts, so that they tell nothing"
    return None


def comparable_rows(entry: CatalogModel) -> list[Published]:
    """The published values to compare vectors with; ParameterError if there are none."""
    reason = why_not_comparable(entry)
    if reason is not None:
        raise ParameterError(
            f"{entry.name}: {reason}. Describe the model with 'published' values in a file of "
            f"{CATALOG_VARIABLE}"
        )
    return _published(entry)


def _published(entry: CatalogModel) -> list[Published]:
    return [row for row in entry.published if row.level == _level(entry)]


def _level(entry: CatalogModel) -> str:
    return "sentence" if entry.task == "sentence" else "token"


def stage_class(entry: CatalogModel) -> type[EncoderStage]:
    """The stage that a model was published for; ParameterError if embedpipe does not have it."""
    for stage in STAGES:
        if stage.__name__ == entry.annotator and issubclass(stage, EncoderStage):
            return stage
    known = ", ".join(s.__name__ for s in STAGES if issubclass(s, EncoderStage))
    raise ParameterError(
        f"{entry.name}: the catalog says annotator {entry.annotator!r}; expected one of {known}"
    )
