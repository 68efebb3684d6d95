"""The one-line examples of three published model cards, as text, and what they print."""

from __future__ import annotations

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import AlbertEmbeddings, BertEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, Pipeline

# Each as its card has it, but for the module's name and the break of a long line.
SENTENCE_CARD = """\
import embedpipe as nlu

text = ["I hate cancer", "Antibiotics aren't painkiller"]
embeddings_df = nlu.load('en.embed_sentence.small_bert_L2_512').predict(text, \
    output_level='sentence')
embeddings_df
"""
WORD_CARD = """\
import embedpipe as nlu

text = ["I love NLP"]
embeddings_df = nlu.load('en.embed.bert.small_L12_256').predict(text, output_level='token')
embeddings_df
"""
ALBERT_CARD = """\
import embedpipe as nlu

text = ["I love NLP"]
embeddings_df = nlu.load('en.embed.albert.large_uncased').predict(text, output_level='token')
embeddings_df
"""
# The heads of the tables that the cards print, and their first columns.
PRINTED = {
    "sent_small_bert_L2_512": (
        SENTENCE_CARD,
        ["sentence", "en_embed_sentence_small_bert_L2_512_embeddings"],
        ["I hate cancer", "Antibiotics aren't painkiller"],
    ),
    "small_bert_L12_256": (
        WORD_CARD,
        ["token", "en_embed_bert_small_L12_256_embeddings"],
        ["I", "love", "NLP"],
    ),
    "albert_large_uncased": (
        ALBERT_CARD,
        ["token", "en_embed_albert_large_uncased_embeddings"],
        ["I", "love", "NLP"],
    ),
}


def vectors_by_stages(name: str, texts: list[str]) -> np.ndarray:
    """The same vectors by the stages that the cards' longer examples write out."""
    import pyarrow as pa

    kind = AlbertEmbeddings if name.startswith("albert") else BertEmbeddings
    stages = [
        DocumentAssembler().setInputCol("text").setOutputCol("document"),
        SentenceDetector().setInputCols("document").setOutputCol("sentence"),
        Tokenizer().setInputCols("sentence").setOutputCol("token"),
        kind.pretrained(name, "en").setInputCols("sentence", "token").setOutputCol("embeddings"),
    ]
    table = pa.table({"text": texts})
    made = Pipeline(stages=stages).fit(table).transform(table)
    return AnnotationColumn.from_arrow(made["embeddings"]).embeddings


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("name", PRINTED)
def test_a_cards_example_prints_its_columns_and_rows(name):
    example, columns, first = PRINTED[name]
    *lines, shown = example.rstrip().split("\n")
    found = {}
    exec("\n".join(lines), found)
    frame = eval(shown, found)
    assert list(frame.columns) == columns
    assert frame[columns[0]].tolist() == first
    head, *rows = frame.to_string().splitlines()
    assert head.split() == columns
    assert len(rows) == len(first) and all("[" in row for row in rows)
    vectors = np.stack(list(frame[columns[1]]))
    assert vectors.dtype == np.float32
    if columns[0] == "sentence":
        wanted = Encoder.load(name).encode(found["text"])
    else:
        wanted = vectors_by_stages(name, found["text"])
    assert np.array_equal(vectors, wanted)
