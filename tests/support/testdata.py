"""The folder of recorded data that tests read, laid out from `tests/data`.

There, what is large lies compressed: `models.tar.xz` stands for the folder `models`. Here it is
unpacked, once for each content of `tests/data`, into `build/testdata`, which `make clean` removes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = _REPOSITORY / "tests/data"
_SUFFIX = ".tar.xz"


def testdata_folder(source: Path = SOURCE, build: Path = _REPOSITORY / "build/testdata") -> Path:
    """The unpacked folder: what `source` holds, each archive as the folder of its name.

    Raises ValueError if a file of `source` is not the one that its `SHA256SUMS` states.
    """
    sums = (source / "SHA256SUMS").read_bytes()
    folder = build / hashlib.sha256(sums).hexdigest()[:16]
    if not folder.is_dir():
        build.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=build) as scratch:
            made = Path(scratch, "made")
            _lay_out(source, sums.decode(), made)
            try:
                made.rename(folder)  # whole or not at all
            except OSError:  # another process was faster
                if not folder.is_dir():
                    raise
    return folder


def _lay_out(source: Path, sums: str, target: Path) -> None:
    for line in sums.splitlines():
        digest, name = line.split("  ", 1)
        found = hashlib.sha256((source / name).read_bytes()).hexdigest()
        if found != digest:
            raise ValueError(
                f"{source / name} has the SHA-256 {found}, and SHA256SUMS states {digest}: restore "
                "it by `git checkout tests/data`, or renew the sums by `tests/data/pack.sh`"
            )
        if name.endswith(_SUFFIX):
            _unpack(source / name, target)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
    for folder, _, files in os.walk(target):
        for file in files:
            Path(folder, file).chmod(0o444)  # no test may change what others read


def _unpack(path: Path, target: Path) -> None:
    """Files and folders inside `target` only; tarfile's own filters need Python 3.11.4."""
    with tarfile.open(path) as archive:
        for member in archive:
            place = (target / member.name).resolve()
            if not place.is_relative_to(target.resolve()) or not (
                member.isfile() or member.isdir()
            ):
                raise ValueError(f"{path}: {member.name!r} is no file or folder inside it")
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None
                place.write_bytes(content.read())
