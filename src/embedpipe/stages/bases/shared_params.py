"""Parameters that several stages share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

from embedpipe.annotation import OffsetUnit
from embedpipe.errors import ParameterError
from embedpipe.frames.columns import Column
from embedpipe.params import HasParams, Param, choice
from embedpipe.pipeline.stage import AnnotationStage, unit_of

__all__ = ["SPARK_NLP", "HasCompatibility", "HasOffsetUnit", "as_parameters"]

SPARK_NLP = "spark-nlp-5.5.3"

U = TypeVar("U", bound="HasOffsetUnit")


@contextmanager
def as_parameters(label: str, rules: type[Any]) -> Iterator[None]:
    """Let a ParameterError about fields of `rules` name the stage and its parameters instead.

    >>> from embedpipe.text.sentence_rules import SentenceRules
    >>> with as_parameters("A_STAGE", SentenceRules):
    ...     SentenceRules(split_length=0)
    Traceback (most recent call last):
    embedpipe.errors.ParameterError: A_STAGE: splitLength is 0; it must be 1 or more. ...
    """
    try:
        yield
    except ParameterError as error:
        message = str(error)
        for name in sorted((part.name for part in fields(rules)), key=len, reverse=True):
            first, *others = name.split("_")
            message = message.replace(name, first + "".join(map(str.title, others)))
        raise ParameterError(f"{label}: {message}") from error


class HasCompatibility(HasParams):
    """A stage that can reproduce results of Spark NLP that are not correct.

    `docs/differences.md` lists what changes. To set it for all stages of a pipeline at once:
    `pipeline.fit(frame, {"compatibility": "spark-nlp-5.5.3"})`.
    """

    compatibility = Param(
        "the release whose recorded answers are repeated, mistakes included",
        choice("none", SPARK_NLP),
        default="none",
    )
    setCompatibility, getCompatibility = compatibility.accessors()

    @property
    def as_recorded(self) -> bool:
        """Whether answers are those of Spark NLP 5.5.3."""
        return self._values.get("compatibility") == SPARK_NLP

    def recorded_defaults(self) -> dict[str, Any]:
        """Defaults that hold under compatibility, where they are not the stage's own."""
        return {}

    def _default_values(self) -> Mapping[str, Any]:
        own = super()._default_values()
        return {**own, **self.recorded_defaults()} if self.as_recorded else own

    def _check_recorded(self, *names: str) -> None:
        """Raise ParameterError where a parameter differs from its default under compatibility."""
        for name in names:
            value, default = self.getOrDefault(name), self.declared(name).default
            default = self.recorded_defaults().get(name, default)
            if self.as_recorded and value != default:
                raise ParameterError(
                    f"{self.label}: compatibility={SPARK_NLP!r} allows {name}={default!r} only, "
                    f"got {value!r}; leave {name} out, or set compatibility='none'"
                )


class HasOffsetUnit(HasCompatibility, AnnotationStage):
    """A stage that makes offsets, and so has the unit that they count.

    Set where text enters a pipeline, it holds for all that follows: columns tell it in their Arrow
    metadata (`offsetUnit`), stages take it over from the columns that they read, and a stage with
    another one set is refused. A column that does not tell may be of either.
    """

    offsetUnit = Param(
        "what begin and end count: UTF-16 units, as Spark NLP, or code points, as Python's slices; "
        "what the columns read do, if they tell",
        choice(OffsetUnit.UTF16, OffsetUnit.CODE_POINT),
        default=OffsetUnit.UTF16,
    )
    setOffsetUnit, getOffsetUnit = offsetUnit.accessors()

    @property
    def counts_code_points(self) -> bool:
        """Whether begin and end count code points."""
        return self.getOffsetUnit() == OffsetUnit.CODE_POINT

    def unit(self, inputs: Sequence[Column]) -> str:
        """The unit of the columns read, or else the stage's own; ParameterError if they differ."""
        found, own = unit_of(self, inputs), self.getOffsetUnit()
        if found and self.isSet("offsetUnit") and own != found:
            name = next(column.name for column in inputs if column.offset_unit)
            raise ParameterError(
                f"{self.label}: offsetUnit is {own!r}, and that of column {name!r} is {found!r}; "
                "stages of one pipeline count alike: set it only where text enters"
            )
        return found or own

    def planned(self: U, inputs: Sequence[Column]) -> U:
        """The stage in the unit of the columns that it reads."""
        unit = self.unit(inputs)
        return self if unit == self.getOffsetUnit() else self.copy({"offsetUnit": unit})

    def _check_together(self) -> None:
        super()._check_together()
        self._check_recorded("offsetUnit")
