"""A table with columns of many types beside its texts, for frames of every kind."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pyarrow as pa

TEXTS = ["One. Two three.", None, "", "Four 😀 five.", "One. Two three."]


def wide_table() -> pa.Table:
    """Five rows: texts, and columns that no stage reads."""
    zone = pa.timestamp("us", tz="Europe/Berlin")
    noon = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
    prices = [Decimal("1.50"), None, *[Decimal("-0.25")] * 3]
    nested = [{"x": [1, 2], "y": {"z": "a"}}, None, {"x": [], "y": None}, None, None]
    return pa.table(
        {
            "id": pa.array([5, 4, 3, 2, 1], pa.int64()),
            "text": pa.array(TEXTS, pa.string()),
            "kind": pa.array(["b", "a", None, "b", "a"]).dictionary_encode(),
            "price": pa.array(prices, pa.decimal128(9, 2)),
            "when": pa.array([noon, None, noon, noon, noon], zone),
            "nested": pa.array(nested),
            "nothing": pa.nulls(5),
            "bytes": pa.array([b"\x00\xff", b"", None, b"a", b"b"], pa.binary()),
            "flag": pa.array([True, None, False, True, False]),
            "share": pa.array([0.5, None, 0.25, 1.0, -0.0], pa.float64()),
        }
    )
