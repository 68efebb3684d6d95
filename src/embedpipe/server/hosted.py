"""The models and pipelines that a server offers, opened before it listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from embedpipe.encoder import Encoder
from embedpipe.engine.pooling import Pooling
from embedpipe.engine.precision import AskedPrecision
from embedpipe.errors import ParameterError
from embedpipe.formats.layout import SAVED_STAGES
from embedpipe.formats.reading import open_model_tree
from embedpipe.hub.catalog import suggestion
from embedpipe.hub.names import DEFAULT_MODEL
from embedpipe.server.refusals import Refusal

if TYPE_CHECKING:  # pipelines bring Arrow, which a server of models does not wait for
    from embedpipe.pipeline.pipeline import PipelineModel
    from embedpipe.server.analysis import Analysis

__all__ = ["Hosted"]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Hosted:
    """Models by the names that requests use, and saved pipelines by theirs.

    The first model answers where a request names none.
    """

    models: dict[str, Encoder]
    pipelines: dict[str, PipelineModel]
    _made: dict[tuple[Encoder, str], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def open(
        cls,
        names: Sequence[str],
        *,
        precision: AskedPrecision = "float32",
        threads: int | None = None,
    ) -> Hosted:
        """Open models and saved pipelines; with no names, the default model.

        Raises ModelNotFoundError or ModelFormatError for what cannot be opened, and ParameterError
        where two have one name.
        """
        models: dict[str, Encoder] = {}
        pipelines: dict[str, PipelineModel] = {}
        saved = [name for name in names if _is_saved_pipeline(name)]
        for name in saved:
            _add(pipelines, Path(name).name.removesuffix(".zip"), _loaded(name))
        for asked in [name for name in names if name not in saved] or [DEFAULT_MODEL]:
            encoder = Encoder.load(asked, precision=precision, threads=threads)
            _add(models, encoder.name, encoder)
        return cls(models, pipelines)

    @property
    def default(self) -> str:
        """The name of the model that answers where none is named."""
        return next(iter(self.models))

    def model(self, name: str | None, *, field: str = "model") -> Encoder:
        """The model of that name; the last part of `organization/name` suffices."""
        if name is None:
            return self.models[self.default]
        found = self.models.get(name) or self.models.get(name.rpartition("/")[2])
        if found is None:
            raise _unknown("model", name, self.models, field, "model_not_found")
        return found

    # Works are equal where their encoders are the same object, so each is made once.

    def in_precision(self, encoder: Encoder, precision: AskedPrecision) -> Encoder:
        """A hosted model in another precision."""
        made: Encoder = self._once(encoder, precision, lambda: encoder.with_precision(precision))
        return made

    def analysis(self, encoder: Encoder, pooling: Pooling) -> Analysis:
        """What analyzes texts for the page at `/`, by a hosted model in some precision."""
        from embedpipe.server.analysis import Analysis

        made: Analysis = self._once(encoder, pooling, lambda: Analysis(encoder, pooling))
        return made

    def _once(self, encoder: Encoder, choice: str, make: Callable[[], Any]) -> Any:
        if (encoder, choice) not in self._made:
            self._made[encoder, choice] = make()
        return self._made[encoder, choice]

    def pipeline(self, name: str) -> PipelineModel:
        """The pipeline of that name."""
        if name not in self.pipelines:
            raise _unknown("pipeline", name, self.pipelines, None, None)
        return self.pipelines[name]


def _is_saved_pipeline(name: str) -> bool:
    return Path(name).exists() and SAVED_STAGES in open_model_tree(name)


def _loaded(name: str) -> PipelineModel:
    from embedpipe.pipeline.pipeline import PipelineModel
    from embedpipe.saving.read import load

    return load(name, PipelineModel)


def _add(table: dict[str, Found], name: str, found: Found) -> None:
    if name in table:
        raise ParameterError(f"two of what is to be served have the name {name!r}; rename one")
    table[name] = found


def _unknown(
    what: str, name: str, known: Iterable[str], field: str | None, code: str | None
) -> Refusal:
    names = list(known)
    listed = ", ".join(map(repr, names)) if names else "none"
    message = f"no {what} here is named {name!r:.200}; here: {listed}{suggestion(name, names)}"
    return Refusal("unknown_model", message, field=field, code=code)
