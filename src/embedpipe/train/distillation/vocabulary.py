"""A student's tokenizer: that of another model, with the pieces alone that its texts use most."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.encoder import Encoder
from embedpipe.errors import ModelFormatError, ParameterError

__all__ = ["Vocabulary", "cut_vocabulary"]

_AT_ONCE = 20_000
_ALWAYS = re.compile(r"(##)?[!-~]")  # so that any word of ASCII can be spelled
_JSON, _VOCABULARY, _CONFIG = "tokenizer.json", "vocab.txt", "tokenizer_config.json"
_COPIED = ("special_tokens_map.json",)


@dataclass(frozen=True)
class Vocabulary:
    """files: the tokenizer's, by name. kept: int64, the other model's id of each piece."""

    files: Mapping[str, bytes]
    kept: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kept)


def cut_vocabulary(
    base: Encoder, texts: Sequence[str], size: int | None, *, max_length: int
) -> Vocabulary:
    """The tokenizer of `base` with its `size` most used pieces; None keeps all.

    Special and added pieces and single characters of ASCII always stay. Among pieces that are used
    equally often, BERT's own order decides, which is by frequency, too.

    Raises ModelFormatError for a tokenizer other than WordPiece, ParameterError for a size that is
    too small or larger than the vocabulary.
    """
    if not base.tokenizer.is_wordpiece:
        raise ModelFormatError(
            f"{base.name}: its tokenizer is no WordPiece, which a student needs; the two cannot be "
            "joined. Take another teacher, or name a BERT model with --student"
        )
    spec = json.loads(_tokenizer_json(base))
    pieces: dict[str, int] = spec["model"]["vocab"]
    added = {token["content"]: token["id"] for token in spec["added_tokens"]}
    named = {number: piece for piece, number in {**pieces, **added}.items()}
    spec["padding"] = spec["truncation"] = None
    kept = np.array(sorted(named), np.int64)
    if size is not None and size != len(kept):
        kept = _most_used(base, texts, size, named, set(added))
    _renumber(spec, named, kept)
    return Vocabulary(_files(base, spec, max_length), kept)


def _most_used(
    base: Encoder, texts: Sequence[str], size: int, named: Mapping[int, str], special: set[str]
) -> npt.NDArray[np.int64]:
    always = [n for n, piece in named.items() if piece in special or _ALWAYS.fullmatch(piece)]
    if not len(always) <= size <= len(named):
        raise ParameterError(
            f"vocabulary {size}: expected {len(always)} (single characters and special pieces) to "
            f"{len(named)} (all pieces of {base.name})"
        )
    counts = np.zeros(max(named) + 1, np.int64)
    for begin in range(0, len(texts), _AT_ONCE):
        found = base.tokenizer.text_pieces(texts[begin : begin + _AT_ONCE]).values
        counts += np.bincount(found, minlength=len(counts))
    others = sorted(named.keys() - set(always), key=lambda n: (-counts[n], n))
    return np.array(sorted([*always, *others[: size - len(always)]]), np.int64)


def _renumber(spec: dict[str, Any], named: Mapping[int, str], kept: npt.NDArray[np.int64]) -> None:
    """Leave the kept pieces alone, numbered from 0, wherever the file names one."""
    ids = {named[old]: new for new, old in enumerate(kept.tolist())}
    for token in spec["added_tokens"]:
        token["id"] = ids[token["content"]]
    vocabulary = spec["model"]["vocab"]
    spec["model"]["vocab"] = {piece: n for piece, n in ids.items() if piece in vocabulary}
    processor = spec.get("post_processor") or {}
    for token in (processor.get("special_tokens") or {}).values():
        token["ids"] = [ids[piece] for piece in token["tokens"]]
    for name in {"sep", "cls"} & processor.keys():  # of BertProcessing
        processor[name][1] = ids[processor[name][0]]


def _files(base: Encoder, spec: dict[str, Any], max_length: int) -> dict[str, bytes]:
    given = base.model.tokenizer_files
    numbers = {**spec["model"]["vocab"], **{t["content"]: t["id"] for t in spec["added_tokens"]}}
    lines = sorted(numbers, key=lambda piece: numbers[piece])
    settings = json.loads(given.get(_CONFIG) or b"{}")
    settings.pop("added_tokens_decoder", None)  # by the ids of before; tokenizer.json has them
    for name in ("name_or_path", "special_tokens_map_file", "tokenizer_file"):
        settings.pop(name, None)
    normalizer = spec.get("normalizer") or {}
    settings.setdefault("do_lower_case", bool(normalizer.get("lowercase", False)))
    settings.setdefault("tokenizer_class", "BertTokenizer")
    settings["model_max_length"] = max_length
    return {
        **{name: given[name] for name in _COPIED if name in given},
        _JSON: json.dumps(spec, ensure_ascii=False).encode(),
        _VOCABULARY: "".join(f"{piece}\n" for piece in lines).encode(),
        _CONFIG: (json.dumps(settings, indent=2) + "\n").encode(),
    }


def _tokenizer_json(base: Encoder) -> bytes:
    """The model's own, or the one that transformers makes of its vocabulary."""
    files = base.model.stated_files
    if _JSON in files:
        return files[_JSON]
    transformers = require("transformers", "reading vocab.txt", extra="train")
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        made = transformers.AutoTokenizer.from_pretrained(folder)
        text: str = made.backend_tokenizer.to_str()
    return text.encode()
