"""``embedpipe info``: version, processor, precisions and model."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import embedpipe
from embedpipe.cli.command import command
from embedpipe.cli.options import json_option, model_option
from embedpipe.errors import MissingDependencyError, ModelNotFoundError

__all__ = ["gather", "run"]


@command(
    "version, processor, instruction sets, precisions, threads and model",
    "embedpipe info --model bert_base_cased",
)
@model_option
@json_option
def run(model: str | None, as_json: bool) -> None:
    """Show version, processor, instruction sets, precisions, threads and facts of a model."""
    facts = gather(model)
    print(json.dumps(facts, indent=2) if as_json else format_facts(facts))


def gather(model: str | Path | None = None) -> dict[str, Any]:
    """Facts about this installation and a model, as JSON can hold them; names without spaces.

    Without `model` the default one is described; should it not be installed, `facts["model"]` is
    the message that says so. A model that was asked for and is not there raises.
    """
    from embedpipe.engine.processor import processor_name

    facts: dict[str, Any] = {
        "embedpipe": embedpipe.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor_name(),
    }
    try:
        from embedpipe.engine.native import (
            choose_isa,
            look_at_bfloat16,
            supported_isas,
            supported_precisions,
        )
        from embedpipe.engine.threads import default_threads

        facts["instruction_sets"] = list(supported_isas())
        facts["precisions"] = list(supported_precisions())
        look = look_at_bfloat16(choose_isa())
        facts["precision_auto"] = f"{'bfloat16' if look.is_worth_it else 'float32'}: {look.why}"
        facts["threads"] = default_threads()
    except MissingDependencyError as error:
        facts["engine"] = str(error)
        return facts
    try:
        facts |= _model_facts(model)
    except ModelNotFoundError as error:
        if model is not None:
            raise
        facts["model"] = str(error)
    return facts


def format_facts(facts: Mapping[str, Any]) -> str:
    """One line per fact with the values aligned; facts of the model are indented."""
    lines: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            lines += [(name, ""), *((f"  {key}", inner) for key, inner in value.items())]
        else:
            lines.append((name, value))
    lines = [(name.replace("_", " "), value) for name, value in lines]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {_plain(value)}".rstrip() for name, value in lines)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _model_facts(model: str | Path | None) -> dict[str, Any]:
    from embedpipe.encoder import Encoder

    encoder = Encoder.load(model)
    config = encoder.config
    return {
        "instruction_set_in_use": encoder.isa,
        "model": {
            "name": encoder.name,
            "folder": str(encoder.path),
            "architecture": config.architecture,
            "layers": config.num_hidden_layers,
            "hidden_size": config.hidden_size,
            "attention_heads": config.num_attention_heads,
            "vocabulary": config.vocab_size,
            "longest_input": encoder.max_length,
            "pooling": encoder.pooling,
            "normalized": encoder.normalize,
        },
    }
