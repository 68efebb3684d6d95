"""How soon embedpipe is ready, and how much it occupies: import, first vector, wheel, installation.

    python benchmarks/startup.py --runs 15 --wheel dist/embedpipe-*.whl --venv path/of/core/venv

Times are of fresh processes of the Python that runs this, with the files in the system's cache.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from embedpipe_bench.machine import NOTICE, describe_machine
from embedpipe_bench.models import get_model
from embedpipe_bench.report import heading, markdown_table, save_json

__all__ = ["Figure", "distribution_sizes", "first_vector_seconds", "import_seconds"]

MODELS = {"bert_L2_H128": 0.4, "bert_L2_H512": 0.3}
"""Whose first vectors are waited for, and for how many seconds at most."""
ENVIRONMENTS_OWN = frozenset({"pip", "setuptools", "_distutils_hack", "distutils-precedence.pth"})
"""What a new virtual environment holds before anything is installed into it."""

FIRST_VECTOR = """\
import sys, time
from embedpipe import Encoder
Encoder.load(sys.argv[1]).encode(["One short sentence."])
print(time.time())
"""


@dataclass(frozen=True)
class Figure:
    """One line of the report."""

    what: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def cells(self) -> list[str]:
        """As shown in the table."""
        limit = "-" if self.limit is None else f"{self.limit:g} {self.unit}"
        return [self.what, f"{self.value:.3g} {self.unit}", limit]


def import_seconds(statement: str, runs: int) -> float:
    """Seconds that `statement` adds to a process of bare Python: median of all pairs."""
    for code in ("pass", statement):
        _process_seconds(code)  # brings the files into the system's cache
    return median(_process_seconds(statement) - _process_seconds("pass") for _ in range(runs))


def first_vector_seconds(model: Path, runs: int, *, packed_cache: bool) -> float:
    """Seconds from starting a process to its first vector of a text: median of all runs.

    packed_cache: whether packed weights are kept in a file, where they are large enough.
    """
    command = [sys.executable, "-c", FIRST_VECTOR, str(model)]
    environment = {**os.environ, "EMBEDPIPE_PACKED_CACHE": str(int(packed_cache))}
    seconds = []
    for _ in range(runs + 1):
        begin = time.time()
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        seconds.append(float(done.stdout) - begin)
    return median(seconds[1:])  # the first one only filled the system's cache


def distribution_sizes(venv: Path) -> dict[str, int]:
    """Bytes of the files in a virtual environment's site-packages by name, largest first.

    pip and setuptools, which every environment has, are left out; compiled .pyc files count.
    """
    folders = [*venv.glob("lib/python*/site-packages"), *venv.glob("Lib/site-packages")]
    if not folders:
        raise SystemExit(f"{venv}: no site-packages in there; expected a virtual environment")
    sizes: dict[str, int] = {}
    for entry in (entry for folder in folders for entry in folder.iterdir()):
        name = entry.name.split("-")[0] if entry.suffix == ".dist-info" else entry.name
        if name not in ENVIRONMENTS_OWN:
            sizes[name] = sizes.get(name, 0) + _bytes_in(entry)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _bytes_in(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.lstat().st_size for file in files if file.is_file())


def _process_seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def measure(arguments: argparse.Namespace) -> list[Figure]:
    """Everything that the arguments ask for."""
    figures = [
        Figure(
            "`import embedpipe` above bare Python",
            import_seconds("import embedpipe", arguments.runs),
            "s",
            0.15,
        ),
        Figure(
            "`from embedpipe import Encoder` above bare Python",
            import_seconds("from embedpipe import Encoder", arguments.runs),
            "s",
        ),
    ]
    for name, limit in MODELS.items():
        model = get_model(name).folder
        for packed_cache in (True, False):
            figures.append(
                Figure(
                    f"process start to first vector, {name}"
                    + ("" if packed_cache else ", packing its weights"),
                    first_vector_seconds(model, arguments.runs, packed_cache=packed_cache),
                    "s",
                    limit,
                )
            )
    if arguments.wheel:
        figures.append(Figure("wheel", arguments.wheel.stat().st_size / 1e6, "MB", 5))
    if arguments.venv:
        sizes = distribution_sizes(arguments.venv)
        figures.append(Figure("core installation", sum(sizes.values()) / 1e6, "MB", 300))
        largest = list(sizes.items())[:3]
        figures += [Figure(f"of which {name}", size / 1e6, "MB") for name, size in largest]
    return figures


def main() -> None:
    """Measure, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(
        description="Measure how soon embedpipe is ready and how much it occupies.", epilog=NOTICE
    )
    parser.add_argument("--runs", type=int, default=15, help="processes of each (%(default)s)")
    parser.add_argument("--wheel", type=Path, help="a built wheel, to report its size")
    parser.add_argument("--venv", type=Path, help="an environment with embedpipe and no extras")
    parser.add_argument("--json", type=Path, default=Path("out/startup.json"), help="(%(default)s)")
    arguments = parser.parse_args()
    print(NOTICE, file=sys.stderr)
    machine = describe_machine()
    figures = measure(arguments)
    print(f"\n{heading(machine)}, Python {machine['python']}\n")
    print(markdown_table(["what", "measured", "limit"], [figure.cells for figure in figures]))
    save_json(arguments.json, {"machine": machine}, figures)


if __name__ == "__main__":
    main()
