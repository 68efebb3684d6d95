"""A BERT with SentencePiece's Unigram pieces in `tokenizer.json`, as multilingual MiniLM has."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, processors

from tests.support.model_folders import tiny_config, write_model

PIECES = [
    *("<s>", "<pad>", "</s>", "<unk>", "▁the", "▁train", "▁is", "▁late", ".", "▁", "'", "t"),
    *("▁are", "n", "▁'", "▁t"),
]
SPECIAL = {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def write_unigram_bert(folder: Path) -> Path:
    """Write the model with random weights into `folder`; return it."""
    write_model(folder, tiny_config(vocab_size=len(PIECES)))
    scores = [(piece, -float(i)) for i, piece in enumerate(PIECES)]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(PIECES[:4])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "XLMRobertaTokenizer", **SPECIAL}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
