"""Repositories as Hugging Face serves them, and as its library keeps them on the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.support.model_server import Answer, ModelServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "org/tiny"


def publish(
    server: ModelServer,
    files: Mapping[str, bytes],
    large: str = "model.safetensors",
    *,
    repository: str = REPOSITORY,
    revision: str = "main",
) -> str:
    """Serve the files as Hugging Face does, `large` as one of its large files; the listing's path.

    revision: the branch or tag that means the commit; of "main" the listing is the repository's.
    """
    siblings: list[dict[str, Any]] = []
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        for where in (COMMIT, revision):
            path = f"/{repository}/resolve/{where}/{name}"
            server.add(path, content)
            server.headers[path] = {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT}
        siblings.append({"rfilename": name, "size": len(content), "blobId": digest[:40]})
        if name == large:
            siblings[-1]["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
    if "modules.json" not in files:
        told = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
        absent = f"/{repository}/resolve/{COMMIT}/modules.json"
        server.answers[absent] = [Answer(status=404, headers=told)]
    facts = {"id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings}
    listing = f"/api/models/{repository}"
    if revision != "main":
        listing += f"/revision/{revision}"
    server.add(listing, json.dumps(facts).encode())
    server.headers[listing] = {"Content-Type": "application/json"}
    return listing


def keep(
    home: Path,
    files: Mapping[str, bytes],
    *,
    repository: str = REPOSITORY,
    branch: str = "main",
    absent: Iterable[str] = ("modules.json",),
) -> Path:
    """A repository in a cache as huggingface_hub lays it out; the folder of its snapshot.

    absent: what is known not to be there.
    """
    place = home / "hub" / f"models--{repository.replace('/', '--')}"
    folder = place / "snapshots" / COMMIT
    for name, content in files.items():
        blob = place / "blobs" / hashlib.sha256(content).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        up = "/".join([".."] * (2 + name.count("/")))
        target.symlink_to(f"{up}/blobs/{blob.name}")
    for name in absent:
        (place / ".no_exist" / COMMIT).mkdir(parents=True, exist_ok=True)
        (place / ".no_exist" / COMMIT / name).touch()
    (place / "refs").mkdir(exist_ok=True)
    (place / "refs" / branch).write_text(COMMIT)
    return folder


def states_below(folder: Path) -> dict[Path, tuple[int, ...]]:
    """Which files there are, and all that would tell a change, of content or of links to it."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {
        path: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_nlink)
        for path, s in found.items()
    }
