"""What the demo page shows of a text: sentences, tokens, their pieces, and who is near whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.encoder import Encoder
from embedpipe.engine.architecture import ARCHITECTURES
from embedpipe.engine.pooling import Pooling, normalize
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.server.works import EmbedTexts
from embedpipe.stages import STAGES, DocumentAssembler, SentenceDetector, Tokenizer
from embedpipe.stages.bases.word_embeddings import WordEmbeddings

__all__ = ["Analysis", "projected"]

_NEAREST = 8
_SPECIAL_PER_TEXT = 2

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Analysis:
    """Analyzes texts, as a kind of work for `turns`."""

    encoder: Encoder
    pooling: Pooling

    def run(self, items: list[str]) -> list[dict[str, Any]]:
        """Of each text what `analyzed` says."""
        return [self.analyzed(text) for text in items]

    def analyzed(self, text: str) -> dict[str, Any]:
        """Sentences with cosines to each other, and tokens with pieces and nearest tokens.

        Offsets count UTF-16 units, as JavaScript and Spark NLP do; ends are included.
        """
        batch = pa.record_batch({"text": pa.array([text], pa.string())})
        (found,) = self._pipeline.transform_batches([batch])
        sentences = found["sentence"][0].as_py()
        tokens = found["token"][0].as_py()
        texts = [sentence["result"] for sentence in sentences]
        embedded = EmbedTexts(self.encoder, self.pooling, normalize=True, prompt="").run(texts)
        return {
            "sentences": [
                {
                    "begin": sentence["begin"],
                    "end": sentence["end"],
                    "text": sentence["result"],
                    "pieces": int(length),
                    "cut": bool(length > self.encoder.max_length),
                }
                for sentence, length in zip(sentences, embedded.full_lengths, strict=True)
            ],
            "similarity": np.round(embedded.vectors @ embedded.vectors.T, 4),
            "tokens": self._described(tokens, _vectors(tokens, found["embeddings"])),
        }

    @cached_property
    def _pipeline(self) -> PipelineModel:
        names = ARCHITECTURES[self.encoder.config.architecture].annotators
        stage = next(s for s in STAGES if s.__name__ in names and issubclass(s, WordEmbeddings))
        return Pipeline(
            stages=[
                DocumentAssembler(inputCol="text", outputCol="document"),
                SentenceDetector(inputCols=["document"], outputCol="sentence"),
                Tokenizer(inputCols=["sentence"], outputCol="token"),
                stage(self.encoder, inputCols=["sentence", "token"], outputCol="embeddings"),
            ]
        ).fit()

    def _described(self, tokens: list[dict[str, Any]], vectors: Float32) -> list[dict[str, Any]]:
        tokenizer = self.encoder.tokenizer
        pieces = tokenizer.text_pieces([token["result"] for token in tokens])
        near = _nearest(vectors)
        sentences = [int(dict(token["metadata"])["sentence"]) for token in tokens]
        room, current, described = 0, -1, []
        for number, token in enumerate(tokens):
            if sentences[number] != current:
                room, current = self.encoder.max_length - _SPECIAL_PER_TEXT, sentences[number]
            ids = pieces[number]
            room -= len(ids)
            described.append(
                {
                    "begin": token["begin"],
                    "end": token["end"],
                    "text": token["result"],
                    "sentence": current,
                    "pieces": tokenizer.pieces(ids),
                    "cut": room < 0,
                    "nearest": near[number],
                }
            )
        return described


def _vectors(tokens: list[dict[str, Any]], column: pa.Array) -> Float32:
    """One vector per token, float32 (n, dimension); zeros for what lies behind a sentence's cut."""
    rows = column.values
    found = np.asarray(rows.field("embeddings").flatten(), np.float32).reshape(len(rows), -1)
    vectors = np.zeros((len(tokens), found.shape[1]), np.float32)
    places = {token["begin"]: number for number, token in enumerate(tokens)}
    vectors[[places[begin] for begin in rows.field("begin").to_pylist()]] = found
    return vectors


def _nearest(vectors: Float32) -> list[list[tuple[int, float]]]:
    """For each token its nearest others with their cosines, the nearest first; none for zeros."""
    unit = normalize(vectors)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    cosines[:, ~vectors.any(axis=1)] = -2
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEAREST]
    return [
        [
            (int(other), round(float(cosines[token, other]), 4))
            for other in others
            if cosines[token, other] > -2 and vectors[token].any()
        ]
        for token, others in enumerate(order)
    ]


def projected(vectors: Float32) -> Float32:
    """Places in the plane, float32 (n, 2) from -1 to 1: the first two principal components.

    The sign of each is chosen so that equal vectors give equal pictures.
    """
    centered = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centered.T @ centered)
    plane = centered @ directions[:, :-3:-1]
    plane *= np.where(plane[np.abs(plane).argmax(axis=0), [0, 1]] < 0, -1, 1)
    places: Float32 = (plane / max(float(np.abs(plane).max()), 1e-12)).astype(np.float32)
    return places
