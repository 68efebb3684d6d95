"""Stages keep what looks up their words, with the pieces that it remembers."""

from __future__ import annotations

import pickle

import pytest

from embedpipe.annotator import BertEmbeddings
from tests.support.golden_models import load_encoders


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


def test_a_stage_keeps_the_splitter_of_its_words_but_does_not_send_it(encoders):
    stage = BertEmbeddings(encoders["tiny_bert"])
    pieces = stage.encode_tokens(["pain", "pain-killer"])
    kept = stage._splitter
    assert kept is not None
    assert stage.encode_tokens(["pain", "pain-killer"]).values.tolist() == pieces.values.tolist()
    assert stage._splitter is kept
    stage.setTokenEncoding("whole")
    assert len(stage.encode_tokens(["pain", "pain-killer"]).values) > len(pieces.values)
    arrived = pickle.loads(pickle.dumps(stage))
    assert arrived._splitter is None
