"""The shape of an encoder: sizes, activation, order of layers. Its tensors are in `weights`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from embedpipe.engine.architecture import ARCHITECTURES, KNOWN_ARCHITECTURES, Architecture
from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import (
    Field,
    choice,
    field_problems,
    listed,
    number_between,
    whole_number,
)

__all__ = ["Activation", "EncoderConfig", "huggingface_name"]

Activation = Literal["gelu_erf", "gelu_tanh"]

_MODEL_TYPES = {kind: row for row in ARCHITECTURES.values() for kind in row.model_types}

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

_DEFAULT_LAYER_NORM_EPS = 1e-12  # of all the families' configurations in transformers

# Settings of transformers that change what is computed, with the only value this encoder computes.
_ONLY_VALUES = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}


def huggingface_name(activation: Activation) -> str:
    """What `config.json` calls a form of GELU.

    >>> huggingface_name("gelu_tanh")
    'gelu_new'
    """
    return {"gelu_erf": "gelu", "gelu_tanh": "gelu_new"}[activation]


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and choices of one encoder; `from_huggingface` reads and checks them.

    `architecture` names a row of `engine.architecture`. `embedding_size` equals `hidden_size` for
    BERT; that of ALBERT and ELECTRA may be smaller and is projected up. `num_hidden_layers` counts
    passes; none, in BERT and ELECTRA, leaves a table of words that are normalized. ALBERT shares
    weights, and each pass through a group runs its `inner_group_num` layers.
    `max_position_embeddings` is the most pieces of a sequence.

    >>> EncoderConfig.from_huggingface(
    ...     {"model_type": "bert", "vocab_size": 30522, "hidden_size": 128, "num_hidden_layers": 2,
    ...      "num_attention_heads": 2, "intermediate_size": 512, "max_position_embeddings": 512,
    ...      "hidden_act": "gelu"},
    ...     source="config.json").head_size
    64
    """

    architecture: str
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
    def row(self) -> Architecture:
        """What the encoder has in common with others of its architecture."""
        return ARCHITECTURES[self.architecture]

    @property
    def head_size(self) -> int:
        """Width of one attention head: `hidden_size / num_attention_heads`."""
        return self.hidden_size // self.num_attention_heads

    @property
    def num_distinct_layers(self) -> int:
        """How many layers have weights of their own."""
        if self.row.shares_layers:
            return self.num_hidden_groups * self.inner_group_num
        return self.num_hidden_layers

    @property
    def layer_schedule(self) -> tuple[int, ...]:
        """The distinct layer that each pass uses, in the order of computation.

        Mostly 0, 1, ..., n - 1. ALBERT: pass i uses the group that transformers'
        `AlbertTransformer` gives it, and runs all inner layers of that group.
        """
        if not self.row.shares_layers:
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
        other = list(field_problems(config, {"model_type": choice(_MODEL_TYPES)}))
        if other:  # what else such a file says is no fault
            raise ModelFormatError(
                f"{source}: {other[0]}. embedpipe computes {KNOWN_ARCHITECTURES} encoders; use "
                "one of these"
            )
        row = _MODEL_TYPES.get(str(config.get("model_type")), ARCHITECTURES["bert"])
        problems = [*field_problems(config, _fields(row)), *_only_values(config)]
        sizes = {key: config.get(key, row.defaults.get(key)) for key in (*row.sizes, *row.defaults)}
        problems = problems or list(_contradictions(sizes))
        if problems:
            raise ModelFormatError(
                f"{source} does not describe an encoder that embedpipe computes:{listed(problems)}"
                f"\nUse a {KNOWN_ARCHITECTURES} encoder saved by transformers, with its own "
                "config.json."
            )
        sizes.setdefault("embedding_size", sizes["hidden_size"])
        sizes["max_position_embeddings"] -= row.first_position
        return cls(
            architecture=row.name,
            activation=_ACTIVATIONS[config["hidden_act"]],
            layer_norm_eps=float(config.get("layer_norm_eps", _DEFAULT_LAYER_NORM_EPS)),
            **sizes,
        )


def _fields(row: Architecture) -> dict[str, Field]:
    """What a `config.json` of this architecture may say."""
    sizes = {key: whole_number(1, _LARGEST[key]) for key in (*row.sizes, *row.defaults)}
    if not row.shares_layers:  # a table of words, LayerNorm and pooling are a model, too
        sizes["num_hidden_layers"] = whole_number(0, _LARGEST["num_hidden_layers"])
    sizes["max_position_embeddings"] = whole_number(
        row.first_position + 1, _LARGEST["max_position_embeddings"]
    )
    return {
        "model_type": choice(_MODEL_TYPES),
        "hidden_act": choice(_ACTIVATIONS),
        **{key: size._replace(required=key not in row.defaults) for key, size in sizes.items()},
        "layer_norm_eps": number_between(0, 1)._replace(required=False),
    }


def _only_values(config: Mapping[str, Any]) -> Iterator[str]:
    for key, only in _ONLY_VALUES.items():
        value = config.get(key)
        if value is not None and value != only:
            yield f"{key}: {value!r:.80}; expected {only!r}"


def _contradictions(sizes: Mapping[str, int]) -> Iterator[str]:
    hidden, heads = sizes["hidden_size"], sizes["num_attention_heads"]
    if hidden % heads:
        yield f"hidden_size {hidden} is not a multiple of num_attention_heads {heads}"
    layers, groups = sizes["num_hidden_layers"], sizes.get("num_hidden_groups", 1)
    if groups > max(layers, 1):
        yield f"num_hidden_groups {groups} is larger than num_hidden_layers {layers}"
