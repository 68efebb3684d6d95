"""The public encoder: a model from its folder, texts or piece ids in, vectors out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.encoder.form import Form
from embedpipe.encoder.habits import EncodeHabits, as_tensor
from embedpipe.encoder.opening import Opens
from embedpipe.encoder.shortcuts import Shortcuts
from embedpipe.encoder.texts import (
    Missing,
    as_piece_ids,
    as_texts,
    present_texts,
    warn_of_cut,
    with_gaps,
)
from embedpipe.encoder.travel import Travels
from embedpipe.encoder.windows import estimated_pieces, windows
from embedpipe.engine.pooling import Pooling
from embedpipe.engine.ragged import Ragged
from embedpipe.progress import Progress
from embedpipe.subword import PieceBatch

__all__ = ["Encoder"]


class Encoder(Opens, Shortcuts, Travels):
    """A BERT, ELECTRA or ALBERT model that turns text into vectors.

    It holds no state that a call changes, so that threads may share it. A text's vector has the
    same bits whatever other texts stand beside it, in whatever order. Copies share its weights; a
    pickle holds the path of its files, or their bytes where there are none. `Encoder(name)` and
    `Encoder.load(name)` are the same, and much of sentence-transformers' SentenceTransformer is
    there under its names.

    Attributes:
        name: what it was loaded as. path: the folder of its files, or their archive.
        model: what was read. reference: the name or path that loads it again, None where there is
            none of its own.
        config: sizes of the encoder. tokenizer: text to piece ids.
        dimension: of a vector of `encode`. hidden_size: of a piece's.
        max_length: most pieces of a text, `[CLS]` and `[SEP]` included; the rest is cut off.
        pooling, normalize: how the model was published to be used; `encode` may overrule them.
        truncate_dim: how much of each vector is kept, None for all.
        prompts: what may be put before texts, by name, and which one is by default.
        has_pooler: whether "pooler" is among the poolings that can be asked for.

    >>> encoder = Encoder.load()
    >>> encoder.name, encoder.dimension, encoder.pooling, encoder.normalize, encoder.max_length
    ('embedpipe-small-v1', 384, 'mean', True, 256)
    """

    def encode(  # noqa: PLR0913
        self,
        texts: str | Iterable[str | None] | None = None,
        *,
        pooling: Pooling | None = None,
        normalize: bool | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
        missing: Missing = "null",
        progress: bool = False,
        truncate_dim: int | None = None,
        **habits: Any,
    ) -> npt.NDArray[np.float32]:
        """One vector per text, float32 (n, dimension); no texts give (0, dimension).

        A single text gives a single vector, (dimension,). A text of more than `max_length` pieces
        is cut, as sentence-transformers does; one warning counts those of a call, and `tokenize`
        tells which ones they are. An empty text, or one of white space, has the vector of
        `[CLS] [SEP]`. Half of a surrogate pair counts as U+FFFD.

        Args:
            texts: a list, tuple or iterator of str, or one column: NumPy, pandas, Polars, Arrow; or
                one str.
            pooling: "mean", "cls", "pooler", "max", "mean_sqrt_len_tokens", "weightedmean" or
                "lasttoken", or several such as "cls+mean"; None as the model was published.
            normalize: whether vectors get length 1; None as the model was published.
            prompt: put before every text. prompt_name: likewise, one of the model's `prompts` by
                its name. With neither, the model's default prompt, where it has one, as in
                sentence-transformers; `prompt=""` puts nothing.
            missing: what becomes of None, NaN and pandas' NA and NaT: with "null" a row of NaN,
                with "error" an InputError that names the first one.
            progress: show a bar on standard error.
            truncate_dim: how many values of each vector are kept; they get length 1 again if
                `normalize` is True.
            habits: sentence-transformers' own arguments: `show_progress_bar` and
                `normalize_embeddings` are ours by other names, `convert_to_tensor` gives a torch
                tensor, `batch_size` is a hint; all others name what there is instead.

        Raises:
            InputError: an element that is not a str (which is named).
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
        asked = EncodeHabits.of(texts, normalize, progress, habits)
        one = isinstance(asked.texts, str)
        found, present = present_texts([asked.texts] if one else asked.texts, missing)
        vectors, cut = self.encode_counting(
            found,
            pooling=pooling,
            normalize=asked.normalize,
            prompt=self.prompts.chosen(prompt, prompt_name),
            progress=asked.progress,
            truncate_dim=truncate_dim,
        )
        warn_of_cut(cut, len(found), self.max_length)
        rows = with_gaps(vectors, present)
        made = rows[0] if one else rows
        return as_tensor(made) if asked.tensor else made

    def encode_counting(  # noqa: PLR0913
        self,
        texts: list[str],
        *,
        pooling: Pooling | None = None,
        normalize: bool | None = None,
        prompt: str = "",
        progress: bool = False,
        truncate_dim: int | None = None,
    ) -> tuple[npt.NDArray[np.float32], int]:
        """`encode` for who tells of cut texts himself: the vectors, and how many texts were cut.

        texts: none is missing. prompt: put before each of them, whatever the model declares.
        """
        form = self._form(pooling, normalize, truncate_dim)
        listed = [prompt + text for text in texts] if prompt else texts
        left_out = self._pieces_before(prompt) if prompt and not self.prompts.pooled else 0
        vectors = np.empty((len(listed), form.size), dtype=np.float32)
        sizes = map(estimated_pieces, listed)
        cut = 0
        with Progress(len(listed), unit="texts", shown=progress) as bar:
            for begin, end in windows(sizes, self._window):
                batch = self.tokenizer.encode(listed[begin:end], max_length=self.max_length)
                cut += int(np.count_nonzero(batch.truncated))
                vectors[begin:end] = self._vectors(batch.ids, form, left_out)
                bar.advance(end - begin)
        return vectors, cut

    def _vectors(self, ids: Ragged, form: Form, left_out: int = 0) -> npt.NDArray[np.float32]:
        made = self._model.encode_pieces(
            ids, self._choice, form.pooling, normalize=form.normalize, left_out=left_out
        )
        return form.cut(made)

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
        return self._vectors(as_piece_ids(sequences), self._form(pooling, normalize, None))

    def finished(
        self, pooled: npt.NDArray[np.float32], *, normalize: bool | None = None
    ) -> npt.NDArray[np.float32]:
        """What `encode` does to vectors that the caller has pooled himself (n, pooled size).

        They go through the model's Dense steps where it has some, and get length 1 and are cut as
        there.
        """
        form = self._form(None, normalize, None)
        return form.cut(self._model.finished(pooled, normalize=form.normalize))

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

    def dimension_of(self, pooling: Pooling) -> int:
        """Length of a vector of `encode` in another pooling than the model's."""
        return self._form(pooling, None, None).size

    def _form(
        self, pooling: Pooling | None, normalize: bool | None, truncate_dim: int | None
    ) -> Form:
        """What was asked for, else the encoder's own."""
        return Form.of(
            self.model,
            self.pooling if pooling is None else pooling,
            normalize=normalize,
            usual=self.normalize,
            truncate_dim=self.truncate_dim if truncate_dim is None else truncate_dim,
            has_pooler=self.has_pooler,
        )
