"""The result of a comparison: each combination of settings, and which of them fit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from embedpipe.engine.config import Activation
from embedpipe.errors import ModelFormatError
from embedpipe.formats.own_record import add_to_record
from embedpipe.hub.catalog_file import Published

__all__ = ["FIRST_PIECE", "Case", "Combination", "Verification"]

Case = Literal["lower", "cased"]

FIRST_PIECE = "first_piece"
"""In place of a pooling, for vectors of words."""


@dataclass(frozen=True)
class Combination:
    """Settings, and the model's difference from the published values with them.

    pooling: "cls", "mean" or "pooler", for words "first_piece". case: "lower" or "cased".
    difference, tolerance: of the value that is farthest away, measured by its tolerance: half a
    unit of its last published digit, and FLOAT32_TOLERANCE.
    """

    pooling: str
    activation: Activation
    case: Case
    difference: float
    tolerance: float

    @property
    def fits(self) -> bool:
        """Whether all values are those published."""
        return self.difference <= self.tolerance

    @property
    def settings(self) -> tuple[str, str, str]:
        """Pooling, activation and case."""
        return self.pooling, self.activation, self.case


@dataclass(frozen=True)
class Verification:
    """The result of `verify`.

    name: of the model in the catalog. place: its folder or archive. combinations: all that were
    tried. used: the one among them that the model's files ask for. rows: what is published.
    computed: the first values of each row's vector with the settings in use, as many as are
    published.
    """

    name: str
    place: Path
    combinations: tuple[Combination, ...]
    used: Combination
    rows: tuple[Published, ...]
    computed: tuple[tuple[float, ...], ...]

    def check(self) -> None:
        """Raise ModelFormatError, which names the settings that fit, unless those in use do."""
        if self.used.fits:
            return
        used = ", ".join(self.used.settings)
        fitting = [", ".join(c.settings) for c in self.combinations if c.fits]
        if fitting:
            raise ModelFormatError(
                f"{self.name} does not give its published values as {self.place} declares it "
                f"({used}), but as {' or as '.join(fitting)}. Correct what the folder, or the "
                "catalog that it came from, declares"
            )
        raise ModelFormatError(
            f"{self.name} in {self.place} gives its published values with no pooling, activation "
            f"and case; with those in use ({used}) the difference is {self.used.difference:.2g}, "
            f"expected at most {self.used.tolerance:.2g}. The weights or the vocabulary are not "
            "the published ones; get the model anew"
        )

    def record(self) -> Path:
        """Record the result of the settings in use in `embedpipe.json`; return its path.

        It stands there as `verified`. Raises OutputError if it cannot be written.
        """
        outcome = {**asdict(self.used), "fits": self.used.fits}
        return add_to_record(self.place, {"verified": outcome}, digits=3)
