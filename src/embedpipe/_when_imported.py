"""Calls a function as soon as a module is there, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

__all__ = ["when_imported"]


def when_imported(name: str, call: Callable[[], object]) -> None:
    """Call `call` now if the module `name` is imported, else right after someone imports it.

    >>> when_imported("sys", lambda: print("it is there"))
    it is there
    """
    if name in sys.modules:
        call()
    else:
        sys.meta_path.insert(0, _Watch(name, call))  # finds no other module


class _Watch:
    """Finds one module as Python would, once, and has its loader tell when it is loaded."""

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self._name = name
        self._call = call

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's spec, if it is the one that is watched for."""
        if name != self._name or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            sys.meta_path.insert(0, self)  # not there, but perhaps later
            return spec
        load = spec.loader.exec_module

        def load_and_call(module: ModuleType) -> None:
            load(module)
            self._call()

        spec.loader.exec_module = load_and_call  # type: ignore[method-assign]
        return spec
