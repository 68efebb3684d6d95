"""Encoders on their way to another process: what goes into a pickle, and what becomes of it there.

A model with files goes by reference, some hundred bytes; it is opened again where it arrives, once
for all of its encoders in a process. One without files goes with its bytes. Engines never go.
"""

from __future__ import annotations

import operator
import pickle
import zlib
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar
from weakref import WeakValueDictionary

from embedpipe._pickles import seal, unseal
from embedpipe.encoder.habits import ELSEWHERE
from embedpipe.encoder.loaded import LoadedModel, Origin
from embedpipe.engine.choice import EngineChoice
from embedpipe.engine.weights import WeightsFile
from embedpipe.errors import EmbedpipeError, ModelFormatError, ModelNotFoundError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.reading import open_model
from embedpipe.hub.find import find_model

__all__ = ["Travels"]

_FAILURE = "_failure"

T = TypeVar("T", bound="Travels")

_present: WeakValueDictionary[str, LoadedModel] = WeakValueDictionary()
"""The models of this process that went or came, by `_key`: each is opened once."""


class Travels:
    """Gives an encoder its copies, which share the model, and its pickles.

    A number of threads that was asked for stays; else it is decided where the encoder arrives.
    """

    name: str
    _model: LoadedModel
    _choice: EngineChoice

    def __copy__(self: T) -> T:
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    def __deepcopy__(self: T, _memo: Any) -> T:
        return copy(self)

    @property
    def own(self) -> dict[str, Any]:
        """What it has of its own, beside its model and its engine."""
        return {key: value for key, value in vars(self).items() if key not in ("_model", "_choice")}

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        own = self.own
        engine: EngineChoice = self._choice
        asked = [engine.implementation, engine.asked_threads, engine.precision]
        told, files = _sent(self._model, with_buffers=operator.index(protocol) >= 5)
        told = seal({**told, "name": self.name, "engine": asked})
        return _arrived, (type(self), told, files), seal(own)

    def __setstate__(self, state: Any) -> None:
        vars(self).update(unseal(state, type(self).__name__))

    if not TYPE_CHECKING:  # for which every name would be an attribute

        def __getattr__(self, name: str) -> Any:
            """Of what is missing: the error of a model that could not be opened on arrival.

            What sentence-transformers has and we have not is answered with what to use instead.
            """
            if _FAILURE in vars(self):
                raise vars(self)[_FAILURE]
            kind = type(self).__name__
            instead = f"; {ELSEWHERE[name]}" if name in ELSEWHERE else ""
            raise AttributeError(f"{kind!r} object has no attribute {name!r}{instead}")


def _arrived(kind: type[T], told: Any, files: Mapping[str, Any]) -> T:
    """An encoder out of a pickle, before its `__setstate__`."""
    told = unseal(told, kind.__name__)
    implementation, threads, precision = told["engine"]
    choice = EngineChoice.of(implementation, threads=threads, precision=precision)
    encoder = object.__new__(kind)
    try:
        encoder._model, encoder._choice = _received(told, files), choice
    except EmbedpipeError as error:
        from multiprocessing import parent_process  # slow to load

        if parent_process() is None:
            raise
        # A worker of multiprocessing.Pool that fails to open what it gets ends without a word, and
        # whoever waits for its answer waits forever. So the error is raised by the first use.
        vars(encoder)[_FAILURE] = error
    return encoder


def _sent(loaded: LoadedModel, *, with_buffers: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What tells a model, and the files that go along, by name: none where its path leads to it.

    with_buffers: whether the files may go beside the pickle, as from protocol 5 on.
    """
    told: dict[str, Any] = {}
    files: dict[str, Any] = {}
    if loaded.origin is not None and loaded.origin.is_unchanged():
        told["origin"] = asdict(loaded.origin)
        told["settings"], told["weights"] = loaded.settings_hash, loaded.weights_hash
    else:
        from embedpipe.formats.writing import model_parts  # for models without files alone

        files = {name: b"".join(parts) for name, parts in model_parts(loaded.read)}
        told["files"] = {name: zlib.crc32(content) for name, content in files.items()}
    _present[_key(told)] = loaded
    if with_buffers:
        files = {name: pickle.PickleBuffer(content) for name, content in files.items()}
    return told, files


def _received(told: Mapping[str, Any], files: Mapping[str, Any]) -> LoadedModel:
    """The model that was sent, opened unless it is here already.

    Raises ModelNotFoundError if no files are where it was, ModelFormatError for those of another
    model, and for a pickle that is damaged or of another version.
    """
    found = _present.get(_key(told))
    if found is None:
        made = _unpacked(told, files) if "files" in told else _opened(told)
        found = _present.setdefault(_key(told), made)
    return found


def _key(told: Mapping[str, Any]) -> str:
    return repr([told.get(entry) for entry in ("origin", "settings", "weights", "files")])


def _unpacked(told: Mapping[str, Any], files: Mapping[str, Any]) -> LoadedModel:
    contents = {name: memoryview(content).cast("B") for name, content in files.items()}
    if {name: zlib.crc32(content) for name, content in contents.items()} != told["files"]:
        raise ModelFormatError(
            f"this pickle of the Encoder {told['name']!r} is damaged: its files do not fit their "
            "checksums. Make it again"
        )
    tree = FileTree(f"{told['name']} (out of a pickle)", tuple(contents), contents.__getitem__)
    return LoadedModel.of(open_model(tree, numbers=False))


def _opened(told: Mapping[str, Any]) -> LoadedModel:
    fields = dict(told["origin"])
    files = tuple(WeightsFile(**file) for file in fields.pop("files"))
    origin = _present_origin(Origin(**fields), told["name"])
    try:
        loaded = LoadedModel.at(origin)
    except EmbedpipeError as error:
        raise type(error)(
            f"the model {told['name']!r} was pickled by reference to {origin.path}, and cannot be "
            f"read there now: {error}"
        ) from error
    # Where files are as they were, all weights need not be read
    same_files = bool(files) and loaded.origin == replace(origin, files=files)
    same_weights = same_files or loaded.weights_hash == told["weights"]
    if loaded.settings_hash != told["settings"] or not same_weights:
        raise ModelFormatError(
            f"the model {told['name']!r} was pickled by reference to {origin.path}, where another "
            "model lies now: its files have another content. Put the one that was pickled there, "
            "or load this one and pickle it again"
        )
    return loaded


def _present_origin(origin: Origin, name: str) -> Origin:
    """The origin where it is on this machine: at its path, or where its name leads."""
    if Path(origin.path).exists():
        return origin
    told = (
        f"the model {name!r} was pickled by reference to {origin.path}, where nothing is now on "
        "this machine"
    )
    remedy = (
        "Put it there, under the same path on every machine, or load it by a name that every "
        "machine finds (EMBEDPIPE_MODELS)"
    )
    if origin.name is None:
        raise ModelNotFoundError(f"{told}. {remedy}")
    try:
        path = find_model(origin.name, language=origin.language)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"{told}, nor is it found by its name: {error}. {remedy}"
        ) from error
    return replace(origin, path=str(path.absolute()))
