"""Installed packages: their versions, what is missing, and how much space they take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version

__all__ = ["Package", "installed_package", "installed_versions", "missing_packages"]


@dataclass(frozen=True)
class Package:
    """megabytes: of its files and those of all packages that it requires."""

    version: str
    megabytes: float


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Version by name, for those that are installed.

    >>> list(installed_versions(["numpy", "no-such-package"]))
    ['numpy']
    """
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # the caller sees it from its absence
    return found


def missing_packages(names: Iterable[str]) -> list[str]:
    """Those that are not installed."""
    names = list(names)
    there = installed_versions(names)
    return [name for name in names if name not in there]


def installed_package(name: str) -> Package:
    """What is known of an installed package.

    >>> installed_package("numpy").megabytes > 1
    True
    """
    return Package(version(name), _megabytes(name))


def _megabytes(name: str) -> float:
    """10^6 bytes of the files of a package and of all that it requires, extras left out."""
    pending, seen, total = [name], set[str](), 0
    while pending:
        package = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if package in seen:
            continue
        seen.add(package)
        try:
            found = distribution(package)
        except PackageNotFoundError:
            continue  # required on other systems or by other versions of Python alone
        total += _bytes_of(found)
        pending += [
            re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
            for requirement in found.requires or []
            if "extra ==" not in requirement
        ]
    return total / 1e6


def _bytes_of(package: Distribution) -> int:
    paths = [package.locate_file(file) for file in package.files or []]
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]
