"""TensorFlow SavedModels with their variables beside them, as TF-Hub publishes BERT and ALBERT.

BERT /1 and ALBERT are modules of TensorFlow 1; BERT /2 and later are of TensorFlow 2, whose
variables have their full names in an object graph.
"""

from __future__ import annotations

from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.layout import SAVED_MODEL, VARIABLES
from embedpipe.formats.model import Model
from embedpipe.formats.tensorflow.checkpoint import declared_config, published_tokenizer
from embedpipe.formats.tensorflow.graph import read_saved_model
from embedpipe.formats.tensorflow.variables import open_bundle, read_variables

__all__ = ["read_tf_saved_model"]


def read_tf_saved_model(tree: FileTree) -> Model:
    """Read the only SavedModel in a tree, with the vocabulary among its assets.

    The number of heads, of ALBERT's passes, and the form of GELU come from the graph; an
    `albert_config.json` among the assets must agree. Whether texts are lowercased is told by the
    signature `tokenization_info` or the variable `do_lower_case`, else by the vocabulary.
    """
    folders = tree.folders_with(SAVED_MODEL) if tree.named is None else [""]
    if len(folders) != 1:
        raise ModelFormatError(
            f"{tree.source}: found {len(folders)} SavedModels; expected one folder "
            f"with {SAVED_MODEL} and {VARIABLES}.index"
        )
    inside = tree.below(folders[0])
    graph = read_saved_model(inside.read(SAVED_MODEL), inside.where(SAVED_MODEL))
    assets = inside.below("assets")
    model = read_variables(
        open_bundle(inside, VARIABLES),
        source=inside.source,
        declared=declared_config(assets),
        facts=graph.facts,
    )
    case = model.do_lower_case if graph.do_lower_case is None else graph.do_lower_case
    return model.as_model("tensorflow saved model", published_tokenizer(assets, case))
