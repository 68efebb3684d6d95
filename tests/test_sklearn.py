"""EncoderTransformer keeps what scikit-learn expects of a transformer."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from embedpipe import Encoder
from embedpipe.errors import InputError, ModelNotFoundError, ParameterError
from embedpipe.sklearn import EncoderTransformer
from tests.support.golden_models import load_encoders

TEXTS = [f"{word} number {i}" for i in range(10) for word in ("good", "bad")]
LABELS = [1, 0] * 10


@pytest.fixture(scope="module")
def encoder(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))["tiny_bert"]


def test_it_gives_the_vectors_of_the_encoder(encoder):
    made = EncoderTransformer(encoder, pooling="cls", normalize=False).fit_transform(TEXTS)
    expected = encoder.encode(TEXTS, pooling="cls", normalize=False)
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(
        EncoderTransformer(encoder).transform(TEXTS), encoder.encode(TEXTS)
    )


def test_texts_come_in_any_column(encoder):
    step = EncoderTransformer(encoder).fit(TEXTS)
    expected = encoder.encode(TEXTS)
    frame = pd.DataFrame({"text": TEXTS})
    for column in (
        frame["text"],
        frame,
        np.array(TEXTS),
        np.array(TEXTS, object)[:, None],
        pl.DataFrame(frame),
        pl.Series(TEXTS),
    ):
        np.testing.assert_array_equal(step.transform(column), expected)


def test_parameters_are_got_set_and_cloned(encoder):
    step = EncoderTransformer(encoder, pooling="cls", threads=1)
    assert step.get_params() == {
        "model": encoder,
        "pooling": "cls",
        "normalize": None,
        "prompt": None,
        "prompt_name": None,
        "missing": "null",
        "precision": "float32",
        "threads": 1,
    }
    copied = clone(step.set_params(pooling="mean", threads=None))
    np.testing.assert_array_equal(
        copied.fit_transform(TEXTS), encoder.encode(TEXTS, pooling="mean")
    )
    assert "EncoderTransformer(model=" in repr(step)


@pytest.mark.parametrize(("kind", "library"), [("pandas", pd), ("polars", pl)])
def test_set_output_gives_frames(kind, library, encoder):
    frame = pd.DataFrame({"text": TEXTS}, index=range(20, 0, -1))
    step = EncoderTransformer(encoder).set_output(transform=kind)
    made = step.fit_transform(frame["text"])
    assert isinstance(made, library.DataFrame)
    assert [*made.columns] == [*step.get_feature_names_out()]
    assert [*made.columns][:2] == ["encodertransformer0", "encodertransformer1"]
    np.testing.assert_array_equal(made.to_numpy(), encoder.encode(TEXTS))
    if kind == "pandas":
        pd.testing.assert_index_equal(made.index, frame.index)


def test_it_is_a_step_of_pipelines(encoder):
    model = make_pipeline(EncoderTransformer(encoder), StandardScaler(), LogisticRegression())
    model.fit(TEXTS, LABELS)
    expected = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        encoder.encode(TEXTS), LABELS
    )
    new = ["good things", "bad things"]
    assert model.predict(new).tolist() == expected.predict(encoder.encode(new)).tolist()
    assert "EncoderTransformer" in model._repr_html_()


def test_columns_are_chosen_by_name(encoder):
    frame = pd.DataFrame({"text": TEXTS, "n": range(20)})
    for columns in ("text", ["text"]):
        chosen = ColumnTransformer(
            [("text", EncoderTransformer(encoder), columns), ("n", "passthrough", ["n"])]
        )
        made = chosen.fit_transform(frame)
        np.testing.assert_array_equal(made[:, :-1], encoder.encode(TEXTS))
        assert chosen.get_feature_names_out()[-1] == "n__n"


def test_grids_are_searched_in_parallel_with_vectors_kept(encoder, tmp_path):
    model = make_pipeline(
        EncoderTransformer(str(encoder.path), threads=1), LogisticRegression(), memory=str(tmp_path)
    )
    grid = {"encodertransformer__pooling": ["mean", "cls"], "logisticregression__C": [0.1, 1, 10]}
    found = GridSearchCV(model, grid, cv=2, n_jobs=2, error_score="raise").fit(TEXTS, LABELS)
    assert found.best_score_ == 1.0
    assert found.predict(["good thing"]).tolist() == [1]
    here = GridSearchCV(model, grid, cv=2, error_score="raise").fit(TEXTS, LABELS)
    assert here.cv_results_["mean_test_score"].tolist() == (
        found.cv_results_["mean_test_score"].tolist()
    )
    assert cross_val_score(model, TEXTS, LABELS, cv=2, error_score="raise").tolist() == [1, 1]


@pytest.mark.parametrize("fitted", [False, True])
def test_joblib_stores_a_pipeline_by_reference(fitted, encoder, tmp_path):
    model = make_pipeline(EncoderTransformer(encoder), LogisticRegression()).fit(TEXTS, LABELS)
    stored = model if fitted else clone(model)
    joblib.dump(stored, tmp_path / "model.joblib")
    assert (tmp_path / "model.joblib").stat().st_size < 20_000
    read = joblib.load(tmp_path / "model.joblib")
    if not fitted:
        read.fit(TEXTS, LABELS)
    np.testing.assert_array_equal(read.predict_proba(TEXTS), model.predict_proba(TEXTS))


def test_mistakes_are_told_by_fit_and_transform(encoder, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    with pytest.raises(ModelNotFoundError):
        EncoderTransformer("no-such-model").fit(TEXTS)
    with pytest.raises(ParameterError, match="pooling"):
        EncoderTransformer(encoder, pooling="middle").fit(TEXTS)
    with pytest.raises(InputError, match="found 2 columns"):
        EncoderTransformer(encoder).transform(pd.DataFrame({"a": TEXTS, "b": TEXTS}))
    with pytest.raises(InputError, match=r"texts\[1\]"):
        EncoderTransformer(encoder, missing="error").transform(["a", None])
    assert np.isnan(EncoderTransformer(encoder).transform(["a", None])[1]).all()


def test_an_encoder_is_a_parameter_and_stays_as_it_is(encoder):
    step = EncoderTransformer(encoder, precision="int8").fit(TEXTS)
    assert step.encoder_.precision == "int8"
    assert encoder.precision == "float32"
    assert isinstance(clone(step).model, Encoder)
