"""The teacher's vectors of texts, computed once by the engine and kept in a cache.

The cache is a folder for each teacher and precision. Each file in it holds up to 4,096 texts: a
hash of each, then their vectors in float16 at length 1. It is found by the texts' own hashes, so
that other files, another order or more texts compute nothing twice; a file is there whole or not at
all, so that a killed process loses a few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b, sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedpipe.encoder import Encoder
from embedpipe.environment import cache_directory
from embedpipe.errors import InputError, OutputError
from embedpipe.output import AtomicFile
from embedpipe.progress import Progress

__all__ = ["TeacherVectors", "own_vectors", "teacher_vectors", "vectors_name"]

Floats = npt.NDArray[np.float32]

_KEY = np.dtype("V16")
_FILE_TEXTS = 4096


class TeacherVectors:
    """Vectors of n texts, or of those that are needed, mapped from the files that hold them.

    places: int64 (n, 2), the file and the row in it of each; -1 where there is none.

    computed: how many were not there before. folder: where they are kept.
    """

    def __init__(
        self,
        files: list[npt.NDArray[np.float16]],
        places: npt.NDArray[np.int64],
        *,
        computed: int,
        folder: Path,
    ) -> None:
        self._files, self._places = files, places
        self.computed, self.folder = computed, folder

    def __len__(self) -> int:
        return len(self._places)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._files[0].shape[1])

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Floats:
        """Those of some texts, float32 (texts, dimension), of length 1 but for float16's error."""
        found = [self._files[file][row] for file, row in self._places[rows]]
        return np.stack(found).astype(np.float32)


def own_vectors(encoder: Encoder, texts: list[str]) -> Floats:
    """What a model says of n texts by itself, with its default prompt; float32 (n, dimension), of
    length 1."""
    prompt = encoder.prompts.chosen(None, None)
    vectors, _ = encoder.encode_counting(texts, normalize=True, prompt=prompt)
    return vectors


def vectors_name(encoder: Encoder) -> str:
    """Tells apart models whose own vectors differ, by weights or by how they are used."""
    usage = encoder.model.usage
    used = (
        encoder.pooling,
        encoder.prompts.chosen(None, None),
        usage.include_prompt,
        usage.truncate_dim,
        [step.activation for step in encoder.model.head],
    )
    digest = sha256(f"{encoder.fingerprint} {used!r}".encode()).hexdigest()
    return f"{digest[:16]}-{encoder.max_length}-{encoder.precision}"


def teacher_vectors(
    encoder: Encoder,
    texts: Sequence[str],
    rows: npt.NDArray[np.int64] | None = None,
    *,
    cache: Path | None = None,
    progress: bool = False,
) -> TeacherVectors:
    """The vectors of distinct texts: those of the cache, and what is missing computed and added.

    rows: which texts are needed; None for all. cache: None for `teachers` in embedpipe's own cache.
    Raises OutputError where it cannot be written, InputError for a damaged file in it.
    """
    above = cache_directory() / "teachers" if cache is None else cache
    folder = above / vectors_name(encoder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror}; name another folder with --cache"
        ) from error
    wanted = range(len(texts)) if rows is None else rows.tolist()
    keys = {row: _key(texts[row]) for row in wanted}
    files: list[npt.NDArray[np.float16]] = []
    known: dict[bytes, tuple[int, int]] = {}
    for path in sorted(folder.glob("*.vectors")):
        _open(path, files, known)
    missing = [row for row, key in keys.items() if key not in known]
    with Progress(
        len(keys), unit="texts", label="teacher's vectors", shown=progress and bool(missing)
    ) as bar:
        bar.advance(len(keys) - len(missing))
        for begin in range(0, len(missing), _FILE_TEXTS):
            part = missing[begin : begin + _FILE_TEXTS]
            vectors = own_vectors(encoder, [texts[row] for row in part])
            path = _written(folder, [keys[row] for row in part], vectors)
            _open(path, files, known)
            bar.advance(len(part))
    places = np.full((len(texts), 2), -1, np.int64)
    for row, key in keys.items():
        places[row] = known[key]
    return TeacherVectors(files, places, computed=len(missing), folder=folder)


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY.itemsize).digest()


def _written(folder: Path, keys: list[bytes], vectors: Floats) -> Path:
    joined = b"".join(keys)
    content = BytesIO()
    np.save(content, np.frombuffer(joined, _KEY))
    np.save(content, vectors.astype(np.float16))
    path = folder / f"{sha256(joined).hexdigest()[:32]}.vectors"
    with AtomicFile(path) as file:
        file.write(content.getbuffer())
    return path


def _open(
    path: Path, files: list[npt.NDArray[np.float16]], known: dict[bytes, tuple[int, int]]
) -> None:
    """Map one file, and note where the vector of each of its texts is."""
    try:
        with path.open("rb") as file:
            keys = np.lib.format.read_array(file)
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            vectors = np.memmap(path, kind, "r", offset=file.tell(), shape=shape)
        if keys.dtype != _KEY or kind != np.float16 or len(keys) != shape[0]:
            raise ValueError("other contents than hashes and vectors")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is damaged: {error}. Remove it; its vectors are computed again"
        ) from error
    for row, key in enumerate(keys.tolist()):
        known.setdefault(key, (len(files), row))
    files.append(vectors)
