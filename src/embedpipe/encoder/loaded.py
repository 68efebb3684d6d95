"""What all encoders around one model share: its weights, its tokenizer, and its engines."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.arrays import offsets_of, ranges
from embedpipe.encoder.fingerprint import fingerprint_of
from embedpipe.encoder.prompts import Prompts
from embedpipe.encoder.windows import window_pieces
from embedpipe.engine.choice import Engine, EngineChoice
from embedpipe.engine.pooling import POOLINGS, Pooling, pool
from embedpipe.engine.pooling import normalize as normalize_rows
from embedpipe.engine.ragged import Ragged
from embedpipe.engine.weights import WeightsFile
from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.model import Model
from embedpipe.formats.reading import open_model
from embedpipe.subword import SubwordTokenizer, make_tokenizer

__all__ = ["LoadedModel", "Origin"]

_packing = [Lock()]
"""Held while weights are packed, which threads that come at once shall do once."""


def _renew_lock() -> None:
    """In a process that was forked, nobody is there to release the lock of its parent's thread."""
    _packing[0] = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@dataclass(frozen=True)
class Origin:
    """Where a model was read from, so that other processes can read it there too.

    path: a folder or an archive, absolute. inside: a folder in that archive, "" for all of it.
    name, language: what found the path, None if it was given. files: those that the weights lie in,
    in their state from before they were read; none where that is not known.
    """

    path: str
    inside: str = ""
    name: str | None = None
    language: str | None = None
    files: tuple[WeightsFile, ...] = ()

    def open(self) -> Model:
        """The only model there."""
        path = Path(self.path)
        place = open_tree(path).below(self.inside) if self.inside else path
        return open_model(place, numbers=False)

    def is_unchanged(self) -> bool:
        """Whether the files are those that were read, as far as their sizes and times tell."""
        try:
            return Path(self.path).exists() and self.files == tuple(
                WeightsFile.of(Path(file.path)) for file in self.files
            )
        except OSError:
            return False


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in memory, mostly mapped, with the engines that were made of it.

    origin: None for a model that lies in no file of its own.
    """

    read: Model
    tokenizer: SubwordTokenizer
    origin: Origin | None = None
    _engines: dict[EngineChoice, Engine] = field(default_factory=dict)

    def engine(self, choice: EngineChoice) -> Engine:
        """The engine of that choice, made when first asked for: packing takes time and memory.

        Raises ModelFormatError for weights that are not finite, which are read here only.
        """
        found = self._engines.get(choice)
        if found is not None:
            return found
        with _packing[0]:
            if choice not in self._engines:
                read = self.read
                made = choice.make(read.config, read.weights, read.weights_files)
                if not made.is_checked:
                    read.check_numbers()
                self._engines[choice] = made
            return self._engines[choice]

    def encode_pieces(
        self, ids: Ragged, choice: EngineChoice, pooling: Pooling, *, normalize: bool, left_out: int
    ) -> npt.NDArray[np.floating[Any]]:
        """A vector of each sequence, of its pieces but the first `left_out`."""
        engine = self.engine(choice)
        if left_out or pooling not in POOLINGS:
            hidden = engine.hidden_states(ids.values, ids.offsets)
            kept = np.maximum(ids.lengths - left_out, 1)  # [SEP] at least
            before = ids.lengths - kept
            rows = hidden[ranges(ids.offsets[:-1] + before, kept)] if left_out else hidden
            pooled = pool(rows, offsets_of(kept), pooling, self.read.weights.pooler, before)
            return self.finished(pooled, normalize=normalize)
        at_once = normalize and not self.read.head
        vectors = engine.encode_pieces(ids.values, ids.offsets, pooling=pooling, normalize=at_once)
        return vectors if at_once else self.finished(vectors, normalize=normalize)

    def finished(
        self, pooled: npt.NDArray[np.floating[Any]], *, normalize: bool
    ) -> npt.NDArray[np.floating[Any]]:
        """What becomes of pooled vectors: the model's Dense steps, and length 1 if asked for."""
        for dense in self.read.head:
            pooled = dense(pooled)
        return normalize_rows(pooled) if normalize else pooled

    @cached_property
    def window(self) -> int:
        """The number of pieces to pass to the engine at once."""
        return window_pieces(self.read.config)

    @cached_property
    def has_pooler(self) -> bool:
        """Whether the model can pool by its pooler."""
        return self.read.has_pooler

    @cached_property
    def prompts(self) -> Prompts:
        """What may be put before texts."""
        return Prompts.of(self.read.usage)

    @cached_property
    def fingerprint(self) -> str:
        """A hash that is quick to make, of a little of each tensor."""
        return fingerprint_of(self.read.config, self.read.all_tensors, self.tokenizer)

    @cached_property
    def settings_hash(self) -> str:
        """Of the configuration and the tokenizer's files."""
        from hashlib import sha256  # slow to load

        from embedpipe.formats.writing import model_texts  # for pickles alone

        digest = sha256(repr(self.read.config).encode())
        for name, text in sorted(model_texts(self.read).items()):
            digest.update(f"{name}: {len(text)} bytes ".encode())
            digest.update(text)
        return digest.hexdigest()

    @cached_property
    def weights_hash(self) -> str:
        """Of all tensors, which it reads once, at 1 to 3 GB a second."""
        from hashlib import sha256  # slow to load

        digest = sha256()
        for name, tensor in self.read.all_tensors.items():
            checksum = zlib.crc32(np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data)
            digest.update(f"{name}: {tensor.dtype} {tensor.shape} {checksum} ".encode())
        return digest.hexdigest()

    @classmethod
    def at(cls, origin: Origin) -> LoadedModel:
        """The only model at a place."""
        return cls.of(origin.open(), origin)

    @classmethod
    def of(cls, model: Model, origin: Origin | None = None) -> LoadedModel:
        """A model that was read, with the tokenizer of its own files."""
        tokenizer = make_tokenizer(
            model.stated_files,
            model.config,
            source=model.source,
            lower_first=model.usage.lowercase,
        )
        if origin is not None:
            archive = Path(origin.path)
            state = (WeightsFile.of(archive),) if archive.is_file() else ()
            origin = replace(origin, files=model.weights_files or state)
        return cls(model, tokenizer, origin)
