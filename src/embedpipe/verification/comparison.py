"""Compares a model with its published values, in each combination of settings.

The vectors are those of the stage that the model was published for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import get_args

from embedpipe.encoder import Encoder
from embedpipe.engine.config import Activation
from embedpipe.engine.pooling import POOLINGS
from embedpipe.errors import ParameterError
from embedpipe.formats.model import Model
from embedpipe.formats.reading import open_model, open_model_tree
from embedpipe.hub.catalog import catalog
from embedpipe.hub.catalog_file import CatalogModel, Published
from embedpipe.hub.find import find_model
from embedpipe.hub.names import DEFAULT_MODEL
from embedpipe.pipeline.light import LightPipeline
from embedpipe.pipeline.pipeline import Pipeline
from embedpipe.stages import BertSentenceEmbeddings, DocumentAssembler, Tokenizer
from embedpipe.stages.bases.encoder_stage import EncoderStage
from embedpipe.verification.outcome import FIRST_PIECE, Case, Combination, Verification
from embedpipe.verification.published import catalog_entry, comparable_rows, stage_class

__all__ = ["FLOAT32_TOLERANCE", "verify"]

FLOAT32_TOLERANCE = 4e-5
"""How far two programs' float32 values may lie apart: each within 2e-5 of the exact one, which is
the bound of our own. The forms of GELU differ by more: in all-MiniLM-L6-v2, by 1e-4."""


def verify(
    name_or_path: str | os.PathLike[str] | None = None, *, record: bool = False
) -> Verification:
    """Compare a model with its published values, in each pooling, form of GELU and case.

    name_or_path: as `find_model` takes it, and a model of the catalog is downloaded like there; a
    folder's model is the one that its `embedpipe.json` names, else that of the folder's name.

    record: whether to write the outcome into the folder's `embedpipe.json`, as
    `Verification.record` does; no file is touched otherwise. A model that does not fit is no error
    here, but in `Verification.check`.

    Raises ParameterError if nothing is published to compare with, ModelNotFoundError or
    ModelFormatError if the catalog does not know the model or it cannot be opened, OutputError if
    the outcome cannot be recorded.

    >>> verify("all-MiniLM-L6-v2")
    Traceback (most recent call last):
    embedpipe.errors.ParameterError: all-MiniLM-L6-v2: the catalog has no published values ...
    """
    asked = DEFAULT_MODEL if name_or_path is None else name_or_path
    if isinstance(asked, str):
        known = catalog().get(asked)
        if known is not None and not Path(asked).exists():
            comparable_rows(known)  # before it is downloaded
    place = find_model(name_or_path)
    entry = catalog_entry(asked, place)
    rows = comparable_rows(entry)
    model = open_model(open_model_tree(place))
    tried = list(_combinations(entry, rows, model))
    used, vectors = next((combination, made) for combination, made, in_use in tried if in_use)
    combinations = tuple(combination for combination, _, _ in tried)
    computed = tuple(
        tuple(vector[: len(row.values)]) for row, vector in zip(rows, vectors, strict=True)
    )
    found = Verification(entry.name, place, combinations, used, tuple(rows), computed)
    if record:
        found.record()
    return found


def _combinations(
    entry: CatalogModel, rows: Sequence[Published], model: Model
) -> Iterator[tuple[Combination, list[list[float]], bool]]:
    """Every combination, the rows' vectors, and whether it is the default one.

    The weights are read once, and packed once for each form of GELU.
    """
    made_for = stage_class(entry)
    poolings: Sequence[str] = [FIRST_PIECE]
    if entry.task == "sentence":
        poolings = [p for p in POOLINGS if p != "pooler" or model.weights.pooler is not None]
    for activation in get_args(Activation):
        variant = replace(model, config=replace(model.config, activation=activation))
        stage = made_for(Encoder.of_model(variant, name=entry.name, reference=None))
        own_case = stage.getCaseSensitive()
        own_pooling = model.pooling if entry.task == "sentence" else FIRST_PIECE
        in_use = (own_pooling, model.config.activation, "cased" if own_case else "lower")
        for case in get_args(Case):
            is_cased = case == "cased"
            stage.setCaseSensitive(is_cased)
            if isinstance(stage, BertSentenceEmbeddings):
                # A model's own tokenizer knows one case; Spark NLP's words are looked up in either.
                if is_cased != own_case and not stage.encoder.tokenizer.is_wordpiece:
                    continue
                stage.setWordSplitting("model" if is_cased == own_case else "basic-words")
            for pooling in poolings:
                if pooling != FIRST_PIECE:
                    stage.setParams(pooling=pooling)
                vectors = _vectors(stage, rows, entry.name)
                farthest = _farthest(rows, vectors)
                combination = Combination(pooling, activation, case, *farthest)
                yield combination, vectors, combination.settings == in_use


def _vectors(stage: EncoderStage, rows: Sequence[Published], name: str) -> list[list[float]]:
    """The vector of each row's sentence, or of its word in its context."""
    document = DocumentAssembler(inputCol="text", outputCol="document")
    tokens = Tokenizer(inputCols=["document"], outputCol="token")
    is_word = len(stage.input_annotator_types) > 1
    column = "token" if is_word else "document"
    stage.setParams(inputCols=["document", "token"] if is_word else ["document"], outputCol="made")
    fitted = Pipeline(stages=[document, tokens, stage]).fit()
    contexts = [(row.context or row.text) if is_word else row.text for row in rows]
    found = LightPipeline(fitted, parse_embeddings=True).fullAnnotate(contexts)
    vectors = []
    seen: dict[tuple[str, str], int] = {}
    for row, context, columns in zip(rows, contexts, found, strict=True):
        number = seen.get((row.text, context), 0)  # a word may stand in a sentence twice
        seen[row.text, context] = number + 1
        places = [i for i, part in enumerate(columns[column]) if part.result == row.text]
        vector = columns["made"][places[number]].embeddings if number < len(places) else ()
        if len(vector) < len(row.values):
            raise ParameterError(
                f"{name}: the catalog has {len(row.values)} published values of {row.text!r:.80} "
                f"in {context!r:.80}; found there a vector of {len(vector)}. Correct the entry"
            )
        vectors.append(list(vector))
    return vectors


def _farthest(rows: Sequence[Published], vectors: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Difference and tolerance of the value with the largest ratio of the two."""
    pairs = [
        (abs(found - published), _tolerance(published))
        for row, vector in zip(rows, vectors, strict=True)
        for published, found in zip(row.values, vector, strict=False)  # the first ones of many
    ]
    return max(pairs, key=lambda pair: math.inf if math.isnan(pair[0]) else pair[0] / pair[1])


def _tolerance(published: float) -> float:
    """Half a unit of the last digit, plus the tolerance of float32.

    >>> f"{_tolerance(0.25):.5f}", f"{_tolerance(-1.2620444297790527):.5f}"
    ('0.00504', '0.00004')
    """
    exponent = int(Decimal(repr(published)).as_tuple().exponent)
    return 0.5 * 10.0**exponent + FLOAT32_TOLERANCE
