"""A map of texts: two dimensions of their vectors, colored, as a page or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedpipe.embedding.options import ModelOptions
from embedpipe.errors import ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.output import AtomicFile
from embedpipe.plot.clusters import cluster, cluster_words, usual_count
from embedpipe.plot.coloring import by_clusters, by_column
from embedpipe.plot.drawing import Drawing
from embedpipe.plot.gathering import gather
from embedpipe.plot.page import check_picture_output, floats, page
from embedpipe.plot.projection import METHODS, project

__all__ = ["MapSummary", "draw_map", "page_of"]


@dataclass(frozen=True)
class MapSummary:
    """What was drawn: how many records, by which method, and what they are colored by."""

    records: int
    method: str
    coloring: str
    names: list[str]


def draw_map(  # noqa: PLR0913 - all but two are keywords with defaults
    files: Sequence[str | Path],
    output: str | Path,
    *,
    color: str | None = None,
    clusters: int | None = None,
    method: str | None = None,
    seed: int = 0,
    title: str | None = None,
    limit: int | None = None,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> MapSummary:
    """Draw the records of files as points, near ones alike, to a page (.html) or picture (.png).

    Args:
        files, reading, embedding, vectors: as for `embedpipe.search_file`.
        color: a column; numbers are colored continuously, all else by value. None colors by
            clusters, which are named by their words.
        clusters: how many; None chooses by the number of records, at most 12.
        method: "umap", "tsne" or "pca"; None is UMAP, for fewer than 50 records PCA.
        seed: the same seed, records and versions of packages give the same map.
        title: None for the names of the files. limit: how many records, the first ones.
        progress: whether texts that are embedded are counted on standard error.

    The page works offline and asks for nothing; the texts are in it. Raises OutputError for the
    output, ParameterError for an unknown method, MissingDependencyError without
    `embedpipe[plot]`, and what `search_file` raises for the files.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     texts, page = Path(folder, "texts.txt"), Path(folder, "map.html")
    ...     _ = texts.write_text("A red apple.\\nA pear.\\nA night train.\\nA tram.\\n")
    ...     summary = draw_map([texts], page, clusters=2)
    ...     summary.records, summary.method, page.stat().st_size > 200_000
    (4, 'pca', True)
    """
    if method is not None and method not in METHODS:
        raise ParameterError(f"method: found {method!r}; expected one of {', '.join(METHODS)}")
    check_picture_output(output, overwrite=overwrite, inputs=files)
    found = gather(
        files,
        reading=reading,
        embedding=embedding,
        vectors=vectors,
        column=color,
        limit=limit,
        progress=progress,
    )
    places, used = project(found.vectors, method=method, seed=seed)
    if color is None or found.values is None:
        count = usual_count(len(found.texts)) if clusters is None else clusters
        labels = cluster(found.vectors, count, seed=seed)
        coloring = by_clusters(labels, cluster_words(found.texts, labels))
    else:
        coloring = by_column(color, found.values)
    drawing = Drawing(
        title or ", ".join(Path(file).name for file in files), found.texts, places, coloring, used
    )
    with AtomicFile(Path(output), replace=overwrite) as file:
        file.write(_content(drawing, Path(output).suffix))
    return MapSummary(len(found.texts), used, coloring.title, coloring.names)


def _content(drawing: Drawing, suffix: str) -> bytes:
    if suffix.lower() == ".png":
        from embedpipe.plot.picture import map_picture

        return map_picture(drawing)
    return page_of(drawing).encode("utf-8")


def page_of(drawing: Drawing) -> str:
    """The page of a drawing."""
    return page(drawing.title, "map", _data(drawing), libraries=["scatterplot"])


def _data(drawing: Drawing) -> dict[str, Any]:
    coloring = drawing.coloring
    count = len(coloring.names)
    colors = list(drawing.colors)
    if count:
        has_others = coloring.names[-1] == "others"
        colors = [*colors[: count - has_others], *colors[-1:] * has_others]
    same = count and all(
        coloring.names[int(code)] == label
        for code, label in zip(coloring.codes, coloring.labels, strict=True)
    )
    return {
        "title": drawing.title,
        "about": drawing.about,
        "coloring": coloring.title,
        "names": coloring.names,
        "colors": colors,
        "low": f"{coloring.low:g}",
        "high": f"{coloring.high:g}",
        "x": floats(drawing.places[:, 0]),
        "y": floats(drawing.places[:, 1]),
        "codes": floats(coloring.codes),
        "labels": None if same else coloring.labels,
        "anchors": drawing.anchors() if coloring.title == "cluster" else [],
        "texts": drawing.texts,
    }
