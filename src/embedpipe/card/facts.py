"""Everything that a card says of a model; None where nothing is known."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedpipe.card.measuring import Measured, Measuring, measure
from embedpipe.encoder.config import EncoderConfig
from embedpipe.errors import ModelNotFoundError, ParameterError
from embedpipe.files.strict_json import read_json
from embedpipe.formats.opening import open_model, open_model_tree
from embedpipe.formats.sentence_transformers import OWN_SETTINGS
from embedpipe.models.catalog import catalog
from embedpipe.models.catalog_file import CatalogModel
from embedpipe.models.repository import wanted_files
from embedpipe.models.resolve import DEFAULT_MODEL, find_model, sha256_of
from embedpipe.verification import Verification, catalog_entry, verify

__all__ = ["CardFacts", "CardFile", "gather"]

_USUAL = Measuring()


@dataclass(frozen=True)
class CardFile:
    """A file of the model. expected: the SHA-256 recorded or published for it."""

    name: str
    size: int
    sha256: str
    expected: str | None


@dataclass(frozen=True)
class CardFacts:
    """What is known of a model.

    entry: the catalog's. aliases: names in one line. origin: kind and place that its record says
    it was fetched from. pooling_declared: whether its files say how to pool. verification: None
    where `unverified` says why. measured: None if that was not asked for.
    """

    name: str
    entry: CatalogModel | None
    aliases: tuple[str, ...]
    origin: tuple[str, str] | None
    config: EncoderConfig
    parameters: int
    max_length: int
    pooling: str
    normalize: bool
    pooling_declared: bool
    files: tuple[CardFile, ...]
    verification: Verification | None
    unverified: str
    measured: Measured | None


def gather(
    name_or_path: str | os.PathLike[str] | None = None,
    *,
    measuring: Measuring | None = _USUAL,
) -> CardFacts:
    """The facts of a model, as `find_model` finds it; no file is changed.

    measuring: on what to measure; None computes no published values either, and measures nothing.
    Raises ModelNotFoundError or ModelFormatError for a model that cannot be opened.
    """
    asked = DEFAULT_MODEL if name_or_path is None else name_or_path
    place = find_model(name_or_path)
    model = open_model(open_model_tree(place))
    entry = _entry(asked, place)
    is_word = entry is not None and entry.task == "word"
    verification, unverified = (None, "not computed, as nothing was measured")
    if measuring is not None:
        verification, unverified = _verified(asked, entry)
    record = read_json(place / OWN_SETTINGS, dict) if (place / OWN_SETTINGS).is_file() else {}
    return CardFacts(
        name=entry.name if entry is not None else _name(asked, place),
        entry=entry,
        aliases=tuple(catalog().further_names(entry.name)) if entry is not None else (),
        origin=_origin(record),
        config=model.config,
        parameters=sum(tensor.size for tensor in model.files.tensors.values()),
        max_length=model.max_length,
        pooling=model.pooling,
        normalize=model.normalize,
        pooling_declared=model.pooling_source == "declared",
        files=tuple(_files(place, _digests(record, entry))),
        verification=verification,
        unverified=unverified,
        measured=None if measuring is None else measure(place, measuring, words=is_word),
    )


def _entry(asked: str | os.PathLike[str], place: Path) -> CatalogModel | None:
    try:
        return catalog_entry(asked, place)
    except ModelNotFoundError:  # a folder of one's own, which has a card too
        return None


def _verified(
    asked: str | os.PathLike[str], entry: CatalogModel | None
) -> tuple[Verification | None, str]:
    if entry is None:
        return None, "the catalog does not describe this model"
    try:
        return verify(asked, record=False), ""
    except ParameterError as error:  # nothing to compare with, which the card says
        return None, str(error)


def _name(asked: str | os.PathLike[str], place: Path) -> str:
    return place.resolve().name if Path(asked) == place else str(asked)


def _origin(record: dict[str, Any]) -> tuple[str, str] | None:
    source = record.get("source")
    if not isinstance(source, dict):
        return None
    return str(source.get("kind")), str(source.get("place"))


def _digests(record: dict[str, Any], entry: CatalogModel | None) -> dict[str, str]:
    """The SHA-256 that each file should have: as recorded when fetched, else as published."""
    digests: dict[str, str] = {}
    recorded = record.get("files")
    for name, facts in recorded.items() if isinstance(recorded, dict) else ():
        if isinstance(facts, dict) and isinstance(facts.get("sha256"), str):
            digests[name] = facts["sha256"]
    for source in entry.sources if entry is not None else ():
        digests = {**source.files, **digests}
    return digests


def _files(place: Path, digests: dict[str, str]) -> list[CardFile]:
    if not place.is_dir():
        return [CardFile(place.name, place.stat().st_size, sha256_of(place), None)]
    names = open_model_tree(place).names
    found = wanted_files(names) or [name for name in names if name != OWN_SETTINGS]
    return [
        CardFile(name, path.stat().st_size, sha256_of(path), digests.get(name))
        for name in found
        for path in [place / name]
    ]
