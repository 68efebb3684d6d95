"""Google's checkpoints: `bert_config.json`, `vocab.txt` and TensorFlow checkpoint files.

Both the TensorFlow 1 archives of google-research/bert and albert, and encoder checkpoints of
TensorFlow 2's model garden. A folder, or an archive that is opened as one.
"""

from __future__ import annotations

import re
from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.files.strict_json import parse_json
from embedpipe.files.vocabulary import vocabulary_lines
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.layout import CHECKPOINT
from embedpipe.formats.model import Model
from embedpipe.formats.tensorflow.variables import open_bundle, read_variables
from embedpipe.formats.tokenizer_files import sentencepiece_files, vocabulary_files

__all__ = [
    "CONFIGS",
    "declared_config",
    "find_checkpoint",
    "published_tokenizer",
    "read_google_checkpoint",
]

CONFIGS = ("bert_config.json", "albert_config.json")
_CASE = re.compile(r"(?:^|[^a-z])(un|multi_)?cased(?:[^a-z]|$)")


def find_checkpoint(tree: FileTree) -> str:
    """The prefix of the only checkpoint in a tree, folder included.

    Raises ModelFormatError if there is none or more than one.
    """
    named = tree.names if tree.named is None else [tree.named]
    prefixes = [name.removesuffix(CHECKPOINT) for name in named if name.endswith(CHECKPOINT)]
    if len(prefixes) != 1:
        found = ", ".join(prefixes[:5]) or "none"
        raise ModelFormatError(
            f"{tree.source}: found {len(prefixes)} checkpoints ({found}); expected one. Give "
            "the .index file of one of them"
        )
    return prefixes[0]


def read_google_checkpoint(tree: FileTree) -> Model:
    """Read the only checkpoint in a tree with the configuration and vocabulary beside it.

    GELU is the tanh form whatever the configuration says, as in Google's code. Whether texts are
    lowercased is told by the name of the model (`uncased_L-12_H-768_A-12`), else by the vocabulary:
    one without a single capital letter.
    """
    folder, _, prefix = find_checkpoint(tree).rpartition("/")
    inside = tree.below(folder)
    declared = declared_config(inside)
    model = read_variables(open_bundle(inside, prefix), source=inside.source, declared=declared)
    return model.as_model("google checkpoint", published_tokenizer(inside, model.do_lower_case))


def declared_config(tree: FileTree) -> dict[str, Any] | None:
    """The contents of Google's configuration file in a tree, if there is one."""
    for name in CONFIGS:
        if name in tree:
            declared: dict[str, Any] = parse_json(
                tree.read_small(name), dict, source=tree.where(name)
            )
            return declared
    return None


def published_tokenizer(tree: FileTree, do_lower_case: bool | None) -> dict[str, bytes]:
    """The tokenizer's files of a tree: made of a SentencePiece model, or `vocab.txt`.

    do_lower_case: what the model itself says, None if it says nothing.
    """
    models = [name for name in tree.names if name.endswith(".model") and "/" not in name]
    if models:
        return sentencepiece_files(tree, models[0], do_lower_case=do_lower_case)
    if "vocab.txt" not in tree:
        raise ModelFormatError(
            f"{tree.source} has no vocabulary: found neither vocab.txt nor a SentencePiece .model "
            "file. Copy the one that was published with the model beside it"
        )
    lines = vocabulary_lines(tree.read_small("vocab.txt"), tree.where("vocab.txt"))
    if do_lower_case is None:
        do_lower_case = case_of(tree.source, lines)
    return vocabulary_files(lines, tree.source, do_lower_case=do_lower_case)


def case_of(name: str, vocabulary: tuple[str, ...]) -> bool:
    """Whether texts are lowercased: as the model's name says, else as the vocabulary shows."""
    folder = name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    match = _CASE.search(folder)
    if match:
        return match[1] == "un"
    return not any(
        piece != piece.lower() for piece in vocabulary if not piece.startswith(("[", "##["))
    )
