"""Declared parameters and the base class of everything that has them."""

from __future__ import annotations

import copy as copying
import difflib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast, overload

from embedpipe.errors import ParameterError
from embedpipe.params.kinds import Kind

__all__ = ["HasParams", "Param", "accessor_name"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)
S = TypeVar("S", bound="HasParams")


_MISSING: Any = object()  # the default of a parameter that has none


class _Setter(Protocol[T_contra]):
    @overload
    def __get__(self, stage: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, stage: S, owner: type) -> Callable[[T_contra], S]: ...


class _Getter(Protocol[T_co]):
    @overload
    def __get__(self, stage: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, stage: HasParams, owner: type) -> Callable[[], T_co]: ...


def accessor_name(prefix: str, name: str) -> str:
    """`setMaxLength` for `set` and `maxLength`."""
    return f"{prefix}{name[:1].upper()}{name[1:]}"


class Param(Generic[T]):
    """A declared parameter: its description, the kind of its values, and its default, if any.

    As a class attribute it learns its name, and stays what Spark ML code expects to find there:
    `stage.getOrDefault(stage.maxLength)` and `stage.getOrDefault("maxLength")` are the same.
    """

    def __init__(self, doc: str, kind: Kind[T], default: T = _MISSING) -> None:
        self.name = ""
        self.doc = doc
        self.kind = kind
        self.default = default
        self._methods: dict[str, Callable[..., Any]] = {}

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        for prefix, method in self._methods.items():
            method.__name__ = accessor_name(prefix, name)
            method.__qualname__ = f"{owner.__qualname__}.{method.__name__}"

    def with_default(self, default: T) -> Param[T]:
        """The same parameter for a subclass, with another default; setter and getter stay."""
        return Param(self.doc, self.kind, default)

    def __repr__(self) -> str:
        return f"Param({self.name!r}, must be {self.kind.expected})"

    def accessors(self) -> tuple[_Setter[T], _Getter[T]]:
        """The methods `setX(value)`, which returns the stage for chaining, and `getX()`."""

        def set_value(stage: HasParams, value: Any) -> HasParams:
            return stage.set(self, value)

        def get_value(stage: HasParams) -> T:
            return cast("T", stage.getOrDefault(self))

        set_value.__doc__ = f"Set: {self.doc} (must be {self.kind.expected}). Returns the stage."
        get_value.__doc__ = f"Get: {self.doc}. ParameterError if it has neither value nor default."
        self._methods = {"set": set_value, "get": get_value}
        return cast("_Setter[T]", set_value), cast("_Getter[T]", get_value)

    def check(self, stage: HasParams, value: Any) -> T:
        """The value to keep; ParameterError if it is not allowed."""
        try:
            return self.kind.convert(value)
        except (ValueError, TypeError) as error:
            reason = f" ({error})" if str(error) else ""
            raise ParameterError(
                f"{stage.label}: {self.name} must be {self.kind.expected}, got {value!r}{reason}"
            ) from error

    def to_json(self, stage: HasParams, value: T) -> Any:
        """The value for JSON; ParameterError if reading it back would not give an equal one."""
        try:
            stored = json.loads(json.dumps(self.kind.to_json(value), allow_nan=False))
            if self.from_json(stage, stored) == value:
                return stored
        except (ValueError, TypeError, RecursionError):  # what JSON does not hold
            pass
        raise ParameterError(
            f"{stage.label}: {self.name} is {value!r:.80}, which cannot be saved as JSON; set "
            f"another value, or clear({self.name!r})"
        )

    def from_json(self, stage: HasParams, stored: Any) -> T:
        """The value that was saved, checked as a setter checks it."""
        try:
            value = self.kind.from_json(stored)
        except (ValueError, TypeError, KeyError) as error:
            raise ParameterError(
                f"{stage.label}: {self.name} is saved as {stored!r:.80} ({error}); expected "
                f"{self.kind.expected}"
            ) from error
        return self.check(stage, value)


class HasParams:
    """Base class of everything with parameters; holds its uid, values and defaults.

    Constructor keywords are parameters. The methods have pyspark.ml's names and meanings.
    """

    uid_prefix: ClassVar[str] = ""

    def __init__(self, **params: Any) -> None:
        self.uid = f"{self.uid_prefix or type(self).__name__}_{uuid.uuid4().hex[:12]}"
        self._values: dict[str, Any] = {}
        self._defaults = {
            param.name: param.default for param in self.params if param.default is not _MISSING
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
        named = ((name, getattr(type(self), name)) for name in dir(type(self)))
        return [value for _, value in named if isinstance(value, Param)]

    def getParam(self, name: str) -> Param[Any]:
        """The parameter of that name; a ParameterError suggests the nearest ones."""
        found = getattr(type(self), name, None)
        if isinstance(found, Param):
            return found
        names = [param.name for param in self.params]
        near = difflib.get_close_matches(name, names, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names)}"
        raise ParameterError(f"{type(self).__name__} has no parameter {name!r}; {hint}")

    def hasParam(self, name: str) -> bool:
        """Whether there is a parameter of that name."""
        return isinstance(getattr(type(self), name, None), Param)

    def set(self: S, param: Param[Any] | str, value: Any) -> S:
        """Set one parameter; a bad value raises ParameterError and changes nothing."""
        return self.setParams(**{self._name(param): value})

    def setParams(self: S, **params: Any) -> S:
        """Set several parameters at once: all of them, or none where one is bad."""
        checked = {name: self.getParam(name).check(self, value) for name, value in params.items()}
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
        declared = self.getParam(self._name(param))
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
        """The same stage (same uid, same model) with values of its own; `extra` overrides some."""
        other = copying.copy(self)  # shares the values, which are replaced and never changed
        other._defaults = dict(self._defaults)
        return other.setParams(**{self._name(p): value for p, value in (extra or {}).items()})

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
            if self.getParam(name).default is _MISSING or value != self.getParam(name).default
        }
        values, defaults = (
            {name: self.getParam(name).to_json(self, found[name]) for name in sorted(found)}
            for found in (self._values, own)
        )
        return values, defaults

    def restore_values(self, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """Restore what `saved_values` gave; ParameterError for a value that is not allowed."""
        own, given = (
            {name: self.getParam(name).from_json(self, found[name]) for name in found}
            for found in (defaults, values)
        )
        self._set_defaults(**own)
        self.setParams(**given)

    def _name(self, param: Param[Any] | str) -> str:
        return self.getParam(param if isinstance(param, str) else param.name).name

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
