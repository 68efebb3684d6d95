"""What can be saved: the base of stages and pipelines, with Spark ML's methods."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from embedpipe.errors import ModelFormatError, OutputError
from embedpipe.params import HasParams
from embedpipe.saving.node import Node
from embedpipe.saving.reading import load_saved, refuse_entries
from embedpipe.saving.writing import Reader, Writer

if TYPE_CHECKING:
    from embedpipe.encoder.encoder import Encoder
    from embedpipe.saving.models import LoadedModels, ModelStorage, StoredModels

__all__ = ["Saved", "SavedStage"]

S = TypeVar("S", bound="Saved")
T = TypeVar("T", bound="SavedStage")


class Saved(ABC):
    """Gives `save`, `load`, `write` and `read` to a class that can tell what it is made of.

    >>> import tempfile
    >>> from embedpipe.annotator import SentenceDetector
    >>> detector = SentenceDetector(inputCols=["document"], minLength=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     detector.save(f"{folder}/detector")
    ...     detector.setMinLength(4).write().overwrite().save(f"{folder}/detector")
    ...     loaded = SentenceDetector.load(f"{folder}/detector")
    >>> loaded.getMinLength(), loaded.uid == detector.uid
    (4, True)
    """

    uid: str
    opens_models: ClassVar[bool] = False
    """Whether `of_model` opens models, so that `load` serves for them too."""

    def save(self, path: str | os.PathLike[str], *, models: ModelStorage = "copy") -> None:
        """Write a folder with everything, which must not exist yet; `Writer.save` says more."""
        self.write().save(path, models=models)

    def write(self) -> Writer:
        """What saves: `stage.write().overwrite().save(path)`."""
        return Writer(self)

    @classmethod
    def read(cls: type[S]) -> Reader[S]:
        """What loads: `Class.read().load(path)`."""
        return Reader(cls)

    @classmethod
    def load(cls: type[S], path: str | os.PathLike[str]) -> S:
        """What was saved at `path`: a folder, a bundle, or a folder or archive of Spark NLP.

        Out of a saved pipeline, a stage's class loads its only stage in it.

        Raises ModelNotFoundError if nothing is there or a model cannot be found, ModelFormatError
        for what is damaged, of another class or of a newer version.
        """
        return load_saved(path, cls)

    @classmethod
    @abstractmethod
    def saved_classes(cls) -> Mapping[str, type[Saved]]:
        """The classes that `load` knows, by name."""

    @abstractmethod
    def to_json(self, models: StoredModels) -> dict[str, Any]:
        """What JSON says of it; its models get their places from `models`."""

    @classmethod
    @abstractmethod
    def of_node(cls: type[S], node: Node, models: LoadedModels) -> S:
        """The object that was saved; its models come from `models`."""

    @classmethod
    def of_model(cls: type[S], path: str | os.PathLike[str]) -> S:
        """What `load` gives for a path where nothing is saved, but perhaps a model is."""
        raise ModelFormatError(
            f"{cls.__name__}.load: {os.fspath(path)} holds no saved stage or pipeline; expected a "
            "folder or bundle that save or `embedpipe bundle` has written"
        )


class SavedStage(Saved, HasParams):
    """A stage as it is saved: its parameters, and its model if it has one."""

    def to_json(self, models: StoredModels) -> dict[str, Any]:
        """Class, uid, parameters, and the model's place."""
        name = type(self).__name__
        if self.saved_classes().get(name) is not type(self):
            raise OutputError(
                f"cannot save {self.label}: {name} is not one of embedpipe's own stages, and only "
                "those are made when a file is loaded. Save the other stages, and add it afterwards"
            )
        params, defaults = self.saved_values()
        encoder = self.saved_model()
        found = {"params": params, "defaults": defaults}
        if encoder is not None:
            found["model"] = models.place(encoder)
        filled = {key: value for key, value in found.items() if value}
        return {"class": name, "uid": self.uid, **filled}

    @classmethod
    def of_node(cls: type[T], node: Node, models: LoadedModels) -> T:
        """The stage with its uid, model and parameters."""
        refuse_entries(node, stages=node.stages is not None)
        stage = cls.restored(None if node.model is None else models.get(node.model, node.uid))
        stage.uid = node.uid
        stage.restore_values(node.params, node.defaults)
        return stage

    def saved_model(self) -> Encoder | None:
        """The model to save with the stage; most stages have none."""
        return None

    @classmethod
    def restored(cls: type[T], encoder: Encoder | None) -> T:
        """A new stage around the model that was saved with it."""
        if encoder is not None:
            raise ModelFormatError(
                f"a saved {cls.__name__} names the model {encoder.name!r}, but takes none. "
                "Save it again, or fetch it again"
            )
        return cls()
