"""The steps of a sentence-transformers model: `modules.json`, and the folders of its Dense steps.

Computed are Transformer, Pooling, any number of Dense, and Normalize, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from embedpipe.engine.dense import Dense, DenseActivation
from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import FLAG, check_fields, choice, optional
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.huggingface.safetensors import parse_safetensors
from embedpipe.formats.layout import CONFIG, MODULES, SAFETENSORS
from embedpipe.formats.own_record import SIZE

__all__ = [
    "ACTIVATION_CLASSES",
    "Steps",
    "dense_weights",
    "has_steps",
    "read_dense",
    "read_steps",
]

_WITHOUT_EFFECT = ("Dropout",)  # steps of training alone
_TORCH = "pytorch_model.bin"

_ACTIVATIONS: dict[str, DenseActivation] = {
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.Tanh": "tanh",
    "torch.nn.modules.linear.Identity": "identity",
    "torch.nn.Identity": "identity",
}
ACTIVATION_CLASSES: dict[DenseActivation, str] = {
    "tanh": "torch.nn.modules.activation.Tanh",
    "identity": "torch.nn.modules.linear.Identity",
}
"""What a Dense step's configuration calls its activation."""

_DENSE = {
    "in_features": SIZE,
    "out_features": SIZE,
    "bias": optional(FLAG),
    "activation_function": optional(choice(_ACTIVATIONS)),
    "module_input_name": optional(choice(["sentence_embedding"])),
    "module_output_name": optional(choice(["sentence_embedding"])),
    "use_residual": optional(choice([False])),
}


class Steps(NamedTuple):
    """The folders of the steps. normalize: None where that is not said."""

    transformer: str = ""
    pooling: str | None = None
    normalize: bool | None = None
    dense: tuple[str, ...] = ()


def read_steps(tree: FileTree) -> Steps:
    """The steps that `modules.json` lists; without one, what lies under the usual names.

    Raises ModelFormatError for a damaged list, and for steps that embedpipe does not compute.
    """
    if MODULES not in tree:
        # A copy without the list may still have the pooling step, under its usual name
        return Steps(pooling="1_Pooling" if "1_Pooling/config.json" in tree else None)
    path = tree.where(MODULES)
    modules = tree.read_json(MODULES, list)
    for module in modules:
        _check_module(module, path)
    # The module path before the class name differs between versions of sentence-transformers
    named = [(module["type"].rpartition(".")[2], module["path"]) for module in modules]
    steps = [(kind, folder) for kind, folder in named if kind not in _WITHOUT_EFFECT]
    kinds = [kind for kind, _ in steps]
    dense = tuple(folder for kind, folder in steps if kind == "Dense")
    usual = ["Transformer", "Pooling", *["Dense"] * len(dense)]
    if kinds not in (usual, [*usual, "Normalize"]):
        listed = ", ".join(kind for kind, _ in named)[:200] or "none"
        raise ModelFormatError(
            f"{path}: the steps are {listed}; embedpipe computes Transformer, Pooling and, if "
            "wanted, Dense and Normalize, in this order. Use a model of these"
        )
    return Steps(steps[0][1], steps[1][1], kinds[-1] == "Normalize", dense)


def _check_module(module: Any, path: str) -> None:
    if not isinstance(module, dict) or not all(
        isinstance(module.get(key), str) for key in ("type", "path")
    ):
        raise ModelFormatError(
            f"{path}: a step without a type or path: {str(module)[:80]}. Get an undamaged copy "
            "of the model"
        )
    if module["path"].startswith(".") or any(c in module["path"] for c in "/\\:\0"):
        raise ModelFormatError(
            f"{path}: the step path {module['path'][:80]!r} is not the name of a folder in "
            "the model's. Get an undamaged copy of the model"
        )
    if not module["type"].startswith("sentence_transformers."):
        raise ModelFormatError(
            f"{path}: the step {module['type'][:80]} is a program of the model's own, which "
            "embedpipe does not run; use a model of sentence-transformers' own steps"
        )


def read_dense(tree: FileTree) -> Dense:
    """The Dense step in a folder: its configuration, and its weights as float32."""
    where = tree.where(CONFIG)
    stated = check_fields(
        tree.read_json(CONFIG, dict), _DENSE, where, remedy="Use a model whose Dense has no other"
    )
    stored = dense_weights(tree)
    tensors = _tensors(tree, stored)
    size = (stated["out_features"], stated["in_features"])
    wanted: dict[str, tuple[int, ...]] = {"linear.weight": size}
    if stated.get("bias") is not False:
        wanted["linear.bias"] = size[:1]
    for name, shape in wanted.items():
        found = tensors[name].shape if name in tensors else None
        if found != shape:
            raise ModelFormatError(
                f"{tree.where(stored)}: {name} has the shape {found}; {CONFIG} beside it says "
                f"{shape}. Take both from the same model"
            )
    kept = {name: np.ascontiguousarray(tensors[name], np.float32) for name in wanted}
    for name, tensor in kept.items():
        if not np.isfinite(tensor).all():
            raise ModelFormatError(
                f"{tree.where(stored)}: {name} has numbers that are not finite. Get another copy"
            )
    activation = stated.get("activation_function") or ACTIVATION_CLASSES["tanh"]
    return Dense(kept["linear.weight"], kept.get("linear.bias"), _ACTIVATIONS[activation])


def dense_weights(tree: FileTree) -> str:
    """The file of weights in the folder of a Dense step."""
    return _TORCH if _TORCH in tree and SAFETENSORS not in tree else SAFETENSORS


def _tensors(tree: FileTree, name: str) -> Mapping[str, Any]:
    if name == SAFETENSORS:
        return parse_safetensors(tree.read(name), tree.where(name))
    from embedpipe.formats.pytorch.state_dict import read_torch_pickle  # few models have it

    return read_torch_pickle(tree.read(name), tree.where(name))


def has_steps(tree: FileTree) -> bool:
    """Whether `modules.json` is there, and every folder that it needs files of."""
    if MODULES not in tree:
        return False
    return all(
        f"{module.get('path')}/{CONFIG}" in tree
        for module in tree.read_json(MODULES, list)
        if isinstance(module, dict)
        and str(module.get("type")).rpartition(".")[2] in ("Pooling", "Dense")
    )
