"""The facts of a card; None where they are not known."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import embedpipe
from embedpipe.card.measuring import Measured, Measuring, measure
from embedpipe.card.training import Training, read_training
from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.files.hashes import sha256_of
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.model import Model
from embedpipe.formats.own_record import OWN_RECORD, read_record
from embedpipe.formats.reading import open_model, open_model_tree
from embedpipe.hub.catalog import catalog
from embedpipe.hub.catalog_file import CatalogModel
from embedpipe.hub.find import find_model
from embedpipe.hub.names import DEFAULT_MODEL
from embedpipe.hub.repository import wanted_files
from embedpipe.stages import STAGES
from embedpipe.stages.bases.encoder_stage import EncoderStage
from embedpipe.verification import (
    Verification,
    catalog_entry,
    stage_class,
    verify,
    why_not_comparable,
)

__all__ = ["CardFacts", "CardFile", "gather"]

_USUAL = Measuring()


@dataclass(frozen=True)
class CardFile:
    """A file of the model, or its archive.

    expected: SHA-256 that it may have: the one recorded when it was fetched, else those published;
    none where nothing is known.
    """

    name: str
    size: int
    sha256: str
    expected: frozenset[str]


@dataclass(frozen=True)
class CardFacts:
    """What is known of a model.

    asked: the name or path that loads it; by_path: which of the two. place: its folder or archive.
    entry: the catalog's. language, license: as recorded with the model, else the catalog's.
    aliases: names in one line. origin: kind and place that its record says it was fetched from.
    annotator: the stage it was published for, else one that fits. by_words: whether that makes
    vectors of words. dimension: of a text's vector. pooling_declared: whether its files say how to
    pool. verification: None where `unverified` says why. measured: None if that was not asked for.
    made_on: today, as YYYY-MM-DD. made_by: this package and its version. training: how it was
    trained, where its files tell.
    """

    name: str
    asked: str
    by_path: bool
    place: Path
    entry: CatalogModel | None
    language: str | None
    license: str | None
    aliases: tuple[str, ...]
    origin: tuple[str, ...]
    annotator: str
    by_words: bool
    config: EncoderConfig
    dimension: int
    parameters: int
    max_length: int
    pooling: str
    normalize: bool
    pooling_declared: bool
    files: tuple[CardFile, ...]
    verification: Verification | None
    unverified: str
    measured: Measured | None
    made_on: str
    made_by: str
    training: Training | None = None


def gather(
    name_or_path: str | os.PathLike[str] | None = None,
    *,
    measuring: Measuring | None = _USUAL,
) -> CardFacts:
    """The facts of a model, as `find_model` finds it; no file is changed.

    measuring: on what to measure; None computes no published values either, and measures nothing.

    Raises ModelNotFoundError or ModelFormatError for a model that cannot be opened, or that is not
    the one of the catalog's entry; ParameterError for a faulty entry.

    >>> facts = gather("all-MiniLM-L6-v2", measuring=None)
    >>> facts.annotator, facts.license, f"{facts.parameters:,}"
    ('BertSentenceEmbeddings', 'Apache-2.0', '22,713,216')
    """
    asked = DEFAULT_MODEL if name_or_path is None else name_or_path
    place = find_model(name_or_path)
    tree = open_model_tree(place)
    model, record = open_model(tree), read_record(tree)
    entry = _entry(asked, place)
    stage = _stage(entry, model)
    by_path = Path(asked) == place
    by_words = len(stage.input_annotator_types) > 1
    measured = None if measuring is None else measure(place, measuring, words=by_words)
    verification, unverified = _verified(asked, entry, computing=measuring is not None)
    own_name = place.resolve().name if by_path else os.fspath(asked)
    return CardFacts(
        name=own_name if entry is None else entry.name,
        asked=os.fspath(asked),
        by_path=by_path,
        place=place,
        entry=entry,
        language=_text(record, "language") or (entry.language if entry is not None else None),
        license=_text(record, "license") or (entry.license if entry is not None else None),
        aliases=tuple(catalog().further_names(entry.name)) if entry is not None else (),
        origin=_origin(record),
        annotator=stage.__name__,
        by_words=by_words,
        config=model.config,
        dimension=min(model.usage.truncate_dim or model.dimension, model.dimension),
        parameters=sum(tensor.size for tensor in model.all_tensors.values()),
        max_length=model.max_length,
        pooling=model.pooling,
        normalize=model.normalize,
        pooling_declared=model.pooling_declared,
        files=tuple(_files(place, tree, record, entry)),
        verification=verification,
        unverified=unverified,
        measured=measured,
        made_on=date.today().isoformat(),
        made_by=f"embedpipe {embedpipe.__version__}",
        training=read_training(tree),
    )


def _entry(asked: str | os.PathLike[str], place: Path) -> CatalogModel | None:
    try:
        return catalog_entry(asked, place)
    except ModelNotFoundError:  # a model of one's own, which has a card too
        return None


def _stage(entry: CatalogModel | None, model: Model) -> type[EncoderStage]:
    """The stage that the model was published for, or else one that it fits."""
    config = model.config
    if entry is None:
        # Who declares a pooling means vectors of sentences
        wants_sentences = model.pooling_declared
        name = config.row.annotators[-1 if wants_sentences else 0]
        return next(s for s in STAGES if s.__name__ == name and issubclass(s, EncoderStage))
    stage = stage_class(entry)
    if (entry.architecture, entry.dimension) != (config.architecture, config.hidden_size):
        raise ModelFormatError(
            f"{model.path} is of architecture {config.architecture} with vectors of "
            f"{config.hidden_size}; the catalog says {entry.architecture} with vectors of "
            f"{entry.dimension} of {entry.name}. It is another model: give its folder another "
            f"name, or correct the 'name' in its {OWN_RECORD}"
        )
    return stage


def _verified(
    asked: str | os.PathLike[str], entry: CatalogModel | None, *, computing: bool
) -> tuple[Verification | None, str]:
    """The verification, or the reason why there is none."""
    if entry is None:
        return None, "the catalog does not describe this model"
    reason = why_not_comparable(entry)
    if reason is None and not computing:
        reason = "nothing was computed for this card"
    return (verify(asked), "") if reason is None else (None, reason)


def _text(record: Mapping[str, Any], key: str) -> str | None:
    found = record.get(key)
    return found if isinstance(found, str) else None


def _origin(record: Mapping[str, Any]) -> tuple[str, ...]:
    source = record.get("source")
    found = (_text(source, key) for key in ("kind", "place")) if isinstance(source, dict) else ()
    return tuple(text for text in found if text)


def _files(
    place: Path, tree: FileTree, record: Mapping[str, Any], entry: CatalogModel | None
) -> list[CardFile]:
    """The files of the model: its archive, or those in its folder."""
    sources = entry.sources if entry is not None else ()
    folder = place if place.is_dir() else place.parent
    if Path(tree.source) != folder:
        published = frozenset(source.sha256 for source in sources if source.sha256 is not None)
        return [CardFile(place.name, place.stat().st_size, sha256_of(place), published)]
    names = wanted_files(tree.names) or [name for name in tree.names if name != OWN_RECORD]
    recorded = record.get("files")
    digests = _digests(recorded if isinstance(recorded, dict) else {})
    return [
        CardFile(
            name,
            (folder / name).stat().st_size,
            sha256_of(folder / name),
            frozenset(
                {digests[name]}
                if name in digests
                else {source.files[name] for source in sources if name in source.files}
            ),
        )
        for name in names
    ]


def _digests(recorded: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of each file that has one in the record."""
    found = {n: _text(facts, "sha256") for n, facts in recorded.items() if isinstance(facts, dict)}
    return {name: digest for name, digest in found.items() if digest is not None}
