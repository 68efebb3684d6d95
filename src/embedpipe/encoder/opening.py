"""How an encoder comes to be: from a name or a path, or of what was read already."""

from __future__ import annotations

import os
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

from embedpipe.encoder.described import Described
from embedpipe.encoder.form import check_truncate_dim
from embedpipe.encoder.habits import LOAD, check_habits
from embedpipe.encoder.loaded import LoadedModel, Origin
from embedpipe.engine.choice import EngineChoice, Implementation
from embedpipe.engine.precision import AskedPrecision
from embedpipe.formats.model import Model
from embedpipe.hub.find import find_model
from embedpipe.hub.names import DEFAULT_MODEL

__all__ = ["Opens"]

Kind = TypeVar("Kind", bound="Opens")


class Opens(Described):
    """The constructors of `Encoder`."""

    def __init__(  # noqa: PLR0913
        self,
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        precision: AskedPrecision = "float32",
        threads: int | None = None,
        implementation: Implementation = "native",
        language: str | None = None,
        truncate_dim: int | None = None,
        **habits: Any,
    ) -> None:
        """The same as `load`."""
        check_habits(habits, LOAD, type(self).__name__)
        asked = habits.get("model_name_or_path", name_or_path)
        if habits.get("revision") is not None:
            asked = f"{asked}@{habits['revision']}"
        choice = EngineChoice.of(implementation, threads=threads, precision=precision)
        if truncate_dim is not None:
            check_truncate_dim(truncate_dim)
        place = find_model(asked, language=language)
        is_path = asked is not None and Path(asked) == place
        name = _name(asked, place)
        origin = Origin(str(place.absolute()), "", None if is_path else name, language)
        self._keep(LoadedModel.at(origin), choice, name, str(place.resolve()) if is_path else name)
        if truncate_dim is not None:
            self.truncate_dim = truncate_dim
        if habits.get("similarity_fn_name") is not None:
            self.similarity_fn_name = habits["similarity_fn_name"]
        self._prompts = self._prompts.with_own(
            habits.get("prompts"), habits.get("default_prompt_name")
        )

    def _keep(
        self, model: LoadedModel, engine: EngineChoice, name: str, reference: str | None
    ) -> None:
        """Take over what has been read and checked."""
        self.name = name
        self.reference = reference
        self.pooling = model.read.pooling
        self.normalize = model.read.normalize
        self.max_length = model.read.max_length
        self.truncate_dim = model.read.usage.truncate_dim
        self._prompts = model.prompts
        self._similarity = model.read.usage.similarity
        self._model = model
        self._choice = engine

    @classmethod
    def load(  # noqa: PLR0913
        cls: type[Kind],
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        precision: AskedPrecision = "float32",
        threads: int | None = None,
        implementation: Implementation = "native",
        language: str | None = None,
        truncate_dim: int | None = None,
        **habits: Any,
    ) -> Kind:
        """Load a model.

        Args:
            name_or_path: a folder or archive in any format that `embedpipe import` knows, told by
                its content; or a name, such as Hugging Face's "BAAI/bge-small-en-v1.5", after
                which "@" and a revision may stand. It is looked for in the directories of
                `EMBEDPIPE_MODELS`, in the caches, among installed packages and in the catalog, and
                downloaded if it is not here; None means the model in the
                package, embedpipe-small-v1 (English, 256 pieces; `docs/default-model.md`).
            precision: of the products with the layers' weights; all else is float32 always.
                "float32" is exact. "bfloat16" (mean cosine to float32 0.99999 for all-MiniLM-L6-v2)
                is about 1.8 times as fast with AVX512-BF16 where that is fast, and faster with
                AMX; float32 is computed instead where it would be slower. "int8" is the fastest on
                all, 1.5 to 3 times float32 (0.9992). "auto" is the fastest one whose mean cosine is
                at least 0.9999: the same as "bfloat16". The attribute `precision` tells which one
                it became, and `embedpipe info` why.
            threads: at most this many, 1 to 1024; None means the cores this process may use.
            implementation: "native", compiled, or "reference", its definition in NumPy float64,
                slow.
            language: of a model that is given by name, such as "en"; None for any.
            truncate_dim: how many values of each vector are kept; None for what the model says,
                mostly all.
            habits: sentence-transformers' own arguments: `revision`, `prompts`,
                `default_prompt_name` and `similarity_fn_name` work, `device="cpu"` is what is done
                anyway; all others name what there is instead.

        Raises:
            ModelNotFoundError: there is no such model, or it cannot be downloaded.
            ModelFormatError: its files are damaged or contradict each other. That all numbers are
                finite is seen when they are first used, by the methods below.
            ParameterError: another argument has a value that is not allowed.

        >>> from embedpipe import Encoder
        >>> Encoder.load("all-MiniLM-L6-v2").config.num_hidden_layers
        6
        """
        return cls(
            name_or_path,
            precision=precision,
            threads=threads,
            implementation=implementation,
            language=language,
            truncate_dim=truncate_dim,
            **habits,
        )

    @classmethod
    def of_model(
        cls: type[Kind],
        model: Model,
        *,
        name: str,
        reference: str | None,
        origin: Origin | None = None,
    ) -> Kind:
        """An encoder of what has been read already, such as out of a saved pipeline."""
        loaded, engine = LoadedModel.of(model, origin), EngineChoice.of("native")
        return cls.of_loaded(loaded, engine, name=name, reference=reference)

    @classmethod
    def of_loaded(
        cls: type[Kind],
        model: LoadedModel,
        engine: EngineChoice,
        *,
        name: str,
        reference: str | None = None,
    ) -> Kind:
        """An encoder of a model that is in memory, computed as `engine` says."""
        encoder = cls.__new__(cls)
        encoder._keep(model, engine, name, reference)
        return encoder

    def with_precision(self: Kind, precision: AskedPrecision) -> Kind:
        """The same model in another precision; what was packed for one is kept for the next time.

        >>> from embedpipe import Encoder
        >>> encoder = Encoder.load()
        >>> encoder.with_precision("int8").precision, encoder.precision
        ('int8', 'float32')
        """
        choice = self._choice.with_precision(precision)
        if choice == self._choice:
            return self
        other = copy(self)
        other._choice = choice
        return other


def _name(asked: str | os.PathLike[str] | None, directory: Path) -> str:
    """The name that was asked for, or the last part of the path that was."""
    if asked is None:
        return DEFAULT_MODEL
    return directory.resolve().name if Path(asked) == directory else str(asked)
