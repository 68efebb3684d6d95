"""Watches what a reader does with a hostile file: memory, time, files, and calls out of Python.

One `Watch` for a process. Errors of `embedpipe.errors` are what readers may raise.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedpipe.errors import EmbedpipeError, EmbedpipeWarning

MEMORY = 192 * 2**20
"""Bytes of address space above what the process had before the first input, for all inputs."""
SECONDS = 4
"""Of processor time for one input."""

_FORBIDDEN = (
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"),
    *("pickle.find_class", "socket.connect", "socket.bind", "ctypes.dlopen", "shutil.rmtree"),
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod"),
    *("code.__new__", "cpython.run_command", "webbrowser.open", "os.truncate", "compile"),
)
"""Audit events; a reader needs none of these."""


class Broken(BaseException):
    """A bound is broken; no reader can take it for an error of its own."""


class Watch:
    """Makes a fresh tree of folders, and calls readers with all bounds in force.

    inputs: the folder for files that readers open. No file may appear in the tree.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.inputs = top / "a/b/c/inputs"
        self.inputs.mkdir(parents=True)
        scratch = top / "a/b/c/tmp"
        scratch.mkdir()
        os.chdir(self.inputs.parent)
        tempfile.tempdir = str(scratch)
        self._scratch = str(scratch)
        self._armed = False
        self._calls = 0
        signal.signal(signal.SIGPROF, _too_long)
        sys.addaudithook(self._audit)

    def begin(self) -> None:
        """From now on the address space grows by MEMORY at most, and no file may appear."""
        self._seen = self._listing()
        gc.collect()
        gc.freeze()  # so that looking for garbage is quick from here on
        most = status("VmSize") + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

    def finding(self, read: Callable[[], object]) -> str | None:
        """What is wrong with how `read` took its input; None for a result or an error of ours."""
        self._calls += 1
        if self._calls % 16 == 0:
            gc.collect()  # large models in few objects are not found in time otherwise
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", EmbedpipeWarning)  # damaged settings, cut texts
                self._armed = True
                signal.setitimer(signal.ITIMER_PROF, SECONDS)
                try:
                    read()
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0)
                    self._armed = False
        except EmbedpipeError as error:
            return None if str(error) else f"{type(error).__name__} without a message"
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # Broken, and the panics of compiled packages
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            return f"{type(error).__name__}: {str(error)[:200]} ({where})"
        return None

    def strangers(self) -> str | None:
        """Files or folders that were not there, or are no longer."""
        changed = self._listing() ^ self._seen
        return f"files appeared or vanished: {sorted(changed)[:5]}" if changed else None

    def _listing(self) -> set[str]:
        return {
            str(Path(folder, name))
            for folder, folders, files in os.walk(self.top)
            for name in (*folders, *files)
        }

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed:
            return
        if event in _FORBIDDEN:
            raise Broken(f"{event}{arguments!r:.200}")
        if event == "open" and isinstance(arguments[2], int):
            writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and not str(arguments[0]).startswith(self._scratch):
                raise Broken(f"{arguments[0]!r:.200} is opened for writing")


def _too_long(_number: int, _frame: object) -> None:
    raise Broken(f"more than {SECONDS} seconds of processor time")


def status(field: str) -> int:
    """Bytes that the kernel tells of this process, such as VmHWM."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024
