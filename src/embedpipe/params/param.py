"""Declared parameters: what a class says of them, and the methods made from that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast, overload

from embedpipe.errors import ParameterError
from embedpipe.params.kinds import Kind

__all__ = ["MISSING", "Owner", "Param", "accessor_name"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)
S = TypeVar("S")


MISSING: Any = object()  # the default of a parameter that has none


class Owner(Protocol):
    """What has parameters: `HasParams`, as far as a parameter knows it."""

    uid: str

    @property
    def label(self) -> str:
        """Its name in errors."""

    def set(self, param: Any, value: Any) -> Any:
        """Set one parameter."""

    def getOrDefault(self, param: Any) -> Any:
        """The value of one."""


class _Setter(Protocol[T_contra]):
    @overload
    def __get__(self, stage: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, stage: S, owner: type) -> Callable[[T_contra], S]: ...


class _Getter(Protocol[T_co]):
    @overload
    def __get__(self, stage: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, stage: Owner, owner: type) -> Callable[[], T_co]: ...


def accessor_name(prefix: str, name: str) -> str:
    """`setMaxLength` for `set` and `maxLength`."""
    return f"{prefix}{name[:1].upper()}{name[1:]}"


class Param(Generic[T]):
    """A declared parameter: its description, the kind of its values, and its default, if any.

    As a class attribute it learns its name, and stays what Spark ML code expects to find there:
    `stage.getOrDefault(stage.maxLength)` and `stage.getOrDefault("maxLength")` are the same.
    """

    of_instance: ClassVar[Callable[[Param[Any], Owner], Any] | None] = None
    """What an instance gives as its parameter; None where that is the declared one.

    Spark ML has parameters that know their owner, so that one map may hold those of many stages.
    """

    def __init__(self, doc: str, kind: Kind[T], default: T = MISSING) -> None:
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

    def __get__(self, instance: Owner | None, owner: type) -> Param[T]:
        if instance is None or Param.of_instance is None:
            return self
        return cast("Param[T]", Param.of_instance(self, instance))

    def with_default(self, default: T) -> Param[T]:
        """The same parameter for a subclass, with another default; setter and getter stay."""
        return Param(self.doc, self.kind, default)

    def __repr__(self) -> str:
        return f"Param({self.name!r}, must be {self.kind.expected})"

    def accessors(self) -> tuple[_Setter[T], _Getter[T]]:
        """The methods `setX(value)`, which returns the stage for chaining, and `getX()`."""

        def set_value(stage: Owner, value: Any) -> Owner:
            stage.set(self, value)
            return stage

        def get_value(stage: Owner) -> T:
            return cast("T", stage.getOrDefault(self))

        set_value.__doc__ = f"Set: {self.doc} (must be {self.kind.expected}). Returns the stage."
        get_value.__doc__ = f"Get: {self.doc}. ParameterError if it has neither value nor default."
        self._methods = {"set": set_value, "get": get_value}
        return cast("_Setter[T]", set_value), cast("_Getter[T]", get_value)

    def check(self, stage: Owner, value: Any) -> T:
        """The value to keep; ParameterError if it is not allowed."""
        try:
            return self.kind.convert(value)
        except (ValueError, TypeError) as error:
            reason = f" ({error})" if str(error) else ""
            raise ParameterError(
                f"{stage.label}: {self.name} must be {self.kind.expected}, got {value!r}{reason}"
            ) from error

    def to_json(self, stage: Owner, value: T) -> Any:
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

    def from_json(self, stage: Owner, stored: Any) -> T:
        """The value that was saved, checked as a setter checks it."""
        try:
            value = self.kind.from_json(stored)
        except (ValueError, TypeError, KeyError) as error:
            raise ParameterError(
                f"{stage.label}: {self.name} is saved as {stored!r:.80} ({error}); expected "
                f"{self.kind.expected}"
            ) from error
        return self.check(stage, value)
