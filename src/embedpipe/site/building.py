"""Builds the hub: reads the catalog, and what is known of models on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from embedpipe.card import CardFacts, gather
from embedpipe.hub.catalog import catalog
from embedpipe.hub.catalog_file import CatalogModel
from embedpipe.hub.find import find_here
from embedpipe.output import AtomicDirectory
from embedpipe.site.pages import STATIC, ModelPage, index_page, model_page
from embedpipe.site.usage import notebook

__all__ = ["build_hub", "hub_files", "hub_pages"]

_ASSETS = ("hub.css", "hub.js", "icon.svg")


def build_hub(
    output: str | os.PathLike[str], *, demo: str | None = None, overwrite: bool = False
) -> int:
    """Write the site into a folder, whole or not at all; how many models it has.

    It has every model of the catalog, files of `EMBEDPIPE_CATALOG` included. For models that are on
    this machine, pages show computed values beside published ones. Open `index.html`, or serve the
    folder; pages need nothing else.

    demo: the address of an `embedpipe serve` whose page the models' pages lead to. overwrite:
    whether a folder that is there is replaced.

    Raises OutputError if it cannot be written, ParameterError for a catalog with faults, and
    MissingDependencyError without the package that writes pages.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as above:
    ...     count = build_hub(pathlib.Path(above, "hub"))
    ...     count >= 70, pathlib.Path(above, "hub", "small_bert_L12_256.html").exists()
    (True, True)
    """
    pages = list(hub_pages())
    demos = {} if demo is None else {page.model.name: demo for page in pages}
    with AtomicDirectory(output, replace=overwrite) as folder:
        for name, content in hub_files(pages, demos):
            folder.write(name, [content])
    return len(pages)


def hub_files(pages: Sequence[ModelPage], demos: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """The files of the site, by path; demos: addresses of live demos by the models' names."""
    yield "index.html", index_page(pages).encode()
    for page in pages:
        demo = demos.get(page.model.name)
        address = None if demo is None else f"{demo}?{urlencode({'model': page.model.name})}"
        yield page.file, model_page(page, address).encode()
        content = notebook(page.model, page.one_line)
        yield f"notebooks/{page.file.removesuffix('.html')}.ipynb", content.encode()
    for asset in _ASSETS:
        yield asset, (STATIC / asset).read_bytes()


def hub_pages() -> Iterator[ModelPage]:
    """The newest version of every model, by name."""
    known = catalog()
    for name in sorted(known.models, key=str.lower):
        model = known.models[name][0]
        in_one_line = f"{model.language}."
        names = [n for n in known.further_names(name) if n.startswith(in_one_line)]
        one_line = next(iter(names), None)
        yield ModelPage(model, one_line, _facts(model))


def _facts(model: CatalogModel) -> CardFacts | None:
    """What the model's card tells, if it is on this machine; nothing is measured anew."""
    if find_here(model) is None:
        return None
    return gather(model.name, measuring=None)
