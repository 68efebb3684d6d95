"""Vectors and records in a folder: added, deleted, and searched exactly or approximately.

index.json             what there is; replaced last, so that a change happens whole or not at all
000000/vectors.f32     unit vectors, float32, mapped when they are searched
000000/records.arrow   their records, in the same order, mapped too
deleted-000003.npy     which rows are deleted
lists-000003.faiss     for approximate search
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.embedding.approximate import LEAST_ROWS, Approximate
from embedpipe.embedding.exact import Neighbors, rescored, top, unit
from embedpipe.embedding.segment import Segment
from embedpipe.embedding.where import Condition
from embedpipe.errors import ColumnError, InputError, OutputError
from embedpipe.output import AtomicFile

__all__ = ["VectorIndex", "is_index"]

STATE = "index.json"
_FORMAT = 1
_FEW = 20_000  # rows that conditions leave, which are compared one by one


def is_index(path: str | Path) -> bool:
    """Whether a folder holds an index."""
    return Path(path, STATE).is_file()


class VectorIndex:
    """An index in a folder. made_with: what its vectors say of themselves; column: of the text."""

    def __init__(self, folder: str | Path) -> None:
        """Open one; InputError if it is damaged."""
        self.folder = Path(folder)
        try:
            state = json.loads((self.folder / STATE).read_bytes())
            if state["format"] != _FORMAT:
                raise ValueError(f"format {state['format']} is unknown")
            self.made_with: dict[str, Any] = state["made_with"]
            self.dimension = int(state["dimension"])
            self.generation = int(state["generation"])
            self._lists: dict[str, Any] | None = state["lists"]
            names = state["segments"]
            self.segments = [Segment(self.folder / name, self.dimension) for name in names]
            deleted = state["deleted"]
            self.deleted = np.load(self.folder / deleted) if deleted else None
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise InputError(
                f"{folder} holds no index that can be read: {error}; make it anew with "
                "embedpipe index"
            ) from error
        self._approximate: Approximate | None = None
        self.starts = np.cumsum([0, *(segment.rows for segment in self.segments)])

    @classmethod
    def create(cls, folder: str | Path, dimension: int, made_with: dict[str, Any]) -> VectorIndex:
        """An empty one; the folder is made."""
        path = Path(folder)
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot write {folder}: {error.strerror}; name another folder"
            ) from error
        _write_state(path, _state(dimension, made_with))
        return cls(path)

    @property
    def rows(self) -> int:
        """All rows, deleted ones too."""
        return int(self.starts[-1])

    @property
    def count(self) -> int:
        """The records that can be found."""
        return self.rows - (0 if self.deleted is None else int(self.deleted.sum()))

    # --- changing -----------------------------------------------------------------------------

    def add(self, batches: Iterable[tuple[pa.RecordBatch, npt.NDArray[np.float32]]]) -> VectorIndex:
        """The index with more records and their vectors (n, dimension), float32."""
        with self._locked():
            name = f"{self.generation + 1:06}"
            segment = Segment.written(self.folder / name, self.dimension, batches)
            if not segment.rows:
                segment.remove()
                return self
            names = [each.path.name for each in (*self.segments, segment)]
            return self._changed(names, self._deleted_with(segment.rows))

    def delete(self, conditions: Sequence[Condition]) -> tuple[VectorIndex, int]:
        """The index without the records that meet all conditions, and how many those were."""
        with self._locked():
            found = self._meeting(conditions)
            before = np.zeros(self.rows, np.bool_) if self.deleted is None else self.deleted
            count = int((found & ~before).sum())
            if not count:
                return self, 0
            names = [segment.path.name for segment in self.segments]
            return self._changed(names, before | found), count

    def _deleted_with(self, more: int) -> npt.NDArray[np.bool_] | None:
        if self.deleted is None:
            return None
        return np.concatenate([self.deleted, np.zeros(more, np.bool_)])

    def _changed(self, names: list[str], deleted: npt.NDArray[np.bool_] | None) -> VectorIndex:
        """Write what is new, then the state, then remove what is old."""
        number = self.generation + 1
        state = _state(self.dimension, self.made_with) | {"segments": names, "generation": number}
        if deleted is not None:
            state["deleted"] = f"deleted-{number:06}.npy"
            np.save(self.folder / state["deleted"], deleted)
        state["lists"] = self._lists
        _write_state(self.folder, state)
        return VectorIndex(self.folder)._with_lists()._cleaned()

    def _with_lists(self) -> VectorIndex:
        """Make or extend what approximate search needs, if there are enough rows and FAISS is."""
        from importlib.util import find_spec

        known = self._lists["rows"] if self._lists else 0
        if self.rows < LEAST_ROWS or known == self.rows or find_spec("faiss") is None:
            return self
        if self._lists and self.rows < 2 * self._lists["built"]:
            lists = Approximate.extended(self.folder / self._lists["file"], self._lists["probes"])
            for segment, start in zip(self.segments, self.starts, strict=False):
                if start >= known:
                    lists.add(segment.vectors, int(start))
            built = self._lists["built"]
        else:
            lists, built = Approximate.built(self._vectors()), self.rows
        name = f"lists-{self.generation:06}.faiss"
        lists.write(self.folder / name)
        state = json.loads((self.folder / STATE).read_bytes())
        state["lists"] = {"file": name, "rows": self.rows, "built": built, "probes": lists.probes}
        _write_state(self.folder, state)
        return VectorIndex(self.folder)

    def _cleaned(self) -> VectorIndex:
        """Remove files of earlier states and of changes that were interrupted."""
        state = json.loads((self.folder / STATE).read_bytes())
        kept = {STATE, ".lock", state["deleted"], (state["lists"] or {}).get("file")}
        for path in self.folder.iterdir():
            if path.is_dir() and path.name.isdigit() and path.name not in state["segments"]:
                Segment.remove_at(path)
            elif path.name.startswith(("deleted-", "lists-")) and path.name not in kept:
                path.unlink(missing_ok=True)
        return self

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.folder / ".lock", timeout=0):
                if VectorIndex(self.folder).generation != self.generation:
                    raise OutputError(
                        f"cannot write {self.folder}: it was changed since it was opened; open it "
                        "again"
                    )
                yield
        except Timeout as error:
            raise OutputError(
                f"cannot write {self.folder}: another process changes it; wait for it"
            ) from error

    # --- searching ----------------------------------------------------------------------------

    def search(
        self,
        queries: npt.NDArray[Any],
        k: int,
        *,
        exact: bool = False,
        conditions: Sequence[Condition] = (),
    ) -> Neighbors:
        """The k records with the largest cosine to each query (m, dimension).

        Approximately where there are lists for it, unless `exact`; conditions that leave few
        records lead to exact search among these. Scores are exact cosines in either case.
        """
        asked = unit(np.atleast_2d(queries))
        allowed = self._allowed(conditions)
        vectors = self._vectors()
        is_few = conditions and allowed is not None and int(allowed.sum()) <= _FEW
        lists = None if exact or is_few else self._opened_lists()
        if lists is not None:
            rows = lists.candidates(asked, k, allowed)
        elif is_few and allowed is not None:
            chosen = np.flatnonzero(allowed)
            among, _ = top(vectors[chosen], asked, k + 16)
            rows = np.where(among >= 0, chosen[among], -1) if len(chosen) else among
        else:
            rows, _ = top(vectors, asked, k + 16, allowed=allowed)
        return rescored(vectors, asked, rows, k)

    def record(self, row: int) -> pa.RecordBatch:
        """One record, all columns."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.segments[number].record(row - int(self.starts[number]))

    def _opened_lists(self) -> Approximate | None:
        if self._approximate is None and self._lists and self._lists["rows"] == self.rows:
            path = self.folder / self._lists["file"]
            self._approximate = Approximate.read(path, self._lists["probes"])
        return self._approximate

    def _allowed(self, conditions: Sequence[Condition]) -> npt.NDArray[np.bool_] | None:
        if not conditions:
            return None if self.deleted is None else ~self.deleted
        found = self._meeting(conditions)
        return found if self.deleted is None else found & ~self.deleted

    def _meeting(self, conditions: Sequence[Condition]) -> npt.NDArray[np.bool_]:
        """Which rows meet all conditions; ColumnError if no record has a column."""
        names = {name for segment in self.segments for name in segment.schema.names}
        for condition in conditions:
            if condition.column not in names:
                raise ColumnError(
                    f"{self.folder}: no column is named {condition.column!r}; found "
                    f"{', '.join(map(repr, sorted(names)))}"
                )
        parts = [segment.meeting(conditions) for segment in self.segments]
        return np.concatenate([*parts, np.zeros(0, np.bool_)])

    def _vectors(self) -> Any:
        return self.segments[0].vectors if len(self.segments) == 1 else _Joined(self)


class _Joined:
    """Vectors of several segments, read like an array (n, dimension)."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self.shape = (index.rows, index.dimension)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> npt.NDArray[np.float32]:
        starts = self._index.starts
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        rows = np.asarray(rows, np.int64)
        found = np.empty((len(rows), self.shape[1]), np.float32)
        numbers = np.searchsorted(starts, rows, side="right") - 1
        for number in np.unique(numbers):
            here = numbers == number
            segment = self._index.segments[number]
            found[here] = segment.vectors[rows[here] - starts[number]]
        return found


def _state(dimension: int, made_with: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "made_with": made_with,
        "dimension": dimension,
        "generation": 0,
        "segments": [],
        "deleted": None,
        "lists": None,
    }


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    with AtomicFile(folder / STATE) as file:
        file.write(json.dumps(state, indent=1).encode())
