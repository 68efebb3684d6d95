"""Hashes of large files that lie in installed packages: taken once, and not at every start."""

from __future__ import annotations

from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path

from embedpipe.files.hashes import sha256_of

__all__ = ["remembered_sha256"]


def remembered_sha256(path: Path) -> str:
    """`sha256_of`, remembered for as long as the file is in the state in which it was read.

    The state is that by which packed weights are trusted: path, size and times, of which one
    cannot be set back.
    """
    from embedpipe.engine.weights import WeightsFile
    from embedpipe.output.findings import found_once

    file = WeightsFile.of(path)  # before it is read: what changes meanwhile is read again
    mark = blake2b(file.path.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return found_once(
        f"{mark}.sha256.json",
        asdict(file),
        "sha256",
        find=lambda: sha256_of(path),
        is_valid=lambda kept: isinstance(kept, str),
    )
