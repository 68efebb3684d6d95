"""A transformer of scikit-learn that turns texts into vectors.

>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.pipeline import make_pipeline
>>> from embedpipe.sklearn import EncoderTransformer
>>> model = make_pipeline(EncoderTransformer(), LogisticRegression())
>>> texts = ["A fine film.", "I loved it.", "What a bore.", "I left early."]
>>> model.fit(texts, [1, 1, 0, 0]).predict(["A lovely film."]).tolist()
[1]
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.encoder import Encoder
from embedpipe.errors import InputError, ModelFormatError
from embedpipe.files.strict_json import read_json
from embedpipe.formats.huggingface.safetensors import read_safetensors

if TYPE_CHECKING:
    from embedpipe.encoder.texts import Missing
    from embedpipe.engine.pooling import Pooling
    from embedpipe.engine.precision import AskedPrecision

base: Any = require("sklearn.base", "embedpipe.sklearn")

__all__ = ["HEAD", "HEAD_WEIGHTS", "EncoderTransformer", "load_classifier"]

HEAD, HEAD_WEIGHTS = "classifier.json", "classifier.safetensors"
"""The labels of a classifier and its pooling; and `weight` (labels, dimension), `bias` (labels)."""


class EncoderTransformer(
    base.ClassNamePrefixFeaturesOutMixin, base.TransformerMixin, base.BaseEstimator
):
    """Texts to vectors: `Encoder.encode` as a step of scikit-learn's pipelines.

    Nothing is learned from data: `fit` loads the model, and `transform` does so where there was no
    `fit`. In a grid search, `make_pipeline(..., memory=folder)` keeps vectors from being computed
    again for each setting of the steps behind.

    Args:
        model: a name or path for `Encoder.load`, or an Encoder; None for the default one. By name
            or path, parallel workers share its weights.
        pooling, normalize, prompt, prompt_name, missing: as for `Encoder.encode`.
        precision, threads: as for `Encoder.load`. With parallel workers, `threads=1` keeps each of
            them from using all cores.

    Attributes:
        encoder_: the Encoder, after `fit`.

    >>> vectors = EncoderTransformer(pooling="cls").set_output(transform="pandas").fit_transform(
    ...     ["It rains."])
    >>> vectors.shape, vectors.columns[0]
    ((1, 384), 'encodertransformer0')
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants all of them here
        self,
        model: str | PathLike[str] | Encoder | None = None,
        *,
        pooling: Pooling | None = None,
        normalize: bool | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
        missing: Missing = "null",
        precision: AskedPrecision = "float32",
        threads: int | None = None,
    ) -> None:
        self.model = model
        self.pooling = pooling
        self.normalize = normalize
        self.prompt = prompt
        self.prompt_name = prompt_name
        self.missing = missing
        self.precision = precision
        self.threads = threads

    def fit(self, X: Any, y: Any = None) -> EncoderTransformer:  # noqa: ARG002
        """Load the model, and check the settings; nothing of `X` is looked at.

        Raises what `Encoder.load` and `Encoder.encode` raise.
        """
        if isinstance(self.model, Encoder):
            encoder = self.model.with_precision(self.precision)
        else:
            encoder = Encoder.load(self.model, precision=self.precision, threads=self.threads)
        self.encoder_ = encoder
        self._n_features_out = self._encode([""]).shape[1]
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Vectors, float32 (n, dimension), of n texts.

        X: a list, array or series of str; or a frame or array (n, 1) with one column of them.
        Raises InputError for more columns, and what `Encoder.encode` raises.
        """
        if not hasattr(self, "encoder_"):
            self.fit(X)
        return self._encode(_only_column(X))

    def _encode(self, texts: Any) -> npt.NDArray[np.float32]:
        return self.encoder_.encode(
            texts,
            pooling=self.pooling,
            normalize=self.normalize,
            prompt=self.prompt,
            prompt_name=self.prompt_name,
            missing=self.missing,
        )

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def load_classifier(
    folder: str | PathLike[str],
    *,
    precision: AskedPrecision = "float32",
    threads: int | None = None,
) -> Any:
    """What `embedpipe train --task classification` made, as a pipeline of scikit-learn.

    Its steps are an `EncoderTransformer` and a fitted `LogisticRegression`; it has `predict`,
    `predict_proba` and `classes_`. No pickle is read. precision, threads: as for `Encoder.load`.

    Raises ModelNotFoundError and ModelFormatError for a folder without a classifier, or whose files
    do not fit together.
    """
    place = Path(folder)
    said = read_json(place / HEAD, dict)
    weights = read_safetensors(place / HEAD_WEIGHTS)
    labels, pooling = said.get("labels"), said.get("pooling")
    weight, bias = weights.get("weight"), weights.get("bias")
    is_whole = isinstance(labels, list) and all(isinstance(each, str) for each in labels)
    if (
        not is_whole
        or weight is None
        or bias is None
        or len({*map(len, (labels, weight, bias))}) > 1
    ):
        raise ModelFormatError(
            f"{place}: {HEAD} and {HEAD_WEIGHTS} do not fit together; expected a label for each "
            "row of weight and bias. Train it again"
        )
    reading = EncoderTransformer(place, pooling=pooling, precision=precision, threads=threads).fit(
        []
    )
    linear = require("sklearn.linear_model", "a classifier").LogisticRegression()
    linear.classes_ = np.array(labels)
    # of two labels, scikit-learn keeps what tells the second from the first
    two = len(labels) == 2
    linear.coef_ = (weight[1:] - weight[:1] if two else weight).astype(np.float64)
    linear.intercept_ = (bias[1:] - bias[:1] if two else bias).astype(np.float64)
    linear.n_features_in_ = linear.coef_.shape[1]
    return require("sklearn.pipeline", "a classifier").make_pipeline(reading, linear)


def _only_column(texts: Any) -> Any:
    """The texts of one column, of a frame too, as ColumnTransformer hands it over."""
    shape: tuple[int, ...] = getattr(texts, "shape", ())
    if len(shape) != 2:
        return texts
    if shape[1] != 1:
        raise InputError(
            f"EncoderTransformer: found {shape[1]} columns; expected one column of texts. Choose "
            "it by its name: ColumnTransformer([('text', EncoderTransformer(), 'text')])"
        )
    column = texts.iloc[:, 0] if hasattr(texts, "iloc") else None
    if column is None:
        column = texts.to_series(0) if hasattr(texts, "to_series") else texts[:, 0]
    return column
