"""Reads the tokenizer of a model's folder, whichever of the known files it lies in.

`LAYOUTS` and `CLASSES` are the tables by which that is decided; each file is read in a module of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError
from embedpipe.files.reading import read_bytes
from embedpipe.subword.albert import read_albert
from embedpipe.subword.settings import TokenizerSettings, read_settings
from embedpipe.subword.tokenizer import SubwordTokenizer, TokenizerParts
from embedpipe.subword.tokenizer_json import read_tokenizer_json
from embedpipe.subword.wordpiece import read_vocabulary

__all__ = ["CLASSES", "LAYOUTS", "load_tokenizer", "make_tokenizer"]

LAYOUTS: dict[str, Callable[[Mapping[str, bytes], str, TokenizerSettings], TokenizerParts]] = {
    # tokenizer.json of an ALBERT is made from spiece.model, and only nearly splits as that does
    "spiece.model": read_albert,
    "tokenizer.json": read_tokenizer_json,
    "vocab.txt": read_vocabulary,
}
"""What reads a folder's files, by the file that holds the vocabulary; the first comes first."""

_BERT, _WHOLE = ("tokenizer.json", "vocab.txt"), ("tokenizer.json",)

CLASSES = {
    **dict.fromkeys(("BertTokenizer", "ElectraTokenizer", "DistilBertTokenizer"), _BERT),
    **dict.fromkeys(("MobileBertTokenizer", "SqueezeBertTokenizer", "ConvBertTokenizer"), _BERT),
    **dict.fromkeys(("LxmertTokenizer", "RetriBertTokenizer", "LayoutLMTokenizer"), _BERT),
    "AlbertTokenizer": ("spiece.model", "tokenizer.json"),
    **dict.fromkeys(("PreTrainedTokenizer", "TokenizersBackend", "XLMRobertaTokenizer"), _WHOLE),
}
"""By the class of transformers that a folder names, "Fast" left out: the files that describe it in
full. Of a class that is not here, transformers computes what no file says: it is refused."""

_FILES = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json")

_LARGEST_FILE = 256 * 2**20
"""Bytes. The largest published multilingual vocabularies take 20 MiB."""


def load_tokenizer(directory: Path, config: EncoderConfig) -> SubwordTokenizer:
    """The tokenizer that lies beside a model: `spiece.model`, `tokenizer.json` or `vocab.txt`.

    The first of these that is there is read, of those that describe the class that the folder
    names; files beside it may add settings, see `settings`. Raises ModelFormatError if there is
    none, if it is damaged, if it lacks the pieces around a text or the unknown piece, or if it
    gives ids that `config` has no place for.
    """
    files = {
        name: read_bytes(directory / name, largest=_LARGEST_FILE)
        for name in (*_FILES, *LAYOUTS)
        if (directory / name).exists()
    }
    return make_tokenizer(files, config, source=str(directory))


def make_tokenizer(
    files: Mapping[str, bytes],
    config: EncoderConfig,
    *,
    source: str,
    lower_first: bool = False,
) -> SubwordTokenizer:
    """The same of files in memory, by name; `source` names their folder in errors.

    lower_first: whether texts are folded to lower case before anything else.
    """
    stated = read_settings(files, source)
    cls_piece, sep_piece = config.row.special
    settings = stated._replace(
        cls_token=stated.cls_token or cls_piece,
        sep_token=stated.sep_token or sep_piece,
        encoder_size=config.vocab_size,
        architecture=config.row.name,
        lower_first=lower_first,
    )
    name = _layout(files, settings.tokenizer_class, source)
    parts = LAYOUTS[name](files, source, settings)
    return _checked(parts, settings, f"{source}/{name}", config)


def _layout(files: Mapping[str, bytes], kind: str | None, source: str) -> str:
    """The file that holds the vocabulary."""
    if kind is not None and kind not in CLASSES:
        raise ModelFormatError(
            f"{source}: tokenizer_class is {kind[:80]}, which computes what no file describes; "
            f"expected one of {', '.join(CLASSES)}. Use a model with one of these, or, if its "
            "tokenizer.json says it all, PreTrainedTokenizerFast in its place"
        )
    layouts = LAYOUTS if kind is None else CLASSES[kind]
    for name in layouts:
        if name in files:
            return name
    found = [name for name in LAYOUTS if name in files]
    beside = f", though {', '.join(found)}, which does not describe a {kind}" if found else ""
    raise ModelFormatError(
        f"{source} has no tokenizer: found none of {', '.join(layouts)}{beside}. "
        "Copy the file that was published with the model into the folder"
    )


def _checked(
    parts: TokenizerParts, settings: TokenizerSettings, path: str, config: EncoderConfig
) -> SubwordTokenizer:
    cls_piece, sep_piece = settings.cls_token or "", settings.sep_token or ""
    missing = [
        piece for piece in (cls_piece, sep_piece, parts.unk_piece) if piece not in parts.vocabulary
    ]
    if missing:
        raise ModelFormatError(
            f"{path} lacks the special pieces {', '.join(missing)}. Use the vocabulary that was "
            "published with the model; other names for them belong into tokenizer_config.json"
        )
    tokenizer = SubwordTokenizer(parts, source=path, cls_piece=cls_piece, sep_piece=sep_piece)
    if tokenizer.vocab_size > config.vocab_size:
        raise ModelFormatError(
            f"{path} has piece ids up to {tokenizer.vocab_size - 1}; the encoder's vocab_size is "
            f"{config.vocab_size}. The tokenizer, or a piece added to it, belongs to another model"
        )
    _check_template(parts, tokenizer, path)
    return tokenizer


def _check_template(parts: TokenizerParts, tokenizer: SubwordTokenizer, path: str) -> None:
    """Refuse a file whose own template surrounds texts by something else than `[CLS]` `[SEP]`."""
    if parts.empty is None:
        return
    expected = (tokenizer.cls_id, tokenizer.sep_id)
    if parts.empty != expected:
        raise ModelFormatError(
            f"{path} makes an empty text {tokenizer.pieces(parts.empty)}; expected "
            f"{tokenizer.pieces(expected)}. Encoders other than BERT and ALBERT are not supported"
        )
