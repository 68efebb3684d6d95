"""Requests of `server.py`: texts, the forms that they are asked for in, and whether answers are
right."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from serving import JSON, Ask, Server, ask_once

from embedpipe import Encoder
from embedpipe.annotator import BertSentenceEmbeddings
from embedpipe.base import DocumentAssembler, Pipeline
from embedpipe_bench.corpus import TEXT, read_lines

__all__ = ["SEVERAL", "ask_of", "asks", "check", "make_texts", "pipeline_of"]

ARROW = "application/vnd.apache.arrow.stream"
SEVERAL, MANY = 8, 64
FORMS = {"JSON": (1, SEVERAL, MANY), "base64": (SEVERAL, MANY), "Arrow": (SEVERAL, MANY)}
"""And how many texts a request brings."""
OTHERS_FORMS = {"JSON": (1, SEVERAL)}
LEAST_COSINE = 0.999
PIPELINE = "vectors"


def make_texts() -> dict[str, list[str]]:
    """By kind. mixed: each 16th is a dozen lines long."""
    lines = read_lines(TEXT)
    short = [line for line in lines if len(line) <= 80]
    mixed = [
        " ".join(lines[n : n + 12]) if n % 16 == 0 else line for n, line in enumerate(lines[:1024])
    ]
    return {"short": short[:1024], "mixed": mixed}


def asks(texts: Sequence[str], *, all_forms: bool) -> Iterator[tuple[str, Ask]]:
    """Of ours in all forms, of others in JSON."""
    for form, sizes in (FORMS if all_forms else OTHERS_FORMS).items():
        for size in sizes:
            yield form, ask_of(texts, form, size)


def ask_of(texts: Sequence[str], form: str, size: int) -> Ask:
    """Requests of `size` texts each."""
    parts = [list(texts[n : n + size]) for n in range(0, len(texts) // size * size, size)]
    if form == "Arrow":
        path = f"/pipelines/{PIPELINE}"
        return Ask(path, [_stream(part) for part in parts], size, ARROW, ARROW)
    more = {"encoding_format": "base64"} if form == "base64" else {}
    bodies = [
        json.dumps({"input": part[0] if size == 1 else part, **more}).encode() for part in parts
    ]
    return Ask("/v1/embeddings", bodies, size, JSON, JSON)


def pipeline_of(encoder: Encoder, folder: Path) -> Path:
    """A saved pipeline with a vector for each row."""
    stages = [
        DocumentAssembler(inputCol="text", outputCol="document"),
        BertSentenceEmbeddings(encoder, inputCols=["document"], outputCol="vectors"),
    ]
    Pipeline(stages=stages).fit().write().overwrite().save(folder / PIPELINE)
    return folder / PIPELINE


def check(
    server: Server, form: str, texts: Sequence[str], encoder: Encoder, *, exact: bool
) -> None:
    """RuntimeError unless the server gives the encoder's vectors: their bits if `exact`."""
    some = list(texts[:256])
    ask = ask_of(some, form, SEVERAL)
    bodies = [ask_once(server.address, ask.path, body, ask.media_type) for body in ask.bodies]
    found = np.concatenate([_vectors(body, form) for body in bodies])
    expected = encoder.encode(some)
    if exact and found.tobytes() != expected.tobytes():
        raise RuntimeError(f"{form}: the server gives other vectors than Encoder.encode")
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    least = float(((found * expected).sum(axis=1) / lengths).min())
    if least < LEAST_COSINE:
        raise RuntimeError(f"{form}: the least cosine to Encoder.encode is {least:.4f}")


def _vectors(body: bytes, form: str) -> npt.NDArray[np.float32]:
    if form == "Arrow":
        column = pa.ipc.open_stream(body).read_all()["vectors"].combine_chunks()
        values = column.values.field("embeddings").flatten()
        found: npt.NDArray[np.float32] = np.asarray(values, np.float32).reshape(len(column), -1)
        return found
    rows: list[Any] = [row["embedding"] for row in json.loads(body)["data"]]
    if form == "base64":
        rows = [np.frombuffer(base64.b64decode(row), "<f4") for row in rows]
    return np.array(rows, np.float32)


def _stream(texts: list[str]) -> bytes:
    sink = io.BytesIO()
    batch = pa.record_batch({"text": pa.array(texts)})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()
