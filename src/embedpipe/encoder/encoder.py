"""The public encoder: a model from its folder, texts or piece ids in, vectors out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from copy import copy
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedpipe.encoder.described import Described
from embedpipe.encoder.loaded import LoadedModel, Origin
from embedpipe.encoder.texts import (
    Missing,
    as_piece_ids,
    as_texts,
    check_switch,
    present_texts,
    warn_of_cut,
    with_gaps,
)
from embedpipe.encoder.travel import Travels
from embedpipe.encoder.windows import windows
from embedpipe.engine.choice import EngineChoice, Implementation
from embedpipe.engine.pooling import Pooling, check_pooling
from embedpipe.engine.precision import AskedPrecision
from embedpipe.engine.ragged import Ragged
from embedpipe.formats.model import Model
from embedpipe.hub.find import find_model
from embedpipe.hub.names import DEFAULT_MODEL
from embedpipe.progress import Progress
from embedpipe.subword import PieceBatch

__all__ = ["Encoder"]

_CHARACTERS_PER_PIECE = 4  # of English text; a window's size need not be exact


class Encoder(Described, Travels):
    """A BERT, ELECTRA or ALBERT model that turns text into vectors. Made by `Encoder.load`.

    It holds no state that a call changes, so that threads may share it. A text's vector has the
    same bits whatever other texts stand beside it, in whatever order. Copies share its weights; a
    pickle holds the path of its files, or their bytes where there are none.

    Attributes:
        name: what it was loaded as. path: the folder of its files, or their archive.
        model: what was read. reference: the name or path that loads it again, None where there is
            none of its own.
        config: sizes of the encoder. tokenizer: text to piece ids.
        dimension: of a vector; `hidden_size` is the same.
        max_length: most pieces of a text, `[CLS]` and `[SEP]` included; the rest is cut off.
        pooling, normalize: how the model was published to be used; `encode` may overrule them.
        prompts: what may be put before texts, by name, and which one is by default.
        has_pooler: whether "pooler" is among the poolings that can be asked for.

    >>> encoder = Encoder.load()
    >>> encoder.name, encoder.dimension, encoder.pooling, encoder.normalize, encoder.max_length
    ('all-MiniLM-L6-v2', 384, 'mean', True, 256)
    """

    def __init__(
        self, model: LoadedModel, engine: EngineChoice, *, name: str, reference: str | None = None
    ) -> None:
        """Keep what `load` has read and checked."""
        self.name = name
        self.reference = reference
        self.pooling = model.read.pooling
        self.normalize = model.read.normalize
        self.max_length = model.read.max_length
        self._model = model
        self._choice = engine

    @classmethod
    def load(
        cls,
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        precision: AskedPrecision = "float32",
        threads: int | None = None,
        implementation: Implementation = "native",
        language: str | None = None,
    ) -> Encoder:
        """Load a model.

        Args:
            name_or_path: a folder or archive in any format that `embedpipe import` knows, told by
                its content, or a name that is looked for in the directories of
                `EMBEDPIPE_MODELS`, in the cache, among installed packages and in the catalog, from
                which it is downloaded; None means all-MiniLM-L6-v2.
            precision: of the products with the layers' weights; all else is float32 always.
                "float32" is exact. "bfloat16" (mean cosine to float32 0.99999 for all-MiniLM-L6-v2)
                is about 1.8 times as fast with AVX512-BF16 where that is fast, and faster with
                AMX; float32 is computed instead where it would be slower. "int8" is the fastest on
                all, 1.5 to 3 times float32 (0.9992). "auto" is the fastest one whose mean cosine is
                at least 0.9999: the same as "bfloat16". The attribute `precision` tells which one
                it became, and `embedpipe info` why.
            threads: at most this many, 1 to 1024; None means the cores this process may use.
            implementation: "native", compiled, or "reference", its definition in NumPy float64,
                slow.
            language: of a model that is given by name, such as "en"; None for any.

        Raises:
            ModelNotFoundError: there is no such model, or it cannot be downloaded.
            ModelFormatError: its files are damaged or contradict each other. That all numbers are
                finite is seen when they are first used, by the methods below.
            ParameterError: another argument has a value that is not allowed.

        >>> Encoder.load("all-MiniLM-L6-v2").config.num_hidden_layers
        6
        """
        engine = EngineChoice.of(implementation, threads=threads, precision=precision)
        place = find_model(name_or_path, language=language)
        name = _name(name_or_path, place)
        is_path = name_or_path is not None and Path(name_or_path) == place
        origin = Origin(str(place.absolute()), "", None if is_path else name, language)
        reference = str(place.resolve()) if is_path else name
        return cls(LoadedModel.at(origin), engine, name=name, reference=reference)

    @classmethod
    def of_model(
        cls, model: Model, *, name: str, reference: str | None, origin: Origin | None = None
    ) -> Encoder:
        """An encoder of what has been read already, such as out of a saved pipeline."""
        loaded = LoadedModel.of(model, origin)
        return cls(loaded, EngineChoice.of("native"), name=name, reference=reference)

    def with_precision(self, precision: AskedPrecision) -> Encoder:
        """The same model in another precision; what was packed for one is kept for the next time.

        >>> encoder = Encoder.load()
        >>> encoder.with_precision("int8").precision, encoder.precision
        ('int8', 'float32')
        """
        choice = self._choice.with_precision(precision)
        if choice == self._choice:
            return self
        other = copy(self)
        other._choice = choice
        return other

    def encode(  # noqa: PLR0913
        self,
        texts: Iterable[str | None],
        *,
        pooling: Pooling | None = None,
        normalize: bool | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
        missing: Missing = "null",
        progress: bool = False,
    ) -> npt.NDArray[np.float32]:
        """One vector per text, float32 (n, dimension); no texts give (0, dimension).

        A text of more than `max_length` pieces is cut, as sentence-transformers does; one warning
        counts those of a call, and `tokenize` tells which ones they are. An empty text, or one of
        white space, has the vector of `[CLS] [SEP]`. Half of a surrogate pair counts as U+FFFD.

        Args:
            texts: a list, tuple or iterator of str, or one column: NumPy, pandas, Polars, Arrow.
            pooling: "mean", "cls" or "pooler"; None as the model was published.
            normalize: whether vectors get length 1; None as the model was published.
            prompt: put before every text. prompt_name: likewise, one of the model's `prompts` by
                its name. With neither, the model's default prompt, where it has one, as in
                sentence-transformers; `prompt=""` puts nothing.
            missing: what becomes of None, NaN and pandas' NA and NaT: with "null" a row of NaN,
                with "error" an InputError that names the first one.
            progress: show a bar on standard error.

        Raises:
            InputError: a single str, or an element that is not a str (which is named).
            ParameterError: another pooling, "pooler" of a model that has none, an unknown prompt,
                or a `normalize` that is not a bool.

        Warns:
            TruncationWarning: texts were cut.

        >>> encoder = Encoder.load()
        >>> question, answer, other = encoder.encode(
        ...     ["What eases a headache?", "Painkillers help against it.", "The train is late."])
        >>> bool(question @ answer > question @ other)
        True
        """
        found, present = present_texts(texts, missing)
        vectors, cut = self.encode_counting(
            found,
            pooling=pooling,
            normalize=normalize,
            prompt=self.prompts.chosen(prompt, prompt_name),
            progress=progress,
        )
        warn_of_cut(cut, len(found), self.max_length)
        return with_gaps(vectors, present)

    def encode_counting(
        self,
        texts: list[str],
        *,
        pooling: Pooling | None = None,
        normalize: bool | None = None,
        prompt: str = "",
        progress: bool = False,
    ) -> tuple[npt.NDArray[np.float32], int]:
        """`encode` for who tells of cut texts himself: the vectors, and how many texts were cut.

        texts: none is missing. prompt: put before each of them, whatever the model declares.
        """
        chosen, unit_length = self._choices(pooling, normalize)
        listed = [prompt + text for text in texts] if prompt else texts
        left_out = self._pieces_before(prompt) if prompt and not self.prompts.pooled else 0
        vectors = np.empty((len(listed), self.dimension), dtype=np.float32)
        sizes = (len(text) // _CHARACTERS_PER_PIECE + 2 for text in listed)
        cut = 0
        with Progress(len(listed), unit="texts", shown=progress) as bar:
            for begin, end in windows(sizes, self._window):
                batch = self.tokenizer.encode(listed[begin:end], max_length=self.max_length)
                cut += int(np.count_nonzero(batch.truncated))
                vectors[begin:end] = self._model.encode_pieces(
                    batch.ids, self._choice, chosen, normalize=unit_length, left_out=left_out
                )
                bar.advance(end - begin)
        return vectors, cut

    def _pieces_before(self, prompt: str) -> int:
        """How many pieces stand before a text, `[CLS]` and those of the prompt."""
        return min(int(self.tokenizer.text_pieces([prompt]).offsets[-1]) + 1, self.max_length - 1)

    def encode_pieces(
        self,
        sequences: Ragged | Iterable[npt.ArrayLike],
        *,
        pooling: Pooling | None = None,
        normalize: bool | None = None,
    ) -> npt.NDArray[np.float32]:
        """`encode` for texts that are piece ids already: float32 (n, dimension).

        Args and errors: `sequences` as for `hidden_states`, the others as for `encode`.

        >>> encoder = Encoder.load()
        >>> batch = encoder.tokenize(["The train is late."])
        >>> bool((encoder.encode_pieces(batch.ids) == encoder.encode(["The train is late."])).all())
        True
        """
        chosen, unit_length = self._choices(pooling, normalize)
        pieces = as_piece_ids(sequences)
        vectors = self._engine.encode_pieces(
            pieces.values, pieces.offsets, pooling=chosen, normalize=unit_length
        )
        return vectors.astype(np.float32, copy=False)

    def hidden_states(self, sequences: Ragged | Iterable[npt.ArrayLike]) -> Ragged:
        """The last layer's vector of every piece: float32 (total pieces, dimension), by sequence.

        Args:
            sequences: piece ids of each sequence, special pieces included: lists, arrays, or a
                Ragged such as `tokenize` gives.

        Raises:
            InputError: an id that is no integer or not in the vocabulary, an empty sequence, or
                one of more pieces than the model has positions; the first one is named.

        >>> hidden = Encoder.load().hidden_states([[101, 7592, 102], [101, 102]])
        >>> hidden.values.shape, hidden.offsets.tolist()
        ((5, 384), [0, 3, 5])
        """
        pieces = as_piece_ids(sequences)
        hidden = self._engine.hidden_states(pieces.values, pieces.offsets)
        return Ragged(hidden.astype(np.float32, copy=False), pieces.offsets)

    def tokenize(
        self, texts: Iterable[str], *, prompt: str | None = None, prompt_name: str | None = None
    ) -> PieceBatch:
        """What `encode` hands to the encoder: piece ids of each text, and which texts were cut.

        The prompt is chosen as there. A missing text is an InputError.

        >>> batch = Encoder.load().tokenize(["short", "long " * 1000])
        >>> batch.truncated.tolist(), batch.full_lengths.tolist()
        ([False, True], [3, 1002])
        """
        put = self.prompts.chosen(prompt, prompt_name)
        listed = [put + text for text in as_texts(texts)]
        return self.tokenizer.encode(listed, max_length=self.max_length)

    def _choices(self, pooling: Pooling | None, normalize: bool | None) -> tuple[Pooling, bool]:
        """The pooling and normalization asked for, or the model's own."""
        asked = self.pooling if pooling is None else pooling
        unit_length = self.normalize if normalize is None else check_switch("normalize", normalize)
        return check_pooling(asked, has_pooler=self.has_pooler), unit_length


def _name(asked: str | os.PathLike[str] | None, directory: Path) -> str:
    """The name that was asked for, or the last part of the path that was."""
    if asked is None:
        return DEFAULT_MODEL
    return directory.resolve().name if Path(asked) == directory else str(asked)
