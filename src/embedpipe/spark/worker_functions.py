"""What SQL functions do in Spark's Python workers: over the Arrow arrays of one batch of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe import stages
from embedpipe.annotation import AnnotationColumn, AnnotatorType
from embedpipe.encoder import Encoder
from embedpipe.errors import EmbedpipeError, InputError, ModelNotFoundError
from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.spark.failures import located
from embedpipe.spark.worker import opened, task_cpus

__all__ = ["run"]

_WORDS = AnnotatorType.WORD_EMBEDDINGS
_VECTOR = pa.list_(pa.field("element", pa.float32(), nullable=False))
_TOKEN = pa.struct(
    [("token", pa.string()), ("begin", pa.int32()), ("end", pa.int32()), ("vector", _VECTOR)]
)
_TOKENS = pa.list_(pa.field("element", _TOKEN))

Make = Callable[[Encoder, pa.Array], pa.Array]

_by_name: dict[str, Encoder] = {}
_pipelines: dict[int, PipelineModel] = {}


def run(name: str, payload: bytes, first: pa.Array, second: pa.Array) -> pa.Array:
    """The SQL function of that name, over two columns of one batch."""
    try:
        if name == "cosine":
            return _cosine(first, second)
        for column, words in ((first, "a text"), (second, "a model's name or path")):
            _check_text(name, column, words)
        return _by_model(opened(payload), first, second, *_MAKERS[name])
    except EmbedpipeError as error:
        raise located(error, f"SQL function {name}") from None


def _check_text(name: str, column: pa.Array, words: str) -> None:
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise InputError(f"{name}: found {kind}; expected {words}. Cast it to string")


def _by_model(
    sent: Mapping[str, Encoder], texts: pa.Array, models: pa.Array, make: Make, kind: Any
) -> pa.Array:
    """What is made of the texts by the model that stands beside each; null where one is missing."""
    there = pc.and_(texts.is_valid(), models.is_valid()).to_numpy(zero_copy_only=False)
    places, made = np.zeros(len(texts), np.int64), []
    count = 0
    for model in models.unique().drop_null().to_pylist():
        chosen = pc.fill_null(pc.equal(models, model), False).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(chosen & there)
        if len(rows):
            made.append(make(_encoder(sent, model), texts.take(pa.array(rows))))
            places[rows] = np.arange(count, count + len(rows))
            count += len(rows)
    if not made:
        return pa.nulls(len(texts), kind)
    return pa.concat_arrays(made).take(pa.array(places, mask=~there))


def _encoder(sent: Mapping[str, Encoder], name: str) -> Encoder:
    found = sent.get(name) or _by_name.get(name)
    if found is None:
        try:
            found = Encoder.load(name, threads=task_cpus())
        except ModelNotFoundError as error:
            raise ModelNotFoundError(
                f"the model {name!r} was not sent, and is not on this executor: {error}. Send it: "
                f"embedpipe.spark.register(spark, models=[{name!r}])"
            ) from error
        _by_name[name] = found
    return found


def _sentence_vectors(encoder: Encoder, texts: pa.Array) -> pa.Array:
    """One vector per text."""
    vectors = encoder.encode(texts.to_pylist())
    flat = pa.array(vectors.reshape(-1))
    offsets = np.arange(len(vectors) + 1, dtype=np.int32) * np.int32(encoder.dimension)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=_VECTOR)


def _token_vectors(encoder: Encoder, texts: pa.Array) -> pa.Array:
    """The tokens of each text, with their vectors."""
    model = _pipelines.setdefault(id(encoder), _token_pipeline(encoder))
    batch = pa.record_batch({"text": texts.cast(pa.string())})
    parts = []
    for made in model.transform_batches([batch]):
        column = AnnotationColumn.from_arrow(made.column(made.num_columns - 1)).to_arrow()
        annotations = column.values
        fields = [annotations.field(name) for name in ("result", "begin", "end", "embeddings")]
        structs = pa.StructArray.from_arrays(fields, fields=list(_TOKEN))
        parts.append(pa.ListArray.from_arrays(column.offsets, structs, type=_TOKENS))
    return pa.concat_arrays(parts)


def _token_pipeline(encoder: Encoder) -> PipelineModel:
    """The stages from text to word vectors; it holds the encoder, so that its id stays its own."""
    kinds = [getattr(stages, name, None) for name in encoder.config.row.annotators]
    words = next(kind for kind in kinds if kind and kind.output_annotator_type == _WORDS)
    return PipelineModel(
        [
            stages.DocumentAssembler(inputCol="text"),
            stages.SentenceDetector(inputCols=["document"], outputCol="sentence"),
            stages.Tokenizer(inputCols=["sentence"], outputCol="token"),
            words(encoder, inputCols=["sentence", "token"], outputCol="vectors"),
        ]
    )


def _cosine(first: pa.Array, second: pa.Array) -> pa.Array:
    """The cosine of the two vectors of each row, float64."""
    there = pc.and_(first.is_valid(), second.is_valid()).to_numpy(zero_copy_only=False)
    made = np.zeros(len(first))
    for row in np.flatnonzero(there):
        one, other = (_numbers(column[int(row)]) for column in (first, second))
        if one.shape != other.shape:
            raise InputError(
                f"cosine: found vectors of {len(one)} and {len(other)} numbers; expected two of "
                "one length, as one model makes them"
            )
        length = float(np.linalg.norm(one) * np.linalg.norm(other))
        there[row] = length > 0
        made[row] = one @ other / length if length else 0.0
    return pa.array(made, mask=~there)


def _numbers(vector: Any) -> npt.NDArray[np.float64]:
    return vector.values.to_numpy(zero_copy_only=False).astype(np.float64)  # type: ignore[no-any-return]


_MAKERS: dict[str, tuple[Make, Any]] = {
    "embed_sentence": (_sentence_vectors, _VECTOR),
    "embed_tokens": (_token_vectors, _TOKENS),
}
"""By function, what makes its values of texts, and their type."""
