"""SentenceDetector: cuts documents into sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embedpipe.annotation import AnnotationColumn, AnnotatorType
from embedpipe.params import Param, boolean, choice, integer, strings
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.stage import Annotator
from embedpipe.stages.bases.shared_params import HasOffsetUnit, as_parameters
from embedpipe.stages.bases.spans import annotate_segments, annotate_stretches
from embedpipe.text.recorded import recorded_sentences
from embedpipe.text.sentence_columns import split_all
from embedpipe.text.sentences import BOUND_STRATEGIES, SentenceRules

__all__ = ["SentenceDetector"]


class SentenceDetector(HasOffsetUnit, Annotator):
    """Cuts documents into sentences by punctuation; source: Spark NLP's SentenceDetector.

    Reads annotations of type document and makes annotations of type document, one per sentence,
    numbered from 0 in each row (`sentence` in the metadata). The rules are in
    `embedpipe.text.sentences`. Lengths count UTF-16 units.

    With `explodeSentences` every sentence gets a row of its own, beside a copy of all other
    columns; a row without sentences disappears.

    >>> import pyarrow as pa
    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> stages = [
    ...     DocumentAssembler(inputCol="text"),
    ...     SentenceDetector().setInputCols("document").setOutputCol("sentence"),
    ... ]
    >>> table = pa.table({"text": ["It rains. We stay at home."]})
    >>> out = Pipeline(stages=stages).fit(table).transform(table)
    >>> for sentence in AnnotationColumn.from_arrow(out["sentence"]).rows()[0]:
    ...     print(sentence.begin, sentence.end, sentence.result)
    0 8 It rains.
    10 25 We stay at home.
    """

    input_annotator_types = (AnnotatorType.DOCUMENT,)
    output_annotator_type = AnnotatorType.DOCUMENT

    useAbbreviations = Param("whether abbreviations end no sentence", boolean, default=True)
    setUseAbbreviations, getUseAbbreviations = useAbbreviations.accessors()
    detectLists = Param("whether items of lists are sentences", boolean, default=True)
    setDetectLists, getDetectLists = detectLists.accessors()
    useCustomBoundsOnly = Param("whether only custom bounds end sentences", boolean, default=False)
    setUseCustomBoundsOnly, getUseCustomBoundsOnly = useCustomBoundsOnly.accessors()
    customBounds = Param("patterns that end sentences", strings, default=[])
    setCustomBounds, getCustomBounds = customBounds.accessors()
    customBoundsStrategy = Param(
        "where a custom bound goes: dropped, or part of the sentence before or after it",
        choice(*BOUND_STRATEGIES),
        default="none",
    )
    setCustomBoundsStrategy, getCustomBoundsStrategy = customBoundsStrategy.accessors()
    splitLength = Param("length at which sentences are cut", integer(minimum=1))
    setSplitLength, getSplitLength = splitLength.accessors()
    minLength = Param("shortest sentence that is kept", integer(minimum=0), default=0)
    setMinLength, getMinLength = minLength.accessors()
    maxLength = Param("longest sentence that is kept", integer(minimum=0), default=99999)
    setMaxLength, getMaxLength = maxLength.accessors()
    explodeSentences = Param("whether each sentence gets its own row", boolean, default=False)
    setExplodeSentences, getExplodeSentences = explodeSentences.accessors()

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """Sentences of the documents, numbered in each row."""
        (documents,) = columns
        rules = self._rules()
        texts = documents.result.fill_null("").to_pylist()
        if self.as_recorded:
            found = [recorded_sentences(text, rules) if text else [] for text in texts]
            return annotate_segments(self.output_annotator_type, documents, found)
        return annotate_stretches(
            self.output_annotator_type,
            documents,
            split_all(texts, rules),
            code_points=self.counts_code_points,
        )

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Annotate the batch, and make a row of each sentence if `explodeSentences` is set."""
        annotated = super().apply(batch, inputs)
        return self._exploded(annotated) if self.getExplodeSentences() else annotated

    def _exploded(self, batch: Batch) -> Batch:
        sentences = batch.annotations(self.getOutputCol(), self.output_annotator_type)
        own_rows = np.arange(len(sentences) + 1, dtype=np.int32)
        single = replace(sentences, row_offsets=own_rows, valid_rows=None)
        return batch.take(sentences.row_of).adding(self.getOutputCol(), single)

    def _rules(self) -> SentenceRules:
        return SentenceRules(
            use_abbreviations=self.getUseAbbreviations(),
            detect_lists=self.getDetectLists(),
            use_custom_bounds_only=self.getUseCustomBoundsOnly(),
            custom_bounds=tuple(self.getCustomBounds()),
            custom_bounds_strategy=self.getCustomBoundsStrategy(),
            split_length=self.getSplitLength() if self.isSet("splitLength") else None,
            min_length=self.getMinLength(),
            max_length=self.getMaxLength(),
        )

    def _check_together(self) -> None:
        super()._check_together()
        self._check_order("minLength", "maxLength")
        with as_parameters(self.label, SentenceRules):
            self._rules()
