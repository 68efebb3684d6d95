"""Checks whether a model gives its published vectors, and with which settings.

What was published is in the catalog.
"""

from embedpipe.verification.comparison import FLOAT32_TOLERANCE, verify
from embedpipe.verification.outcome import Combination, Verification
from embedpipe.verification.published import catalog_entry, stage_class, why_not_comparable

__all__ = [
    "FLOAT32_TOLERANCE",
    "Combination",
    "Verification",
    "catalog_entry",
    "stage_class",
    "verify",
    "why_not_comparable",
]
