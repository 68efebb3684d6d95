"""What the readers of all formats share: shapes of arrays, bfloat16, vocabularies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embedpipe.errors import ModelFormatError
from embedpipe.files.vocabulary import vocabulary_lines
from embedpipe.formats.arrays import byte_size, widen_bfloat16
from embedpipe.formats.layout import index_of


@pytest.mark.parametrize(
    ("shape", "size"), [((), 4), ((3, 5), 60), ([2], 8), ((0, 7), 0), ((1,) * 32, 4)]
)
def test_sizes_are_those_of_numpy(shape: Any, size: int) -> None:
    assert byte_size(shape, "<f4") == size == np.empty(shape, np.float32).nbytes


@pytest.mark.parametrize(
    ("shape", "finding"),
    [
        ((-1,), "shape (-1,); expected"),
        ((True,), "expected at most 32 sizes"),
        ((2.0,), "expected at most 32 sizes"),
        ((1,) * 33, "expected at most 32 sizes"),
        ("12", "expected at most 32 sizes"),
        ((2**62, 2), "more than 2^63 bytes"),
        ((0, 2**62), "more than 2^63 bytes"),
    ],
)
def test_shapes_that_no_array_has_are_refused(shape: Any, finding: str) -> None:
    with pytest.raises(ValueError, match=r"^shape ") as caught:
        byte_size(shape, "<f4")
    assert finding in str(caught.value)


def test_bfloat16_is_widened_exactly() -> None:
    bits = np.arange(2**16, dtype=np.uint32)
    found = widen_bfloat16(bits.astype(np.uint16))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), bits << 16)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_a_vocabulary_end_in_each_way(end: str) -> None:
    pieces = ("[PAD]", "\u2028", "", "\x85", "東")
    text = end.join(pieces)
    for content in (text, text + end):
        assert vocabulary_lines(content.encode(), "vocab.txt") == pieces


@pytest.mark.parametrize(
    ("content", "finding"),
    [(b"", "is empty"), (b"x" * 1001, "over 1000 characters"), (b"a\n\xff", "byte 2 is not UTF-8")],
)
def test_what_is_no_vocabulary_is_refused(content: bytes, finding: str) -> None:
    with pytest.raises(ModelFormatError, match=rf"^vocab\.txt.*{finding}"):
        vocabulary_lines(content, "vocab.txt")


def test_the_index_of_shards_has_the_name_of_the_whole() -> None:
    for name in ("model.safetensors", "model-00002-of-00010.safetensors"):
        assert index_of(name) == "model.safetensors.index.json"
