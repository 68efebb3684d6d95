"""SentencePiece models for tests: trained on the spot, or put together field by field."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2


def train_spiece(folder: Path, **options: object) -> Path:
    """A small SentencePiece model of ALBERT's kind, made on the spot."""
    sentences = ["hello world", "Straße ﬁne ½ Ａｂｃ", "number 1,000, and 2009, here", "a (b) c"]
    usual = {
        "vocab_size": 60,
        "pad_id": 0,
        "unk_id": 1,
        "bos_id": -1,
        "eos_id": -1,
        "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
        "user_defined_symbols": ["(", ")"],
        "hard_vocab_limit": False,
        "minloglevel": 2,
    }
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 20), model_writer=model, **(usual | options)
    )
    (folder / "spiece.model").write_bytes(model.getvalue())
    return folder / "spiece.model"


def albert_tokenizer(content: bytes) -> tokenizers.Tokenizer:
    """What transformers makes of a `spiece.model` for `tokenizer.json`, by its AlbertConverter."""
    model = sentencepiece_model_pb2.ModelProto.FromString(content)
    pieces = [
        (p.piece, p.score - 100.0 * (p.piece[-1] == "," and p.piece[:-1][-1:].isdigit()))
        for p in model.pieces
    ]
    unk_id = next(i for i, p in enumerate(model.pieces) if p.type == p.UNKNOWN)
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id))
    normalizers = tokenizers.normalizers
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap),
        ]
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.WhitespaceSplit(),
            tokenizers.pre_tokenizers.Metaspace("▁", prepend_scheme="always"),
        ]
    )
    special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    made.add_special_tokens([tokenizers.AddedToken(piece, normalized=False) for piece in special])
    return made


def field(number: int, value: bytes | int) -> bytes:
    """One protocol-buffers field; numbers below 16, values below 128, lengths below 16384."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value) & 0x7F | 0x80, len(value) >> 7]) + value


def piece(text: bytes, score: float = -1.0, kind: int = 1) -> bytes:
    content = field(1, text) + b"\x15" + struct.pack("<f", score) + field(3, kind)
    return field(1, content)


def charsmap(units: list[int], replacements: bytes) -> bytes:
    """A normalizer specification with these rules."""
    trie = struct.pack(f"<{len(units)}I", *units)
    return field(3, field(2, struct.pack("<I", len(trie)) + trie + replacements))
