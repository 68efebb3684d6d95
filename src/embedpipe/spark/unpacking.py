"""Archives of models on executors: one folder of each on a host, which all workers map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedpipe.environment import cache_directory
from embedpipe.errors import ModelNotFoundError, OutputError, ParameterError
from embedpipe.formats.archives.tree import open_tree
from embedpipe.output import AtomicDirectory

__all__ = ["unpacked"]


def unpacked(place: Mapping[str, Any]) -> Path:
    """The folder of a model that was sent as an archive, made by the first who asks on this host.

    It lies in the cache, under the name of its content; where that cannot be written, in Spark's
    own folder for files of this executor.
    """
    archive = _archive(place)
    errors = []
    for above in _folders(archive):
        folder: Path = above / place["token"]
        if folder.is_dir():
            return folder
        try:
            above.mkdir(parents=True, exist_ok=True)
            return _unpack(archive, folder)
        except OSError as error:  # OutputError is one
            if folder.is_dir():  # another worker was faster
                return folder
            errors.append(str(error))
    raise OutputError(
        f"the model {archive.name} cannot be unpacked on this executor: {'; '.join(errors)}"
    )


def _archive(place: Mapping[str, Any]) -> Path:
    if "archive" in place:
        path = Path(place["archive"])
    else:
        from pyspark import SparkFiles

        path = Path(SparkFiles.get(place["file"]))
    if not path.is_file():
        raise ModelNotFoundError(
            f"the model's archive {path} is not on this executor, though it was sent with the "
            "pipeline. Make the data frame again, so that it is sent again; if the session's files "
            "are not passed on, put the model on a path that all see and set "
            "spark.embedpipe.models to shared"
        )
    return path


def _folders(archive: Path) -> list[Path]:
    """Where folders of models may be made, best first."""
    try:
        cache = [cache_directory() / "spark"]
    except ParameterError:  # no home directory
        cache = []
    return [*cache, archive.parent / "embedpipe-models"]


def _unpack(archive: Path, folder: Path) -> Path:
    tree = open_tree(archive)
    with AtomicDirectory(folder) as made:
        for name in tree.names:
            made.write(name, [tree.read(name)])
    return folder
