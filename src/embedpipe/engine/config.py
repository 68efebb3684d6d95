"""The shape of an encoder: sizes, activation, order of layers. Its tensors are in `weights`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from embedpipe.errors import ModelFormatError

__all__ = ["Activation", "Architecture", "EncoderConfig"]

Architecture = Literal["bert", "albert"]
Activation = Literal["gelu_erf", "gelu_tanh"]

_ARCHITECTURES: dict[str, Architecture] = {"bert": "bert", "albert": "albert"}

# What transformers computes under each name (its activations.py). "gelu_fast" writes sqrt(2/pi)
# with ten digits, the same float32 number. Clipped and sigmoid forms are other functions.
_ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu_erf",
    "gelu_python": "gelu_erf",
    "gelu_new": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_python_tanh": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
}

# The largest value believed of each size: far above any published encoder, and small enough that a
# hostile configuration cannot make the program count to billions.
_LARGEST = {
    "vocab_size": 2**31 - 1,  # piece ids are int32
    "hidden_size": 2**16,
    "embedding_size": 2**16,
    "num_hidden_layers": 1024,
    "num_attention_heads": 1024,
    "intermediate_size": 2**20,
    "max_position_embeddings": 2**20,
    "type_vocab_size": 2**16,
    "num_hidden_groups": 1024,
    "inner_group_num": 64,
}

_BERT_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
_ALBERT_SIZES = (*_BERT_SIZES, "embedding_size")
_OPTIONAL_SIZES = {"type_vocab_size": 2, "num_hidden_groups": 1, "inner_group_num": 1}
_DEFAULT_LAYER_NORM_EPS = 1e-12  # BertConfig's and AlbertConfig's

# Settings of transformers that change what is computed, with the only value this encoder computes.
_ONLY_VALUES = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and choices of one BERT or ALBERT encoder; `from_huggingface` reads and checks them.

    `embedding_size` equals `hidden_size` for BERT; ALBERT's is smaller and is projected up.
    `num_hidden_layers` counts passes: ALBERT shares weights, and each pass through a group runs its
    `inner_group_num` layers.

    >>> EncoderConfig.from_huggingface(
    ...     {"model_type": "bert", "vocab_size": 30522, "hidden_size": 128, "num_hidden_layers": 2,
    ...      "num_attention_heads": 2, "intermediate_size": 512, "max_position_embeddings": 512,
    ...      "hidden_act": "gelu"},
    ...     source="config.json").head_size
    64
    """

    architecture: Architecture
    vocab_size: int
    hidden_size: int
    embedding_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    activation: Activation
    num_hidden_groups: int = 1
    inner_group_num: int = 1

    @property
    def head_size(self) -> int:
        """Width of one attention head: `hidden_size / num_attention_heads`."""
        return self.hidden_size // self.num_attention_heads

    @property
    def num_distinct_layers(self) -> int:
        """How many layers have weights of their own."""
        if self.architecture == "bert":
            return self.num_hidden_layers
        return self.num_hidden_groups * self.inner_group_num

    @property
    def layer_schedule(self) -> tuple[int, ...]:
        """The distinct layer that each pass uses, in the order of computation.

        BERT: 0, 1, ..., n - 1. ALBERT: pass i uses the group that transformers' `AlbertTransformer`
        gives it, and runs all inner layers of that group.
        """
        if self.architecture == "bert":
            return tuple(range(self.num_hidden_layers))
        passes_per_group = self.num_hidden_layers / self.num_hidden_groups
        return tuple(
            # The division of floats is transformers' own: it decides at the edges of uneven groups.
            int(i / passes_per_group) * self.inner_group_num + inner
            for i in range(self.num_hidden_layers)
            for inner in range(self.inner_group_num)
        )

    @classmethod
    def from_huggingface(cls, config: Mapping[str, Any], *, source: str) -> EncoderConfig:
        """Read the contents of transformers' `config.json`; `source` names it in errors.

        Raises ModelFormatError that lists everything found wrong: a missing, mistyped or impossible
        size, another model type, relative positions, a decoder, an activation other than GELU.
        Entries that do not change the encoder's output (dropout, labels) are not looked at.
        """
        reader = _Reader(config)
        architecture = reader.choice("model_type", _ARCHITECTURES)
        activation = reader.choice("hidden_act", _ACTIVATIONS)
        required = _ALBERT_SIZES if architecture == "albert" else _BERT_SIZES
        sizes = {key: reader.size(key) for key in required}
        optional = _OPTIONAL_SIZES if architecture == "albert" else {"type_vocab_size": 2}
        sizes |= {key: reader.size(key, default) for key, default in optional.items()}
        eps = reader.layer_norm_eps()
        reader.check_consistency(sizes)
        reader.check_only_values()
        if reader.problems:
            listed = "".join(f"\n  - {problem}" for problem in reader.problems)
            raise ModelFormatError(
                f"{source} does not describe an encoder that embedpipe computes:{listed}\n"
                "Use a BERT or ALBERT encoder saved by transformers, with its own config.json."
            )
        sizes.setdefault("embedding_size", sizes["hidden_size"])
        return cls(architecture=architecture, activation=activation, layer_norm_eps=eps, **sizes)


class _Reader:
    """Takes values out of a `config.json` and collects what is wrong with them."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.problems: list[str] = []

    def choice(self, key: str, choices: Mapping[str, Any]) -> Any:
        """The meaning of a named choice, or None after noting a problem."""
        value = self.config.get(key)
        if isinstance(value, str) and value in choices:
            return choices[value]
        found = repr(value) if key in self.config else "missing"
        self.problems.append(f"{key}: {found}; expected one of {', '.join(choices)}")
        return None

    def size(self, key: str, default: int | None = None) -> int:
        """A positive integer within its bound, or 1 after noting a problem."""
        if key not in self.config and default is not None:
            return default
        value = self.config.get(key)
        largest = _LARGEST[key]
        # bool is a subclass of int, but `true` is not a size
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= largest:
            return value
        found = repr(value)[:80] if key in self.config else "missing"
        self.problems.append(f"{key}: {found}; expected an integer from 1 to {largest}")
        return 1

    def layer_norm_eps(self) -> float:
        value = self.config.get("layer_norm_eps", _DEFAULT_LAYER_NORM_EPS)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1:
            return float(value)
        self.problems.append(
            f"layer_norm_eps: {repr(value)[:80]}; expected a number between 0 and 1"
        )
        return math.nan

    def check_consistency(self, sizes: Mapping[str, int]) -> None:
        hidden, heads = sizes["hidden_size"], sizes["num_attention_heads"]
        if hidden % heads and hidden > 1:  # 1 stands for a value already reported
            self.problems.append(
                f"hidden_size {hidden} is not a multiple of num_attention_heads {heads}"
            )
        layers, groups = sizes["num_hidden_layers"], sizes.get("num_hidden_groups", 1)
        if groups > layers > 1:
            self.problems.append(
                f"num_hidden_groups {groups} is larger than num_hidden_layers {layers}"
            )

    def check_only_values(self) -> None:
        for key, only in _ONLY_VALUES.items():
            value = self.config.get(key)
            if value is not None and value != only:
                self.problems.append(f"{key}: {value!r}; expected {only!r}")
