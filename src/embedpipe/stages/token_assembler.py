"""TokenAssembler: joins tokens to documents."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import AnnotationColumn, AnnotatorType, metadata_map
from embedpipe.arrays import offsets_of
from embedpipe.params import Param, boolean
from embedpipe.pipeline.stage import Annotator
from embedpipe.stages.bases.pooled_embeddings import Members, members_within
from embedpipe.stages.bases.shared_params import HasOffsetUnit
from embedpipe.stages.bases.spans import sentence_numbers
from embedpipe.text.offsets import to_code_points, utf16_length

__all__ = ["TokenAssembler"]

_WHITE_SPACE = re.compile(r"[\t-\r ]+")


class TokenAssembler(HasOffsetUnit, Annotator):
    """Joins the tokens of each sentence to a document; source: Spark NLP's TokenAssembler.

    Reads annotations of types document and token, and makes one annotation of type document per
    sentence: its tokens, with one space where there is something between two in the sentence. With
    `preservePosition` all white space between them is kept. It begins where the sentence does, its
    end follows from its own length, and its metadata is the number of the sentence.

    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> from embedpipe.annotator import Tokenizer
    >>> stages = [
    ...     DocumentAssembler(inputCol="text"),
    ...     Tokenizer(inputCols=["document"], minLength=2),
    ...     TokenAssembler(inputCols=["document", "token"], outputCol="clean"),
    ... ]
    >>> table = pa.table({"text": ["I hate a  cancer."]})
    >>> out = Pipeline(stages=stages).fit(table).transform(table)
    >>> AnnotationColumn.from_arrow(out["clean"]).rows()
    [[Annotation(document, 0, 10, hate cancer, {'sentence': '0'}, [])]]
    """

    input_annotator_types = (AnnotatorType.DOCUMENT, AnnotatorType.TOKEN)
    output_annotator_type = AnnotatorType.DOCUMENT

    preservePosition = Param(
        "whether white space between tokens is kept as it is", boolean, default=False
    )
    setPreservePosition, getPreservePosition = preservePosition.accessors()

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """One document per sentence, of its tokens."""
        sentences, tokens = columns
        members = members_within(sentences, tokens)
        words = tokens.result.take(pa.array(members.words)).fill_null("")
        between = pa.array(self._between(sentences, tokens, members), pa.string())
        # What stands before a token, then the token, and so on, sentence after sentence.
        parts = pa.concat_arrays([between, words]).take(
            pa.array(np.arange(2 * len(words)).reshape(2, -1).T.ravel())
        )
        cuts = offsets_of(2 * members.counts(len(sentences))).astype(np.int32)
        texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(cuts), parts), "")
        length = len if self.counts_code_points else utf16_length
        lengths = np.array([length(text) for text in texts.to_pylist()], dtype=np.int32)
        numbers = pa.array(sentence_numbers(sentences)).cast(pa.string())
        return AnnotationColumn(
            annotator_type=self.output_annotator_type,
            row_offsets=sentences.row_offsets,
            begin=sentences.begin,
            end=sentences.begin + lengths - np.int32(1),
            result=texts,
            metadata=metadata_map({"sentence": numbers}, len(sentences)),
            valid_rows=sentences.valid_rows,
        )

    def _between(
        self, sentences: AnnotationColumn, tokens: AnnotationColumn, members: Members
    ) -> npt.NDArray[np.object_]:
        """What goes before each token: nothing, a space, or the original white space."""
        begins, ends = tokens.begin[members.words], tokens.end[members.words]
        before = np.full(len(begins), "", dtype=object)
        same = members.owners[1:] == members.owners[:-1]
        apart = 1 + np.flatnonzero(same & (begins[1:] > ends[:-1] + 1))
        before[apart] = " "
        if self.getPreservePosition():
            texts = sentences.result.fill_null("").to_pylist()
            for place in apart:
                owner = members.owners[place]
                own = np.array([ends[place - 1] + 1, begins[place]]) - sentences.begin[owner]
                text = texts[owner]
                start, stop = own if self.counts_code_points else to_code_points(text, own)
                before[place] = "".join(_WHITE_SPACE.findall(text[start:stop])) or " "
        return before
