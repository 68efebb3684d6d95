"""Hugging Face's own cache, read where it lies: nothing in it is changed, and no server is asked.

Of a repository it holds `refs/<branch>` (which commit that is), `snapshots/<commit>` (the files),
and `.no_exist/<commit>` (names that were asked for, and are not there).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embedpipe.environment import hub_cache_directory
from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.huggingface.sentence_transformers_steps import has_steps
from embedpipe.formats.layout import CONFIG, MODULES

__all__ = ["is_settled", "repositories", "snapshot"]

_USUAL = "main"


def snapshot(repository: str, revision: str | None = None) -> Path | None:
    """The folder of a revision's files, if its configuration is among them."""
    place = hub_cache_directory() / f"models--{repository.replace('/', '--')}"
    try:
        commit = _commit(place, revision or _USUAL)
        folder = place / "snapshots" / commit
        return folder if (folder / CONFIG).is_file() else None
    except (OSError, ValueError):  # of a cache that is damaged; a download into it says how
        return None


def is_settled(folder: Path) -> bool:
    """Whether a snapshot is known to hold all that tells how the model is used.

    transformers fetches a model without sentence-transformers' settings. So these must be there, or
    it must be known that the repository has none.
    """
    known = folder.parent.parent / ".no_exist" / folder.name / MODULES
    return known.is_file() or has_steps(open_tree(folder))


def repositories() -> Iterator[tuple[str, Path]]:
    """Every repository's name and the folder of its usual revision, in the order of names."""
    try:
        places = sorted(hub_cache_directory().glob("models--*"))
    except OSError:
        return
    for place in places:
        name = place.name.removeprefix("models--").replace("--", "/", 1)
        found = snapshot(name)
        if found is not None:
            yield name, found


def _commit(place: Path, revision: str) -> str:
    ref = place / "refs" / revision
    commit = ref.read_text(encoding="ascii").strip() if ref.is_file() else revision
    if not commit or commit.startswith(".") or "/" in commit or "\\" in commit:
        raise ValueError("no commit")
    return commit
