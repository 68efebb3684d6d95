"""The student: a BERT of PyTorch, the mean of its pieces, and a Dense step where it needs one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from embedpipe.train.distillation.batches import PieceTexts

__all__ = ["Student"]

Floats = npt.NDArray[np.float32]


class Student:
    """bert: transformers' BertModel. dense: a torch Linear, or None."""

    def __init__(self, config: Any, dimension: int, device: str) -> None:
        from transformers import BertModel

        hidden = config.hidden_size
        self.bert: Any = BertModel(config, add_pooling_layer=False).to(device)
        self.dense: Any = (
            None if hidden == dimension else torch.nn.Linear(hidden, dimension).to(device)
        )
        self.device = device
        self.is_static = config.num_hidden_layers == 0
        if self.is_static:  # the sum of a text's pieces does not depend on where they stand
            places = self.bert.embeddings.position_embeddings.weight
            places.requires_grad_(False)

    @property
    def module(self) -> Any:
        """All that is learned, as one module."""
        parts = {"bert": self.bert}
        if self.dense is not None:
            parts["dense"] = self.dense
        return torch.nn.ModuleDict(parts)

    def pooled(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Any:
        """The mean of each text's pieces, (texts, hidden)."""
        weights = torch.from_numpy(mask).to(self.device)
        made = self.bert(input_ids=torch.from_numpy(ids).to(self.device), attention_mask=weights)
        shares = weights[..., None].float()
        return (made.last_hidden_state.float() * shares).sum(1) / shares.sum(1)

    def __call__(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Any:
        """Vectors of length 1, (texts, dimension)."""
        pooled = self.pooled(ids, mask)
        made = pooled if self.dense is None else self.dense(pooled).float()
        return functional.normalize(made, dim=-1)

    def encode(self, texts: PieceTexts, *, pooled: bool = False) -> Floats:
        """Vectors of all texts, float32 (n, dimension), nothing learned; or only their means."""
        self.bert.eval()
        compute = self.pooled if pooled else self
        found: Floats | None = None
        with torch.inference_mode():
            for rows in texts.sorted_runs():
                made = compute(*texts.padded(rows)).cpu().numpy()
                if found is None:
                    found = np.empty((len(texts), made.shape[1]), np.float32)
                found[rows] = made
        self.bert.train()
        if found is None:
            raise ValueError("no texts")
        return found

    def state(self) -> dict[str, Any]:
        """A copy of all tensors, by name."""
        return {name: value.detach().clone() for name, value in self.module.state_dict().items()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self.module.load_state_dict(state)
