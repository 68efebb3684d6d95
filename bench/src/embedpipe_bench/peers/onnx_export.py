"""A Hugging Face model as ONNX: input_ids, attention_mask (B, L) to last_hidden_state (B, L, D)."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

__all__ = ["INPUTS", "OUTPUT", "export_onnx", "load_transformers"]

INPUTS = ("input_ids", "attention_mask")
OUTPUT = "last_hidden_state"

Attention = Literal["eager", "sdpa"]


def load_transformers(model: Path, attention: Attention) -> Any:
    """transformers' model in float32 for inference, with the attention of that name."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    found = transformers.AutoModel.from_pretrained(
        model, attn_implementation=attention, dtype=torch.float32
    )
    return found.eval()


def export_onnx(model: Path, cache: Path, attention: Attention) -> Path:
    """The model's ONNX file in `cache`, exported unless it is there; batch and length stay free.

    By torch's TorchScript exporter: its graph is the one whose attention ONNX Runtime's optimizer
    recognizes. "eager" writes attention as products and a softmax, "sdpa" in torch's own grouping.
    """
    path = cache / f"{attention}-torch{version('torch')}-transformers{version('transformers')}.onnx"
    if path.exists():
        return path
    import torch  # not before: it would count as memory and start of the engines that need it not

    encoder = load_transformers(model, attention)

    class OneOutput(torch.nn.Module):  # type: ignore[misc]  # torch's types are not read
        """The last hidden state alone: the pooler stays out of the graph."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            output = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
            return output.last_hidden_state

    # A mask with padding: one without would let the exporter leave masking out altogether.
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    ids = torch.ones_like(mask)
    unfinished = path.with_suffix(".unfinished")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's age, and its guesses, which are verified
        torch.onnx.export(
            OneOutput().eval(),
            (ids, mask),
            unfinished,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "batch", 1: "length"} for name in (*INPUTS, OUTPUT)},
            opset_version=17,
            dynamo=False,
        )
    return unfinished.replace(path)
