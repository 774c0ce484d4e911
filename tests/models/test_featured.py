"""Classical models on images, series and texts: the plain scikit-learn pipeline behind our face, and features against their makers."""

from __future__ import annotations

from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from skimage.feature import hog
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from xai_compare.config import DataSpec
from xai_compare.data.image import ImageSpace
from xai_compare.data.series import SeriesSpace
from xai_compare.data.sources import read
from xai_compare.data.tabular import as_table, assemble
from xai_compare.data.text import TextSpace, as_texts
from xai_compare.errors import ModelError
from xai_compare.models._features import Hog, Pixels, QuickSVC, Summary, Tfidf, Values
from xai_compare.models.featured import FEATURES
from xai_compare.models.trained import Training
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams
from xai_compare.types import Data

WORDS = np.array(["red", "green", "blue", "big", "small", "round", "flat", "warm", "cold", "new"])


def images(n: int, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.random((n, 12, 12)) * 0.5
    for image, label in zip(x, y, strict=True):
        image[2 + 3 * label : 5 + 3 * label] += 0.4
    return x.astype(np.float32), y


def series(n: int, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.normal(size=(n, 2, 20))
    x[:, 0, 5:10] += 2 * y[:, None]
    x[::4, :, 15:] = np.nan
    return x, y


def texts(n: int, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    made = [" ".join([*rng.choice(WORDS, 6), ("Good", "bad", "odd")[label]]) + "!" for label in y.tolist()]
    return as_texts(made), y


MAKERS = {
    "image": (images, ImageSpace),
    "series": (series, SeriesSpace),
    "text": (texts, partial(TextSpace, d=9)),
}


@cache
def data_of(modality: str, task: str = "two") -> Data:
    make, space = MAKERS[modality]
    classes = 3 if task == "three" else 2
    x, y = make(90, classes)
    target = y + 0.1 * np.random.default_rng(5).normal(size=90) if task == "number" else y
    names = () if task == "number" else ("a", "b", "c")[:classes]
    kind = "regression" if task == "number" else "classification"
    return assemble(as_table(x[:60], target[:60]), as_table(x[60:], target[60:]), kind, names, (10, 5), Streams(0), space)


def trained(kind: str, data: Data, seed: int = 0, **params):
    return Training("m", kind, seed, params).train(data)


def small(kind: str) -> dict[str, object]:
    return {"n_estimators": 10} if kind in ("random_forest", "extra_trees", "gradient_boosting") else {}


TAKEN = [
    (kind, modality)
    for modality in MAKERS
    for kind in KINDS
    if modality in getattr(KINDS[kind], "modalities", ()) and hasattr(KINDS[kind], "columns")
]


# ---- behind our face


@pytest.mark.parametrize(("kind", "modality"), TAKEN)
def test_every_kind_is_trained_stored_and_restored(kind: str, modality: str) -> None:
    data = data_of(modality, "two" if "classification" in KINDS[kind].tasks else "number")
    if modality == "text" and kind in ("hist_gradient_boosting", "naive_bayes"):
        with pytest.raises(ModelError, match=r"model 'm': \w+ cannot take tfidf, .* Take another kind, such as logistic_regression"):
            trained(kind, data)
        return
    model, content = trained(kind, data, **small(kind))
    again = Training("m", kind, 0, small(kind)).restore(content, data)
    x = data.test.inputs
    for output in sorted(model.offers & {"probability", "margin", "value"}):
        found = model.predict(x, output)
        assert found.shape == (30, len(model.outputs))
        np.testing.assert_array_equal(again.predict(x, output), found)
        if output == "probability":
            np.testing.assert_allclose(found.sum(axis=1), 1)
    if data.task == "classification":
        assert (model.decide(x) == data.test.y).mean() > 0.6
    assert model.offers <= {"probability", "margin", "value", "refit"}
    assert model.owner is None
    assert model.weights is None
    assert "computed from the whole" in model.closed
    assert content == trained(kind, data, **small(kind))[1]


PIPELINES = [
    ("image", "logistic_regression", {}, lambda: make_pipeline(Pixels(), LogisticRegression(max_iter=5000))),
    ("image", "svm", {"features": "hog"}, lambda: make_pipeline(Hog(), SVC())),
    ("image", "svm", {"calibrated": True}, lambda: make_pipeline(Pixels(), CalibratedClassifierCV(SVC(), cv=5, ensemble=False))),
    ("image", "knn", {"n_neighbors": 1}, lambda: make_pipeline(Pixels(), KNeighborsClassifier(1))),
    ("series", "random_forest", {"n_estimators": 9}, lambda: make_pipeline(Values(), RandomForestClassifier(9, random_state=0))),
    ("series", "knn", {"features": "summary"}, lambda: make_pipeline(Summary(), StandardScaler(), KNeighborsClassifier())),
    ("text", "logistic_regression", {"C": 3.0}, lambda: make_pipeline(Tfidf(), LogisticRegression(C=3.0, max_iter=5000))),
    ("text", "svm", {"kernel": "linear", "balanced": True}, lambda: make_pipeline(Tfidf(), SVC(kernel="linear", class_weight="balanced"))),
]


@pytest.mark.parametrize("task", ["two", "three"])
@pytest.mark.parametrize(("modality", "kind", "params", "plain"), PIPELINES)
def test_predictions_are_those_of_the_plain_pipeline(modality, kind, params, plain, task) -> None:
    data = data_of(modality, task)
    model, _ = trained(kind, data, **params)
    wanted, x = plain().fit(data.train.inputs, data.train.y), data.test.inputs
    np.testing.assert_array_equal(model.decide(x), wanted.predict(x))
    if "probability" in model.offers:
        np.testing.assert_allclose(model.predict(x, "probability"), wanted.predict_proba(x), atol=1e-9)
    if "margin" in model.offers and not params.get("calibrated"):
        z = wanted.decision_function(x)
        expected = np.column_stack([-z, z]) if z.ndim == 1 else z - z.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict(x, "margin"), expected, atol=1e-9)
    assert model.about["features"] == params.get("features", next(iter(FEATURES[modality])))


def test_a_calibrated_line_has_log_odds() -> None:
    for modality in MAKERS:
        data = data_of(modality)
        model, _ = trained("svm", data, kernel="linear", calibrated=True)
        assert model.offers >= {"margin", "probability"}
        p = model.predict(data.test.inputs, "probability")
        np.testing.assert_allclose(model.predict(data.test.inputs, "margin")[:, 1], np.log(p[:, 1] / p[:, 0]), atol=1e-6)


def test_a_number_is_predicted() -> None:
    for modality in MAKERS:
        data = data_of(modality, "number")
        model, _ = trained("ridge", data)
        assert model.offers == {"value", "refit"}
        assert np.corrcoef(model.predict(data.test.inputs, "value")[:, 0], data.test.y)[0, 1] > 0.4


def test_it_is_trained_again_on_other_data() -> None:
    data = data_of("image")
    model, _ = trained("random_forest", data, n_estimators=5)
    first, other = model.refit(data), model.refit(data, seed=3)
    x = data.test.inputs
    np.testing.assert_array_equal(first.predict(x, "probability"), model.predict(x, "probability"))
    assert not np.array_equal(other.predict(x, "probability"), model.predict(x, "probability"))


def test_it_cannot_be_opened() -> None:
    model, _ = trained("logistic_regression", data_of("image"))
    for ask in (lambda: model.encode(data_of("image").test.inputs), lambda: model.predict_encoded(np.zeros((1, 144)), "margin")):
        with pytest.raises(ModelError, match=r"model 'm' cannot be opened: its features \(pixels\) are computed from the whole image"):
            ask()


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ("hogs", "'hogs' is none of those for image data: did you mean 'hog'"),
        ({"name": "hog", "cells": 3}, "unknown parameter 'cells' of hog"),
        ("summary", "'summary' is none of those for image data"),
        ({"cells": 3}, "'None' is none of those"),
    ],
)
def test_unknown_features_are_refused(said, match) -> None:
    with pytest.raises(ModelError, match=match):
        trained("svm", data_of("image"), features=said)


def test_features_are_checked_before_anything_is_trained() -> None:
    KINDS["svm"].check({"features": "summary"})
    KINDS["svm"].check({"features": {"name": "tfidf", "most": 100}})
    for said in ("hogs", {"name": "tfidf", "mots": 100}, 3):
        with pytest.raises(ModelError, match=r"'features' is for images \(pixels, hog, embedding\)"):
            KINDS["svm"].check({"features": said})
    assert "image" not in KINDS["gam"].modalities


def test_a_table_has_no_features() -> None:
    data = read(DataSpec.model_validate({"source": "sklearn:iris"}), 0)
    with pytest.raises(ModelError, match="A table's are its columns: remove it"):
        trained("svm", data, features="pixels")


# ---- features


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (16, 11), (28, 28, 3), (15, 9, 3), (4, 4)])
def test_hog_is_that_of_scikit_image(shape) -> None:
    made = np.random.default_rng(0).random((5, *shape))
    made[1] = 0.5  # flat: no direction at all
    cell = tuple(max(2, side // 7) for side in shape[:2])
    wanted = [hog(image, 9, cell, (2, 2), block_norm="L2-Hys", channel_axis=2 if len(shape) == 3 else None) for image in made]
    np.testing.assert_allclose(Hog().transform(made), wanted, atol=1e-9)
    assert Hog().transform(made[:0]).shape == (0, len(wanted[0]))


def test_hog_is_the_same_in_any_block() -> None:
    made = np.random.default_rng(0).random((600, 8, 8)).astype(np.float32)
    whole = Hog().transform(made)
    np.testing.assert_array_equal(whole[500:], Hog().transform(made[500:]))
    np.testing.assert_array_equal(whole[255:257], Hog().transform(made[255:257]))


def test_hog_refuses_tiny_images() -> None:
    with pytest.raises(ModelError, match="at least 4 x 4 pixels, found 3 x 8"):
        Hog().fit(np.zeros((2, 3, 8)))


def summary_by_hand(one: np.ndarray) -> list[float]:
    own = [value for value in one if not np.isnan(value)]
    n, mean = len(own), float(np.mean(own))
    slope = np.polyfit(range(n), own, 1)[0] if n > 1 else 0.0
    crossings = sum((a > mean) != (b > mean) for a, b in pairwise(own))
    tenths = []
    for k in range(10):
        first = min(k * n // 10, n - 1)
        tenths.append(own[first : max((k + 1) * n // 10, first + 1)])
    whole = [
        mean,
        np.std(own),
        min(own),
        max(own),
        *np.quantile(own, [0.1, 0.25, 0.5, 0.75, 0.9]),
        slope,
        crossings,
        np.mean(np.square(own)),
    ]
    return [*whole, *map(np.mean, tenths), *(np.mean(np.square(part)) for part in tenths)]


def test_a_summary_is_of_a_series_own_length() -> None:
    made, _ = series(6)
    made[1, :, 3:] = np.nan
    made[2, :, 1:] = np.nan
    wanted = [np.concatenate([summary_by_hand(channel) for channel in case]) for case in made]
    np.testing.assert_allclose(Summary().transform(made), wanted, atol=1e-10)


def test_values_repeat_the_end_and_pixels_are_as_they_are() -> None:
    made = np.array([[[1.0, 2.0, np.nan], [3.0, 4.0, np.nan]]])
    assert Values().transform(made).tolist() == [[1, 2, 2, 3, 4, 4]]
    colour = np.random.default_rng(0).random((2, 3, 4, 3)).astype(np.float32)
    assert Pixels().transform(colour).dtype == np.float64
    np.testing.assert_array_equal(Pixels().transform(colour), colour.reshape(2, -1))


def test_tfidf_is_that_of_scikit_learn_and_skips_hidden_words() -> None:
    said = as_texts(["Red red, green!", "don't GO red", "blue", "green go"])
    plain = ["red red , green !", "don't go red", "blue", "green go"]
    ours = Tfidf().fit(said)
    theirs = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True).fit(plain)
    assert ours.terms_.split("\n") == theirs.get_feature_names_out().tolist()
    np.testing.assert_allclose(ours.transform(said).toarray(), theirs.transform(plain).toarray(), atol=1e-12)
    hidden = np.array(["Red \ue000, green\ue001", "\ue000 \ue001", "new \ue000 words"], dtype=object)
    np.testing.assert_allclose(ours.transform(hidden).toarray(), theirs.transform(["red , green", "", "new words"]).toarray(), atol=1e-12)
    assert ours.transform(hidden)[1].nnz == 0


def test_tfidf_keeps_the_most_frequent_terms() -> None:
    ours = Tfidf(most=2).fit(as_texts(["a b", "a c", "a b"]))
    assert len(ours.terms_.split("\n")) == 2
    assert "a" in ours.terms_.split("\n")


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("params", [{}, {"kernel": "linear"}, {"gamma": 0.5, "C": 10}, {"class_weight": "balanced"}])
def test_the_quick_support_vector_machine_is_the_usual_one(classes: int, params) -> None:
    rng = np.random.default_rng(classes)
    x, y = rng.normal(size=(150, 7)), rng.integers(0, classes, 150)
    x[:, 0] += y
    rows = rng.normal(size=(3000, 7))
    ours, theirs = QuickSVC(**params).fit(x, y), SVC(**params).fit(x, y)
    np.testing.assert_allclose(ours.decision_function(rows), theirs.decision_function(rows), atol=1e-9)
    np.testing.assert_array_equal(ours.predict(rows), theirs.predict(rows))
    for shape in ("ovo", "ovr"):
        ours.decision_function_shape = theirs.decision_function_shape = shape
        np.testing.assert_allclose(ours.decision_function(rows), theirs.decision_function(rows), atol=1e-9)
        np.testing.assert_array_equal(ours.predict(rows), theirs.predict(rows))


# ---- real data


def test_mnist(data_dir: Path) -> None:
    data = read(DataSpec.model_validate({"source": "images", "path": data_dir / "mnist_small" / "mnist_small.npz"}), 0)
    right = {
        features: float((trained(kind, data, features=features)[0].decide(data.test.inputs) == data.test.y).mean())
        for kind, features in (("logistic_regression", "pixels"), ("svm", "hog"))
    }
    assert right["pixels"] == pytest.approx(0.876, abs=0.01)
    assert right["hog"] > 0.95


@pytest.mark.parametrize(("name", "error"), [("GunPoint", 0.0867), ("ItalyPowerDemand", 0.0447)])
def test_the_published_error_of_the_nearest_neighbour(data_dir: Path, name: str, error: float) -> None:
    folder = data_dir / "ucr_timeseries"
    said = {"source": "series", "train": folder / f"{name}_TRAIN.ts", "test": folder / f"{name}_TEST.ts"}
    data = read(DataSpec.model_validate(said), 0)
    model, _ = trained("knn", data, n_neighbors=1)
    assert round(float((model.decide(data.test.inputs) != data.test.y).mean()), 4) == error
