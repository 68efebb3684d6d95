"""The readers of model files, each with good files to damage and a way to call it.

Files are small, so that many can be tried: a BERT of one layer and four numbers a vector in every
format, the recorded pieces of real ones, and the hostile files that are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import tokenizers

from embedpipe import Encoder
from embedpipe.annotator import BertEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, PipelineModel
from embedpipe.engine import EncoderConfig
from embedpipe.formats.archives.tar import read_tar
from embedpipe.formats.archives.tree import tree_of_zip
from embedpipe.formats.archives.zip import ZipArchive
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.formats.huggingface.sentence_transformers import read_usage
from embedpipe.formats.reading import open_model, open_model_tree
from embedpipe.formats.writing import model_parts
from embedpipe.subword import make_tokenizer
from tests.fuzz.file_readers import CONFIG, catalogs, single_files
from tests.fuzz.reader import Files, Reader, of_files, of_trees, put, tree_of
from tests.support.model_folders import random_tensors, tiny_config
from tests.support.model_writers import FORMATS, Parts, files_of, zip_of
from tests.support.spiece_files import albert_tokenizer, train_spiece

TEXTS = ["The late trains, ﬁne ½ \u0130", ""]

_TOKENIZER = EncoderConfig.from_huggingface(tiny_config(vocab_size=100), source="fuzz")


def readers(testdata: Path, scratch: Path, inputs: Path) -> list[Reader]:
    """All readers. scratch: an empty folder for making the good files. inputs: a folder in which
    those that take paths find their inputs.
    """
    scratch.mkdir(parents=True)
    parts = Parts(CONFIG, random_tensors(CONFIG))
    models = {
        name: write(parts, scratch / name.replace(", ", "_").replace(" ", "_"))
        for name, write in FORMATS.items()
    }
    return [
        *single_files(testdata, models),
        *_tokenizers(scratch),
        *_archives(models, inputs),
        *_folders(models),
        *_saved(testdata, scratch, models, inputs),
        catalogs(inputs),
    ]


def _tokenizers(scratch: Path) -> list[Reader]:
    spiece = train_spiece(scratch).read_bytes()
    whole = albert_tokenizer(spiece).to_str().encode()
    words = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "##s"])}
    wordpiece = tokenizers.BertWordPieceTokenizer(words).to_str().encode()
    added = {"content": "the s", "lstrip": True, "normalized": True, "special": False}
    stated = {"do_lower_case": True, "cls_token": "[CLS]", "tokenizer_class": "BertTokenizer"}
    settings = json.dumps(stated | {"added_tokens_decoder": {"6": added}}).encode()
    older = {
        "tokenizer_config.json": json.dumps(stated).encode(),
        "special_tokens_map.json": b'{"additional_special_tokens": ["[E]"], "mask_token": "the"}',
        "added_tokens.json": b'{"[E]": 6, "covid": 7}',
    }

    def read(files: Files) -> None:
        tokenizer = make_tokenizer(files, _TOKENIZER, source="fuzz")
        tokenizer.encode(TEXTS, max_length=16)
        tokenizer.encode_words(TEXTS[0].split())

    vocabulary = {"vocab.txt": "\n".join(words).encode()}
    others = [{**vocabulary, "tokenizer_config.json": settings}, {**vocabulary, **older}]
    return [
        of_trees("sentencepiece", 2, [{"spiece.model": spiece}], read),
        of_trees(
            "tokenizer.json", 1, [{"tokenizer.json": whole}, {"tokenizer.json": wordpiece}], read
        ),
        of_trees("vocabulary", 3, others, read),
    ]


def _archives(models: Mapping[str, Path], inputs: Path) -> list[Reader]:
    zips = {f"{name}.zip": path.read_bytes() for name, path in models.items() if "zip" in name}
    tars = {name: path.read_bytes() for name, path in models.items() if "tar" in name}
    laid = partial(put, inputs / "input")

    def read_zip(content: bytes) -> None:
        archive = ZipArchive(memoryview(content), "fuzz.zip")
        for name in archive.names:
            archive.read(name)

    return [
        of_files("zip archive", 4, zips, read_zip),
        of_files("tar archive", 2, tars, read_tar, put=laid),
        of_files(
            "model in zip", 2, zips, lambda c: open_model(tree_of_zip(memoryview(c), "fuzz.zip"))
        ),
        of_files("model in tar", 1, tars, lambda p: open_model(open_model_tree(p)), put=laid),
    ]


def _folders(models: Mapping[str, Path]) -> list[Reader]:
    trees = [files_of(path) for path in models.values() if path.is_dir()]
    plain = {**trees[0], "embedpipe.json": b'{"pooling": "cls"}'}
    trees.append(dict(_written(model_parts(open_model(tree_of(plain)), compact=True))))
    pooled = files_of(models["safetensors"]) | {
        "modules.json": json.dumps(
            [
                {"type": "sentence_transformers.models.Transformer", "path": ""},
                {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
                {"type": "sentence_transformers.models.Dense", "path": "2_Dense"},
            ]
        ).encode(),
        "2_Dense/config.json": b'{"in_features": 4, "out_features": 3, "bias": false}',
        "2_Dense/model.safetensors": b"".join(
            safetensors_parts({"linear.weight": np.ones((3, 4), np.float32)})
        ),
        "1_Pooling/config.json": b'{"word_embedding_dimension": 4, "pooling_mode_cls_token": true}',
        "sentence_bert_config.json": b'{"max_seq_length": 8, "do_lower_case": false}',
        "config_sentence_transformers.json": (
            b'{"prompts": {"q": "a "}, "default_prompt_name": "q"}'
        ),
    }
    settings = {name: content for name, content in pooled.items() if name.endswith(".json")}
    own = {"embedpipe.json": b'{"pooling": "mean", "normalize": true, "max_length": 8}'}

    def use(files: Files) -> None:
        encoder = Encoder.of_model(open_model(tree_of(files)), name="fuzz", reference=None)
        encoder.encode(TEXTS)

    return [
        of_trees("pooling", 8, [settings, own], lambda f: read_usage(tree_of(f))),
        of_trees("model folder", 4, [*trees, pooled], use),
    ]


def _written(
    parts: Iterable[tuple[str, Iterable[bytes | memoryview]]],
) -> Iterator[tuple[str, bytes]]:
    for name, content in parts:
        yield name, b"".join(content)


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
        of_files(
            "saved stages",
            3,
            {"stages.json": (scratch / "stages/stages.json").read_bytes()},
            lambda path: PipelineModel.load(path.parent),
            put=partial(put, inputs / "saved/stages.json"),
        ),
        of_files(
            "saved pipeline",
            1,
            {
                "bundle.zip": (scratch / "bundle.zip").read_bytes(),
                "spark.zip": zip_of(spark),
            },
            PipelineModel.load,
            put=partial(put, inputs / "input"),
        ),
    ]
