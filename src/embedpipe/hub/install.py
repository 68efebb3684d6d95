"""Makes a folder of a downloaded model: converts its files, applies the catalog, checks it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from embedpipe.engine.config import huggingface_name
from embedpipe.errors import ModelFormatError
from embedpipe.files.hashes import sha256_of
from embedpipe.files.strict_json import read_json
from embedpipe.formats.own_record import OWN_RECORD, readable_json
from embedpipe.hub.catalog_file import CatalogModel, Source
from embedpipe.hub.download import without_secrets
from embedpipe.output import AtomicDirectory

__all__ = [
    "check_model",
    "convert_archive",
    "gather_files",
    "install_model",
    "source_record",
]

_PYTORCH = "pytorch_model"  # what its files of weights begin with


def convert_archive(archive: Path, folder: Path) -> None:
    """Convert a model of any known format, in an archive or a folder, into a new folder."""
    from embedpipe.formats.reading import open_model
    from embedpipe.formats.writing import write_model

    with AtomicDirectory(folder) as target:
        write_model(open_model(archive), target)


def gather_files(origin: Path, names: Sequence[str], folder: Path) -> None:
    """Make a folder of those files: linked where the disk is the same one, else copied.

    PyTorch's own format of weights is converted.
    """
    if any(name.startswith(_PYTORCH) for name in names):
        convert_archive(origin, folder)
        names = [n for n in names if not n.rpartition("/")[2].startswith(_PYTORCH)]
    else:
        folder.mkdir()
    for name in names:
        target = folder / name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            _link_or_copy(origin / name, target)


def _link_or_copy(origin: Path, target: Path) -> None:
    real = origin.resolve()  # Hugging Face's cache is made of symbolic links
    try:
        os.link(real, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(real, target)


def install_model(folder: Path, model: CatalogModel, origin: Mapping[str, Any]) -> None:
    """Write into the files what the catalog says, record them, and check that they are a model.

    origin: where they came from. Raises ModelFormatError if they cannot be used.
    """
    if model.activation is not None:
        _change(folder / "config.json", {"hidden_act": huggingface_name(model.activation)})
    if model.case_sensitive is not None:
        _change(folder / "tokenizer_config.json", {"do_lower_case": not model.case_sensitive})
    declared = read_json(folder / OWN_RECORD, dict) if (folder / OWN_RECORD).exists() else {}
    facts = {key: value for key, value in asdict(model).items() if value is not None}
    for bookkeeping in ("sources", "size"):
        facts.pop(bookkeeping, None)
    files = {
        path.relative_to(folder).as_posix(): {
            "sha256": sha256_of(path),
            "size": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != OWN_RECORD
    }
    record = {**declared, **facts, "source": dict(origin), "files": files}
    (folder / OWN_RECORD).unlink(missing_ok=True)
    _write_json(folder / OWN_RECORD, record)
    check_model(folder, model)


def check_model(folder: Path, model: CatalogModel) -> None:
    """Raise ModelFormatError unless the folder holds a usable model of the right dimension."""
    from embedpipe.formats.reading import open_model
    from embedpipe.subword import make_tokenizer

    found = open_model(folder)
    make_tokenizer(found.stated_files, found.config, source=found.source)
    if model.dimension not in (found.config.hidden_size, found.dimension):
        raise ModelFormatError(
            f"{model.name} has vectors of {found.dimension}; the catalog says "
            f"{model.dimension}. It is another model"
        )


def source_record(source: Source, **found: Any) -> dict[str, Any]:
    """The entry of the record for the source of the files."""
    return {"kind": source.kind, "place": without_secrets(source.place), **found}


def _change(path: Path, changes: Mapping[str, Any]) -> None:
    content = read_json(path, dict) if path.exists() else {}
    if {**content, **changes} != content:
        path.unlink(missing_ok=True)  # it may be a link to a file that is others' as well
        _write_json(path, {**content, **changes})


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(readable_json(content))
        file.flush()
        os.fsync(file.fileno())
