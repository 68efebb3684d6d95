"""`dimensions` in requests: vectors that are cut short, where that means something.

Models of Matryoshka training carry most of a text's meaning in a vector's first numbers; parts of
other models' vectors are no embeddings. vLLM refuses the latter, text-embeddings-inference cuts any
model's. Here a model must say that it may be cut, or the server's operator that all may be.
"""

from __future__ import annotations

from embedpipe.encoder import Encoder
from embedpipe.server.refusals import Refusal

__all__ = ["kept_dimensions"]

_FLAG = "is_matryoshka"  # vLLM's entries of config.json
_SIZES = "matryoshka_dimensions"


def kept_dimensions(asked: int | None, encoder: Encoder, *, any_size: bool) -> int | None:
    """How many numbers of each vector to keep; None for all.

    any_size: let vectors be cut that the model does not say may be.

    Raises Refusal for more than the model has, and for what it does not say may be kept.
    """
    whole = encoder.dimension
    if asked in (None, whole):
        return None
    found = f"dimensions: found {asked:,}; this model's vectors have {whole:,} numbers"
    if asked > whole:
        raise Refusal("invalid", f"{found}. Ask for at most as many", field="dimensions")
    sizes = _sizes(encoder)
    if any_size or (asked in sizes if sizes else _may_be_cut(encoder)):
        return asked
    expected = (
        f"of which it says that {', '.join(f'{size:,}' for size in sizes)} may be kept"
        if sizes
        else "and it does not say that parts of them mean something"
    )
    raise Refusal("invalid", f"{found}, {expected}. Leave it out", field="dimensions")


def _sizes(encoder: Encoder) -> list[int]:
    """The sizes that the model says it was trained for; none where it names none."""
    found = encoder.model.huggingface_config.get(_SIZES)
    return [size for size in found if type(size) is int] if isinstance(found, list) else []


def _may_be_cut(encoder: Encoder) -> bool:
    """Whether the model says so in one of the ways that know no sizes."""
    flagged = encoder.model.huggingface_config.get(_FLAG) is True
    return flagged or encoder.model.usage.truncate_dim is not None
