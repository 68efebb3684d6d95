"""Models that Spark NLP saved: word and sentence embeddings of versions 2.5 to 5.

A folder or zip archive of metadata, fields, and a model file, itself a zip archive: TensorFlow's
variables with a bare graph, or an ONNX graph. A saved PipelineModel holds one in its stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree, tree_of_zip
from embedpipe.formats.inferred_config import infer_config
from embedpipe.formats.layout import SAVED_MODEL, SPARK_METADATA
from embedpipe.formats.model import Model, Usage
from embedpipe.formats.onnx.weights import read_onnx
from embedpipe.formats.own_record import LENGTH
from embedpipe.formats.spark_nlp.java_stream import read_pairs
from embedpipe.formats.tensorflow.graph import read_graph_def
from embedpipe.formats.tensorflow.variables import heads_from_scale, open_bundle, read_variables
from embedpipe.formats.tokenizer_files import sentencepiece_files, vocabulary_files

__all__ = ["embeddings_stages", "metadata_file", "read_metadata", "read_spark_nlp"]


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
_AGAIN = "Save it with Spark NLP again, or get a new copy of it"
_VOCABULARY = "fields/vocabulary"
_LARGEST_PIECE_ID = 2**22
_POOLING_LAYER = "poolingLayer"
_LAST_LAYER = -1
_PARAMETERS = (
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
        for folder in tree.folders_with(SPARK_METADATA)
        if read_metadata(tree.below(folder))["class"] in _ANNOTATORS
    ]


def read_spark_nlp(tree: FileTree) -> Model:
    """Read the only embeddings annotator in a tree.

    `parameters` hold its class, uid and parameters as Spark NLP's: those that were set, else their
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
    parameters = _parameters(metadata)
    _check_layer(parameters, inside)
    read = _read_onnx if annotator.onnx in inside else _read_tensorflow
    model = read(inside, annotator, _tokenizer_files(inside, annotator, parameters))
    length = parameters.get("maxSentenceLength")
    lengths = (int(length),) if length is not None and LENGTH.holds(length) else ()
    usage = replace(model.usage, lengths=lengths)
    return replace(model, source=inside.source, usage=usage, parameters=parameters)


def metadata_file(tree: FileTree) -> str | None:
    """The file that tells what Spark saved here: Spark 4 adds to its name. None if there is none.

    >>> from embedpipe.formats.archives.tree import open_tree
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "metadata").mkdir()
    ...     pathlib.Path(folder, "metadata", "part-00000-7c52-c000.txt").touch()
    ...     metadata_file(open_tree(pathlib.Path(folder)))
    'metadata/part-00000-7c52-c000.txt'
    """
    if SPARK_METADATA in tree:
        return SPARK_METADATA
    named = [name for name in tree.names if name.startswith(f"{SPARK_METADATA}-")]
    return named[0] if len(named) == 1 else None


def read_metadata(tree: FileTree) -> dict[str, Any]:
    """The contents of a saved stage's or pipeline's metadata: class and parameter maps at least."""
    name = metadata_file(tree) or SPARK_METADATA
    where = tree.where(name)
    found: dict[str, Any] = tree.read_json(name, dict)
    for key in ("paramMap", "defaultParamMap"):
        if not isinstance(found.get(key, {}), dict):
            raise ModelFormatError(f"{where}: {key} is no object. {_AGAIN}")
    if not isinstance(found.get("class"), str):
        raise ModelFormatError(f"{where}: class is missing or no text. {_AGAIN}")
    return found


def _parameters(metadata: Mapping[str, Any]) -> dict[str, Any]:
    said = metadata.get("defaultParamMap", {}) | metadata.get("paramMap", {})
    found = {key: said[key] for key in _PARAMETERS if key in said}
    return {"class": metadata["class"], "uid": metadata.get("uid"), **found}


def _check_layer(settings: Mapping[str, Any], tree: FileTree) -> None:
    layer = settings.get(_POOLING_LAYER, _LAST_LAYER)
    if layer != _LAST_LAYER:
        raise ModelFormatError(
            f"{tree.where(SPARK_METADATA)}: {_POOLING_LAYER} is {str(layer)[:80]}; embedpipe "
            f"computes the last layer's vectors, which is {_LAST_LAYER}. Write {_LAST_LAYER} there "
            "if those are what you want: they are other vectors"
        )


def _read_tensorflow(
    tree: FileTree, annotator: _Annotator, tokenizer_files: Mapping[str, bytes]
) -> Model:
    name = annotator.tensorflow
    inside = tree_of_zip(tree.read(name), tree.where(name))
    facts = read_graph_def(inside.read(SAVED_MODEL), inside.where(SAVED_MODEL))
    variables = read_variables(open_bundle(inside, "variables"), source=inside.source, facts=facts)
    model = variables.as_model("spark nlp tensorflow", tokenizer_files)
    if not annotator.pooled:
        return model
    # What TensorFlow's graphs call the pooled output is the first piece's vector without a pooler
    return replace(model, usage=Usage(pooling="pooler" if model.has_pooler else "cls"))


def _read_onnx(
    tree: FileTree, annotator: _Annotator, tokenizer_files: Mapping[str, bytes]
) -> Model:
    name = annotator.onnx
    inside = tree_of_zip(tree.read(name), tree.where(name))
    source = inside.where("model.onnx")
    found = read_onnx(inside.read("model.onnx"), source)
    shapes = {tensor: array.shape for tensor, array in found.tensors.items()}
    queries = [shape for tensor, shape in shapes.items() if tensor.endswith("query.weight")]
    raw_config = infer_config(
        shapes,
        architecture=found.architecture,
        heads=heads_from_scale(found.facts, queries[0], source) if queries else None,
        facts=found.facts,
        declared=None,
        source=source,
    )
    return Model(
        source=source,
        format="spark nlp onnx",
        config=EncoderConfig.from_huggingface(raw_config, source=f"{source}: configuration"),
        huggingface_config=raw_config,
        tensors=found.tensors,
        tokenizer_files=tokenizer_files,
        origins=found.origins,
        unused=found.unused,
    ).checked()


def _tokenizer_files(
    tree: FileTree, annotator: _Annotator, parameters: Mapping[str, Any]
) -> dict[str, bytes]:
    case = parameters.get("caseSensitive")
    lower = not case if isinstance(case, bool) else None
    if annotator.sentencepiece is not None:
        return sentencepiece_files(tree, annotator.sentencepiece, do_lower_case=lower)
    return vocabulary_files(_vocabulary(tree), tree.source, do_lower_case=lower)


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
                    f" expected 0 to {_LARGEST_PIECE_ID - 1}. {_AGAIN}"
                )
            if number in pieces:
                raise ModelFormatError(
                    f"{where}: the pieces {pieces[number][:80]!r} and {piece[:80]!r} have the same "
                    f"id {number}. {_AGAIN}"
                )
            pieces[number] = piece
    if not pieces or max(pieces) != len(pieces) - 1:
        raise ModelFormatError(
            f"{where}: {len(pieces)} pieces in {len(parts)} files with ids up to "
            f"{max(pieces, default=0)}; expected every id once. {_AGAIN}"
        )
    return tuple(pieces[number] for number in range(len(pieces)))
