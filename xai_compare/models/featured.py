"""Classical models on images, series and texts: scikit-learn estimators behind features that are computed from the whole input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xai_compare.errors import ModelError, nearest
from xai_compare.lazy import load
from xai_compare.models._inside import CalibratedLine, inside
from xai_compare.models.sklearn import SklearnModel, offered
from xai_compare.types import Array, Data, Inputs, Modality, Output

__all__ = ["FEATURES", "Featured", "adapt_featured", "class_of", "features_of", "front"]

FEATURES: dict[Modality, dict[str, str]] = {
    "image": {
        "pixels": "xai_compare.models._features:Pixels",
        "hog": "xai_compare.models._features:Hog",
        "embedding": "xai_compare.models._vision:ImageEmbedding",
    },
    "series": {"values": "xai_compare.models._features:Values", "summary": "xai_compare.models._features:Summary"},
    "text": {"tfidf": "xai_compare.models._features:Tfidf", "embedding": "xai_compare.models._embedding:Embedding"},
}
"""Where the features of each modality are made, by the name that the parameter `features` takes; the usual one first."""


@dataclass(eq=False)
class Featured(SklearnModel):
    """A scikit-learn pipeline whose first step makes numbers of images, series or texts. See `xai_compare.types.Model` for its face."""

    @property
    def unseen(self) -> tuple[str, ...]:
        return ()

    def predict(self, inputs: Inputs, output: Output) -> Array:
        if output == "margin" and isinstance(self.core, CalibratedLine):
            return self._call(self.core, self.preprocess.transform(inputs), output)
        return self._call(self.estimator, inputs, output)

    def encode(self, inputs: Inputs) -> Array:
        raise ModelError(f"model '{self.name}' cannot be opened: {self.closed}")

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        raise ModelError(f"model '{self.name}' cannot be opened: {self.closed}")

    def _as_fitted(self, inputs: Inputs) -> Any:
        return inputs


def adapt_featured(name: str, pipeline: Any, features: str, data: Data) -> Featured:
    """Put a fitted pipeline of features and an estimator behind the common face.

    It offers its outputs alone: gradients and coefficients are those of the features, not of the input.
    """
    outputs = data.classes or ("value",)
    preprocess, core = inside(pipeline)
    model = Featured(name, pipeline, data.task, outputs, (), core=core, preprocess=preprocess)
    model.offers = offered(name, pipeline, data.task)
    model.closed = f"its features ({features}) are computed from the whole {data.space.modality}"
    model.treeless = model.closed
    model.about = {"class": "Pipeline", "core": type(core).__name__.removeprefix("Quick"), "library": "scikit-learn", "features": features}
    return model


def features_of(said: Any, modality: Modality) -> tuple[str, Any]:
    """The name of the features that a study asks for (None: the usual ones), and the step that makes them, not fitted.

    said : a name, or a mapping with a `name` and what the step takes beside it.

    Raises
    ------
    ModelError
        For features that this modality does not have, and for what the step does not take.
    """
    known = FEATURES[modality]
    options = dict(said) if isinstance(said, Mapping) else {"name": next(iter(known)) if said is None else said}
    name = options.pop("name", None)
    if name not in known:
        raise ModelError(f"features: '{name}' is none of those for {modality} data: {nearest(str(name), known)}")
    step = class_of(known[name])()
    if wrong := [key for key in options if key not in step.get_params()]:
        raise ModelError(f"features: unknown parameter '{wrong[0]}' of {name}: {nearest(wrong[0], step.get_params())}")
    return name, step.set_params(**options)


def front(name: str, data: Data, said: Any, estimator: Any, scale: bool) -> list[tuple[str, Any]]:
    """The steps before an estimator: features, standardised where they are of several units and the kind needs it.

    Pixels, points and TF-IDF are in one unit each, which a scaling by column would take from them.

    Raises
    ------
    ModelError
        For features that these data do not have, or that the estimator does not take.
    """
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import get_tags

    features, step = features_of(said, data.space.modality)
    if step.sparse and not get_tags(estimator).input_tags.sparse:
        dense = [other for other in FEATURES[data.space.modality] if other != features]
        raise ModelError(
            f"model '{name}': {type(estimator).__name__} cannot take {features}, which has a column for each of thousands of terms. "
            f"Take another kind, such as logistic_regression or svm{''.join(f', or features: {other}' for other in dense)}"
        )
    return [(features, step), *([("scale", StandardScaler())] if scale and step.mixed else [])]


def class_of(path: str) -> Any:
    """The class that "module:Class" names."""
    module, _, cls = path.partition(":")
    return getattr(load(module), cls)
