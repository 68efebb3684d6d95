"""Stages and pipelines that Spark saved: those of Spark NLP, and embedpipe's own from the JVM.

They become what embedpipe would have saved of the same. Spark NLP's model files, and the vocabulary
in them, are read in `embedpipe.formats.spark_nlp.folder`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Mapping
from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.layout import SPARK_METADATA
from embedpipe.formats.spark_nlp.folder import embeddings_stages, metadata_file, read_metadata
from embedpipe.params import Param
from embedpipe.pipeline.savable import Savable
from embedpipe.saving.tree import SAVE_AGAIN, Node

__all__ = ["is_spark", "spark_node"]

_PIPELINES = {
    "org.apache.spark.ml.PipelineModel": "PipelineModel",
    "org.apache.spark.ml.Pipeline": "Pipeline",
}
_PACKAGE = "com.johnsnowlabs.nlp."
_OWN_PACKAGES = ("embedpipe.base.", "embedpipe.annotator.")
_OWN_MODEL = "model"
_OF_THE_MODEL = {"poolingLayer"}  # checked where the model is read
_RULES = "fields/rules"
_RULE = re.compile(rb"t(..)(?=\\A)", re.DOTALL)
_CONTEXT = re.compile(r"\\A\(\[\\Q(.+?)\\E\]", re.DOTALL)
_ADVICE = "Load its other stages one by one, such as BertEmbeddings.load(path), and build the rest"


def is_spark(tree: FileTree) -> bool:
    """Whether a stage or pipeline of Spark lies here."""
    return metadata_file(tree) is not None


def spark_node(
    tree: FileTree, classes: Mapping[str, type[Savable]], wanted: Collection[str] | None
) -> Node:
    """What metadata and fields say; parameters that were set, and defaults that are known.

    wanted: names of the classes to be loaded, None for all. Of a pipeline that is none of them,
    other stages are only named: they may be of classes that embedpipe does not have.

    Raises ModelFormatError for a class or a set parameter that embedpipe does not have, and for
    rules of a tokenizer that cannot be told from its files.
    """
    metadata = read_metadata(tree)
    name, uid = metadata["class"], metadata.get("uid")
    if not isinstance(uid, str) or not uid:
        raise ModelFormatError(f"{tree.where(SPARK_METADATA)}: uid is missing. {SAVE_AGAIN}")
    if name in _PIPELINES:
        stages = _stage_folders(tree, metadata)
        inner = None if wanted is None or _PIPELINES[name] in wanted else wanted
        nodes = tuple(spark_node(tree.below(folder), classes, inner) for folder in stages)
        return Node(_PIPELINES[name], uid, stages=nodes)
    short = name.rpartition(".")[2]
    if wanted is not None and short not in wanted:
        return Node(short, uid)
    known = classes.get(short)
    if known is not None and name.startswith(_OWN_PACKAGES):
        return _own_node(tree, metadata, short)
    if known is None or not name.startswith(_PACKAGE):
        raise ModelFormatError(
            f"{tree.source} is a stage of the class {name[:200]}, which embedpipe does not have; "
            f"it has {', '.join(sorted(classes))}. {_ADVICE}"
        )
    return _stage_node(tree, metadata, short, known)


def _own_node(tree: FileTree, metadata: Mapping[str, Any], name: str) -> Node:
    """What `embedpipe.jvm` saved: all parameters are known, and the model lies in a folder."""
    model = tree.below(_OWN_MODEL)
    given, defaults = (
        {key: value for key, value in metadata.get(part, {}).items() if key != _OWN_MODEL}
        for part in ("paramMap", "defaultParamMap")
    )
    return Node(name, metadata["uid"], given, defaults, model=model if model.names else None)


def _stage_node(
    tree: FileTree, metadata: Mapping[str, Any], name: str, known: type[Savable]
) -> Node:
    has_model = bool(embeddings_stages(tree))
    given = {k: v for k, v in metadata.get("paramMap", {}).items() if k not in _OF_THE_MODEL}
    unknown = sorted(key for key in given if not _is_param(known, key))
    if unknown:
        raise ModelFormatError(
            f"{tree.where(SPARK_METADATA)} sets {', '.join(unknown)[:200]}, which embedpipe's "
            f"{name} does not have. {_ADVICE}"
        )
    if tree.below(_RULES).names:
        given |= {"rules": {"context_chars": list(_context_characters(tree))}}
    # Defaults of a stage with a model follow from the model.
    defaults = {} if has_model else metadata.get("defaultParamMap", {})
    uid = metadata["uid"]
    return Node(
        name,
        uid,
        given,
        {key: value for key, value in defaults.items() if _is_param(known, key)}
        | ({"storageRef": uid} if has_model else {}),
        model=tree if has_model else None,
    )


def _is_param(known: type[Savable], name: str) -> bool:
    return isinstance(getattr(known, name, None), Param)


def _stage_folders(tree: FileTree, metadata: Mapping[str, Any]) -> list[str]:
    """The folders of a pipeline's stages, in order: stages/<number>_<uid>."""
    uids = metadata.get("paramMap", {}).get("stageUids")
    if not isinstance(uids, list) or not all(isinstance(uid, str) for uid in uids):
        raise ModelFormatError(
            f"{tree.where(SPARK_METADATA)}: stageUids is not a list of texts. {SAVE_AGAIN}"
        )
    width = len(str(len(uids) - 1))
    folders = [f"stages/{number:0{width}}_{uid}" for number, uid in enumerate(uids)]
    missing = [folder for folder in folders if metadata_file(tree.below(folder)) is None]
    if missing:
        raise ModelFormatError(
            f"{tree.source} lacks {', '.join(missing)[:200]}, which its metadata lists. "
            f"{SAVE_AGAIN}"
        )
    return folders


def _context_characters(tree: FileTree) -> str:
    """The characters that come off the ends of tokens, out of a tokenizer's serialized rules.

    The rules are Java objects, of which only the texts of patterns are looked at: all must be the
    one that Spark NLP makes of its `contextChars`.
    """
    patterns: set[str] = set()
    for part in tree.below(_RULES).names:
        content = bytes(tree.read(f"{_RULES}/{part}"))
        for match in _RULE.finditer(content):
            (length,) = struct.unpack(">H", match[1])
            text = content[match.end() : match.end() + length]
            patterns.add(text.decode("utf-8", "replace"))
    found = _CONTEXT.match(min(patterns, default=""))
    characters = found[1] if found else ""
    if patterns != {_pattern(characters)}:
        raise ModelFormatError(
            f"{tree.where(_RULES)} holds patterns other than those of context characters: "
            f"{', '.join(sorted(patterns))[:300] or 'none'}. Give them to a Tokenizer of your own. "
            f"{_ADVICE}"
        )
    return characters


def _pattern(characters: str) -> str:
    """The pattern that Spark NLP's Tokenizer makes of its context characters."""
    some, other = rf"[\Q{characters}\E]", rf"[^\Q{characters}\E]"
    return rf"\A({some}*)({other}(?:.*{other})*)({some}*)\z"
