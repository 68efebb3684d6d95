"""What sentence-transformers calls things, for code that was written for it.

Its arguments either work, under its name, or are answered with ours: the tables `ENCODE` and `LOAD`
tell which, and `ELSEWHERE` does so for its attributes. What works here by both names is computed
in `encoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from embedpipe._dependencies import require
from embedpipe.encoder.texts import check_switch
from embedpipe.errors import ParameterError

__all__ = ["ELSEWHERE", "ENCODE", "LOAD", "EncodeHabits", "as_tensor", "check_habits"]


class Habit(NamedTuple):
    """An argument: whether a value is one that means what is done anyway, and what to do else."""

    holds: Callable[[Any], bool]
    instead: str


def _only(*values: Any) -> Callable[[Any], bool]:
    return lambda value: any(value is known or value == known for known in values)


def _is_cpu(device: Any) -> bool:
    names = device if isinstance(device, (list, tuple)) else [device]
    return all(name is None or str(name) == "cpu" for name in names)


def _is_positive(value: Any) -> bool:
    return type(value) is int and value > 0


def _anything(_: Any) -> bool:
    return True


_CPU = Habit(_is_cpu, "embedpipe computes on the processor; leave it out, or pass 'cpu'")
_THREADS = Habit(
    _only(None), "one process uses all cores; leave it out, or choose Encoder.load(threads=...)"
)

ENCODE: Mapping[str, Habit] = {
    "sentences": Habit(_anything, ""),
    "inputs": Habit(_anything, ""),
    "batch_size": Habit(
        _is_positive, "expected a positive integer; it is a hint without effect on results"
    ),
    "show_progress_bar": Habit(_only(None, True, False), "expected True or False, as progress"),
    "normalize_embeddings": Habit(
        _only(True, False), "expected True or False; False leaves what the model itself does"
    ),
    "convert_to_tensor": Habit(_only(True, False), "expected True or False"),
    "convert_to_numpy": Habit(
        _only(True, False), "expected True or False; vectors are NumPy's, or a tensor"
    ),
    "precision": Habit(
        _only(None, "float32"),
        "encode gives float32. Encoder.load(precision='int8') computes faster; to store less, "
        "convert the vectors: vectors.astype('float16'), or numpy.packbits(vectors > 0, axis=1)",
    ),
    "output_value": Habit(
        _only("sentence_embedding"), "use encode_tokens(texts) for a vector of each piece"
    ),
    "device": _CPU,
    "pool": _THREADS,
    "chunk_size": _THREADS,
}
"""The arguments of `SentenceTransformer.encode` that are not `Encoder.encode`'s own."""

LOAD: Mapping[str, Habit] = {
    "model_name_or_path": Habit(_anything, ""),
    "revision": Habit(lambda value: value is None or isinstance(value, str), "expected a str"),
    "prompts": Habit(_anything, ""),
    "default_prompt_name": Habit(_anything, ""),
    "similarity_fn_name": Habit(_anything, ""),
    "device": _CPU,
    "modules": Habit(_only(None), "put a model together with sentence-transformers and save it"),
    "cache_folder": Habit(_only(None), "set EMBEDPIPE_CACHE or HF_HOME to a directory"),
    "trust_remote_code": Habit(_only(True, False), "a model's own program is never run"),
    "local_files_only": Habit(_only(False), "set EMBEDPIPE_OFFLINE=1"),
    "token": Habit(_only(None), "set HF_TOKEN"),
    "use_auth_token": Habit(_only(None), "set HF_TOKEN"),
    **dict.fromkeys(
        ("model_kwargs", "processor_kwargs", "tokenizer_kwargs", "config_kwargs"),
        Habit(
            _only(None, {}),
            "choose precision and threads by these names; a model's files are followed, and "
            "encoder.max_length shortens texts",
        ),
    ),
    "model_card_data": Habit(_only(None), "embedpipe card writes a model's card"),
    "backend": Habit(_only("torch"), "embedpipe has an engine of its own; leave it out"),
}
"""The arguments of `SentenceTransformer` that are not `Encoder.load`'s own."""

_NOT_TRAINED = "embedpipe trains nothing; train with sentence-transformers, and load its folder"
_NO_POOL = "encode uses all cores; or send the encoder to processes of your own"

ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(
        ("fit", "old_fit", "train", "evaluate", "smart_batching_collate"), _NOT_TRAINED
    ),
    **dict.fromkeys(
        (
            *("start_multi_process_pool", "stop_multi_process_pool", "encode_multi_process"),
            "share_memory",
        ),
        _NO_POOL,
    ),
    **dict.fromkeys(
        ("save", "save_pretrained"),
        "its files are encoder.path; shutil.copytree copies a folder, embedpipe import converts "
        "what is none",
    ),
    **dict.fromkeys(("push_to_hub", "save_to_hub"), "run: hf upload ORG/NAME FOLDER"),
    **dict.fromkeys(
        ("half", "bfloat16"), "use encoder.with_precision('bfloat16'), or 'int8', the fastest"
    ),
    **dict.fromkeys(("cuda", "compile"), "embedpipe computes on the processor; leave it out"),
    **dict.fromkeys(
        ("preprocess", "processor"), "encoder.tokenize(texts) gives the pieces of texts"
    ),
    "forward": "encoder.encode gives a vector a text, encode_tokens one a piece",
    "truncate_sentence_embeddings": "pass truncate_dim to Encoder or to encode",
    "truncate_embeddings": "pass truncate_dim to Encoder or to encode",
    "set_pooling_include_prompt": "write include_prompt into the model's embedpipe.json",
    "model_card_data": "embedpipe card writes a model's card",
    "get_backend": "there is one engine; encoder.isa names its instruction set",
    "transformers_model": "encoder.config has its sizes, encoder.hidden_states its last layer",
}
"""Attributes of `SentenceTransformer` that Encoder has not, with what to use instead."""


def check_habits(given: Mapping[str, Any], table: Mapping[str, Habit], where: str) -> None:
    """Raise ParameterError for values that cannot be followed, TypeError for unknown names."""
    for name, value in given.items():
        if name not in table:
            raise TypeError(f"{where}() got an unexpected keyword argument {name!r}")
        if not table[name].holds(value):
            raise ParameterError(f"{name}: found {value!r:.80}; {table[name].instead}")


class EncodeHabits(NamedTuple):
    """What sentence-transformers' arguments of `encode` come to in ours."""

    texts: Any
    normalize: bool | None
    progress: bool
    tensor: bool

    @classmethod
    def of(
        cls, texts: Any, normalize: bool | None, progress: bool, given: Mapping[str, Any]
    ) -> EncodeHabits:
        """Ours and theirs together; ParameterError for what contradicts or cannot be followed."""
        check_habits(given, ENCODE, "encode")
        named = [name for name in ("sentences", "inputs") if name in given]
        if named and (texts is not None or len(named) > 1):
            raise ParameterError(f"{named[-1]}: found texts twice; expected them once")
        if given.get("normalize_embeddings") and normalize is False:
            raise ParameterError("normalize: found False beside normalize_embeddings=True")
        tensor = bool(given.get("convert_to_tensor"))
        if given.get("convert_to_numpy") is False and not tensor:
            raise ParameterError(
                "convert_to_numpy: found False; a list of tensors is not made. Pass "
                "convert_to_tensor=True, or leave both out for NumPy"
            )
        return cls(
            given[named[0]] if named else texts,
            True if given.get("normalize_embeddings") else normalize,
            check_switch("progress", progress) or bool(given.get("show_progress_bar")),
            tensor,
        )


def as_tensor(vectors: Any) -> Any:
    """The vectors as a torch tensor, which shares their memory; torch must be installed."""
    return require("torch", "convert_to_tensor=True").from_numpy(vectors)
