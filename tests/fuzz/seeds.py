"""The readers of model files, each with good files to damage and a way to call it.

Files are small, so that many can be tried: a BERT of one layer and four numbers a vector in every
format, the recorded pieces of real ones, and the hostile files that are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import tokenizers

from embedpipe import Encoder
from embedpipe.annotator import BertEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, PipelineModel
from embedpipe.engine import EncoderConfig
from embedpipe.files.strict_json import parse_json
from embedpipe.formats.archives.tar import read_tar
from embedpipe.formats.archives.tree import FileTree, tree_of_zip
from embedpipe.formats.archives.zip import ZipArchive
from embedpipe.formats.huggingface.safetensors import parse_safetensors
from embedpipe.formats.huggingface.sentence_transformers import read_sentence_settings
from embedpipe.formats.onnx.weights import read_onnx
from embedpipe.formats.opening import open_model, open_model_tree
from embedpipe.formats.pytorch.state_dict import read_torch_pickle
from embedpipe.formats.spark_nlp.java_stream import read_pairs
from embedpipe.formats.tensorflow.bundle import TensorBundle, read_bundle_index
from embedpipe.formats.tensorflow.graph import read_graph_def, read_saved_model
from embedpipe.formats.tensorflow.saved_model import GRAPH
from embedpipe.hub.catalog_file import read_catalog_file
from embedpipe.subword import make_tokenizer
from tests.fuzz.mutations import damage, damage_files
from tests.support.format_parts import array, number, pair, record, sequence, text
from tests.support.model_folders import random_tensors, tiny_config
from tests.support.model_writers import FORMATS, Parts, files_of, zip_of
from tests.support.spiece_files import albert_tokenizer, train_spiece

TEXTS = ["The late trains, ﬁne ½ \u0130", ""]
_CONFIG = tiny_config(
    vocab_size=10,
    hidden_size=4,
    num_hidden_layers=1,
    intermediate_size=4,
    max_position_embeddings=8,
)
_TOKENIZER = EncoderConfig.from_huggingface(tiny_config(vocab_size=100), source="fuzz")

Files = dict[str, bytes]


@dataclass(frozen=True)
class Reader:
    """A reader: what is damaged for it (an input of bytes or files by name), and how it is called.

    share: of all inputs, in parts; slow readers get less. good: inputs that must be read. put: what
    lays an input where the reader finds it, for those that take paths.
    """

    name: str
    share: int
    make: Callable[[Random], Any]
    read: Callable[[Any], object]
    good: list[Any]
    put: Callable[[Any], Any] = lambda content: content


def readers(testdata: Path, scratch: Path, inputs: Path) -> list[Reader]:
    """All readers. scratch: an empty folder for making the good files. inputs: a folder in which
    those that take paths find their inputs.
    """
    scratch.mkdir(parents=True)
    parts = Parts(_CONFIG, random_tensors(_CONFIG))
    models = {
        name: write(parts, scratch / name.replace(", ", "_").replace(" ", "_"))
        for name, write in FORMATS.items()
    }
    return [
        *_single_files(testdata, models),
        *_tokenizers(scratch),
        *_archives(models, inputs),
        *_folders(models),
        *_saved(testdata, scratch, models, inputs),
        _catalogs(inputs),
    ]


def _of_files(
    name: str, share: int, files: Mapping[str, bytes], read: Callable[[bytes], object], **more: Any
) -> Reader:
    """A reader of one file; `files` are good ones, by names that tell how to take them apart."""
    seeds = sorted(files.items())
    hostile = sorted(more.get("hostile", {}).items())

    def make(rng: Random) -> bytes:
        return damage(rng, *rng.choice([*seeds, *hostile]))

    good = [content for _, content in seeds]
    return Reader(name, share, make, read, good, more.get("put", lambda content: content))


def _of_trees(name: str, share: int, trees: list[Files], read: Callable[[Any], object]) -> Reader:
    return Reader(name, share, lambda rng: damage_files(rng, rng.choice(trees)), read, trees)


def _tree(files: Files) -> FileTree:
    return FileTree("fuzz", tuple(files), lambda name: memoryview(files[name]))


def _named(folder: Path, pattern: str, ending: str = "") -> Files:
    return {f"{file.name}{ending}": file.read_bytes() for file in sorted(folder.glob(pattern))}


def _single_files(testdata: Path, models: Mapping[str, Path]) -> list[Reader]:
    hostile = testdata / "hostile"
    checkpoint = files_of(models["google checkpoint"])
    recorded = testdata / "models/tf1"
    numbers = memoryview(checkpoint["bert_model.ckpt.data-00000-of-00001"])

    def all_tensors(content: bytes) -> list[bytes]:
        index = read_bundle_index(memoryview(content), "fuzz.index")
        bundle = TensorBundle(index, lambda _number, _count: (numbers, "fuzz.data"))
        bundle.object_names()
        return [bundle.tensor(key).tobytes() for key in index.entries]

    config = json.dumps(_CONFIG).encode()
    pairs = sequence(*(record(array(pair(text("a"), number(i)))) for i in range(3)))
    graph = (recorded / "tfhub_bert_2_flat/saved_model.pb").read_bytes()
    return [
        _of_files("json", 8, {"config.json": config}, lambda c: parse_json(c, dict, source="fuzz")),
        _of_files("configuration", 8, {"config.json": config}, _configuration),
        _of_files(
            "safetensors",
            10,
            _named(models["safetensors"], "*.safetensors"),
            lambda c: [a.tobytes() for a in parse_safetensors(memoryview(c), "fuzz").values()],
            hostile=_named(hostile, "*.safetensors"),
        ),
        _of_files(
            "pytorch",
            5,
            {
                "new.bin": (models["pytorch"] / "pytorch_model.bin").read_bytes(),
                "old.bin": (models["pytorch before 1.6"] / "pytorch_model.bin").read_bytes(),
            },
            lambda c: [a.tobytes() for a in read_torch_pickle(memoryview(c), "fuzz").values()],
            hostile=_named(hostile, "*.bin"),
        ),
        _of_files(
            "checkpoint index",
            4,
            {
                "bert.index": checkpoint["bert_model.ckpt.index"],
                **_named(recorded / "tf2_encoder_checkpoint", "*.index"),
            },
            lambda c: read_bundle_index(memoryview(c), "fuzz.index"),
            hostile=_named(hostile, "ckpt_index_flipped_byte/*.index"),
        ),
        _of_files(
            "checkpoint", 2, {"bert.index": checkpoint["bert_model.ckpt.index"]}, all_tensors
        ),
        _of_files(
            "saved model",
            5,
            {"saved_model.pb": (models["tf-hub"] / "saved_model.pb").read_bytes()},
            lambda c: read_saved_model(memoryview(c), "fuzz.pb"),
            hostile={"recorded.pb": graph[: len(graph) // 40]},
        ),
        _of_files(
            "graph",
            5,
            {"graph.pb": _inside(models["spark nlp, tensorflow"] / "bert_tensorflow", GRAPH)},
            lambda c: read_graph_def(memoryview(c), "fuzz.pb"),
        ),
        _of_files(
            "onnx",
            4,
            {"model.onnx": _inside(models["spark nlp, onnx"] / "bert_onnx", "model.onnx")},
            lambda c: read_onnx(memoryview(c), "fuzz.onnx"),
        ),
        _of_files(
            "java stream",
            10,
            {"part-00000": pairs},
            lambda c: list(read_pairs(memoryview(c), "fuzz")),
            hostile=_named(hostile / "java_fields", "*.seq", "/part-00000"),
        ),
    ]


def _inside(archive: Path, name: str) -> bytes:
    return bytes(ZipArchive(memoryview(archive.read_bytes()), "seed").read(name))


def _configuration(content: bytes) -> object:
    config = EncoderConfig.from_huggingface(parse_json(content, dict, source="fuzz"), source="fuzz")
    return config, config.layer_schedule


def _tokenizers(scratch: Path) -> list[Reader]:
    spiece = train_spiece(scratch).read_bytes()
    whole = albert_tokenizer(spiece).to_str().encode()
    words = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "##s"])}
    wordpiece = tokenizers.BertWordPieceTokenizer(words).to_str().encode()
    settings = json.dumps({"do_lower_case": True, "cls_token": "[CLS]"}).encode()

    def read(files: Files) -> None:
        tokenizer = make_tokenizer(files, _TOKENIZER, source="fuzz")
        tokenizer.encode(TEXTS, max_length=16)
        tokenizer.encode_words(TEXTS[0].split())

    others = {"vocab.txt": "\n".join(words).encode(), "tokenizer_config.json": settings}
    return [
        _of_trees("sentencepiece", 2, [{"spiece.model": spiece}], read),
        _of_trees(
            "tokenizer.json", 1, [{"tokenizer.json": whole}, {"tokenizer.json": wordpiece}], read
        ),
        _of_trees("vocabulary", 3, [others], read),
    ]


def _archives(models: Mapping[str, Path], inputs: Path) -> list[Reader]:
    zips = {f"{name}.zip": path.read_bytes() for name, path in models.items() if "zip" in name}
    tars = {name: path.read_bytes() for name, path in models.items() if "tar" in name}
    put = partial(_put, inputs / "input")

    def read_zip(content: bytes) -> None:
        archive = ZipArchive(memoryview(content), "fuzz.zip")
        for name in archive.names:
            archive.read(name)

    return [
        _of_files("zip archive", 4, zips, read_zip),
        _of_files("tar archive", 2, tars, read_tar, put=put),
        _of_files(
            "model in zip", 2, zips, lambda c: open_model(tree_of_zip(memoryview(c), "fuzz.zip"))
        ),
        _of_files("model in tar", 1, tars, lambda p: open_model(open_model_tree(p)), put=put),
    ]


def _folders(models: Mapping[str, Path]) -> list[Reader]:
    trees = [files_of(path) for path in models.values() if path.is_dir()]
    pooled = files_of(models["safetensors"]) | {
        "modules.json": json.dumps(
            [
                {"type": "sentence_transformers.models.Transformer", "path": ""},
                {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
            ]
        ).encode(),
        "1_Pooling/config.json": b'{"word_embedding_dimension": 4, "pooling_mode_cls_token": true}',
        "sentence_bert_config.json": b'{"max_seq_length": 8, "do_lower_case": false}',
    }
    settings = {name: content for name, content in pooled.items() if name.endswith(".json")}
    own = {"embedpipe.json": b'{"pooling": "mean", "normalize": true, "max_length": 8}'}

    def use(files: Files) -> None:
        encoder = Encoder.of_model(open_model(_tree(files)), name="fuzz", reference=None)
        encoder.encode(TEXTS)

    return [
        _of_trees("pooling", 8, [settings, own], lambda f: read_sentence_settings(_tree(f))),
        _of_trees("model folder", 4, [*trees, pooled], use),
    ]


def _saved(testdata: Path, scratch: Path, models: Mapping[str, Path], inputs: Path) -> list[Reader]:
    """What stages and pipelines are saved as, by embedpipe and by Spark NLP."""
    stages = [
        DocumentAssembler(inputCol="text", outputCol="document"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"], outputCol="token"),
    ]
    words = BertEmbeddings.load(models["safetensors"])
    words.setInputCols(["sentence", "token"]).setOutputCol("words")
    PipelineModel([*stages, words]).write().bundle(scratch / "bundle.zip")
    PipelineModel(stages).save(scratch / "stages")
    spark = files_of(testdata / "models/spark_nlp_5.5.3/pipeline_bert_onnx")
    own = next(name for name in spark if name.endswith("/bert_onnx")).removesuffix("bert_onnx")
    spark = {name: c for name, c in spark.items() if not name.startswith(own) and "/." not in name}
    spark |= {f"{own}{name}": c for name, c in files_of(models["spark nlp, onnx"]).items()}
    return [
        _of_files(
            "saved stages",
            3,
            {"stages.json": (scratch / "stages/stages.json").read_bytes()},
            lambda path: PipelineModel.load(path.parent),
            put=partial(_put, inputs / "saved/stages.json"),
        ),
        _of_files(
            "saved pipeline",
            1,
            {
                "bundle.zip": (scratch / "bundle.zip").read_bytes(),
                "spark.zip": zip_of(spark),
            },
            PipelineModel.load,
            put=partial(_put, inputs / "input"),
        ),
    ]


def _catalogs(inputs: Path) -> Reader:
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
    return _of_files(
        "catalog",
        6,
        {"catalog.json": content},
        read_catalog_file,
        put=partial(_put, inputs / "catalog.json"),
    )


def _put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path
