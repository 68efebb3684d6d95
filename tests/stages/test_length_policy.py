"""Sentences longer than the encoder is to read, and which of a token's pieces make its vector."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedpipe.annotation import AnnotationColumn
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import InputError, ParameterError
from embedpipe.stages import (
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
    SentenceDetector,
    Tokenizer,
)
from tests.support.golden_models import load_encoders

pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")

WORDS = "Painkillers aren't antibiotics , as everybody knows who has a headache today ."
LONG = " ".join([WORDS[:-2]] * 3) + "."
TEXTS = ["Short one. And another painkiller.", LONG, "", f"First. {LONG} Last."]
ENCODER_STAGES = [BertEmbeddings, AlbertEmbeddings, BertSentenceEmbeddings]

of_every_stage = pytest.mark.parametrize("kind", ENCODER_STAGES, ids=lambda kind: kind.__name__)


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


def text_stages(**sentence_params):
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence", **sentence_params),
        Tokenizer(inputCols=["sentence"]),
    ]


def make(kind, encoders, **params):
    encoder = encoders["tiny_albert" if kind is AlbertEmbeddings else "tiny_bert"]
    names = ["sentence"] if kind is BertSentenceEmbeddings else ["sentence", "token"]
    if kind is BertSentenceEmbeddings:
        params = {"pooling": "mean", "normalize": False, **params}
    return kind(encoder, inputCols=names, outputCol="out", **params)


def run(stage, texts=TEXTS, **sentence_params):
    table = pa.table({"text": pa.array(texts, pa.string())})
    out = PipelineModel([*text_stages(**sentence_params), stage]).transform(table)
    return AnnotationColumn.from_arrow(out["out"])


def texts_of(name, texts=TEXTS):
    table = pa.table({"text": pa.array(texts, pa.string())})
    out = PipelineModel(text_stages()).transform(table)
    rows = AnnotationColumn.from_arrow(out[name]).rows()
    return [[(a.result, a.metadata["sentence"]) for a in row] for row in rows]


def best_vectors(encoder, ids, limit):
    """The vector of each piece by a plain loop over windows, with [CLS]'s and [SEP]'s."""
    cls_id, sep_id = encoder.tokenizer.cls_id, encoder.tokenizer.sep_id
    starts = [0]
    while starts[-1] + limit < len(ids):
        starts.append(min(starts[-1] + max(limit // 2, 1), len(ids) - limit))
    hidden = [encoder.hidden_states([[cls_id, *ids[s : s + limit], sep_id]]).values for s in starts]
    chosen = [hidden[0][0]]
    for place in range(len(ids)):
        nearer = [min(place - s, s + limit - 1 - place) for s in starts]
        window = nearer.index(max(nearer))
        chosen.append(hidden[window][place - starts[window] + 1])
    return [*chosen, hidden[-1][-1]]


@of_every_stage
def test_annotations_of_cut_sentences_say_how_much_was_used(kind, encoders):
    stage = make(kind, encoders, maxSentenceLength=12)
    totals = {}  # by row and sentence
    for row, (tokens, sentences) in enumerate(
        zip(texts_of("token"), texts_of("sentence"), strict=True)
    ):
        for text, number in sentences:
            if kind is BertSentenceEmbeddings:
                total = int(stage.encoder.tokenizer.encode([text]).full_lengths[0])
            else:
                mine = [token for token, sentence in tokens if sentence == number]
                total = 2 + sum(len(pieces) for pieces in stage.encode_tokens(mine))
            totals[row, number] = total
    assert sum(total > 12 for total in totals.values()) == 2
    for row, found in enumerate(run(stage).rows()):
        for annotation in found:
            total = totals[row, annotation.metadata["sentence"]]
            used = {"piecesUsed": "12", "piecesTotal": str(total)} if total > 12 else {}
            said = {k: v for k, v in annotation.metadata.items() if k.startswith("pieces")}
            assert said == used


def test_tokens_outside_of_all_sentences_belong_to_no_cut_one(encoders):
    stages = [
        *text_stages(minLength=20)[:2],
        Tokenizer(inputCols=["document"]),
        make(BertEmbeddings, encoders, maxSentenceLength=12),
    ]
    out = PipelineModel(stages).transform(pa.table({"text": [f"Short. {LONG}"]}))["out"]
    (row,) = AnnotationColumn.from_arrow(out).rows()
    cut = ["piecesTotal" in annotation.metadata for annotation in row]
    assert cut == [False] * 2 + [True] * (len(row) - 2)


@of_every_stage
def test_an_error_names_row_sentence_found_and_allowed(kind, encoders):
    stage = make(kind, encoders, maxSentenceLength=12, lengthPolicy="error")
    short = ["Short one. And another."] * 1500  # more than one batch before the long sentence
    with pytest.raises(InputError) as caught:
        run(stage, [*short, f"Fine. {LONG}"])
    message = str(caught.value)
    assert stage.label in message
    assert "row 1500, sentence 1 ('Painkillers aren't" in message.replace('"', "'")
    assert "maxSentenceLength allows 12" in message
    assert "set lengthPolicy to 'window' or 'truncate'" in message
    assert len(run(stage, short)) > 0


def test_an_error_names_the_row_that_came_in_where_sentences_are_exploded(encoders):
    stage = make(BertSentenceEmbeddings, encoders, maxSentenceLength=12, lengthPolicy="error")
    with pytest.raises(InputError, match="row 1, sentence 2"):
        run(stage, ["One. Two. Three.", f"One. Two. {LONG}"], explodeSentences=True)


@pytest.mark.parametrize("limit", [3, 4, 7, 12, 30])
@pytest.mark.parametrize("kind", [BertEmbeddings, AlbertEmbeddings])
def test_in_windows_each_token_has_the_vector_with_most_context(kind, limit, encoders):
    stage = make(kind, encoders, maxSentenceLength=limit, lengthPolicy="window")
    rows = run(stage).rows()
    assert "piecesTotal" not in {k for row in rows for a in row for k in a.metadata}
    for row, tokens in zip(rows, texts_of("token"), strict=True):
        for number in {sentence for _, sentence in tokens}:
            pieces = [
                p.tolist() for p in stage.encode_tokens([t for t, s in tokens if s == number])
            ]
            ids = [piece for word in pieces for piece in word]
            vectors = best_vectors(stage.encoder, ids, limit - 2)
            begins = np.cumsum([0, *map(len, pieces)])[:-1]
            wanted = [vectors[begin + 1] for begin in begins]
            found = [a.embeddings for a in row if a.metadata["sentence"] == number]
            np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("limit", [3, 8, 20])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_sentence_in_windows_is_the_mean_over_all_its_pieces(limit, normalize, encoders):
    params = {"maxSentenceLength": limit, "normalize": normalize}
    stage = make(BertSentenceEmbeddings, encoders, lengthPolicy="window", **params)
    found = run(stage).embeddings
    sentences = [s for row in texts_of("sentence") for s, _ in row]
    ids = [list(ids[1:-1]) for ids in encoders["tiny_bert"].tokenizer.encode(sentences).ids]
    wanted = [np.mean(best_vectors(stage.encoder, one, limit - 2), axis=0) for one in ids]
    if normalize:
        wanted = [vector / np.linalg.norm(vector) for vector in wanted]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@of_every_stage
def test_a_policy_changes_nothing_for_sentences_that_fit(kind, encoders):
    default = run(make(kind, encoders))
    for policy in ("error", "window"):
        assert run(make(kind, encoders, lengthPolicy=policy)).equals(default)


def test_windows_refuse_poolings_that_look_at_one_window(encoders):
    stage = make(BertSentenceEmbeddings, encoders, pooling="cls")
    with pytest.raises(ParameterError, match="lengthPolicy='window' allows pooling='mean' only"):
        stage.setLengthPolicy("window")
    with pytest.raises(ParameterError, match="got 'pooler'"):
        stage.setParams(lengthPolicy="window", pooling="pooler")
    assert stage.getLengthPolicy() == "truncate"


@pytest.mark.parametrize("policy", ["error", "window"])
@pytest.mark.parametrize("limit", [-1, 0, 2])
def test_a_policy_needs_room_for_a_piece(policy, limit, encoders):
    stage = make(BertEmbeddings, encoders, lengthPolicy=policy)
    with pytest.raises(ParameterError, match=f"at least 3.*got {limit}; set lengthPolicy"):
        stage.setMaxSentenceLength(limit)


@of_every_stage
def test_an_unknown_policy_is_refused(kind, encoders):
    with pytest.raises(ParameterError, match="lengthPolicy must be one of truncate, error, window"):
        make(kind, encoders, lengthPolicy="cut")


@pytest.mark.parametrize("kind", [BertEmbeddings, AlbertEmbeddings])
@pytest.mark.parametrize("limit", [9, 128])
def test_the_mean_of_a_tokens_pieces_is_that_of_a_plain_loop(kind, limit, encoders):
    texts = ["Unbelievable painkillers overwhelmingly , electroencephalography .", TEXTS[0]]
    stage = make(kind, encoders, piecePooling="mean", maxSentenceLength=limit)
    tokenizer = stage.encoder.tokenizer
    several = 0
    for row, tokens in zip(run(stage, texts).rows(), texts_of("token", texts), strict=True):
        for number in {sentence for _, sentence in tokens}:
            pieces = [
                p.tolist() for p in stage.encode_tokens([t for t, s in tokens if s == number])
            ]
            ids = [piece for word in pieces for piece in word][: limit - 2]
            hidden = stage.encoder.hidden_states(
                [[tokenizer.cls_id, *ids, tokenizer.sep_id]]
            ).values
            begin, found = 1, [a for a in row if a.metadata["sentence"] == number]
            for annotation, word in zip(found, pieces, strict=True):
                end = min(begin + len(word), len(ids) + 1)
                several += end - begin > 1
                wanted = hidden[begin:end].mean(axis=0) if begin < end else np.zeros(64)
                np.testing.assert_allclose(annotation.embeddings, wanted, atol=1e-6)
                assert annotation.metadata["isOOV"] == str(begin >= end).lower()
                begin += len(word)
    assert several >= 2


def test_the_mean_has_the_same_bits_in_any_company(encoders):
    stage = make(BertEmbeddings, encoders, piecePooling="mean", tokenEncoding="whole")
    together = run(stage, TEXTS).rows()
    for text, row in zip(TEXTS, together, strict=True):
        assert run(stage, [text]).rows() == [row]


def test_a_token_is_encoded_whole_if_so_wanted(encoders):
    stage = make(BertEmbeddings, encoders, tokenEncoding="whole")
    tokenizer = stage.encoder.tokenizer
    found = run(stage, ["It isn't $5.00 [CLS]"])
    pieces = tokenizer.encode(["It isn't $5.00 [CLS]".replace("[CLS]", "[ cls ]")])
    assert [tokenizer.pieces(ids) for ids in stage.encode_tokens(["isn't", "[CLS]", "\ufffd"])] == [
        ["isn", "'", "t"], ["[", "cl", "##s", "]"], [],
    ]  # fmt: skip
    hidden = stage.encoder.hidden_states(pieces.ids).values
    assert found.result.to_pylist() == ["it", "isn't", "$5.00", "[cls]"]
    first = [1, 2, 5, 9]  # it, isn ' t, $ 5 . 00, [
    np.testing.assert_allclose(found.embeddings, hidden[first], atol=1e-5)


def test_bad_values_are_refused_at_once(encoders):
    for name, allowed in (
        ("tokenEncoding", "first-basic-word, whole"),
        ("piecePooling", "first, mean"),
        ("compatibility", "none, spark-nlp-5.5.3"),
    ):
        with pytest.raises(ParameterError, match=f"{name} must be one of {allowed}, got 'x'"):
            make(BertEmbeddings, encoders).set(name, "x")


def test_one_setting_for_a_fit_reaches_all_stages_with_an_encoder(encoders):
    stage = make(BertEmbeddings, encoders)
    model = Pipeline(stages=[*text_stages(), stage]).fit(None, {"lengthPolicy": "error"})
    assert model.stages[-1].getLengthPolicy() == "error"
    assert stage.getLengthPolicy() == "truncate"
