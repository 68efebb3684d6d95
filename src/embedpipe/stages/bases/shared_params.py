"""Parameters that stages of several kinds share, and how one setting reaches a whole pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from embedpipe.errors import ParameterError
from embedpipe.params import HasParams, Param, choice

__all__ = ["SPARK_NLP", "HasCompatibility", "HasOffsetUnit", "agreed_unit", "share_unit"]

SPARK_NLP = "spark-nlp-5.5.3"
_UTF16, _CODE_POINT = "utf16", "codepoint"


class HasCompatibility(HasParams):
    """A stage that can repeat what Spark NLP answered, where that is not what it should have been.

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
        return self.getCompatibility() == SPARK_NLP

    def _check_recorded(self, *names: str) -> None:
        """Raise ParameterError where a parameter differs from its default under compatibility."""
        for name in names:
            value, default = self.getOrDefault(name), self.getParam(name).default
            if self.as_recorded and value != default:
                raise ParameterError(
                    f"{self.label}: compatibility={SPARK_NLP!r} allows {name}={default!r} only, "
                    f"got {value!r}; leave {name} out, or set compatibility='none'"
                )


class HasOffsetUnit(HasCompatibility):
    """A stage that finds text, and so says in which unit begin and end count it.

    Set on one stage of a pipeline, it holds for all: see `share_unit`.
    """

    offsetUnit = Param(
        "what begin and end count: UTF-16 units, as Spark NLP, or code points, as Python's slices",
        choice(_UTF16, _CODE_POINT),
        default=_UTF16,
    )
    setOffsetUnit, getOffsetUnit = offsetUnit.accessors()

    @property
    def counts_code_points(self) -> bool:
        """Whether begin and end count code points."""
        return self.getOffsetUnit() == _CODE_POINT

    def _check_together(self) -> None:
        super()._check_together()
        self._check_recorded("offsetUnit")


def agreed_unit(stages: Sequence[HasParams]) -> str | None:
    """The offset unit that is set on some of the stages, None where on none.

    Raises ParameterError where two stages have different ones set.
    """
    asked = [s for s in stages if isinstance(s, HasOffsetUnit) and s.isSet("offsetUnit")]
    for stage in asked[1:]:
        unit, first = stage.getOffsetUnit(), asked[0].getOffsetUnit()
        if unit != first:
            raise ParameterError(
                f"{stage.label}: offsetUnit is {unit!r}, and that of {asked[0].label} is "
                f"{first!r}; stages of one pipeline count alike: set it on one of them only"
            )
    return asked[0].getOffsetUnit() if asked else None


def share_unit(stages: Sequence[HasParams]) -> None:
    """Set the offset unit that is set on some of the stages on all that find text."""
    unit = agreed_unit(stages)
    for stage in stages:
        if unit is not None and isinstance(stage, HasOffsetUnit):
            stage.setOffsetUnit(unit)
