"""`Encoder` called as SentenceTransformer is gives what SentenceTransformer gives."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from embedpipe import Encoder
from tests.support.model_folders import minilm_folder

TEXTS = ["What eases a headache?", "Painkillers help against it.", "", "Naïve cafés, 3.5 km away"]
PROMPTS = {"query": "query: ", "passage": "passage: "}


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[SentenceTransformer, Encoder]:
    """all-MiniLM-L6-v2 with prompts of its own, opened by either."""
    folder = tmp_path_factory.mktemp("models") / "minilm"
    shutil.copytree(minilm_folder(), folder)
    settings = {"prompts": PROMPTS, "default_prompt_name": None, "similarity_fn_name": "dot"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SentenceTransformer(str(folder), device="cpu"), Encoder(str(folder), device="cpu")


CALLS = {
    "plain": {},
    "a prompt by name": {"prompt_name": "query"},
    "a prompt": {"prompt": "Represent: "},
    "hints": {"batch_size": 2, "show_progress_bar": False},
    "shortened": {"truncate_dim": 100},
    "shortened to length 1": {"truncate_dim": 100, "normalize_embeddings": True},
    "of length 1": {"normalize_embeddings": True},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[0]], ids=["several", "one"])
def test_encode(both, call, texts):
    theirs, ours = both
    expected, found = theirs.encode(texts, **CALLS[call]), ours.encode(texts, **CALLS[call])
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_queries_documents_and_tensors(both):
    theirs, ours = both
    for name in ("encode_query", "encode_document"):
        expected = getattr(theirs, name)(TEXTS, convert_to_tensor=True)
        found = getattr(ours, name)(TEXTS, convert_to_tensor=True)
        assert isinstance(found, torch.Tensor)
        torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("kind", ["cosine", "dot", "euclidean", "manhattan"])
@pytest.mark.parametrize("as_tensors", [True, False])
def test_similarities(both, kind, as_tensors):
    theirs, ours = both
    assert ours.similarity_fn_name == str(theirs.similarity_fn_name)
    vectors = theirs.encode(TEXTS, convert_to_tensor=as_tensors)
    try:
        theirs.similarity_fn_name = ours.similarity_fn_name = kind
        for name in ("similarity", "similarity_pairwise"):
            expected = getattr(theirs, name)(vectors, vectors)
            found = getattr(ours, name)(vectors, vectors)
            assert isinstance(found, torch.Tensor) == as_tensors
            np.testing.assert_allclose(np.asarray(found), expected.numpy(), atol=2e-5)
        assert ours.similarity(vectors[0], vectors).shape == (1, len(TEXTS))
    finally:
        theirs.similarity_fn_name = ours.similarity_fn_name = "dot"


def test_attributes(both):
    theirs, ours = both
    for name in ("get_embedding_dimension", "get_max_seq_length"):
        assert getattr(ours, name)() == getattr(theirs, name)()
    assert ours.max_seq_length == theirs.max_seq_length
    assert dict(ours.prompts) == theirs.prompts
    assert ours.default_prompt_name == theirs.default_prompt_name


def test_vectors_of_pieces_and_their_places(both):
    theirs, ours = both
    expected = theirs.encode(TEXTS, output_value="token_embeddings")
    places = theirs.tokenizer(TEXTS, return_offsets_mapping=True)["offset_mapping"]
    for found, vectors, offsets in zip(ours.encode_tokens(TEXTS), expected, places, strict=True):
        np.testing.assert_allclose(found.vectors, vectors.numpy()[1:-1], atol=2e-5)
        assert [(t.begin, t.end) for t in found] == offsets[1:-1]


def test_a_length_that_is_set_cuts_alike(both):
    theirs, ours = both
    before = ours.max_seq_length
    try:
        theirs.max_seq_length = ours.max_seq_length = 5
        with pytest.warns(UserWarning, match="were cut"):
            found = ours.encode(TEXTS)
        np.testing.assert_allclose(found, theirs.encode(TEXTS), atol=2e-6)
    finally:
        theirs.max_seq_length = ours.max_seq_length = before
