"""The base class of everything that has parameters."""

from __future__ import annotations

import copy as copying
import difflib
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, cast

from embedpipe.errors import ParameterError
from embedpipe.params.param import MISSING, Param, accessor_name

__all__ = ["HasParams"]

S = TypeVar("S", bound="HasParams")


class HasParams:
    """Base class of everything with parameters; holds its uid, values and defaults.

    Constructor keywords are parameters. The methods have pyspark.ml's names and meanings.
    """

    uid_prefix: ClassVar[str] = ""

    def __init__(self, **params: Any) -> None:
        self.uid = f"{self.uid_prefix or type(self).__name__}_{uuid.uuid4().hex[:12]}"
        self._values: dict[str, Any] = {}
        self._defaults = {
            param.name: param.default
            for param in self._all_declared()
            if param.default is not MISSING
        }
        if params:
            self.setParams(**params)

    @property
    def label(self) -> str:
        """Its name in errors: the uid, with the class if the uid does not begin with it."""
        name = type(self).__name__
        return self.uid if self.uid.startswith(name) else f"{name} {self.uid}"

    @property
    def params(self) -> list[Param[Any]]:
        """All parameters, in the order of their names."""
        return [getattr(self, param.name) for param in self._all_declared()]

    def getParam(self, name: str) -> Param[Any]:
        """The parameter of that name; a ParameterError suggests the nearest ones."""
        return cast("Param[Any]", getattr(self, self.declared(name).name))

    @classmethod
    def declared(cls, name: str) -> Param[Any]:
        """The parameter of that name as its class declares it; errors as of `getParam`."""
        found = getattr(cls, name, None)
        if isinstance(found, Param):
            return found
        names = [param.name for param in cls._all_declared()]
        near = difflib.get_close_matches(name, names, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names)}"
        raise ParameterError(f"{cls.__name__} has no parameter {name!r}; {hint}")

    @classmethod
    def _all_declared(cls) -> list[Param[Any]]:
        found = (getattr(cls, name, None) for name in dir(cls))  # not all that is listed is there
        return [param for param in found if isinstance(param, Param)]

    def hasParam(self, name: str) -> bool:
        """Whether there is a parameter of that name."""
        return isinstance(getattr(type(self), name, None), Param)

    def set(self: S, param: Param[Any] | str, value: Any) -> S:
        """Set one parameter; a bad value raises ParameterError and changes nothing."""
        return self.setParams(**{self._name(param): value})

    def setParams(self: S, **params: Any) -> S:
        """Set several parameters at once: all of them, or none where one is bad."""
        checked = {name: self.declared(name).check(self, value) for name, value in params.items()}
        return self._with_values({**self._values, **checked})

    def clear(self: S, param: Param[Any] | str) -> S:
        """Forget a value that was set, so that the default holds again.

        Raises ParameterError, and changes nothing, where the default contradicts what else is set.
        """
        name = self._name(param)
        return self._with_values({k: v for k, v in self._values.items() if k != name})

    def isSet(self, param: Param[Any] | str) -> bool:
        """Whether the parameter was set, as opposed to having its default."""
        return self._name(param) in self._values

    def hasDefault(self, param: Param[Any] | str) -> bool:
        """Whether the parameter has a default."""
        return self._name(param) in self._default_values()

    def isDefined(self, param: Param[Any] | str) -> bool:
        """Whether the parameter has a value, set or default."""
        return self.isSet(param) or self.hasDefault(param)

    def getOrDefault(self, param: Param[Any] | str) -> Any:
        """The value set, or else the default; a ParameterError if there is neither.

        Lists are copies: changing one does not change the stage.
        """
        name = self._name(param)
        defaults = self._default_values()
        if name not in self._values and name not in defaults:
            setter = accessor_name("set", name)
            raise ParameterError(
                f"{self.label}: {name} is not set and has no default; call {setter}"
            )
        return copying.copy(self._values.get(name, defaults.get(name)))

    def extractParamMap(self, extra: Mapping[Any, Any] | None = None) -> dict[Param[Any], Any]:
        """Every parameter that has a value, with it; `extra` overrides."""
        known = {p: self.getOrDefault(p) for p in self.params if self.isDefined(p)}
        return known | {self.getParam(self._name(p)): v for p, v in (extra or {}).items()}

    def explainParam(self, param: Param[Any] | str) -> str:
        """One line: name, meaning, default and value."""
        declared = self.declared(self._name(param))
        notes = []
        if self.hasDefault(declared):
            notes.append(f"default: {self._default_values()[declared.name]}")
        if self.isSet(declared):
            notes.append(f"current: {self._values[declared.name]}")
        return f"{declared.name}: {declared.doc} ({', '.join(notes) or 'undefined'})"

    def explainParams(self) -> str:
        """`explainParam` of every parameter, a line each."""
        return "\n".join(self.explainParam(param) for param in self.params)

    def copy(self: S, extra: Mapping[Any, Any] | None = None) -> S:
        """The same stage (same uid, same model) with values of its own; `extra` overrides some.

        Of `extra`, parameters that Spark ML has bound to another stage are passed over.
        """
        other = copying.copy(self)  # shares the values, which are replaced and never changed
        other._defaults = dict(self._defaults)
        own = {p: value for p, value in (extra or {}).items() if self.may_own(p)}
        return other.setParams(**{self._name(p): value for p, value in own.items()})

    def may_own(self, param: Param[Any] | str) -> bool:
        """Whether the parameter is not one that Spark ML has bound to another stage."""
        return getattr(param, "parent", self.uid) == self.uid

    def with_uid(self: S, uid: str) -> S:
        """This object under another uid, which replaces its own."""
        self.uid = uid
        return self

    def __repr__(self) -> str:
        given = (f"{name}={_brief(value)}" for name, value in self._values.items())
        return f"{type(self).__name__}({', '.join(given)})"

    def saved_values(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values that were set, and the defaults of this instance, for JSON.

        Raises ParameterError that names a value that JSON cannot hold.
        """
        own = {
            name: value
            for name, value in self._defaults.items()
            if self.declared(name).default is MISSING or value != self.declared(name).default
        }
        values, defaults = (
            {name: self.declared(name).to_json(self, found[name]) for name in sorted(found)}
            for found in (self._values, own)
        )
        return values, defaults

    def restore_values(self, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """Restore what `saved_values` gave; ParameterError for a value that is not allowed."""
        own, given = (
            {name: self.declared(name).from_json(self, found[name]) for name in found}
            for found in (defaults, values)
        )
        self._set_defaults(**own)
        self.setParams(**given)

    def _name(self, param: Param[Any] | str) -> str:
        return self.declared(param if isinstance(param, str) else param.name).name

    def _default_values(self) -> Mapping[str, Any]:
        """The defaults that hold now, by name; some may depend on what is set."""
        return self._defaults

    def _with_values(self: S, values: dict[str, Any]) -> S:
        """Set all these values, or none if they contradict one another."""
        before = self._values
        self._values = values
        try:
            self._check_together()
        except ParameterError:
            self._values = before
            raise
        return self

    def _set_defaults(self, **defaults: Any) -> None:
        """Give this instance defaults of its own, such as those that follow from its model."""
        self._defaults.update(defaults)

    def _check_together(self) -> None:
        """Raise ParameterError if parameters contradict one another; runs after every change."""

    def _check_order(self, low: str, high: str) -> None:
        """Raise ParameterError if the parameter `low` exceeds the parameter `high`."""
        values = {**self._default_values(), **self._values}
        if values[low] > values[high]:
            raise ParameterError(
                f"{self.label}: {low} is {values[low]} and {high} is {values[high]}; expected "
                f"{low} at most {high}. Set both in one call: setParams({low}=..., {high}=...)"
            )


def _brief(value: Any) -> str:
    """How a value is shown; an ellipsis stands for what is beyond 200 characters."""
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:199]}…"
