"""What the tests of all importers share: the recorded tensors and outputs, and damaged bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from embedpipe.engine import EncoderConfig, Ragged, check_weights
from embedpipe.engine.pooling import pool
from embedpipe.engine.reference import ReferenceEncoder
from embedpipe.errors import EmbedpipeError, ModelFormatError
from embedpipe.formats import Model

OUTPUT_TOLERANCE = 1e-5  # TensorFlow's float32 against the definition in float64

fuzzed = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def assert_tensors(found: dict[str, np.ndarray], recorded: Path) -> None:
    """Equal to a safetensors file, which the official library reads, in every bit."""
    expected = load_file(recorded)
    assert sorted(found) == sorted(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert found[name].shape == tensor.shape, name
        assert found[name].tobytes() == tensor.tobytes(), name


def assert_config(model: Model, recorded: Path) -> None:
    """The configuration is the recorded one, in all that the encoder computes with."""
    expected = EncoderConfig.from_huggingface(json.loads(recorded.read_text()), source="recorded")
    assert model.config == expected
    assert EncoderConfig.from_huggingface(model.huggingface_config, source="found") == expected


def largest_difference(model: Model, recorded: Path) -> float:
    """Between the imported model's outputs and the framework's, on positions that are no padding.

    The encoder knows token type 0 only. So the second half of a doubled vocabulary has the
    difference of the two types added, and stands for pieces of type 1.
    """
    weights = check_weights(model.tensors, model.config, source="imported")
    words, types = weights.word_embeddings, weights.token_type_embeddings
    doubled = np.concatenate([words, words + (types[1] - types[0])])
    config = dataclasses.replace(model.config, vocab_size=len(doubled))
    encoder = ReferenceEncoder(config, dataclasses.replace(weights, word_embeddings=doubled))
    with np.load(recorded) as outputs:
        ids = outputs["input_ids"] + len(words) * outputs["token_type_ids"]
        masks = outputs["attention_mask"].astype(bool)
        pieces = Ragged.from_sequences(
            [row[mask] for row, mask in zip(ids, masks, strict=True)], np.int32
        )
        hidden = encoder.hidden_states(pieces.values, pieces.offsets)
        pooled = pool(hidden, pieces.offsets, "pooler", encoder.weights.pooler)
        assert np.isfinite(hidden).all()
        return max(
            float(np.abs(hidden - outputs["sequence_output"][masks]).max()),
            float(np.abs(pooled - outputs["pooled_output"]).max()),
        )


def refused(read: Callable[[], object], *findings: str) -> str:
    """The message with which it was refused, after a look that it names what it should."""
    with pytest.raises(ModelFormatError) as caught:
        read()
    message = str(caught.value)
    for finding in findings:
        assert finding in message
    return message


def varint(value: int) -> bytes:
    """A protocol-buffers integer."""
    value &= 2**64 - 1
    result = b""
    while value >= 0x80:
        result += bytes([value & 0x7F | 0x80])
        value >>= 7
    return result + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    """A protocol-buffers field: a varint, or bytes such as another message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a few of them changed, a part doubled or left out, or the end cut off."""
    place = st.integers(0, max(len(content) - 1, 0))
    changes = st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=6)

    def change(edits: list[tuple[int, int]]) -> bytes:
        result = bytearray(content)
        for position, byte in edits:
            result[position] = byte
        return bytes(result)

    return st.one_of(
        changes.map(change),
        place.map(lambda end: content[:end]),
        st.tuples(place, place).map(lambda ends: content[: ends[0]] + content[ends[1] :]),
    )


def survives(read: Callable[[], object]) -> None:
    """Whatever the bytes are, there is a result or one of our errors."""
    try:
        read()
    except EmbedpipeError as error:
        assert str(error)
