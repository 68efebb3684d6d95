"""AlbertEmbeddings: vectors of tokens by ALBERT."""

from __future__ import annotations

import re
from collections.abc import Sequence

from embedpipe.engine.ragged import Ragged
from embedpipe.stages.bases.word_embeddings import WordEmbeddings

__all__ = ["AlbertEmbeddings"]

_UNKNOWN = "\ue000"  # for private use, so that no vocabulary has it
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")


class AlbertEmbeddings(WordEmbeddings):
    """Vectors of tokens by an ALBERT model; source: Spark NLP's AlbertEmbeddings.

    Reads sentences (or documents) and tokens, and makes one annotation of type word_embeddings per
    token. Each token goes through SentencePiece by itself, in lower case unless `caseSensitive`;
    its vector is that of its first piece, without counting a word boundary that stands alone, or
    with `piecePooling` "mean", the mean of them all. Text and metadata of an annotation are those
    of BertEmbeddings.

    A token beyond `maxSentenceLength` (default 128 pieces, [CLS] and [SEP] included), or without
    any piece, gets a vector of zeros; `lengthPolicy` offers "error" and "window" instead of
    "truncate". Without a name, `pretrained` gives albert_base_uncased.
    """

    uid_prefix = "ALBERT_EMBEDDINGS"
    default_model = "albert_base_uncased"
    recorded_token_limit = True

    def encode_tokens(self, tokens: Sequence[str]) -> Ragged:
        """The pieces of each token."""
        texts = tokens if self.getCaseSensitive() else [token.lower() for token in tokens]
        if self.as_recorded:  # such characters arrived there as bytes that are no UTF-8
            texts = [_BEYOND_BMP.sub(_UNKNOWN, text) for text in texts]
        return self.encoder.tokenizer.encode_words(texts)
