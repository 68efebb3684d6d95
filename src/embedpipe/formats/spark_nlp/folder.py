"""Models that Spark NLP saved: word and sentence embeddings of BERT and ALBERT, versions 2.5 to 5.

A folder or zip archive of metadata, fields, and a model file, itself a zip archive: TensorFlow's
variables with a bare graph, or an ONNX graph. A saved PipelineModel holds one in its stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree, tree_of_zip
from embedpipe.formats.huggingface.sentence_transformers import SentenceSettings
from embedpipe.formats.huggingface.vocabulary import read_sentencepiece_file
from embedpipe.formats.imported import ImportedModel, TokenizerFiles, finish
from embedpipe.formats.inferred_config import infer_config
from embedpipe.formats.onnx.weights import read_onnx
from embedpipe.formats.spark_nlp.java_stream import read_pairs
from embedpipe.formats.tensorflow.graph import read_graph_def
from embedpipe.formats.tensorflow.variables import heads_from_scale, open_bundle, read_variables

__all__ = ["METADATA", "embeddings_stages", "read_metadata", "read_spark_nlp"]

METADATA = "metadata/part-00000"


@dataclass(frozen=True)
class _Annotator:
    """The files of one annotator: names of the model file by engine, and of its pieces."""

    tensorflow: str
    onnx: str
    sentencepiece: str | None = None
    pooled: bool = False  # whether TensorFlow's pooled output is what it gives


_ALBERT = _Annotator("albert_tensorflow", "albert_onnx", sentencepiece="albert_spp")
_ANNOTATORS = {
    "com.johnsnowlabs.nlp.embeddings.BertEmbeddings": _Annotator("bert_tensorflow", "bert_onnx"),
    "com.johnsnowlabs.nlp.embeddings.BertSentenceEmbeddings": _Annotator(
        "bert_sentence_tensorflow", "bert_sentence_onnx", pooled=True
    ),
    "com.johnsnowlabs.nlp.embeddings.AlbertEmbeddings": _ALBERT,
}
_VOCABULARY = "fields/vocabulary"
_LARGEST_PIECE_ID = 2**22
_POOLING_LAYER = "poolingLayer"
_LAST_LAYER = -1
_SHORTEST = 3  # pieces: two special ones and one of the text
_SETTINGS = (
    "caseSensitive",
    "maxSentenceLength",
    "dimension",
    "batchSize",
    "storageRef",
    _POOLING_LAYER,
    "engine",
    "isLong",
)


def embeddings_stages(tree: FileTree) -> list[str]:
    """The folders in a tree that hold embeddings which embedpipe reads; "" for the tree itself."""
    return [
        folder
        for folder in tree.folders_with(METADATA)
        if read_metadata(tree.below(folder))["class"] in _ANNOTATORS
    ]


def read_spark_nlp(tree: FileTree) -> ImportedModel:
    """Read the only embeddings annotator in a tree.

    `settings` hold its class, uid and parameters as Spark NLP's: those that were set, else their
    defaults. What they say about length and pooling is in `usage` too.

    Raises ModelFormatError if there is none or more than one, for damaged files, and for vectors
    of another layer than the last one, which embedpipe does not compute.
    """
    stages = embeddings_stages(tree)
    if len(stages) != 1:
        found = ", ".join(map(repr, stages)) or "none"
        classes = ", ".join(name.rpartition(".")[2] for name in _ANNOTATORS)
        raise ModelFormatError(
            f"{tree.source}: found {len(stages)} stages of embeddings ({found}); expected one of "
            f"{classes}. Give the folder of one stage"
        )
    inside = tree.below(stages[0])
    metadata = read_metadata(inside)
    annotator = _ANNOTATORS[metadata["class"]]
    settings = _settings(metadata)
    _check_layer(settings, inside)
    tokenizer = _tokenizer(inside, annotator, settings)
    if annotator.onnx in inside:
        return _read_onnx(inside, annotator, tokenizer, settings)
    return _read_tensorflow(inside, annotator, tokenizer, settings)


def read_metadata(tree: FileTree) -> dict[str, Any]:
    """The contents of a saved stage's or pipeline's metadata: class and parameter maps at least."""
    where = tree.where(METADATA)
    found: dict[str, Any] = tree.read_json(METADATA, dict)
    for key in ("paramMap", "defaultParamMap"):
        if not isinstance(found.get(key, {}), dict):
            raise ModelFormatError(f"{where}: {key} is no object. Fetch the model again")
    if not isinstance(found.get("class"), str):
        raise ModelFormatError(f"{where}: class is missing or no text. Fetch the model again")
    return found


def _settings(metadata: Mapping[str, Any]) -> dict[str, Any]:
    parameters = metadata.get("defaultParamMap", {}) | metadata.get("paramMap", {})
    found = {key: parameters[key] for key in _SETTINGS if key in parameters}
    return {"class": metadata["class"], "uid": metadata.get("uid"), **found}


def _check_layer(settings: Mapping[str, Any], tree: FileTree) -> None:
    layer = settings.get(_POOLING_LAYER, _LAST_LAYER)
    if layer != _LAST_LAYER:
        raise ModelFormatError(
            f"{tree.where(METADATA)}: {_POOLING_LAYER} is {str(layer)[:80]}; embedpipe computes the"
            f" last layer's vectors, which is {_LAST_LAYER}. Write {_LAST_LAYER} there if those "
            "are what you want: they are other vectors"
        )


def _usage(settings: Mapping[str, Any], *, pooled: bool = False) -> SentenceSettings:
    length = settings.get("maxSentenceLength")
    lengths = (length,) if isinstance(length, int) and length >= _SHORTEST else ()
    return SentenceSettings(pooling="pooler" if pooled else None, lengths=lengths)


def _read_tensorflow(
    tree: FileTree,
    annotator: _Annotator,
    tokenizer: TokenizerFiles,
    settings: Mapping[str, Any],
) -> ImportedModel:
    name = annotator.tensorflow
    inside = tree_of_zip(tree.read(name), tree.where(name))
    facts = read_graph_def(inside.read("saved_model.pb"), inside.where("saved_model.pb"))
    model = read_variables(open_bundle(inside, "variables"), source=inside.source, facts=facts)
    return finish(
        source=tree.source,
        format_name="spark nlp tensorflow",
        raw_config=model.raw_config,
        tensors=model.tensors,
        origins=model.origins,
        unused=model.unused,
        tokenizer=tokenizer,
        settings=settings,
        usage=_usage(settings, pooled=annotator.pooled),
    )


def _read_onnx(
    tree: FileTree,
    annotator: _Annotator,
    tokenizer: TokenizerFiles,
    settings: Mapping[str, Any],
) -> ImportedModel:
    name = annotator.onnx
    inside = tree_of_zip(tree.read(name), tree.where(name))
    source = inside.where("model.onnx")
    model = read_onnx(inside.read("model.onnx"), source)
    shapes = {tensor: array.shape for tensor, array in model.tensors.items()}
    queries = [shape for tensor, shape in shapes.items() if tensor.endswith("query.weight")]
    raw_config = infer_config(
        shapes,
        architecture=model.architecture,
        heads=heads_from_scale(model.facts, queries[0], source) if queries else None,
        facts=model.facts,
        declared=None,
        source=source,
    )
    return finish(
        source=tree.source,
        format_name="spark nlp onnx",
        raw_config=raw_config,
        tensors=model.tensors,
        origins=model.origins,
        unused=model.unused,
        tokenizer=tokenizer,
        settings=settings,
        usage=_usage(settings),
    )


def _tokenizer(
    tree: FileTree, annotator: _Annotator, settings: Mapping[str, Any]
) -> TokenizerFiles:
    case = settings.get("caseSensitive")
    lower = not case if isinstance(case, bool) else None
    if annotator.sentencepiece is not None:
        return TokenizerFiles(
            sentencepiece=read_sentencepiece_file(tree, annotator.sentencepiece),
            do_lower_case=lower,
        )
    return TokenizerFiles(vocabulary=_vocabulary(tree), do_lower_case=lower)


def _vocabulary(tree: FileTree) -> tuple[str, ...]:
    """Pieces in the order of their ids, from all parts of the saved map."""
    parts = [name for name in tree.names if name.startswith(f"{_VOCABULARY}/part-")]
    where = tree.where(_VOCABULARY)
    pieces: dict[int, str] = {}
    for part in parts:
        for piece, number in read_pairs(tree.read(part), tree.where(part)):
            if not isinstance(number, int) or not 0 <= number < _LARGEST_PIECE_ID:
                raise ModelFormatError(
                    f"{tree.where(part)}: the piece {piece[:80]!r} has the id {number!r:.80};"
                    f" expected 0 to {_LARGEST_PIECE_ID - 1}. Fetch the model again"
                )
            if number in pieces:
                raise ModelFormatError(
                    f"{where}: the pieces {pieces[number][:80]!r} and {piece[:80]!r} have the same "
                    f"id {number}. Fetch the model again"
                )
            pieces[number] = piece
    if not pieces or max(pieces) != len(pieces) - 1:
        raise ModelFormatError(
            f"{where}: {len(pieces)} pieces in {len(parts)} files with ids up to "
            f"{max(pieces, default=0)}; expected every id once. Fetch the model again"
        )
    return tuple(pieces[number] for number in range(len(pieces)))
