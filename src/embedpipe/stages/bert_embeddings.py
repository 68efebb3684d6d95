"""BertEmbeddings: vectors of tokens by BERT."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from embedpipe.engine.ragged import Ragged
from embedpipe.params import Param, choice
from embedpipe.stages.bases.word_embeddings import WordEmbeddings
from embedpipe.text.basic_words import basic_words, first_basic_word

__all__ = ["BertEmbeddings"]


def _first_word(token: str, *, case_sensitive: bool) -> list[str]:
    return [first_basic_word(token, case_sensitive=case_sensitive)]


def _all_words(token: str, *, case_sensitive: bool) -> list[str]:
    text = token if case_sensitive else token.lower()
    return basic_words(text, case_sensitive=case_sensitive)


_CUTS = {
    (encoding, case): partial(find, case_sensitive=case)
    for encoding, find in (("first-basic-word", _first_word), ("whole", _all_words))
    for case in (False, True)
}
"""What finds the words that encode a token, by `tokenEncoding` and `caseSensitive`."""


class BertEmbeddings(WordEmbeddings):
    """Vectors of tokens by a BERT model; source: Spark NLP's BertEmbeddings.

    Reads sentences (or documents) and tokens, and makes one annotation of type word_embeddings per
    token. A token is encoded by its first basic word only, as in Spark NLP: `aren't` by `aren`,
    `$5.00` by `$`; with `tokenEncoding` "whole", by all of its words. Its vector is that of the
    first piece, and the others are context; with `piecePooling` "mean", the mean of them all.

    The text of an annotation is the token in lower case, unless `caseSensitive`. Its metadata:
    `sentence` (number of the sentence), `token` (same as the text), `pieceId` (id of the first
    piece), `isWordStart` (`true`), `isOOV` (`true` where the vector is zero); in a sentence that
    was cut, `piecesUsed` and `piecesTotal`.

    A token beyond `maxSentenceLength` (default 128 pieces, [CLS] and [SEP] included), or without
    any word, such as U+FFFD, gets a vector of zeros; `lengthPolicy` offers "error" and "window"
    instead of "truncate". Without a name, `pretrained` gives the model in the package.
    """

    uid_prefix = "BERT_EMBEDDINGS"

    tokenEncoding = Param(
        "whether a token is encoded by its first basic word or whole",
        choice("first-basic-word", "whole"),
        default="first-basic-word",
    )
    setTokenEncoding, getTokenEncoding = tokenEncoding.accessors()

    def encode_tokens(self, tokens: Sequence[str]) -> Ragged:
        """The pieces of each token's first basic word, or of all its basic words.

        Basic words are WordPiece's; with another tokenizer, a token is encoded whole.
        """
        if not self.encoder.tokenizer.is_wordpiece:
            texts = tokens if self.getCaseSensitive() else [token.lower() for token in tokens]
            return self.encoder.tokenizer.encode_words(texts)
        cut = _CUTS[self.getTokenEncoding(), self.getCaseSensitive()]
        return self.word_splitter(cut).split(tokens)

    def _check_together(self) -> None:
        super()._check_together()
        self._check_recorded("tokenEncoding")
