"""A text has one vector, whether `Encoder.encode` or BertSentenceEmbeddings gives it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedpipe import Encoder, ModelOptions, embed_files
from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import BertEmbeddings, BertSentenceEmbeddings, Tokenizer
from embedpipe.base import DocumentAssembler, PipelineModel
from embedpipe.errors import ParameterError
from embedpipe.formats.writing import model_parts
from tests.support.golden_models import load_encoders
from tests.support.unigram_models import write_unigram_bert

pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")

RECORDED = {"compatibility": "spark-nlp-5.5.3"}
TEXTS = [
    "The train isn't late… “really”?",
    "a — b, naïve café",
    "中文 😀 \x07bell\u00a0x",
    "",
    "  \t ",
    "long " * 700,
    "CAPITALS and [SEP] pieces",
]


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    found = load_encoders(testdata, folder)
    found["unigram"] = Encoder.load(write_unigram_bert(folder / "unigram"))
    return found


def vectors(texts, stage, setting=None):
    """The vector of each text as one document, float32 (texts, dimension)."""
    stages = [DocumentAssembler(inputCol="text"), stage]
    table = pa.table({"text": pa.array(texts, pa.string())})
    out = PipelineModel([s.copy(setting if s is stage else {}) for s in stages]).transform(table)
    return AnnotationColumn.from_arrow(out["out"]).embeddings


def stage_of(encoder, **params):
    return BertSentenceEmbeddings(encoder, inputCols=["document"], outputCol="out", **params)


TRAINED = pytest.param("all-MiniLM-L6-v2", marks=pytest.mark.trained_model)


@pytest.mark.parametrize("name", ["tiny_bert", TRAINED, "unigram"])
def test_the_stage_gives_the_bits_of_encode(name, encoders):
    encoder = encoders[name]
    assert np.array_equal(vectors(TEXTS, stage_of(encoder)), encoder.encode(TEXTS))


def test_files_are_embedded_with_the_bits_of_encode(encoders, tmp_path):
    encoder = encoders["tiny_bert"]
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "in.parquet")
    embed_files(tmp_path / "in.parquet", tmp_path / "out.npy", embedding=ModelOptions(encoder))
    assert np.array_equal(np.load(tmp_path / "out.npy"), encoder.encode(TEXTS))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_the_stage_gives_the_bits_of_encode_for_any_text(texts, encoders):
    for name in ("tiny_bert", "unigram"):
        encoder = encoders[name]
        assert np.array_equal(vectors(texts, stage_of(encoder)), encoder.encode(texts))


@pytest.mark.trained_model
def test_the_stage_reads_as_many_pieces_as_the_model_was_published_for(encoders):
    encoder = encoders["all-MiniLM-L6-v2"]
    assert stage_of(encoder).getMaxSentenceLength() == encoder.max_length == 256
    assert stage_of(encoder, **RECORDED).getMaxSentenceLength() == 128
    assert stage_of(encoders["unigram"], **RECORDED).getMaxSentenceLength() == 24
    assert stage_of(encoder, maxSentenceLength=200, **RECORDED).getMaxSentenceLength() == 200
    with pytest.raises(ParameterError, match="at most 512, the positions of this model, got 513"):
        stage_of(encoder, maxSentenceLength=513)


def test_basic_words_are_chosen_by_parameter_and_implied_by_compatibility(encoders):
    encoder = encoders["tiny_bert"]
    short = TEXTS[:2]
    by_words = vectors(short, stage_of(encoder, wordSplitting="basic-words"))
    assert not np.array_equal(by_words, encoder.encode(short))
    assert np.array_equal(vectors(short, stage_of(encoder), RECORDED), by_words)
    assert stage_of(encoder, **RECORDED).getWordSplitting() == "basic-words"
    with pytest.raises(ParameterError, match="allows wordSplitting='basic-words' only"):
        stage_of(encoder, wordSplitting="model", **RECORDED)


def test_a_unigram_model_has_no_basic_words(encoders):
    for params in ({"wordSplitting": "basic-words"}, RECORDED):
        with pytest.raises(ParameterError, match="needs WordPiece, and 'unigram' has another"):
            PipelineModel([stage_of(encoders["unigram"], **params)])


def test_case_can_be_folded_but_not_brought_back(encoders):
    stage = stage_of(encoders["tiny_bert"], caseSensitive=True)
    with pytest.raises(ParameterError, match="does not tell upper from lower case"):
        PipelineModel([stage])
    by_words = vectors(["Late"], stage.copy({"wordSplitting": "basic-words"}))
    assert not np.array_equal(by_words, encoders["tiny_bert"].encode(["Late"]))


def test_a_cased_model_folds_case_on_request(tmp_path, encoders):
    folder = tmp_path / "cased"
    folder.mkdir()
    for name, data in model_parts(encoders["tiny_bert"].model):
        with (folder / name).open("wb") as file:
            file.writelines(data)
    settings_file = folder / "tokenizer_config.json"
    settings_file.write_text('{"do_lower_case": false}', encoding="utf-8")
    encoder = Encoder.load(folder)
    stage = stage_of(encoder)
    assert stage.getCaseSensitive()
    assert np.array_equal(vectors(["Is Late"], stage), encoder.encode(["Is Late"]))
    folded = vectors(["Is Late"], stage, {"caseSensitive": False})
    assert np.array_equal(folded, encoder.encode(["is late"]))


def test_tokens_of_a_unigram_model_are_cut_by_its_own_tokenizer(encoders):
    encoder = encoders["unigram"]
    stage = BertEmbeddings(encoder, inputCols=["document", "token"], outputCol="out")
    stages = [DocumentAssembler(inputCol="text"), Tokenizer(inputCols=["document"]), stage]
    out = PipelineModel(stages).transform(pa.table({"text": ["the aren't"]}))
    ids = AnnotationColumn.from_arrow(out["out"]).metadata_field("pieceId").to_pylist()
    texts = [encoder.tokenizer.pieces([int(i)])[0] for i in ids]
    assert texts == ["▁the", "▁are"]  # of aren't, the basic word would be unknown
