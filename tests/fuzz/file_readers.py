"""Readers of single files, each with good ones to damage: small, from real models, hostile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from embedpipe.engine import EncoderConfig
from embedpipe.files.strict_json import parse_json
from embedpipe.formats.archives.zip import ZipArchive
from embedpipe.formats.huggingface.compact import widen
from embedpipe.formats.huggingface.compact_writer import compact_file
from embedpipe.formats.huggingface.safetensors import parse_safetensors
from embedpipe.formats.layout import SAVED_MODEL as GRAPH
from embedpipe.formats.onnx.weights import read_onnx
from embedpipe.formats.pytorch.state_dict import read_torch_pickle
from embedpipe.formats.spark_nlp.java_stream import read_pairs
from embedpipe.formats.tensorflow.bundle import TensorBundle, read_bundle_index
from embedpipe.formats.tensorflow.graph import read_graph_def, read_saved_model
from embedpipe.hub.catalog_file import read_catalog_file
from tests.fuzz.reader import Reader, files_named, of_files, put
from tests.support.format_parts import array, number, pair, record, sequence, text
from tests.support.model_folders import tiny_config
from tests.support.model_writers import files_of

CONFIG = tiny_config(
    vocab_size=10,
    hidden_size=4,
    num_hidden_layers=1,
    intermediate_size=4,
    max_position_embeddings=8,
)
"""Of the model that is written in every format."""

_WIDE = {
    "embeddings.word_embeddings.weight": np.linspace(-1, 1, 128, dtype=np.float32).reshape(2, 64),
    "matrix": np.eye(16, dtype=np.float32),
    "vector": np.ones(3, np.float32),
}
"""Tensors of each kind that compact weights store."""


def single_files(testdata: Path, models: Mapping[str, Path]) -> list[Reader]:
    hostile = testdata / "hostile"
    checkpoint = files_of(models["google checkpoint"])
    recorded = testdata / "models/tf1"
    numbers = memoryview(checkpoint["bert_model.ckpt.data-00000-of-00001"])

    def all_tensors(content: bytes) -> list[bytes]:
        index = read_bundle_index(memoryview(content), "fuzz.index")
        bundle = TensorBundle(index, lambda _number, _count: (numbers, "fuzz.data"))
        bundle.object_names()
        return [bundle.tensor(key).tobytes() for key in index.entries]

    config = json.dumps(CONFIG).encode()
    pairs = sequence(*(record(array(pair(text("a"), number(i)))) for i in range(3)))
    graph = (recorded / "tfhub_bert_2_flat/saved_model.pb").read_bytes()
    return [
        of_files("json", 8, {"config.json": config}, lambda c: parse_json(c, dict, source="fuzz")),
        of_files("configuration", 8, {"config.json": config}, _configuration),
        of_files(
            "safetensors",
            10,
            files_named(models["safetensors"], "*.safetensors"),
            lambda c: [a.tobytes() for a in parse_safetensors(memoryview(c), "fuzz").values()],
            hostile=files_named(hostile, "*.safetensors"),
        ),
        of_files(
            "compact weights",
            5,
            {"compact.safetensors": compact_file(_WIDE)[0]},
            lambda c: [
                a.tobytes() for a in widen(parse_safetensors(memoryview(c), "f"), "f").values()
            ],
        ),
        of_files(
            "pytorch",
            5,
            {
                "new.bin": (models["pytorch"] / "pytorch_model.bin").read_bytes(),
                "old.bin": (models["pytorch before 1.6"] / "pytorch_model.bin").read_bytes(),
            },
            lambda c: [a.tobytes() for a in read_torch_pickle(memoryview(c), "fuzz").values()],
            hostile=files_named(hostile, "*.bin"),
        ),
        of_files(
            "checkpoint index",
            4,
            {
                "bert.index": checkpoint["bert_model.ckpt.index"],
                **files_named(recorded / "tf2_encoder_checkpoint", "*.index"),
            },
            lambda c: read_bundle_index(memoryview(c), "fuzz.index"),
            hostile=files_named(hostile, "ckpt_index_flipped_byte/*.index"),
        ),
        of_files("checkpoint", 2, {"bert.index": checkpoint["bert_model.ckpt.index"]}, all_tensors),
        of_files(
            "saved model",
            5,
            {"saved_model.pb": (models["tf-hub"] / "saved_model.pb").read_bytes()},
            lambda c: read_saved_model(memoryview(c), "fuzz.pb"),
            hostile={"recorded.pb": graph[: len(graph) // 40]},
        ),
        of_files(
            "graph",
            5,
            {"graph.pb": inside(models["spark nlp, tensorflow"] / "bert_tensorflow", GRAPH)},
            lambda c: read_graph_def(memoryview(c), "fuzz.pb"),
        ),
        of_files(
            "onnx",
            4,
            {"model.onnx": inside(models["spark nlp, onnx"] / "bert_onnx", "model.onnx")},
            lambda c: read_onnx(memoryview(c), "fuzz.onnx"),
        ),
        of_files(
            "java stream",
            10,
            {"part-00000": pairs},
            lambda c: list(read_pairs(memoryview(c), "fuzz")),
            hostile=files_named(hostile / "java_fields", "*.seq", "/part-00000"),
        ),
    ]


def inside(archive: Path, name: str) -> bytes:
    return bytes(ZipArchive(memoryview(archive.read_bytes()), "seed").read(name))


def _configuration(content: bytes) -> object:
    config = EncoderConfig.from_huggingface(parse_json(content, dict, source="fuzz"), source="fuzz")
    return config, config.layer_schedule


def catalogs(inputs: Path) -> Reader:
    entry = {
        "name": "tiny",
        "annotator": "BertEmbeddings",
        "architecture": "bert",
        "language": "en",
        "dimension": 4,
        "sources": [{"kind": "archive", "address": "https://example.org/a.zip"}],
        "published": [{"text": "a", "level": "token", "values": [0.5]}],
    }
    content = json.dumps({"models": [entry], "names": {"en.tiny": "tiny"}}).encode()
    return of_files(
        "catalog",
        6,
        {"catalog.json": content},
        read_catalog_file,
        put=partial(put, inputs / "catalog.json"),
    )
