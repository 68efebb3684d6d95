"""How much processor time control groups leave this process: containers, systemd, Slurm.

A limit holds for all groups below it, so those above the process's own group count as well. Both
versions of control groups are read, side by side where a system has both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["cpu_quota"]

_V1_FILES = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
_V2_FILE = "cpu.max"

# mounted: which part of a hierarchy; in a container often its own part alone. place: where.
_MOUNT = re.compile(
    r"\S+ \S+ \S+ (?P<mounted>\S+) (?P<place>\S+) .* - (?P<kind>cgroup2?) \S+ (?P<options>\S+)"
)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """CPUs, such as 1.5; None without a limit, without control groups, and on other systems.

    root: where `proc` and what it names are looked for.
    """
    quotas = [quota for group in _groups(root) if (quota := _quota_of(group)) is not None]
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The directories of the process's group, and of those above it, as far as they can be seen."""
    paths = _group_paths(root)
    for line in _lines(root / "proc/self/mountinfo"):
        mount = _MOUNT.match(line)
        if mount is None or mount["kind"] not in paths:
            continue
        if mount["kind"] == "cgroup" and "cpu" not in mount["options"].split(","):
            continue
        inside = _below(_unescaped(mount["mounted"]), paths[mount["kind"]])
        for part in (inside, *inside.parents):
            yield root / _unescaped(mount["place"]).lstrip("/") / part


def _group_paths(root: Path) -> dict[str, str]:
    """The process's group that limits its time, by the kind of file system: cgroup, cgroup2."""
    paths = {}
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0":
            paths["cgroup2"] = path
        elif "cpu" in controllers.split(","):
            paths["cgroup"] = path
    return paths


def _below(mounted: str, path: str) -> PurePosixPath:
    """The way from what is mounted down to a group; empty for one that cannot be seen from here."""
    try:
        inside = PurePosixPath(path).relative_to(mounted)
    except ValueError:
        return PurePosixPath()
    return PurePosixPath() if ".." in inside.parts else inside


def _quota_of(group: Path) -> float | None:
    fields = [field for line in _lines(group / _V2_FILE) for field in line.split()]
    fields = fields or [line for name in _V1_FILES for line in _lines(group / name)]
    if len(fields) != 2 or not all(re.fullmatch(r"\d+", field) for field in fields):
        return None  # "max 100000", or -1 in version 1: no limit
    quota, period = map(int, fields)
    return quota / period if quota > 0 and period > 0 else None


def _lines(path: Path) -> list[str]:
    """Of a small file; none if it is not there or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


def _unescaped(field: str) -> str:
    r"""A path as the kernel writes it there: a space is \040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
