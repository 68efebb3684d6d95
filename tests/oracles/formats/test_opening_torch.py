"""Folders with weights or tokenizers that torch and transformers wrote open as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as HuggingFaceTokenizer
from transformers import BertTokenizer

from embedpipe import Encoder
from embedpipe.cli.import_model import convert
from tests.support.model_folders import random_tensors, tiny_config, write_model


def sentence_transformers_folder(folder: Path, inner: str = "") -> Path:
    """A random model with the files of sentence-transformers: mean, normalized, 20 pieces."""
    vocab = folder.with_suffix(".txt")
    vocab.parent.mkdir(parents=True, exist_ok=True)
    vocab.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rain", "sun"]))
    write_model(folder / inner, tiny_config(), vocab=vocab)
    names = {"Transformer": inner, "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    steps = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (name, path) in enumerate(names.items())
    ]
    (folder / "modules.json").write_text(json.dumps(steps))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    (folder / inner / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    return folder


@pytest.mark.parametrize("inner", ["", "0_Transformer"])
@pytest.mark.parametrize("pickled", [False, True])
def test_an_imported_sentence_transformer_pools_as_before(
    tmp_path: Path, inner: str, pickled: bool
) -> None:
    import torch

    folder = sentence_transformers_folder(tmp_path / "model", inner)
    expected = Encoder.load(folder).encode(["rain sun", "sun"])
    if pickled:
        tensors = random_tensors(tiny_config())
        state = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
        torch.save(state, folder / inner / "pytorch_model.bin")
        (folder / inner / "model.safetensors").unlink()
    convert(folder, tmp_path / "out")
    for path in (folder, tmp_path / "out"):
        encoder = Encoder.load(path)
        assert (encoder.pooling, encoder.normalize, encoder.max_length) == ("cls", True, 20)
        assert (encoder.encode(["rain sun", "sun"]) == expected).all()


def test_a_folder_with_tokenizer_json_alone_is_imported(tmp_path: Path) -> None:
    folder = sentence_transformers_folder(tmp_path / "model")
    tokenizer = BertTokenizer.from_pretrained(folder).backend_tokenizer
    (folder / "vocab.txt").unlink()
    tokenizer.save(str(folder / "tokenizer.json"))
    convert(folder, tmp_path / "out")
    whole = HuggingFaceTokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    assert whole.get_vocab() == tokenizer.get_vocab()
    found = [Encoder.load(path).encode(["Rain, sun"]) for path in (folder, tmp_path / "out")]
    assert (found[0] == found[1]).all()
