"""The models of what is saved or loaded: each stored once, and each loaded once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedpipe.errors import ModelNotFoundError, OutputError, ParameterError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.reading import open_model
from embedpipe.formats.writing import model_texts
from embedpipe.pipeline.savable import ModelStorage

if TYPE_CHECKING:
    from embedpipe.encoder import Encoder
    from embedpipe.encoder.loaded import Origin

__all__ = ["LoadedModels", "StoredModels", "load_encoder"]

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")


class StoredModels:
    """Gives each model its place: a folder of its own ("copy"), or its name or path ("reference").

    target: where everything is saved.
    """

    def __init__(self, storage: ModelStorage, target: Path) -> None:
        if storage not in ("copy", "reference"):
            raise ParameterError(f"models: found {storage!r}; expected 'copy' or 'reference'")
        self._storage = storage
        self._target = Path(os.path.realpath(target))
        self._folders: dict[str, Encoder] = {}

    def place(self, encoder: Encoder) -> dict[str, str]:
        """What JSON says of the model."""
        if self._storage == "reference":
            return {"reference": self._reference(encoder)}
        for folder, other in self._folders.items():
            if _same_model(encoder, other):
                return {"folder": folder}
        plain = _NOT_IN_A_NAME.sub("_", encoder.name.rpartition("/")[2])[:100].lstrip(".-")
        name, number = plain or "model", 1
        while name in self._folders:
            number += 1
            name = f"{plain or 'model'}-{number}"
        self._folders[name] = encoder
        return {"folder": name}

    def folders(self) -> Iterator[tuple[str, Encoder]]:
        """The folders to write, by name."""
        yield from sorted(self._folders.items())

    def _reference(self, encoder: Encoder) -> str:
        if encoder.reference is None:
            raise OutputError(
                f"cannot save the model {encoder.name!r} by reference: it lies inside "
                f"{encoder.path}, and no name or path loads it alone. Save with models='copy'"
            )
        if self._target in Path(encoder.reference).parents:
            raise OutputError(
                f"cannot save the model {encoder.name!r} by reference: it lies in "
                f"{self._target}, which will be replaced. Save with models='copy'"
            )
        return encoder.reference


def _same_model(one: Encoder, other: Encoder) -> bool:
    if one is other:
        return True
    mine, theirs = one.model.all_tensors, other.model.all_tensors
    return (
        model_texts(one.model) == model_texts(other.model)
        and mine.keys() == theirs.keys()
        and all(np.array_equal(mine[name], theirs[name]) for name in mine)
    )


class LoadedModels:
    """Loads each model when first asked for, and gives the same encoder ever after."""

    def __init__(self) -> None:
        self._loaded: dict[str, Encoder] = {}

    def get(self, place: FileTree | str, asked_by: str) -> Encoder:
        """The encoder of a model's files, or of its name or path."""
        key = place if isinstance(place, str) else place.source
        if key not in self._loaded:
            self._loaded[key] = _load(place, asked_by) if isinstance(place, str) else _open(place)
        return self._loaded[key]


def load_encoder(name_or_path: str | Path) -> Encoder:
    """The same as `Encoder.load`."""
    # Imported late: stages without a model need neither kernels nor tokenizers.
    from embedpipe.encoder import Encoder

    return Encoder.load(name_or_path)


def _load(reference: str, asked_by: str) -> Encoder:
    try:
        return load_encoder(reference)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"{asked_by} was saved without its model, only with a reference to {reference!r}, "
            f"which cannot be found here: {error}"
        ) from error


def _open(tree: FileTree) -> Encoder:
    from embedpipe.encoder import Encoder

    folder = Path(tree.source)
    reference = str(folder.resolve()) if folder.is_dir() else None
    return Encoder.of_model(
        open_model(tree, numbers=False),
        name=folder.name,
        reference=reference,
        origin=_origin(tree.source),
    )


def _origin(source: str) -> Origin:
    """Where a tree of that source was opened: a folder, or one in an archive."""
    from embedpipe.encoder.loaded import Origin

    place = Path(source).absolute()
    there = next(path for path in (place, *place.parents) if path.exists())
    return Origin(str(there), "" if there == place else place.relative_to(there).as_posix())
