"""`embedpipe` in processes that kill themselves at named moments, as `kill -9` would."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PROGRAM = """
import json, os, signal, sys
{imports}
from embedpipe.cli import main

def before(owner, name, count, *, half=False):
    whole, calls = getattr(owner, name), []
    def killing(*given, **options):
        calls.append(name)
        if len(calls) == count:
            if half:
                whole(given[0], bytes(given[1])[: len(given[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*given, **options)
    setattr(owner, name, killing)

def arrange(moment):
{moments}

ended = []
for moment in json.loads(sys.argv[1]):
    child = os.fork()
    if child == 0:
        arrange(moment)
        os._exit(main(sys.argv[2:]))
    ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(ended)
"""


def run_killed(imports: str, moments: dict[str, str], line: Sequence[str | Path]) -> None:
    """Run the command line, killed at each moment in turn, then once more to its end.

    moments: by name, a line of Python that arranges it: `before(owner, name, count)` kills before
    the count-th call of a function, with `half` after half of the bytes were given to it. imports:
    what these lines need, imported once: each run is forked from a process that computed nothing.
    """
    arranged = "".join(f"    if moment == {name!r}: {code}\n" for name, code in moments.items())
    program = _PROGRAM.format(imports=imports, moments=arranged)
    command = [sys.executable, "-c", program, json.dumps([*moments, "never"]), *map(str, line)]
    done = subprocess.run(command, timeout=600, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [-signal.SIGKILL] * len(moments) + [0], done.stderr
