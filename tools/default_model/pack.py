"""Put a student into the package: python -m tools.default_model.pack STUDENT [-o FOLDER]

Weights are stored compactly, the vocabulary once, as `vocab.txt`: that it makes the same pieces as
the student's own tokenizer is looked at with the training texts, if they are given.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from embedpipe.formats.model import Model
from embedpipe.formats.own_record import add_to_record
from embedpipe.formats.reading import open_model
from embedpipe.formats.writing import json_text, write_model
from embedpipe.hub.names import DEFAULT_MODEL
from embedpipe.output import AtomicDirectory
from embedpipe.subword import make_tokenizer

TARGET = Path(__file__).resolve().parents[2] / "src/embedpipe/default_model"
_MOST_BYTES = 10_000_000
_TOKENIZER = {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}
_CONFIGURATION = {
    *("architectures", "hidden_act", "hidden_size", "intermediate_size", "layer_norm_eps"),
    *("max_position_embeddings", "model_type", "num_attention_heads", "num_hidden_layers"),
    *("pad_token_id", "type_vocab_size", "vocab_size"),
}


def main() -> None:
    """Read, reduce, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("student", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=TARGET)
    parser.add_argument("--texts", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    student = open_model(options.student)
    packed = _reduced(student)
    for path in options.texts:
        _compare(student, packed, path)
    with AtomicDirectory(options.output, replace=True) as folder:
        write_model(packed, folder, compact=True)
    record = {"name": DEFAULT_MODEL, "language": "en", "license": "Apache-2.0"}
    add_to_record(options.output, record, digits=6)
    size = sum(path.stat().st_size for path in options.output.iterdir())
    print(f"{options.output}: {size:,} bytes")
    if size > _MOST_BYTES:
        raise SystemExit(f"more than {_MOST_BYTES:,} bytes; take fewer pieces or layers")


def _reduced(model: Model) -> Model:
    """The same without what the package does not need."""
    config = {k: v for k, v in model.huggingface_config.items() if k in _CONFIGURATION}
    vocabulary = model.tokenizer_files["vocab.txt"]
    files = {"vocab.txt": vocabulary, "tokenizer_config.json": json_text(_TOKENIZER)}
    tensors = {k: v for k, v in model.tensors.items() if not k.startswith("pooler.")}
    return replace(model, huggingface_config=config, tokenizer_files=files, tensors=tensors)


def _compare(one: Model, other: Model, path: Path) -> None:
    """Raise SystemExit unless both make the same pieces of the texts in a file."""
    texts = path.read_text("utf-8").splitlines()
    ids = [
        make_tokenizer(model.stated_files, model.config, source=model.source).encode(texts).ids
        for model in (one, other)
    ]
    for text, mine, theirs in zip(texts, *ids, strict=True):
        if mine.tolist() != theirs.tolist():
            raise SystemExit(f"{path}: {text!r} has other pieces with vocab.txt alone")


if __name__ == "__main__":
    main()
