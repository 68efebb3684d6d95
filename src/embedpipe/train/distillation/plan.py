"""What is asked of a distillation, settled for one teacher: sizes, rates, device; checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embedpipe._version import __version__
from embedpipe.encoder import Encoder
from embedpipe.errors import ParameterError
from embedpipe.train.checks import chosen_device
from embedpipe.train.distillation.options import DistilOptions, StudentShape
from embedpipe.train.distillation.teacher import vectors_name

__all__ = ["Plan"]

_RATE_OF_TRAINED, _RATE = 3e-4, 1e-3


@dataclass(frozen=True)
class Plan:
    """teacher labels the texts; base gives tables and layers, and mostly is the teacher.

    takes_layers: whether the student begins with layers of `base`. rate: the highest.
    """

    options: DistilOptions
    teacher: Encoder
    base: Encoder
    shape: StudentShape
    max_length: int
    takes_layers: bool
    rate: float
    threads: int
    device: str

    @classmethod
    def of(cls, options: DistilOptions, teacher: Encoder, base: Encoder, threads: int) -> Plan:
        """Settle it; ParameterError for sizes and layers that cannot be joined."""
        shape = _shape(options, base)
        config = base.config
        fits = config.hidden_size == shape.hidden and config.architecture == "bert"
        takes_layers = fits and shape.layers > 0
        if options.layers is not None or options.base is not None:
            _check_layers(base, options.chosen_layers or (), shape)
        elif fits and shape.layers > config.num_hidden_layers:
            raise ParameterError(
                f"student {options.student}: {base.name} has {config.num_hidden_layers} layers to "
                "begin with; expected at most as many where the widths agree"
            )
        return cls(
            options,
            teacher,
            base,
            shape,
            min(options.max_length or teacher.max_length, config.max_position_embeddings),
            takes_layers,
            options.learning_rate or (_RATE_OF_TRAINED if takes_layers else _RATE),
            threads,
            chosen_device(options.device),
        )

    def record(self) -> dict[str, Any]:
        """All that the result depends on beside texts and development data."""
        import torch

        return self.options.record() | {
            "teacher": vectors_name(self.teacher),
            "begins with": self.base.fingerprint,
            "most pieces": self.max_length,
            "threads": self.threads,
            "device": self.device,
            "embedpipe": __version__,
            "torch": str(torch.__version__),
        }


def _shape(options: DistilOptions, base: Encoder) -> StudentShape:
    """The size that is asked for, or the one that layers and `base` give."""
    config, layers = base.config, options.chosen_layers
    if options.shape is None:
        count = config.num_hidden_layers if layers is None else len(layers)
        return StudentShape(count, config.hidden_size)
    if layers is not None and len(layers) != options.shape.layers:
        raise ParameterError(
            f"student {options.student} and layers {options.layers}: found {len(layers)} layers; "
            f"expected {options.shape.layers}. Leave out one of the two"
        )
    return options.shape


def _check_layers(base: Encoder, layers: tuple[int, ...], shape: StudentShape) -> None:
    """Layers that `base` does not have, or that are of another width or architecture."""
    config = base.config
    there = config.num_hidden_layers
    if config.architecture != "bert":
        raise ParameterError(
            f"{base.name}: found {config.row.title}, whose layers no BERT can take over; leave out "
            "--layers, or take a BERT model"
        )
    if shape.hidden != config.hidden_size:
        raise ParameterError(
            f"layers of {base.name} are {config.hidden_size} wide, the student {shape.hidden}; "
            f"they cannot be joined. Leave out --layers, or take --student L{shape.layers}_H"
            f"{config.hidden_size}"
        )
    if any(layer >= there for layer in layers) or len(set(layers)) < len(layers):
        raise ParameterError(
            f"layers {','.join(map(str, layers))}: {base.name} has 0 to {there - 1}; expected some "
            "of these, each once"
        )
    if shape.layers > there:
        raise ParameterError(
            f"{shape.layers} layers: {base.name} has {there}; expected at most as many"
        )
