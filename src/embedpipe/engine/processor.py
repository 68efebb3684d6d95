"""The processor's name, for reports of what ran where."""

from __future__ import annotations

import platform
from pathlib import Path

__all__ = ["processor_name"]


def processor_name() -> str:
    """The processor's name as its maker gives it, where the system tells it.

    Virtual machines often cut names short, so that family and model follow, where there are any.
    """
    entries: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            entries.setdefault(key.strip(), value.strip())
    named = entries.get("model name") or entries.get("Model")
    name = named or platform.processor() or platform.machine()
    if "cpu family" in entries and "model" in entries:
        name += f" (family {entries['cpu family']}, model {entries['model']})"
    return name
