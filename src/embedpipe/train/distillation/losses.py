"""What a student is told about its vectors."""

from __future__ import annotations

from typing import Any

from embedpipe.train.distillation.options import LossWeights

__all__ = ["distillation_loss"]

_NEVER = -1e4  # a similarity that no softmax sees


def distillation_loss(
    student: Any, teacher: Any, weights: LossWeights, temperature: float
) -> tuple[Any, Any]:
    """The loss of a batch, and 1 - cosine alone, as scalars; both inputs (n, dimension), length 1.

    cosine: the mean of 1 - cosine to the teacher's vector. similarity: to whom each text is how
    similar within the batch, as a distribution by softmax of cosines over `temperature`; the mean
    divergence (Kullback-Leibler) of the student's from the teacher's.
    """
    import torch
    from torch.nn import functional

    away = (1 - (student * teacher).sum(1)).mean()
    loss = weights.cosine * away
    if weights.similarity:
        own = torch.eye(len(student), dtype=torch.bool, device=student.device)
        made, wanted = (
            functional.log_softmax((v @ v.T / temperature).masked_fill(own, _NEVER), 1)
            for v in (student, teacher)
        )
        divergence = functional.kl_div(made, wanted, log_target=True, reduction="batchmean")
        loss = loss + weights.similarity * divergence
    return loss, away
