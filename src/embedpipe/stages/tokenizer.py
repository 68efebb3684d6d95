"""Tokenizer and TokenizerModel: cut sentences into tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from embedpipe.annotation import AnnotationColumn, AnnotatorType
from embedpipe.errors import InputError
from embedpipe.params import Kind, Param, boolean, integer, string, strings
from embedpipe.pipeline.stage import Annotator, Stage
from embedpipe.stages.bases.shared_params import HasOffsetUnit, as_parameters
from embedpipe.stages.bases.spans import (
    annotate_segments,
    annotate_stretches,
    sentence_numbers,
)
from embedpipe.text.recorded import RecordedWords
from embedpipe.text.word_columns import split_words
from embedpipe.text.word_rules import DEFAULT_CONTEXT_CHARS, WordRules
from embedpipe.text.words import WordSplitter

__all__ = ["Tokenizer", "TokenizerModel"]


def _checked_rules(value: Any) -> WordRules:
    if not isinstance(value, WordRules):
        raise TypeError(f"a {type(value).__name__}")
    return value


def _single_characters(value: Any) -> list[str]:
    characters = strings.convert(value)
    if any(len(c) != 1 and not (len(c) == 2 and c[0] == "\\") for c in characters):
        raise ValueError
    return characters


def _rules_of_json(stored: Any) -> WordRules:
    if not isinstance(stored, dict):
        raise TypeError(f"a {type(stored).__name__}")
    lists = {key: tuple(value) for key, value in stored.items() if isinstance(value, list)}
    return WordRules(**{**stored, **lists})


_word_rules: Kind[WordRules] = Kind(
    "the rules that a Tokenizer prepared", _checked_rules, asdict, _rules_of_json
)
_characters: Kind[list[str]] = Kind(
    "a list of single characters, each with a backslash before it or without", _single_characters
)


class _WordStage(HasOffsetUnit, Annotator):
    """Base class of Tokenizer and TokenizerModel."""

    input_annotator_types = (AnnotatorType.DOCUMENT,)
    output_annotator_type = AnnotatorType.TOKEN

    inputCols = Annotator.inputCols.with_default(["document"])
    outputCol = Annotator.outputCol.with_default("token")
    targetPattern = Param("pattern of what may become tokens", string, default="\\S+")
    setTargetPattern, getTargetPattern = targetPattern.accessors()
    exceptions = Param("words that stay whole", strings)
    setExceptions, getExceptions = exceptions.accessors()
    caseSensitiveExceptions = Param("whether exceptions must match in case", boolean, default=True)
    setCaseSensitiveExceptions, getCaseSensitiveExceptions = caseSensitiveExceptions.accessors()
    splitChars = Param("characters at which tokens are cut", _characters)
    setSplitChars, getSplitChars = splitChars.accessors()
    splitPattern = Param("pattern at which tokens are cut; goes before splitChars", string)
    setSplitPattern, getSplitPattern = splitPattern.accessors()
    minLength = Param("shortest token that is kept", integer(minimum=0), default=0)
    setMinLength, getMinLength = minLength.accessors()
    maxLength = Param("longest token that is kept", integer(minimum=0), default=99999)
    setMaxLength, getMaxLength = maxLength.accessors()

    def rule_set(self) -> WordRules:
        """The rules that the parameters describe."""
        return WordRules(
            target_pattern=self.getTargetPattern(),
            exceptions=tuple(self._list("exceptions")),
            case_sensitive_exceptions=self.getCaseSensitiveExceptions(),
            split_chars=tuple(self._list("splitChars")),
            split_pattern=self.getSplitPattern() if self.isSet("splitPattern") else None,
            min_length=self.getMinLength(),
            max_length=self.getMaxLength(),
        )

    def _list(self, name: str) -> list[str]:
        found: list[str] = self.getOrDefault(name) if self.isDefined(name) else []
        return found

    def _check_together(self) -> None:
        super()._check_together()
        self._check_order("minLength", "maxLength")
        with as_parameters(self.label, WordRules):
            _splitter(self.rule_set())


class TokenizerModel(_WordStage):
    """Cuts sentences into tokens; source: Spark NLP's TokenizerModel.

    Reads annotations of type document (sentences, or whole documents) and makes annotations of
    type token, whose metadata repeats the number of the sentence. `Tokenizer.fit` makes one of
    these; made by hand it has the default rules. Lengths count UTF-16 units.
    """

    uid_prefix = "REGEX_TOKENIZER"

    rules = Param("patterns that a Tokenizer prepared", _word_rules, default=WordRules())
    setRules, getRules = rules.accessors()

    def rule_set(self) -> WordRules:
        """The rules prepared by a Tokenizer, under this stage's own parameters."""
        prepared = self.getRules()
        return replace(
            super().rule_set(),
            prefix_pattern=prepared.prefix_pattern,
            suffix_pattern=prepared.suffix_pattern,
            infix_patterns=prepared.infix_patterns,
            context_chars=prepared.context_chars,
        )

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """Tokens of the sentences, each with its sentence's number."""
        (sentences,) = columns
        texts = sentences.result.fill_null("").to_pylist()
        splitter, numbers = _splitter(self.rule_set()), sentence_numbers(sentences)
        if self.as_recorded:
            recorded = RecordedWords(splitter)
            found = [recorded.split(text) for text in texts]
            return annotate_segments(self.output_annotator_type, sentences, found, numbers)
        return annotate_stretches(
            self.output_annotator_type,
            sentences,
            split_words(splitter, texts),
            numbers,
            code_points=self.counts_code_points,
        )


class Tokenizer(_WordStage):
    """Rules for tokens; `fit` makes the TokenizerModel that applies them. Source: Spark NLP's.

    A token is what `targetPattern` finds, cut by `infixPatterns` between what `prefixPattern` and
    `suffixPattern` find at its ends (these three follow from `contextChars` where not set), unless
    it is among `exceptions`. Patterns are written in Java's dialect. A Pipeline fits it by itself.

    >>> import pyarrow as pa
    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> stages = [DocumentAssembler(inputCol="text"), Tokenizer(inputCols=["document"])]
    >>> table = pa.table({"text": ["Well, I didn't know."]})
    >>> out = Pipeline(stages=stages).fit(table).transform(table)
    >>> [token.result for token in AnnotationColumn.from_arrow(out["token"]).rows()[0]]
    ['Well', ',', 'I', "didn't", 'know', '.']
    """

    prefixPattern = Param("pattern, beginning with \\A, of what comes off a token's begin", string)
    setPrefixPattern, getPrefixPattern = prefixPattern.accessors()
    suffixPattern = Param("pattern, ending with \\z, of what comes off a token's end", string)
    setSuffixPattern, getSuffixPattern = suffixPattern.accessors()
    infixPatterns = Param("patterns whose groups are the tokens of one target", strings)
    setInfixPatterns, getInfixPatterns = infixPatterns.accessors()
    contextChars = Param(
        "characters that come off both ends of a token",
        _characters,
        default=list(DEFAULT_CONTEXT_CHARS),
    )
    setContextChars, getContextChars = contextChars.accessors()
    exceptionsPath = Param("text file of exceptions, one a line", string)
    getExceptionsPath = exceptionsPath.accessors()[1]

    def setExceptionsPath(
        self, path: str, read_as: str = "TEXT", options: Mapping[str, str] | None = None
    ) -> Tokenizer:
        """Set the file of exceptions, UTF-8, one a line; `read_as` and `options` have no effect."""
        del read_as, options  # Spark's ways to read a file
        return self.set("exceptionsPath", path)

    def addInfixPattern(self, value: str) -> Tokenizer:
        """Put one more infix pattern before the others."""
        return self.setInfixPatterns([value, *self._list("infixPatterns")])

    def addException(self, value: str) -> Tokenizer:
        """Add one more exception."""
        return self.setExceptions([*self._list("exceptions"), value])

    def addContextChars(self, value: str) -> Tokenizer:
        """Add one more context character."""
        return self.setContextChars([*self._list("contextChars"), value])

    def addSplitChars(self, value: str) -> Tokenizer:
        """Add one more split character."""
        return self.setSplitChars([*self._list("splitChars"), value])

    def rule_set(self) -> WordRules:
        """The rules that the parameters describe, exceptions from a file included."""
        return replace(
            super().rule_set(),
            prefix_pattern=self.getPrefixPattern() if self.isSet("prefixPattern") else None,
            suffix_pattern=self.getSuffixPattern() if self.isSet("suffixPattern") else None,
            infix_patterns=tuple(self._list("infixPatterns")),
            context_chars=tuple(self.getContextChars()),
        )

    def fit(self, dataset: Any = None) -> TokenizerModel:  # noqa: ARG002 - rules need no data
        """The stage that applies these rules; reads the file of exceptions, if there is one."""
        model = TokenizerModel(rules=self.rule_set())
        shared = [p for p in self.params if self.isSet(p) and model.hasParam(p.name)]
        model.setParams(**{p.name: self.getOrDefault(p) for p in shared})
        exceptions = self._list("exceptions") + self._exceptions_of_file()
        return model.setExceptions(exceptions) if exceptions else model

    def fitted(self) -> Stage:
        """The fitted tokenizer."""
        return self.fit()

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """The tokens that the fitted tokenizer gives."""
        return self.fit().annotate(*columns)

    def _exceptions_of_file(self) -> list[str]:
        if not self.isSet("exceptionsPath"):
            return []
        path = Path(self.getExceptionsPath())
        try:
            return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{self.label}: exceptionsPath {str(path)!r} cannot be read ({error}); expected a "
                "UTF-8 text file with one exception a line"
            ) from error


@lru_cache(maxsize=64)
def _splitter(rules: WordRules) -> WordSplitter:
    return WordSplitter(rules)
