"""Models with Dense steps, put together and saved by sentence-transformers itself."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    Transformer,
)
from transformers import BertConfig, BertModel

from embedpipe import Encoder, PipelineModel
from embedpipe.annotator import BertSentenceEmbeddings
from embedpipe.base import DocumentAssembler, Pipeline
from embedpipe.errors import ModelFormatError, ParameterError
from embedpipe.formats import open_model
from embedpipe.formats.writing import write_model
from embedpipe.output import AtomicDirectory
from tests.support.hub_server import keep

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "train", "is", "late", ".", "##s"]
TEXTS = ["the train is late", "the trains. is", "", "late"]

HEADS = {
    "tanh": lambda: [Dense(16, 6)],
    "identity without bias": lambda: [
        Dense(16, 20, bias=False, activation_function=torch.nn.Identity())
    ],
    "three in a row, then length 1": lambda: [
        *(Dense(16, 12), Dense(12, 9, activation_function=None), Dense(9, 5)),
        Normalize(),
    ],
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(5)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(PIECES), intermediate_size=32, max_position_embeddings=24, **sizes
    )
    BertModel(config).eval().save_pretrained(folder)
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in PIECES))
    return folder


@pytest.fixture(params=HEADS)
def saved(request, bert, tmp_path) -> tuple[Path, np.ndarray]:
    """The folder, and the vectors that sentence-transformers computes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = [Transformer(str(bert)), Pooling(16, "mean"), *HEADS[request.param]()]
        model = SentenceTransformer(modules=steps, device="cpu")
        model.save_pretrained(str(tmp_path / "saved"))
        return tmp_path / "saved", model.encode(TEXTS)


def test_dense_steps_give_the_vectors_of_sentence_transformers(saved):
    folder, expected = saved
    encoder = Encoder.load(folder)
    assert encoder.dimension == expected.shape[1]
    found = encoder.encode(TEXTS)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    for index, text in enumerate(TEXTS):
        assert encoder.encode(text).tobytes() == found[index].tobytes()
    reference = Encoder.load(folder, implementation="reference").encode(TEXTS)
    np.testing.assert_allclose(found, reference, atol=2e-5)
    fast = encoder.with_precision("int8").encode(TEXTS)
    assert fast.shape == found.shape
    np.testing.assert_allclose(fast, found, atol=0.2)


def test_dense_steps_go_wherever_the_model_goes(saved, tmp_path):
    folder, expected = saved
    encoder = Encoder.load(folder)
    vectors = encoder.encode(TEXTS)
    assert pickle.loads(pickle.dumps(encoder)).encode(TEXTS).tobytes() == vectors.tobytes()
    with AtomicDirectory(tmp_path / "written") as target:
        write_model(open_model(folder), target)
    again = Encoder.load(tmp_path / "written")
    assert again.encode(TEXTS).tobytes() == vectors.tobytes()
    assert again.fingerprint == encoder.fingerprint
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        standard = SentenceTransformer(str(tmp_path / "written"), device="cpu")
        np.testing.assert_allclose(standard.encode(TEXTS), expected, atol=2e-5)

    document = DocumentAssembler(inputCol="text", outputCol="document")
    stage = BertSentenceEmbeddings(encoder, inputCols=["document"], outputCol="vector")
    model = Pipeline(stages=[document, stage]).fit()
    model.save(tmp_path / "pipeline")
    loaded = PipelineModel.load(tmp_path / "pipeline")
    made = loaded.transform(pd.DataFrame({"text": TEXTS}))["vector"].tolist()
    found = np.array([row[0]["embeddings"] for row in made], np.float32)
    np.testing.assert_array_equal(found, vectors)
    stage = BertSentenceEmbeddings.load(tmp_path / "pipeline")
    assert stage.encoder.encode(TEXTS).tobytes() == vectors.tobytes()


def test_what_does_not_fit_a_dense_step_is_refused(saved):
    folder, _ = saved
    with pytest.raises(ParameterError, match="gives vectors of 32; this model's Dense takes 16"):
        Encoder.load(folder).encode(TEXTS, pooling="cls+mean")
    config = folder / "2_Dense/config.json"
    config.write_text(config.read_text().replace('"in_features": 16', '"in_features": 15'))
    with pytest.raises(ModelFormatError, match=r"linear.weight has the shape .* beside it says"):
        Encoder.load(folder)


def test_a_model_in_the_hugging_face_cache_is_found_by_both(saved, tmp_path, monkeypatch):
    folder, expected = saved
    paths = [path for path in folder.rglob("*") if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    snapshot = keep(tmp_path / "hf", files, absent=())
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        standard = SentenceTransformer(
            "org/tiny", cache_folder=str(tmp_path / "hf/hub"), local_files_only=True, device="cpu"
        )
        np.testing.assert_allclose(standard.encode(TEXTS), expected, atol=1e-6)
    encoder = Encoder("org/tiny")
    assert encoder.path == snapshot
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-5)
