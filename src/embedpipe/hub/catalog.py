"""The catalog of known models: their names, properties and sources.

It comes with the package (`catalog.json`, made by tools/build_catalog.py); `EMBEDPIPE_CATALOG`
adds files of the same form. Downloading is in `download`.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from embedpipe.environment import CATALOG_VARIABLE, catalog_places
from embedpipe.errors import ModelNotFoundError, ParameterError
from embedpipe.hub.catalog_file import CatalogModel, Task, read_catalog_file

__all__ = ["Catalog", "catalog", "search_models", "show", "suggestion"]

_OWN = Path(__file__).with_name("catalog.json")
_TASKS = ("word", "sentence")
_MOST_NEAR = 3  # names in a suggestion
_MOST_PARTS = 6  # of a version, as `catalog_file` allows


@dataclass(frozen=True)
class Catalog:
    """All models by name, the newest version first, and the further names of each."""

    models: dict[str, tuple[CatalogModel, ...]]
    aliases: dict[str, str]

    def name_of(self, reference: str) -> str:
        """The model that a one-line name stands for, else the name given; without a version."""
        plain = reference.partition("@")[0]
        return self.aliases.get(plain, plain) if plain not in self.models else plain

    def get(self, reference: str, language: str | None = None) -> CatalogModel | None:
        """The model of a name, a one-line name or `NAME@VERSION`; None if it is not in the catalog.

        Raises ModelNotFoundError if it is here in other languages or versions only.
        """
        name, _, version = reference.partition("@")
        found = self.models.get(self.name_of(name), ())
        chosen = [
            model
            for model in found
            if language in (None, model.language) and (not version or model.version == version)
        ]
        if found and not chosen:
            there = ", ".join(_edition(model) for model in found)
            wanted = [f"language {language!r}"] if language is not None else []
            wanted += [f"version {version!r}"] if version else []
            raise ModelNotFoundError(
                f"the model {found[0].name} is not in the catalog with {' and '.join(wanted)}; "
                f"there is: {there}"
            )
        return chosen[0] if chosen else None

    def names(self) -> list[str]:
        """The models' own names, then the further ones."""
        return [*self.models, *self.aliases]

    def further_names(self, name: str) -> list[str]:
        """Every other name of a model."""
        return sorted(alias for alias, meant in self.aliases.items() if meant == name)


def catalog() -> Catalog:
    """The catalog as it is now: files of `EMBEDPIPE_CATALOG` first, then the package's own.

    The first to describe a name in a language and version counts. Files are read again only after
    a change. Raises ParameterError for a file that is missing or has faults.
    """
    return _merged(tuple((path, _stamp(path)) for path in [*_own_files(), _OWN]))


def search_models(
    task: Task | None = None,
    language: str | None = None,
    dimension: int | None = None,
    text: str | None = None,
) -> list[CatalogModel]:
    """The models that fit everything given, in the catalog's order.

    task: "word" or "sentence". text: a part of the name or of a further name, in any case. Other
    versions than the newest are left out.

    >>> [model.name for model in search_models(task="sentence", dimension=128, text="l2")]
    ['sent_small_bert_L2_128']
    """
    if task is not None and task not in _TASKS:
        raise ParameterError(f"task: found {task!r}; expected {' or '.join(map(repr, _TASKS))}")
    known = catalog()
    wanted = (text or "").lower()
    newest: dict[tuple[str, str], CatalogModel] = {}
    for versions in known.models.values():
        for model in versions:
            newest.setdefault((model.name, model.language), model)
    return [
        model
        for model in newest.values()
        if task in (None, model.task)
        and language in (None, model.language)
        and dimension in (None, model.dimension)
        and any(wanted in name.lower() for name in (model.name, *known.further_names(model.name)))
    ]


def show(name: str, language: str | None = None) -> CatalogModel:
    """The catalog's entry of a model, by its name, a one-line name, or `NAME@VERSION`.

    Raises ModelNotFoundError with near names if there is none.

    >>> model = show("en.embed.bert.small_L12_256")
    >>> model.name, model.dimension, model.sources[0].repository
    ('small_bert_L12_256', 256, 'google/bert_uncased_L-12_H-256_A-4')
    """
    known = catalog()
    model = known.get(name, language)
    if model is None:
        raise ModelNotFoundError(
            f"no model in the catalog is named {name!r:.200}; to see all, run: embedpipe models"
            + suggestion(name, known.names())
        )
    return model


def suggestion(name: str, names: Iterable[str]) -> str:
    """ "; did you mean ...?" with names that are one typing error away, or an empty string.

    Where a name differs in capitals and marks alone, only that one is meant.

    >>> suggestion("smal_bert", ["small_bert", "all_bert"])
    "; did you mean 'small_bert'?"
    """
    near = [known for known in sorted(set(names)) if _is_one_slip(name, known)]
    same = [known for known in near if _plain(known) == _plain(name)]
    near = (same or near)[:_MOST_NEAR]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _is_one_slip(first: str, second: str) -> bool:
    """Whether they differ by one character inserted, removed, replaced or swapped with the next.

    Capitals do not matter, nor which mark stands between words.
    """
    a, b = _plain(first), _plain(second)
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return max(len(a), len(b)) <= 1 or (len(a) == 2 and a == b[::-1])


def _plain(name: str) -> str:
    return re.sub("[-_. ]", "_", name.lower())


def _edition(model: CatalogModel) -> str:
    return f"language {model.language!r}" + (f", version {model.version}" if model.version else "")


def _own_files() -> list[Path]:
    """The user's files, those of a directory by name."""
    files: list[Path] = []
    for path in catalog_places():
        if path.is_dir():
            files += sorted(path.glob("*.json"))
        elif path.is_file():
            files.append(path)
        else:
            raise ParameterError(
                f"{CATALOG_VARIABLE}: {path} does not exist; expected catalog files or "
                f"directories of them, separated by {os.pathsep!r}"
            )
    return files


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=4)
def _merged(files: tuple[tuple[Path, tuple[int, int]], ...]) -> Catalog:
    found: dict[tuple[str, str, str | None], CatalogModel] = {}
    aliases: dict[str, str] = {}
    for path, _ in files:
        models, names = read_catalog_file(path, checked=path == _OWN)
        for model in models:
            found.setdefault((model.name, model.language, model.version), model)
        aliases = {**names, **aliases}
    by_name: dict[str, tuple[CatalogModel, ...]] = {}
    for model in sorted(found.values(), key=_age):
        by_name[model.name] = (*by_name.get(model.name, ()), model)
    return Catalog(dict(sorted(by_name.items())), aliases)


def _age(model: CatalogModel) -> tuple[bool, list[int]]:
    """Orders versions, the newest first; one that says none is the newest."""
    parts = [-int(part) for part in (model.version or "").split(".") if part]
    return model.version is not None, parts + [0] * (_MOST_PARTS - len(parts))
