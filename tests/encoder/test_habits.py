"""What sentence-transformers calls things either works or is answered with ours."""

from __future__ import annotations

import copy
import pickle
import sys

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.errors import InputError, MissingDependencyError, ParameterError
from tests.support.model_folders import tiny_config, write_model

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", ":", "##b"]
TEXTS = ["a b", "c", "d e f"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_model(tmp_path_factory.mktemp("models") / "tiny", tiny_config())
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in PIECES))
    return folder


@pytest.fixture
def tiny(folder) -> Encoder:
    return Encoder(folder)


def test_the_constructor_loads(folder, tiny):
    expected = Encoder.load(folder).encode(TEXTS)
    assert (tiny.encode(TEXTS) == expected).all()
    assert (Encoder(model_name_or_path=str(folder), device="cpu").encode(TEXTS) == expected).all()
    assert Encoder(folder, threads=1).threads == 1


def test_one_text_gives_one_vector(tiny):
    together = tiny.encode(TEXTS)
    assert tiny.encode("c").shape == (16,)
    assert tiny.encode("c").tobytes() == together[1].tobytes()
    assert tiny.encode(np.str_("c")).tobytes() == together[1].tobytes()
    assert tiny.encode([]).shape == (0, 16)


def test_their_arguments_mean_ours(tiny, capsys):
    expected = tiny.encode(TEXTS, normalize=True)
    found = tiny.encode(
        TEXTS,
        batch_size=2,
        show_progress_bar=True,
        normalize_embeddings=True,
        convert_to_numpy=True,
        output_value="sentence_embedding",
        precision="float32",
        device="cpu",
    )
    assert found.tobytes() == expected.tobytes()
    assert "texts" in capsys.readouterr().err
    assert (tiny.encode(sentences=TEXTS) == tiny.encode(inputs=TEXTS)).all()
    assert (tiny.encode(TEXTS, normalize_embeddings=False) == tiny.encode(TEXTS)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size: found 0; expected a positive integer"),
        ({"batch_size": True}, "batch_size: found True"),
        ({"device": "cuda"}, "device: found 'cuda'; embedpipe computes on the processor"),
        ({"device": ["cuda:0", "cuda:1"]}, "embedpipe computes on the processor"),
        ({"precision": "binary"}, r"precision: found 'binary'; encode gives float32. .*packbits"),
        ({"output_value": "token_embeddings"}, r"use encode_tokens\(texts\)"),
        ({"output_value": None}, "use encode_tokens"),
        ({"convert_to_numpy": False}, "Pass convert_to_tensor=True"),
        ({"pool": {"processes": []}}, "pool: .*one process uses all cores"),
        ({"normalize": False, "normalize_embeddings": True}, "beside normalize_embeddings=True"),
        ({"show_progress_bar": "yes"}, "show_progress_bar: found 'yes'; expected True or False"),
        ({"sentences": ["a"]}, "sentences: found texts twice"),
    ],
)
def test_what_cannot_be_is_answered_with_what_there_is(tiny, arguments, message):
    with pytest.raises(ParameterError, match=message):
        tiny.encode(TEXTS, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "cuda"}, "embedpipe computes on the processor"),
        ({"cache_folder": "here"}, "set EMBEDPIPE_CACHE"),
        ({"token": "hf_secret"}, "set HF_TOKEN"),
        ({"backend": "onnx"}, "an engine of its own"),
        ({"local_files_only": True}, "set EMBEDPIPE_OFFLINE=1"),
        ({"model_kwargs": {"torch_dtype": "float16"}}, "choose precision"),
        ({"similarity_fn_name": "jaccard"}, "expected one of cosine, dot, euclidean, manhattan"),
        ({"prompts": {"a": 3}}, "prompts: .*expected texts by name"),
        ({"default_prompt_name": "x"}, "prompt_name: 'x'; this model knows query, document"),
        ({"truncate_dim": "8"}, "truncate_dim: found '8'"),
    ],
)
def test_arguments_of_the_constructor_are_answered_too(folder, arguments, message):
    with pytest.raises(ParameterError, match=message):
        Encoder(folder, **arguments)


def test_unknown_arguments_are_python_s_own_error(folder, tiny):
    with pytest.raises(TypeError, match="unexpected keyword argument 'pooing'"):
        tiny.encode(TEXTS, pooing="cls")
    with pytest.raises(TypeError, match="unexpected keyword argument 'treads'"):
        Encoder(folder, treads=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("start_multi_process_pool", "encode uses all cores"),
        ("fit", "trains nothing"),
        ("save_pretrained", "its files are encoder.path"),
        ("half", r"with_precision\('bfloat16'\)"),
        ("no_such", "has no attribute 'no_such'$"),
    ],
)
def test_missing_attributes_name_what_to_use(tiny, name, message):
    assert not hasattr(tiny, name)
    with pytest.raises(AttributeError, match=message):
        getattr(tiny, name)


def test_attributes_of_tutorials(tiny):
    assert tiny.get_sentence_embedding_dimension() == tiny.get_embedding_dimension() == 16
    assert tiny.max_seq_length == tiny.get_max_seq_length() == tiny.max_length == 24
    assert tiny.device == "cpu"
    assert tiny.to("cpu") is tiny.eval() is tiny.cpu() is tiny
    assert dict(tiny.prompts) == {"query": "", "document": ""}
    assert (tiny.default_prompt_name, tiny.similarity_fn_name) == (None, "cosine")
    with pytest.raises(ParameterError, match="to: found 'cuda'; embedpipe computes"):
        tiny.to("cuda")


def test_a_length_that_is_set_cuts_texts(tiny):
    tiny.max_seq_length = 3
    with pytest.warns(UserWarning, match="3 texts have more than 3 pieces"):
        cut = tiny.encode(["a b", "a c", "b"])
    assert (cut[0] == cut[1]).all()
    for bad in (2, 25, "8", True):
        with pytest.raises(ParameterError, match="expected an integer from 3 to 24"):
            tiny.max_seq_length = bad


def test_prompts_of_a_caller_go_before_texts(folder):
    encoder = Encoder(folder, prompts={"query": "q: "}, default_prompt_name="query")
    plain = Encoder(folder)
    assert (encoder.encode("a") == plain.encode("q: a")).all()
    assert (encoder.encode("a", prompt="") == plain.encode("a")).all()
    assert (encoder.encode_document("a") == plain.encode("a")).all()
    encoder.prompts = {"query": "z "}
    encoder.default_prompt_name = None
    assert (encoder.encode("a") == plain.encode("a")).all()
    assert (encoder.encode_query("a") == plain.encode("z a")).all()
    assert (encoder.encode_query(["a"], prompt="b ") == plain.encode(["b a"])).all()
    for other in (copy.copy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert (other.encode_query("a") == plain.encode("z a")).all()


def test_shortened_vectors(folder, tiny):
    whole = tiny.encode(TEXTS)
    assert (tiny.encode(TEXTS, truncate_dim=5) == whole[:, :5]).all()
    assert (tiny.encode(TEXTS, truncate_dim=99) == whole).all()
    unit = tiny.encode(TEXTS, truncate_dim=5, normalize=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
    short = Encoder(folder, truncate_dim=5)
    assert short.dimension == 5
    assert (short.encode(TEXTS) == whole[:, :5]).all()
    pieces = short.tokenize(TEXTS).ids
    assert (short.encode_pieces(pieces) == whole[:, :5]).all()
    assert short.encode([None, "a"]).shape == (2, 5)


def test_similarities(tiny):
    vectors = tiny.encode(TEXTS)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(tiny.similarity(vectors, vectors), unit @ unit.T, atol=1e-6)
    np.testing.assert_allclose(tiny.similarity(vectors[0], vectors), unit[:1] @ unit.T, atol=1e-6)
    np.testing.assert_allclose(tiny.similarity_pairwise(vectors, vectors), np.ones(3), atol=1e-6)
    tiny.similarity_fn_name = "euclidean"
    distances = -np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.testing.assert_allclose(tiny.similarity(vectors, vectors), distances, atol=1e-6)
    with pytest.raises(InputError, match="vectors of 16 and of 15"):
        tiny.similarity(vectors, vectors[:, :15])
    with pytest.raises(InputError, match="expected vectors"):
        tiny.similarity(["a"], vectors)
    with pytest.raises(InputError, match="expected equal ones"):
        tiny.similarity_pairwise(vectors, vectors[:2])


def test_tensors_need_torch(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match="convert_to_tensor=True needs the package"):
        tiny.encode(TEXTS, convert_to_tensor=True)


def test_pieces_with_their_places_in_the_text(tiny):
    texts = ["a bB  é!", "", "x"]
    several = tiny.encode_tokens(texts)
    assert [token.text for token in several[0]] == ["a", "b", "B", "é", "!"]
    assert several[0].pieces == ("a", "b", "##b", "e", "[UNK]")
    assert [(len(found), found.text) for found in several[1:]] == [(0, ""), (1, "x")]
    batch = tiny.tokenize(texts)
    hidden = tiny.hidden_states(batch.ids)
    for index, found in enumerate(several):
        assert (found.vectors == hidden[index][1:-1]).all()
        assert [t.begin for t in found] == found.begins.tolist()
    alone = tiny.encode_tokens(texts[0])
    assert alone.vectors.tobytes() == several[0].vectors.tobytes()
    np.testing.assert_allclose(alone.within(2, 4), alone.vectors[1:3].mean(0), rtol=1e-5)
    assert np.isnan(alone.within(4, 5)).all()


def test_pieces_of_a_prompt_are_left_out(tiny):
    found = tiny.encode_tokens("a b", prompt="x: y ")
    assert [(t.text, t.begin, t.end) for t in found] == [("a", 0, 1), ("b", 2, 3)]
    hidden = tiny.hidden_states(tiny.tokenize(["x: y a b"]).ids)
    assert (found.vectors == hidden[0][-3:-1]).all()


def test_pieces_that_are_cut_are_told(tiny):
    with pytest.warns(UserWarning, match="1 of 2 texts have more than 24 pieces"):
        short, long = tiny.encode_tokens(["a", "b " * 40])
    assert (short.truncated, long.truncated, len(long)) == (False, True, 22)
    with pytest.raises(InputError, match=r"texts\[1\]: found None"):
        tiny.encode_tokens(["a", None])
