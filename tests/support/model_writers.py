"""One BERT in every format that can be opened, written without the frameworks.

    parts = Parts(tiny_config(vocab_size=len(PIECES)), tensors)
    path = FORMATS["google checkpoint, zip"](parts, folder)

Archives are compressed as the published ones are, but for the level: at level 0 the bytes pass
through the same inflater, and writing takes no time.
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.format_parts import (
    array,
    constant,
    entry,
    google,
    model_of,
    node,
    number,
    operation,
    pair,
    placed,
    record,
    sequence,
    table,
    tensor,
    text,
)
from tests.support.format_support import field
from tests.support.model_folders import write_safetensors
from tests.support.torch_files import write_torch

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "train", "##s", "late", ".")


@dataclass(frozen=True)
class Parts:
    """A model: the contents of `config.json`, and tensors by transformers' names."""

    config: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray]

    @property
    def vocabulary(self) -> bytes:
        return "".join(f"{piece}\n" for piece in PIECES).encode()

    @property
    def head_size(self) -> int:
        return self.config["hidden_size"] // self.config["num_attention_heads"]

    def shards(self) -> list[dict[str, np.ndarray]]:
        """The tensors in two halves."""
        names = list(self.tensors)
        return [{name: self.tensors[name] for name in names[i::2]} for i in range(2)]


# ---- Hugging Face ----


def _folder(parts: Parts, folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(parts.config))
    (folder / "vocab.txt").write_bytes(parts.vocabulary)
    return folder


def _safetensors(parts: Parts, folder: Path) -> Path:
    write_safetensors(_folder(parts, folder) / "model.safetensors", parts.tensors)
    return folder


def _sharded(
    parts: Parts, folder: Path, stem: str, ending: str, write: Callable[[Path, Any], None]
) -> Path:
    _folder(parts, folder)
    places = {}
    for number_, shard in enumerate(parts.shards()):
        file = f"{stem}-{number_ + 1:05}-of-00002{ending}"
        write(folder / file, shard)
        places |= dict.fromkeys(shard, file)
    index = json.dumps({"metadata": {}, "weight_map": places})
    (folder / f"{stem}{ending}.index.json").write_text(index)
    return folder


def _safetensors_shards(parts: Parts, folder: Path) -> Path:
    return _sharded(parts, folder, "model", ".safetensors", write_safetensors)


def _torch(parts: Parts, folder: Path) -> Path:
    write_torch(_folder(parts, folder) / "pytorch_model.bin", parts.tensors)
    return folder


def _old_torch(parts: Parts, folder: Path) -> Path:
    write_torch(_folder(parts, folder) / "pytorch_model.bin", parts.tensors, new=False)
    return folder


def _torch_shards(parts: Parts, folder: Path) -> Path:
    return _sharded(parts, folder, "pytorch_model", ".bin", write_torch)


# ---- TensorFlow ----


def _checkpoint(parts: Parts, prefix: Path) -> None:
    """The variables as Google names them, kernels transposed, in the order of their keys."""
    entries, offset = entry(0, b"", field(1, 1)), 0
    names = {google(name): name for name in parts.tensors}
    with Path(f"{prefix}.data-00000-of-00001").open("wb") as file:
        for key in sorted(names):
            values = parts.tensors[names[key]]
            content = np.ascontiguousarray(values.T if key.endswith("kernel") else values)
            shape = content.shape
            raw = content.reshape(-1).view(np.uint8).data
            entries += entry(0, key.encode(), placed(raw, shape, offset=offset))
            offset += file.write(raw)
    Path(f"{prefix}.index").write_bytes(table(entries))


def _graph(parts: Parts) -> bytes:
    """As much of a graph as tells the heads."""
    scaled = operation(b"scores", b"BatchMatMulV2", b"query", b"key")
    scaled += constant(b"scale", parts.head_size**-0.5)
    scaled += operation(b"scaled", b"Mul", b"scores", b"scale")
    return scaled + operation(b"softmax", b"Softmax", b"scaled")


def _google(parts: Parts, folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "bert_config.json").write_text(json.dumps(parts.config))
    (folder / "vocab.txt").write_bytes(parts.vocabulary)
    _checkpoint(parts, folder / "bert_model.ckpt")
    return folder


def _tf_hub(parts: Parts, folder: Path) -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "variables").mkdir()
    (folder / "assets/vocab.txt").write_bytes(parts.vocabulary)
    (folder / "saved_model.pb").write_bytes(field(2, field(2, _graph(parts))))
    _checkpoint(parts, folder / "variables/variables")
    return folder


# ---- Spark NLP ----


def _spark(folder: Path) -> None:
    (folder / "metadata").mkdir(parents=True)
    metadata = {
        "class": "com.johnsnowlabs.nlp.embeddings.BertEmbeddings",
        "uid": "BERT_EMBEDDINGS_0",
        "paramMap": {"caseSensitive": False, "maxSentenceLength": 8},
        "defaultParamMap": {},
    }
    (folder / "metadata/part-00000").write_text(json.dumps(metadata))
    (folder / "fields/vocabulary").mkdir(parents=True)
    pairs = [pair(text(piece), number(index)) for index, piece in enumerate(PIECES)]
    (folder / "fields/vocabulary/part-00000").write_bytes(sequence(record(array(*pairs))))


def _spark_tensorflow(parts: Parts, folder: Path) -> Path:
    _spark(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent) as inside:
        (Path(inside) / "saved_model.pb").write_bytes(_graph(parts))
        _checkpoint(parts, Path(inside) / "variables")
        _zip(Path(inside), folder / "bert_tensorflow")
    return folder


def _onnx(parts: Parts) -> bytes:
    """Kernels folded into transposed constants with names of their own, as exporters do."""
    found = [
        node("MatMul", ["query", "key"], ["scores"]),
        tensor("scale", (), content=struct.pack("<f", parts.head_size**-0.5)),
        node("Mul", ["scores", "scale"], ["scaled"]),
        node("Softmax", ["scaled"], ["softmax"]),
    ]
    for name, values in parts.tensors.items():
        if values.ndim == 2 and not name.startswith("embeddings"):
            stored = np.ascontiguousarray(values.T)
            found.append(tensor(f"onnx::{name}", stored.shape, content=stored.tobytes()))
            found.append(node("MatMul", ["x", f"onnx::{name}"], [f"product::{name}"]))
            bias = f"{name.removesuffix('weight')}bias"
            found.append(node("Add", [bias, f"product::{name}"], [f"sum::{name}"]))
        else:
            found.append(tensor(name, values.shape, content=values.tobytes()))
    return model_of(*found)


def _spark_onnx(parts: Parts, folder: Path) -> Path:
    _spark(folder)
    with zipfile.ZipFile(folder / "bert_onnx", "w", zipfile.ZIP_DEFLATED, compresslevel=0) as file:
        file.writestr("model.onnx", _onnx(parts))
    return folder


# ---- archives ----


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=0) as archive:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())


def zipped(write: Callable[[Parts, Path], Path]) -> Callable[[Parts, Path], Path]:
    def write_zipped(parts: Parts, folder: Path) -> Path:
        folder.mkdir(parents=True)
        _zip(write(parts, folder / "model"), folder / "model.zip")
        return folder / "model.zip"

    return write_zipped


def tarred(write: Callable[[Parts, Path], Path]) -> Callable[[Parts, Path], Path]:
    def write_tarred(parts: Parts, folder: Path) -> Path:
        folder.mkdir(parents=True)
        with tarfile.open(folder / "model.tar.gz", "w:gz", compresslevel=0) as archive:
            archive.add(write(parts, folder / "model"), "model")
        return folder / "model.tar.gz"

    return write_tarred


FORMATS: dict[str, Callable[[Parts, Path], Path]] = {
    "safetensors": _safetensors,
    "safetensors, shards": _safetensors_shards,
    "pytorch": _torch,
    "pytorch before 1.6": _old_torch,
    "pytorch, shards": _torch_shards,
    "google checkpoint": _google,
    "google checkpoint, zip": zipped(_google),
    "google checkpoint, tar.gz": tarred(_google),
    "tf-hub": _tf_hub,
    "tf-hub, tar.gz": tarred(_tf_hub),
    "spark nlp, tensorflow": _spark_tensorflow,
    "spark nlp, tensorflow, zip": zipped(_spark_tensorflow),
    "spark nlp, onnx": _spark_onnx,
    "spark nlp, onnx, zip": zipped(_spark_onnx),
}
"""Writers by format: each makes `folder`, and gives what in it is to be opened."""


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of files by relative path, compressed."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def files_of(path: Path) -> dict[str, bytes]:
    """A folder's files by relative path."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }
