"""What a figure depends on besides the program: processor, system, and who else was computing."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from embedpipe.engine.processor import processor_name

__all__ = ["NOTICE", "Memory", "OtherLoad", "describe_machine", "memory_of"]

NOTICE = (
    "Nothing else may run on this machine meanwhile: every other program falsifies the figures."
)


def describe_machine() -> dict[str, str | int]:
    """Processor, cores this process may use, system and Python."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": processor_name(),
        "cores": usable or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


@dataclass(frozen=True)
class Memory:
    """Of a process, in 10^6 bytes. resident: now. highest: at its peak so far."""

    resident: float
    highest: float


def memory_of(process: int) -> Memory | None:
    """None once the process has ended, and on systems other than Linux."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    lines = dict(line.split(":", 1) for line in status.splitlines())
    if "VmRSS" not in lines:  # ended, but not waited for
        return None
    return Memory(*(int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM")))


class OtherLoad:
    """Cores that other programs kept busy since this was made, on average; Linux alone.

    children: processes that work for this one.
    """

    def __init__(self, children: Iterable[int] = ()) -> None:
        self._children = tuple(children)
        self._begin = time.perf_counter()
        self._busy = _machine_seconds()
        self._own = self._own_seconds()

    def cores(self) -> float | None:
        """None where the system does not say."""
        busy = _machine_seconds()
        if busy is None or self._busy is None:
            return None
        others = busy - self._busy - (self._own_seconds() - self._own)
        return max(0.0, others / (time.perf_counter() - self._begin))

    def _own_seconds(self) -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime + sum(map(_process_seconds, self._children))


def _machine_seconds() -> float | None:
    """Processor time that all programs have used since the start of the system."""
    path = Path("/proc/stat")
    if not path.exists():
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = path.read_text().split()[1:9]
    ticks = sum(map(int, (user, nice, system, irq, softirq, steal)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _process_seconds(process: int) -> float:
    """Processor time of another process; 0 where the system does not say."""
    path = Path(f"/proc/{process}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text().rpartition(")")[2].split()  # the name may hold spaces
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
