"""Forks Spark's Python workers on an executor, with all loaded that each of them needs.

Spark runs this module where the setting `spark.python.daemon.module` names it, in place of
pyspark's own, whose code it runs. Workers are forks, so what was loaded before lies in memory once,
and a new worker is there at once.
"""

from __future__ import annotations

import gc
import sys
from zipimport import zipimporter

import pandas as pd
import platformdirs
import pyspark.worker
import tokenizers
from pyspark.daemon import manager

import embedpipe.engine.native
import embedpipe.spark.worker
import embedpipe.stages

__all__ = ["SHARED"]

SHARED = (pd, platformdirs, pyspark.worker, tokenizers, embedpipe)
"""What workers would load one by one."""


def forget_archives() -> None:
    """Forget what importers know of archives, such as pyspark's own.

    Each worker asks all importers to look anew. For an archive that is to read its directory, of
    some thousand files, once for every package in it: 10 MB. One that is made anew later does not.
    """
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimporter):
            del sys.path_importer_cache[path]


if __name__ == "__main__":
    forget_archives()
    gc.collect()
    gc.freeze()  # collections in a worker would otherwise write to all of it, which copies it
    manager()
