"""What `embedpipe import` writes opens in transformers, with the same results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sentencepiece import SentencePieceProcessor
from transformers import AutoModel, AutoTokenizer

from embedpipe import Encoder
from embedpipe.cli.import_model import convert
from tests.support.format_support import OUTPUT_TOLERANCE
from tests.support.recorded_models import GOOGLE


@pytest.mark.parametrize(
    ("path", "expected"),
    [(GOOGLE, "tf1/google_bert_zip"), ("tf1/tfhub_albert_3", "tf1/tfhub_albert_3")],
)
def test_transformers_opens_the_result(
    testdata: Path, tmp_path: Path, path: str, expected: str
) -> None:
    folder = tmp_path / "model"
    convert(testdata / "models" / path, folder)
    model, loading = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not any(loading.values())
    assert model.dtype == torch.float32
    with (
        np.load(testdata / "models" / expected / "expected_outputs.npz") as record,
        torch.no_grad(),
    ):
        inputs = ("input_ids", "attention_mask", "token_type_ids")
        found = model.eval()(**{name: torch.from_numpy(record[name]).long() for name in inputs})
        mask = record["attention_mask"].astype(bool)
        differences = (found.last_hidden_state.numpy() - record["sequence_output"])[mask]
        assert np.abs(differences).max() < OUTPUT_TOLERANCE
        assert (
            np.abs(found.pooler_output.numpy() - record["pooled_output"]).max() < OUTPUT_TOLERANCE
        )

    encoder = Encoder.load(folder)
    text = "the cats (of the bank) are here."
    ids = encoder.tokenizer.encode([text.title()], max_length=64).ids[0]
    assert ids.tolist() == official_ids(folder, text)
    with torch.no_grad():
        hidden = model(torch.from_numpy(ids).long()[None]).last_hidden_state[0].numpy()
    assert np.abs(encoder.hidden_states([ids])[0] - hidden).max() < OUTPUT_TOLERANCE


def official_ids(folder: Path, text: str) -> list[int]:
    """The piece ids of a text in lower case; transformers reads no spiece.model without more."""
    if (folder / "vocab.txt").exists():
        return list(AutoTokenizer.from_pretrained(folder)(text)["input_ids"])
    pieces = SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    return [pieces.piece_to_id("[CLS]"), *pieces.encode(text), pieces.piece_to_id("[SEP]")]
