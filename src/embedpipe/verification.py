"""Whether a model gives the vectors published for it, and if not, with which settings it would.

What was published is in the catalog. The vectors are those of the stage that the model was
published for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args

from embedpipe.encoder import Encoder
from embedpipe.engine.config import Activation
from embedpipe.engine.pooling import POOLINGS
from embedpipe.environment import cache_directory
from embedpipe.errors import ModelFormatError, ModelNotFoundError, OutputError, ParameterError
from embedpipe.formats.huggingface.folder import HuggingFaceModel
from embedpipe.formats.huggingface.sentence_transformers import OWN_SETTINGS
from embedpipe.formats.opening import open_model, open_model_tree
from embedpipe.hub.catalog import catalog, show
from embedpipe.hub.catalog_file import CatalogModel, Published
from embedpipe.hub.find import find_model
from embedpipe.hub.install import add_to_record, read_record
from embedpipe.hub.names import DEFAULT_MODEL
from embedpipe.pipeline.light import LightPipeline
from embedpipe.pipeline.pipeline import Pipeline
from embedpipe.stages import STAGES, DocumentAssembler, Tokenizer
from embedpipe.stages.bases.encoder_stage import EncoderStage

__all__ = [
    "FLOAT32_TOLERANCE",
    "Combination",
    "Verification",
    "catalog_entry",
    "stage_class",
    "verify",
    "why_not_comparable",
]

Case = Literal["lower", "cased"]

FLOAT32_TOLERANCE = 4e-5
"""How far two programs' float32 values may lie apart: each within 2e-5 of the exact one, which is
the bound of our own. The forms of GELU differ by more: in all-MiniLM-L6-v2, by 1e-4."""

FIRST_PIECE = "first_piece"
"""In place of a pooling, for vectors of words."""


@dataclass(frozen=True)
class Combination:
    """Settings, and how far from the published values a model is with them.

    pooling: "cls", "mean" or "pooler", for words "first_piece". case: "lower" or "cased".
    difference, tolerance: of the value that is farthest away, measured by its tolerance: half a
    unit of its last published digit, and FLOAT32_TOLERANCE.
    """

    pooling: str
    activation: Activation
    case: Case
    difference: float
    tolerance: float

    @property
    def fits(self) -> bool:
        """Whether all values are those published."""
        return self.difference <= self.tolerance

    @property
    def settings(self) -> tuple[str, str, str]:
        """Pooling, activation and case."""
        return self.pooling, self.activation, self.case


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    name: of the model in the catalog. place: its folder or archive. combinations: all that were
    tried. used: the one among them that the model's files ask for. unrecorded: why nothing was
    written into the folder's `embedpipe.json`; None if it was. rows: what is published. computed:
    the first values of each row's vector with the settings in use, as many as are published.
    """

    name: str
    place: Path
    combinations: tuple[Combination, ...]
    used: Combination
    unrecorded: str | None
    rows: tuple[Published, ...]
    computed: tuple[tuple[float, ...], ...]

    def check(self) -> None:
        """Raise ModelFormatError, which names the settings that fit, unless those in use do."""
        if self.used.fits:
            return
        used = ", ".join(self.used.settings)
        fitting = [", ".join(c.settings) for c in self.combinations if c.fits]
        if fitting:
            raise ModelFormatError(
                f"{self.name} does not give its published values as {self.place} declares it "
                f"({used}), but as {' or as '.join(fitting)}. Correct what the folder, or the "
                "catalog that it came from, declares"
            )
        raise ModelFormatError(
            f"{self.name} in {self.place} gives its published values with no pooling, activation "
            f"and case; with those in use ({used}) the difference is {self.used.difference:.2g}, "
            f"expected at most {self.used.tolerance:.2g}. The weights or the vocabulary are not "
            "the published ones; fetch the model again"
        )


def verify(
    name_or_path: str | os.PathLike[str] | None = None, *, record: bool = True
) -> Verification:
    """Compare a model with its published values, in each pooling, form of GELU and case.

    name_or_path: as `find_model` takes it, and a model of the catalog is downloaded like there; a
    folder's model is the one that its `embedpipe.json` names, else that of the folder's name.

    The outcome for the settings in use is recorded in the folder's `embedpipe.json` as `verified`,
    if that is there already or the folder is in the cache; not if `record` is False. A model that
    does not fit is no error here, but in `Verification.check`.

    Raises ParameterError if nothing is published to compare with, ModelNotFoundError or
    ModelFormatError if the catalog does not know the model or it cannot be opened.

    >>> verify("all-MiniLM-L6-v2")
    Traceback (most recent call last):
    embedpipe.errors.ParameterError: all-MiniLM-L6-v2: the catalog has no published values ...
    """
    asked = DEFAULT_MODEL if name_or_path is None else name_or_path
    if isinstance(asked, str):
        known = catalog().get(asked)
        if known is not None and not Path(asked).exists():
            _comparable(known)  # before it is downloaded
    place = find_model(name_or_path)
    entry = catalog_entry(asked, place)
    rows = _comparable(entry)
    model = open_model(open_model_tree(place))
    tried = list(_combinations(entry, rows, model))
    used, vectors = next((combination, made) for combination, made, in_use in tried if in_use)
    combinations = tuple(combination for combination, _, _ in tried)
    unrecorded = _record(place, used) if record else "that was not asked for"
    computed = tuple(
        tuple(vector[: len(row.values)]) for row, vector in zip(rows, vectors, strict=True)
    )
    return Verification(entry.name, place, combinations, used, unrecorded, tuple(rows), computed)


def catalog_entry(asked: str | os.PathLike[str], place: Path) -> CatalogModel:
    """The catalog's entry of the model at a place: as recorded there, else by its name.

    Raises ModelNotFoundError if the catalog has none.
    """
    record = read_record(open_model_tree(place))
    name, version, language = (record.get(key) for key in ("name", "version", "language"))
    if isinstance(name, str):
        return show(f"{name}@{version}" if version else name, language)
    if Path(asked) != place:
        return show(str(asked))
    found = catalog().get(place.resolve().name)
    if found is None:
        raise ModelNotFoundError(
            f"{place}: neither its {OWN_SETTINGS} nor its name tells which model of the catalog "
            f"it is. Give the folder that model's name, or write it into {OWN_SETTINGS} as 'name'"
        )
    return found


def why_not_comparable(entry: CatalogModel) -> str | None:
    """Why vectors cannot be compared with the catalog's published values; None if they can."""
    rows = _published(entry)
    if not rows:
        return f"the catalog has no published values of a {_level(entry)} to compare with"
    if len({row.text for row in rows}) > 1 and len({row.values for row in rows}) == 1:
        return "the published values are the same for different texts, so that they tell nothing"
    return None


def _comparable(entry: CatalogModel) -> list[Published]:
    """The rows that vectors can be compared with; ParameterError if there are none."""
    reason = why_not_comparable(entry)
    if reason is not None:
        raise ParameterError(
            f"{entry.name}: {reason}. Describe the model with 'published' values in a file of "
            "EMBEDPIPE_CATALOG"
        )
    return _published(entry)


def _published(entry: CatalogModel) -> list[Published]:
    return [row for row in entry.published if row.level == _level(entry)]


def _level(entry: CatalogModel) -> str:
    return "sentence" if entry.task == "sentence" else "token"


def stage_class(entry: CatalogModel) -> type[EncoderStage]:
    """The stage that a model was published for; ParameterError if it is none of ours."""
    for stage in STAGES:
        if stage.__name__ == entry.annotator and issubclass(stage, EncoderStage):
            return stage
    known = ", ".join(s.__name__ for s in STAGES if issubclass(s, EncoderStage))
    raise ParameterError(
        f"{entry.name}: the catalog says annotator {entry.annotator!r}; expected one of {known}"
    )


def _combinations(
    entry: CatalogModel, rows: Sequence[Published], model: HuggingFaceModel
) -> Iterator[tuple[Combination, list[list[float]], bool]]:
    """Every combination, the rows' vectors, and whether it is what users get who set nothing.

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
            stage.setCaseSensitive(case == "cased")
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
    """Difference and tolerance of the value that is farthest away, measured by its tolerance."""
    pairs = [
        (abs(found - published), _tolerance(published))
        for row, vector in zip(rows, vectors, strict=True)
        for published, found in zip(row.values, vector, strict=False)  # the first ones of many
    ]
    return max(pairs, key=lambda pair: math.inf if math.isnan(pair[0]) else pair[0] / pair[1])


def _tolerance(published: float) -> float:
    """Half a unit of the last digit, and what float32 may differ.

    >>> f"{_tolerance(0.25):.5f}", f"{_tolerance(-1.2620444297790527):.5f}"
    ('0.00504', '0.00004')
    """
    exponent = int(Decimal(repr(published)).as_tuple().exponent)
    return 0.5 * 10.0**exponent + FLOAT32_TOLERANCE


def _record(place: Path, used: Combination) -> str | None:
    """Write the outcome into the folder's record; why not, if that is not done."""
    path = place / OWN_SETTINGS
    ours = path.is_file() or (cache_directory() / "models").resolve() in place.resolve().parents
    if not place.is_dir() or not ours:
        return f"{place} is neither in the cache nor a folder that embedpipe has recorded"
    outcome = {**asdict(used), "fits": used.fits}
    for key, value in (("difference", used.difference), ("tolerance", used.tolerance)):
        # Further digits depend on the processor; damaged weights can give NaN, which is no JSON.
        outcome[key] = float(f"{value:.3g}") if math.isfinite(value) else None
    try:
        add_to_record(place, {"verified": outcome})
    except OutputError as error:
        return str(error)
    return None
