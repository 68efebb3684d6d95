"""How soon embedpipe is ready, and how much it occupies: import, first vector, wheel, installation.

    python benchmarks/startup.py --runs 15
    python benchmarks/startup.py --python old/bin/python new/bin/python --wheel old.whl new.whl

Times are of fresh processes, with the files in the system's cache. Several interpreters, each with
an installation of its own, take turns, so that what disturbs one disturbs all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from embedpipe_bench.machine import NOTICE, describe_machine
from embedpipe_bench.models import get_model
from embedpipe_bench.report import heading, markdown_table, save_json

__all__ = ["Figure", "distribution_sizes", "first_vector_seconds", "import_seconds"]

IMPORTS = {"import embedpipe": 0.15, "from embedpipe import Encoder": None}
"""And the seconds that they may take at most."""
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
    """One line of the report. values: one for each interpreter or wheel."""

    what: str
    values: list[float]
    unit: str
    limit: float | None = None

    @property
    def cells(self) -> list[str]:
        """As shown in the table: the values, the last as a multiple of the first, the limit."""
        limit = "-" if self.limit is None else f"{self.limit:g} {self.unit}"
        first, last = self.values[0], self.values[-1]
        ratio = [f"{last / first:.2f}" if first else "-"] if len(self.values) > 1 else []
        return [self.what, *(f"{value:.3g} {self.unit}" for value in self.values), *ratio, limit]


def in_turn(measured: Callable[[Path], float], pythons: Sequence[Path], runs: int) -> list[float]:
    """The median of so many runs for each interpreter; one more fills the system's cache."""
    found: list[list[float]] = [[] for _ in pythons]
    for _ in range(runs + 1):
        for python, values in zip(pythons, found, strict=True):
            values.append(measured(python))
    return [median(values[1:]) for values in found]


def import_seconds(statement: str, pythons: Sequence[Path], runs: int) -> list[float]:
    """Seconds that `statement` adds to a process of each bare interpreter."""
    return in_turn(
        lambda python: _process_seconds(python, statement) - _process_seconds(python, "pass"),
        pythons,
        runs,
    )


def first_vector_seconds(
    model: Path, pythons: Sequence[Path], runs: int, *, packed_cache: bool
) -> list[float]:
    """Seconds from starting a process to its first vector of a text.

    packed_cache: whether packed weights are kept in a file, where they are large enough. Each
    interpreter has a cache of its own, as another version may pack otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="embedpipe-startup-") as folder:

        def measured(python: Path) -> float:
            cache = Path(folder, str(pythons.index(python)))
            variables = {
                "EMBEDPIPE_CACHE": str(cache),
                "EMBEDPIPE_PACKED_CACHE": str(int(packed_cache)),
            }
            command = [str(python), "-c", FIRST_VECTOR, str(model)]
            begin = time.time()
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=os.environ | variables
            )
            return float(done.stdout) - begin

        return in_turn(measured, pythons, runs)


def site_packages(python: Path) -> Path:
    """Where an interpreter's environment has its packages."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    done = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


def distribution_sizes(folder: Path) -> dict[str, int]:
    """Bytes of the files in an environment's site-packages by name, largest first.

    pip and setuptools, which every environment has, are left out; compiled .pyc files count.
    """
    sizes: dict[str, int] = {}
    for entry in folder.iterdir():
        name = entry.name.split("-")[0] if entry.suffix == ".dist-info" else entry.name
        if name not in ENVIRONMENTS_OWN:
            sizes[name] = sizes.get(name, 0) + _bytes_in(entry)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _bytes_in(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.lstat().st_size for file in files if file.is_file())


def _process_seconds(python: Path, code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([str(python), "-c", code], check=True)
    return time.perf_counter() - begin


def measure(arguments: argparse.Namespace) -> list[Figure]:
    """Everything that the arguments ask for."""
    pythons, runs = arguments.python or [Path(sys.executable)], arguments.runs
    figures = [
        Figure(
            f"`{statement}` above bare Python", import_seconds(statement, pythons, runs), "s", limit
        )
        for statement, limit in IMPORTS.items()
    ]
    for name, limit in MODELS.items():
        model = get_model(name).folder
        for packed_cache, way in ((True, ""), (False, ", packing its weights")):
            seconds = first_vector_seconds(model, pythons, runs, packed_cache=packed_cache)
            figures.append(
                Figure(f"process start to first vector, {name}{way}", seconds, "s", limit)
            )
    if arguments.wheel:
        sizes = [wheel.stat().st_size / 1e6 for wheel in arguments.wheel]
        figures.append(Figure("wheel", sizes, "MB", 5))
    if arguments.python:
        folders = [distribution_sizes(site_packages(python)) for python in pythons]
        for name in ("embedpipe", *[name for name in folders[-1] if name != "embedpipe"][:3]):
            sizes = [folder.get(name, 0) / 1e6 for folder in folders]
            figures.append(Figure(f"installed {name}", sizes, "MB"))
        figures.append(
            Figure("installed in all", [sum(f.values()) / 1e6 for f in folders], "MB", 300)
        )
    return figures


def main() -> None:
    """Measure, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(
        description="Measure how soon embedpipe is ready and how much it occupies.", epilog=NOTICE
    )
    parser.add_argument("--runs", type=int, default=15, help="processes of each (%(default)s)")
    parser.add_argument(
        "--python",
        type=Path,
        nargs="+",
        metavar="PYTHON",
        help="interpreters of environments with embedpipe and no extras, whose sizes are told too "
        "(default: this one, without)",
    )
    parser.add_argument(
        "--wheel", type=Path, nargs="+", help="built wheels, in the same order, for their sizes"
    )
    parser.add_argument("--json", type=Path, default=Path("out/startup.json"), help="(%(default)s)")
    arguments = parser.parse_args()
    print(NOTICE, file=sys.stderr)
    if arguments.python:
        os.environ.pop("PYTHONPATH", None)  # each has the version that is installed there
    machine = describe_machine()
    figures = measure(arguments)
    columns = [str(python) for python in arguments.python or ["measured"]]
    ratio = ["last / first"] if len(columns) > 1 else []
    print(f"\n{heading(machine)}, Python {machine['python']}\n")
    print(markdown_table(["what", *columns, *ratio, "limit"], [figure.cells for figure in figures]))
    save_json(arguments.json, {"machine": machine, "of": columns}, figures)


if __name__ == "__main__":
    main()
