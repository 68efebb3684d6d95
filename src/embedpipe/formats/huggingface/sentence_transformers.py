"""How a model folder says its piece vectors become a sentence vector, and what is put before texts.

`embedpipe.json` has the last word; otherwise sentence-transformers' files are read as version 6
reads them: `modules.json` lists the steps (see `sentence_transformers_steps`), each with a folder
of its own. What may stand in each file, and what becomes of it, are the tables `TRANSFORMER`,
`POOLING` and `MODEL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedpipe.engine.pooling import FURTHER_POOLINGS, POOLINGS, Pooling, is_pooling
from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import FLAG, TEXT, Field, choice
from embedpipe.files.known_settings import Setting, check_stated, honored, ignored, only
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.huggingface.sentence_transformers_steps import read_steps
from embedpipe.formats.layout import MODULES
from embedpipe.formats.model import USUAL_PROMPTS, Usage
from embedpipe.formats.own_record import LENGTH, SIMILARITIES, SIZE, read_declared

__all__ = [
    "MODEL",
    "POOLING",
    "TRANSFORMER",
    "read_usage",
]


_SIZE = Field("a size", lambda value: type(value) is int)
_TEXTS = Field(
    "an object of texts by name",
    lambda value: (
        isinstance(value, dict) and all(v is None or isinstance(v, str) for v in value.values())
    ),
)

# sentence-transformers' names: switches in older files, one `pooling_mode` in newer ones.
_SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

_MODES = {*POOLINGS, *FURTHER_POOLINGS} - {"pooler"}

_HARMLESS = ("torch_dtype", "dtype", "attn_implementation", "trust_remote_code", "use_fast")
_ARGUMENTS = Field(
    f"an object of nothing but {', '.join(_HARMLESS)}",
    lambda value: isinstance(value, dict) and value.keys() <= {*_HARMLESS},
)
_TOKENIZER_ARGUMENTS = Field(
    f"an object of nothing but model_max_length, {', '.join(_HARMLESS)}",
    lambda value: isinstance(value, dict) and value.keys() <= {*_HARMLESS, "model_max_length"},
)
_TEXT_ONLY = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
_PER_TASK = only(why="lengths and pieces by task are for models of several vectors")

TRANSFORMER = {
    "max_seq_length": honored(LENGTH),
    "do_lower_case": honored(FLAG),
    **dict.fromkeys(
        ("model_args", "model_kwargs", "config_args", "config_kwargs"), honored(_ARGUMENTS)
    ),
    **dict.fromkeys(("tokenizer_args", "processor_kwargs"), honored(_TOKENIZER_ARGUMENTS)),
    "transformer_task": only("feature-extraction", why="only piece vectors are computed"),
    "modality_config": only(_TEXT_ONLY, why="only texts are read, and the last layer's vectors"),
    "module_output_name": only("token_embeddings", why="only piece vectors are computed"),
    "processing_kwargs": only({}, why="texts are cut at the model's length, and not padded"),
    "tokenizer_name_or_path": only(why="the tokenizer is the one beside the model"),
    **dict.fromkeys(("query_length", "document_length", "query_expansion"), _PER_TASK),
    "unpad_inputs": ignored("texts are never padded"),
}
"""What `sentence_bert_config.json`, or a file of another of its names, may state."""

POOLING = {
    **dict.fromkeys(("word_embedding_dimension", "embedding_dimension"), honored(_SIZE)),
    "pooling_mode": honored(Field("a mode's name", lambda value: isinstance(value, (str, list)))),
    **dict.fromkeys(_SWITCHES, honored(FLAG)),
    "include_prompt": honored(FLAG),
}
"""What the `config.json` of the pooling step may state."""

MODEL = {
    "prompts": honored(_TEXTS),
    "default_prompt_name": honored(TEXT),
    "truncate_dim": honored(SIZE),
    "model_type": only("SentenceTransformer", why="only one vector per text is computed"),
    "similarity_fn_name": honored(choice(SIMILARITIES)),
    "requirements": ignored("about sentence-transformers' own installation"),
}
"""What `config_sentence_transformers.json` may state."""

_TRANSFORMER_FILES = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""The first that states anything is read."""

_MODEL_FILE = "config_sentence_transformers.json"


def read_usage(tree: FileTree) -> Usage:
    """Read what a model's files declare; without any of them, nothing is declared.

    Raises ModelFormatError for a damaged file, for steps, poolings and settings that embedpipe does
    not follow, and for values that cannot be.
    """
    steps_found = read_steps(tree)
    transformer, pooling_folder = steps_found.transformer, steps_found.pooling
    own = {key: value for key, value in read_declared(tree).items() if value is not None}
    mode, pooling = own.get("pooling"), {}
    if pooling_folder is not None:
        name = f"{pooling_folder}/config.json"
        pooling = _stated(tree, name, POOLING, required=mode is None)
        mode = mode or _mode(pooling, tree.where(name))
    below = tree.below(transformer)
    files = (_stated(below, name, TRANSFORMER) for name in _TRANSFORMER_FILES)
    steps = next(filter(None, files), {})
    declared = _stated(tree, _MODEL_FILE, MODEL) if MODULES in tree else {}
    declared = {**declared, **pooling, **own}
    size = pooling.get("word_embedding_dimension", pooling.get("embedding_dimension"))
    settings = Usage(
        transformer=transformer,
        pooling=mode,
        normalize=steps_found.normalize if own.get("normalize") is None else own["normalize"],
        lengths=_lengths(own.get("max_length") or _declared_length(below, steps)),
        dimension=None if own.get("pooling") else size,
        lowercase=bool(own.get("lowercase", steps.get("do_lower_case"))),
        prompts={name: text or "" for name, text in (declared.get("prompts") or {}).items()},
        default_prompt_name=declared.get("default_prompt_name"),
        include_prompt=declared.get("include_prompt") is not False,
        dense=steps_found.dense,
        truncate_dim=declared.get("truncate_dim"),
        similarity=own.get("similarity") or declared.get("similarity_fn_name") or "cosine",
    )
    _check_default_prompt(settings, tree.source)
    return settings


def _stated(
    tree: FileTree, name: str, table: Mapping[str, Setting], *, required: bool = False
) -> dict[str, Any]:
    """What a file states, checked; nothing if it is not there, unless `required`."""
    if name not in tree and not required:
        return {}
    found: dict[str, Any] = tree.read_json(name, dict)
    check_stated(found, table, tree.where(name))
    return found


def _mode(settings: Mapping[str, Any], path: str) -> Pooling:
    """The pooling of the step; the mean where it names none, as in sentence-transformers."""
    modes = settings.get("pooling_mode")
    if modes is None:
        modes = [name for switch, name in _SWITCHES.items() if settings.get(switch)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    joined = "+".join(map(str, modes))
    if set(modes) <= _MODES and is_pooling(joined):
        return joined
    found = " and ".join(str(mode)[:80] for mode in modes) or "none"
    raise ModelFormatError(
        f"{path}: the pooling is {found}; embedpipe reads {', '.join(sorted(_MODES))} here, each "
        'once. To choose another, write {"pooling": ...} with one of '
        f"{', '.join((*POOLINGS, *FURTHER_POOLINGS))} into embedpipe.json in the model's folder"
    )


def _declared_length(tree: FileTree, steps: Mapping[str, Any]) -> float | None:
    """The length as sentence-transformers looks for it: its own files, then the tokenizer's."""
    arguments = steps.get("processor_kwargs") or steps.get("tokenizer_args") or {}
    stated = arguments.get("model_max_length", steps.get("max_seq_length"))
    if stated is None and "tokenizer_config.json" in tree:
        tokenizer = tree.read_json("tokenizer_config.json", dict)
        stated = tokenizer.get("model_max_length", tokenizer.get("max_len"))
        check_stated(
            {"model_max_length": stated},
            {"model_max_length": honored(LENGTH)},
            tree.where("tokenizer_config.json"),
        )
    length: float | None = stated
    return length


def _lengths(length: float | None) -> tuple[int, ...]:
    return () if length is None else (int(length),)


def _check_default_prompt(settings: Usage, source: str) -> None:
    name = settings.default_prompt_name
    if name is not None and name not in {**USUAL_PROMPTS, **settings.prompts}:
        raise ModelFormatError(
            f"{source}: default_prompt_name is {name[:80]!r}, which is none of the prompts: "
            f"{', '.join(settings.prompts)[:200] or 'there are none'}"
        )
