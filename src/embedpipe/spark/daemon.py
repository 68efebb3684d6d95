"""Forks Spark's Python workers on an executor, with all loaded that each of them needs.

Spark runs this module where the setting `spark.python.daemon.module` names it, in place of
pyspark's own, whose code it runs. Workers are forks, so what was loaded before lies in memory once,
and a new worker is there at once.
"""

from __future__ import annotations

import gc
import importlib
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from zipimport import zipimporter

from embedpipe.environment import installed_home

__all__ = ["SHARED", "forget_archives", "leave_archives", "load"]

SHARED = (
    "pandas",
    "platformdirs",
    "pyspark.worker",
    "tokenizers",
    "embedpipe.engine.native",
    "embedpipe.spark.worker",
    "embedpipe.stages",
)
"""What workers would load one by one."""


def leave_archives() -> None:
    """Take pyspark from where it is installed, if Spark's home is that very package.

    Spark puts archives of the same files first among the places of imports. Those hold no compiled
    modules, which costs half a second at every start.
    """
    home = installed_home("spark")
    if home is None:
        return
    others = [path for path in sys.path if not Path(path).is_relative_to(home)]
    found = PathFinder.find_spec("pyspark", others)
    if (
        found is not None
        and found.origin is not None
        and Path(found.origin).parent.resolve() == home.resolve()
        and PathFinder.find_spec("py4j", others) is not None
    ):
        sys.path[:] = others


def load() -> None:
    """Import what is shared; of what cannot be, the worker tells that needs it, on the driver."""
    for name in SHARED:
        with suppress(ImportError):
            importlib.import_module(name)


def forget_archives() -> None:
    """Forget what importers know of archives, such as pyspark's own.

    Each worker asks all importers to look anew. For an archive that is to read its directory, of
    some thousand files, once for every package in it: 10 MB. One that is made anew later does not.
    """
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimporter):
            del sys.path_importer_cache[path]


if __name__ == "__main__":
    leave_archives()
    load()
    forget_archives()
    gc.collect()
    gc.freeze()  # collections in a worker would otherwise write to all of it, which copies it
    importlib.import_module("pyspark.daemon").manager()
