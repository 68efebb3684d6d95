"""The names in a request: what each makes, and what its columns are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from embedpipe.errors import ModelNotFoundError, ParameterError
from embedpipe.hub.catalog import Catalog, catalog

__all__ = ["Reference", "references_of", "same_words", "stem_of"]

_SENTENCE_MARKS = ("embed_sentence", "sent")
_EVERYWHERE = {"en", "xx", "embed", "embed_sentence", "sentence", "bert", "sent"}
_MOST_NEAR = 3

_OTHER_TASKS = {
    *("answer_question", "assert", "bart", "chunk", "classify", "clean", "coref", "dep", "elmo"),
    *("emotion", "explain", "extract", "glove", "gpt2", "image", "keyword", "lang", "lemma"),
    *("marian", "match", "med_ner", "ner", "ngram", "norm", "pos", "relation", "resolve"),
    *("sentiment", "speech", "spell", "stem", "stopwords", "summarize", "t5", "tokenize"),
    *("translate_to", "use", "visual_classifier", "wav2vec", "word_segmenter", "xlnet", "yake"),
}
"""What NLU's names begin with for all that is no embedding by an encoder of BERT's family."""


class Reference(NamedTuple):
    """One name of a request. `makes_sentences`: as the name says, None where it does not."""

    text: str
    makes_sentences: bool | None

    @property
    def stem(self) -> str:
        """What the columns of the model begin with.

        >>> Reference("en.embed.bert.small_L12_256", False).stem
        'en_embed_bert_small_L12_256'
        """
        return stem_of(self.text)


def stem_of(name: str) -> str:
    """The stem of a name or path."""
    last = Path(name).name if _is_path(name) else name
    return re.sub(r"\W", "_", last)


def references_of(request: str) -> list[Reference]:
    """The names in a request, which white space divides, each once.

    Names and paths that have spaces themselves are told by being known. Raises ParameterError where
    there is none, ModelNotFoundError for NLU's names of what embedpipe does not do.

    >>> [found.text for found in references_of("bert en.embed.albert.base_uncased")]
    ['bert', 'en.embed.albert.base_uncased']
    """
    if not isinstance(request, str) or not request.strip():
        raise ParameterError(
            f"load: found {request!r:.80}; expected names of models with spaces between them, such "
            "as 'en.embed.bert.small_L12_256', or path= and what save has written"
        )
    known = catalog()
    names = [request] if _is_path(request) else list(_parted(request.split(), known))
    return [_reference(name, known) for name in dict.fromkeys(names)]


def _parted(words: list[str], known: Catalog) -> Iterable[str]:
    """The words, those together that make a known name of several."""
    longest = max((name.count(" ") for name in known.aliases), default=0) + 1
    at = 0
    while at < len(words):
        joined = (" ".join(words[at : at + count]) for count in range(longest, 1, -1))
        name = next((name for name in joined if name in known.aliases), words[at])
        yield name
        at += name.count(" ") + 1


def _reference(name: str, known: Catalog) -> Reference:
    first = name.partition(".")[0]
    parts = name.split(".")
    if name not in known.aliases and not _is_path(name) and known.get(name) is None:
        task = parts[1] if first in ("en", "xx") and len(parts) > 1 else first
        if task in _OTHER_TASKS:
            raise ModelNotFoundError(
                f"{name!r} is a name of NLU's for what embedpipe does not do: it makes embeddings, "
                "by encoders of BERT's family. Leave the name out, and let NLU do that part"
            )
    return Reference(name, _says(name, known))


def _says(name: str, known: Catalog) -> bool | None:
    """Whether the name is one for sentence vectors, None if nothing tells."""
    parts = name.split(".")
    if "embed_sentence" in parts:
        return True
    if name in known.aliases and "embed" in parts:
        return False
    model = known.get(name)
    if model is not None:
        return model.task == "sentence"
    meant = known.name_of(name)
    return True if meant.startswith("sent_") else None


def same_words(name: str, known: Catalog) -> list[str]:
    """Known names made of the same words in another order, the nearest few.

    >>> same_words("en.embed.small_bert_L12_256", catalog())[0]
    'en.embed.bert.small_L12_256'
    """
    wanted = _words(name)
    found = [other for other in known.names() if wanted and _words(other) == wanted]
    return sorted(found, key=lambda other: abs(len(other) - len(name)))[:_MOST_NEAR]


def _words(name: str) -> frozenset[str]:
    return frozenset(re.split(r"[\W_]+", name.lower())) - _EVERYWHERE - {""}


def _is_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
