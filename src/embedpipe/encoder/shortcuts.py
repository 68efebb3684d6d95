"""What `Encoder` offers on top of vectors: queries and documents, similarities, pieces in texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedpipe.encoder.habits import as_tensor
from embedpipe.encoder.prompts import Prompts
from embedpipe.encoder.similarity import pairwise, similarity
from embedpipe.encoder.texts import as_texts, warn_of_cut
from embedpipe.encoder.tokens import TextTokens
from embedpipe.engine.ragged import Ragged
from embedpipe.subword import SubwordTokenizer

__all__ = ["Shortcuts"]

Floats = npt.NDArray[Any]


class Shortcuts:
    """The methods of `Encoder` that are put together from others."""

    prompts: Prompts
    max_length: int
    similarity_fn_name: str

    if TYPE_CHECKING:  # what `Encoder` has

        @property
        def tokenizer(self) -> SubwordTokenizer:
            """See `Described`."""

        def encode(self, texts: Any = None, **arguments: Any) -> Any:
            """See `Encoder`."""

        def hidden_states(self, sequences: Any) -> Ragged:
            """See `Encoder`."""

    def encode_query(self, texts: Any = None, **arguments: Any) -> npt.NDArray[np.float32]:
        """`encode` with the model's prompt for what is searched for, "query" among its `prompts`.

        Another `prompt` or `prompt_name` goes before it; all arguments are those of `encode`.

        >>> from embedpipe import Encoder
        >>> Encoder.load().encode_query("What eases a headache?").shape
        (384,)
        """
        return self._encode_as("query", texts, arguments)

    def encode_document(self, texts: Any = None, **arguments: Any) -> npt.NDArray[np.float32]:
        """`encode` with the prompt for what is searched in: "document", "passage" or "corpus".

        The first of these that the model has, which is "document", empty unless its files say more.

        >>> from embedpipe import Encoder
        >>> Encoder.load().encode_document(["Painkillers help.", "Trains are late."]).shape
        (2, 384)
        """
        return self._encode_as(self.prompts.of_documents(), texts, arguments)

    def _encode_as(
        self, name: str, texts: Any, arguments: dict[str, Any]
    ) -> npt.NDArray[np.float32]:
        if arguments.get("prompt") is None and arguments.get("prompt_name") is None:
            arguments["prompt_name"] = name
        vectors: npt.NDArray[np.float32] = self.encode(texts, **arguments)
        return vectors

    def similarity(self, first: Any, second: Any) -> Any:
        """How alike vectors (n, D) and others (m, D) are: float32 (n, m), by `similarity_fn_name`.

        That is the cosine unless the model's files say otherwise. A single vector (D,) counts as
        one row. Of a torch tensor, the result is one too. Distances are negative.

        >>> from embedpipe import Encoder
        >>> encoder = Encoder.load()
        >>> vectors = encoder.encode(["A cat sits.", "A kitten sits.", "Rates rise."])
        >>> alike = encoder.similarity(vectors, vectors)
        >>> alike.shape, bool(alike[0, 1] > 0.5 > alike[0, 2])
        ((3, 3), True)
        """
        return _of_their_kind(similarity, first, second, self.similarity_fn_name)

    def similarity_pairwise(self, first: Any, second: Any) -> Any:
        """How alike the vectors in the same rows (n, D) of both are: (n,); else as `similarity`.

        >>> from embedpipe import Encoder
        >>> encoder = Encoder.load()
        >>> vectors = encoder.encode(["A cat sits.", "A kitten sits."])
        >>> encoder.similarity_pairwise(vectors, vectors).round(4).tolist()
        [1.0, 1.0]
        """
        return _of_their_kind(pairwise, first, second, self.similarity_fn_name)

    def encode_tokens(
        self,
        texts: str | Iterable[str],
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
    ) -> Any:
        """The vector of every piece of a text, with its place in the text.

        For each text a `TextTokens`, of a single text just that: a sequence of pieces, each with
        `piece` as the vocabulary has it, `text`, `begin`, `end` (characters; `text[begin:end]`) and
        `vector` (hidden size,), or all at once as `pieces`, `begins`, `ends`, `vectors`. [CLS],
        [SEP] and the pieces of a prompt, which is chosen as in `encode`, are left out, but the
        vectors are those that they have beside them. `within(begin, end)` is the mean of a stretch.

        Raises InputError for what is no text, missing ones included.

        Warns:
            TruncationWarning: texts of more than `max_length` pieces, whose rest has no vectors.

        >>> from embedpipe import Encoder
        >>> tokens = Encoder.load().encode_tokens("Painkillers help.")
        >>> [(t.piece, t.text, t.begin, t.end) for t in tokens]
        ... # doctest: +NORMALIZE_WHITESPACE
        [('pain', 'Pain', 0, 4), ('##kill', 'kill', 4, 8), ('##ers', 'ers', 8, 11),
         ('help', 'help', 12, 16), ('.', '.', 16, 17)]
        >>> tokens.vectors.shape, tokens.within(0, 11).shape
        ((5, 384), (384,))
        """
        put = self.prompts.chosen(prompt, prompt_name)
        listed = as_texts([texts] if isinstance(texts, str) else texts)
        made = self._tokens(listed, put)
        warn_of_cut(sum(tokens.truncated for tokens in made), len(made), self.max_length)
        return made[0] if isinstance(texts, str) else made

    def _tokens(self, texts: list[str], prompt: str) -> list[TextTokens]:
        tokenizer, most = self.tokenizer, self.max_length - 2
        spans = tokenizer.text_spans([prompt + text for text in texts])
        kept = np.minimum(spans.ids.lengths, most)
        ids = [
            np.array([tokenizer.cls_id, *row[:count], tokenizer.sep_id], np.int32)
            for row, count in zip(spans.ids, kept.tolist(), strict=True)
        ]
        hidden = self.hidden_states(Ragged.from_sequences(ids, np.int32))
        begins = Ragged(spans.begins - len(prompt), spans.ids.offsets)
        ends = Ragged(spans.ends - len(prompt), spans.ids.offsets)
        made = []
        for index, text in enumerate(texts):
            count = int(kept[index])
            own = begins[index][:count] >= 0
            made.append(
                TextTokens(
                    text,
                    tuple(tokenizer.pieces(ids[index][1:-1][own])),
                    begins[index][:count][own],
                    ends[index][:count][own],
                    hidden[index][1:-1][own],
                    truncated=bool(spans.ids.lengths[index] > most),
                )
            )
        return made


def _of_their_kind(compare: Any, first: Any, second: Any, kind: str) -> Any:
    """The comparison of arrays or tensors, a tensor if one of them is."""
    tensors = [type(side).__module__.partition(".")[0] == "torch" for side in (first, second)]
    arrays = [
        side.detach().cpu().numpy() if is_tensor else side
        for side, is_tensor in zip((first, second), tensors, strict=True)
    ]
    made = compare(*arrays, kind)
    return as_tensor(made) if any(tensors) else made
