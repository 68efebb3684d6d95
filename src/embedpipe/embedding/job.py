"""What is embedded, how and into what: two runs of one job give the same output."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from embedpipe.errors import OutputError

__all__ = ["Counts", "Job", "check_same"]

Job = dict[str, Any]
"""In values that JSON can represent."""

_REMEDY = "say the same as then, or begin anew with --overwrite instead of --resume"


@dataclass
class Counts:
    """Of records: all that were written, those without text, those cut, those passed over."""

    records: int = 0
    null: int = 0
    cut: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        """Add those of another part."""
        for name, count in asdict(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class PartState:
    """A part that is finished, and before which record the next one begins."""

    name: str
    next: tuple[int, int]
    counts: Counts = field(default_factory=Counts)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> PartState:
        """From what `dataclasses.asdict` gave."""
        return cls(stored["name"], tuple(stored["next"]), Counts(**stored["counts"]))


def check_same(output: str, stored: bytes, job: Job) -> None:
    """Raise OutputError unless the output was begun by the same job, naming what differs."""
    try:
        begun = json.loads(stored)
        names = [name for name in job if begun.get(name) != job[name]]
    except (ValueError, AttributeError) as error:
        raise OutputError(
            f"cannot resume {output}: what it says of its job is damaged ({error}); {_REMEDY}"
        ) from error
    if not names:
        return
    name = names[0]
    if name != "inputs":
        raise OutputError(
            f"cannot resume {output}: it was begun with {name} {_short(begun.get(name))}, now it "
            f"is {_short(job[name])}; {_REMEDY}"
        )
    old = {each[0]: each for each in begun.get("inputs") or []}
    new = {each[0]: each for each in job["inputs"]}
    changed = [each for each in old if old[each] != new.get(each)] + [
        each for each in new if each not in old
    ]
    what = (
        "is not among the inputs now"
        if changed and changed[0] not in new
        else (
            "was not among the inputs then" if changed and changed[0] not in old else "has changed"
        )
    )
    raise OutputError(
        f"cannot resume {output}: the input {changed[0] if changed else 'order'} {what}; {_REMEDY}"
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:200] + "..."
