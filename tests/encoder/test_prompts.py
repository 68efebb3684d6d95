"""Prompts that a model declares: put before texts by whatever makes vectors, and kept with it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas
import pytest

from embedpipe import Encoder
from embedpipe.annotator import BertSentenceEmbeddings
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import ParameterError
from tests.support.model_folders import tiny_config, write_model

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "query", ":", "the"]
TEXTS = ["a b", "C the", "", "b"]
STEPS = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


def write(folder: Path, *, include: bool = True) -> Path:
    """A cased model that puts `query: ` before texts and folds them to lower case."""
    write_model(folder, tiny_config())
    (folder / "vocab.txt").write_text("\n".join(PIECES))
    (folder / "1_Pooling").mkdir()
    pooling = {"embedding_dimension": 16, "pooling_mode": "mean", "include_prompt": include}
    for name, content in {
        "modules.json": STEPS,
        "1_Pooling/config.json": pooling,
        "sentence_roberta_config.json": {"max_seq_length": 20, "do_lower_case": True},
        "tokenizer_config.json": {"do_lower_case": False, "tokenizer_class": "BertTokenizer"},
        "config_sentence_transformers.json": {
            "prompts": {"query": "Query: ", "none": ""},
            "default_prompt_name": "query",
        },
    }.items():
        (folder / name).write_text(json.dumps(content))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "model")


def ids(text: str) -> list[int]:
    return [2, *(PIECES.index(piece) for piece in text.split()), 3]


def test_the_default_prompt_is_put_before_every_text_unless_another_is_asked_for(folder):
    encoder = Encoder.load(folder)
    of = encoder.encode_pieces
    assert encoder.encode(["a C"]).tobytes() == of([ids("query : a c")]).tobytes()
    assert encoder.encode(["a"], prompt="THE ").tobytes() == of([ids("the a")]).tobytes()
    for without in ({"prompt": ""}, {"prompt_name": "none"}, {"prompt_name": "document"}):
        assert encoder.encode(["a"], **without).tobytes() == of([ids("a")]).tobytes()
        assert encoder.tokenize(["a"], **without).ids[0].tolist() == ids("a")
    assert encoder.tokenize(["a C"]).ids[0].tolist() == ids("query : a c")


def through_pipeline(stage: BertSentenceEmbeddings) -> PipelineModel:
    document = DocumentAssembler().setInputCol("text").setOutputCol("document")
    stage.setInputCols("document").setOutputCol("v")
    return Pipeline(stages=[document, stage]).fit(pandas.DataFrame({"text": TEXTS}))


def vectors_of(model: PipelineModel) -> np.ndarray:
    out = model.transform(pandas.DataFrame({"text": TEXTS}))
    return np.array([rows[0]["embeddings"] for rows in out["v"]], np.float32)


def test_a_stage_gives_the_same_vectors_and_so_does_what_was_saved(folder, tmp_path):
    expected = Encoder.load(folder).encode(TEXTS)
    model = through_pipeline(BertSentenceEmbeddings.load(str(folder)))
    assert vectors_of(model).tobytes() == expected.tobytes()
    model.save(str(tmp_path / "saved"))
    assert vectors_of(PipelineModel.load(str(tmp_path / "saved"))).tobytes() == expected.tobytes()


def test_prompts_travel_with_their_encoder(folder):
    encoder = Encoder.load(folder)
    arrived = pickle.loads(pickle.dumps(encoder))
    assert arrived.prompts == encoder.prompts
    assert arrived.encode(TEXTS).tobytes() == encoder.encode(TEXTS).tobytes()


def test_a_stage_refuses_a_prompt_that_is_left_out_of_pooling(tmp_path):
    stage = BertSentenceEmbeddings.load(str(write(tmp_path / "m", include=False)))
    with pytest.raises(ParameterError, match=r"'Query: ' has no part in pooling .* Encoder.encode"):
        through_pipeline(stage)
