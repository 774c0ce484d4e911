"""A frozen convolutional net under a classical model: explained in patches like any other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xai_compare.api import run_study
from xai_compare.config import study_from_dict
from xai_compare.data.sources import read
from xai_compare.errors import XaiCompareError
from xai_compare.models._vision import ImageEmbedding
from xai_compare.models.zoo import KINDS

DATA = {"source": "sklearn:digits", "explain": 4, "background": 5, "params": {"grid": 4}}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    data = read(study_from_dict({"data": DATA, "models": [{"name": "net", "kind": "cnn"}]}).data, 0)
    net, content = KINDS["cnn"].fit("net", data, {"epochs": 6}, 3)
    file = tmp_path_factory.mktemp("encoder") / "net.safetensors"
    file.write_bytes(content)
    return data, net, file


def test_vectors_are_what_the_last_layer_reads(encoder) -> None:
    data, net, file = encoder
    seen: list[torch.Tensor] = []
    hook = net.core.head[-1].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    cases = data.cases()
    net.predict(cases, "margin")
    hook.remove()
    by_hand = torch.cat(seen)[: len(cases)].numpy()
    np.testing.assert_allclose(ImageEmbedding(str(file)).fit(cases).transform(cases), by_hand, atol=1e-5)


def test_a_hybrid_is_trained_stored_and_explained_in_patches(encoder, tmp_path) -> None:
    _, _, file = encoder
    params = {"features": "embedding", "encoder": str(file)}
    spec = {
        "data": DATA,
        "models": [
            {"name": "line", "kind": "logistic_regression", "params": params},
            {"name": "boosted", "kind": "gradient_boosting", "params": {**params, "n_estimators": 5}},
        ],
        "explainers": ["shap", "occlusion"],
        "metrics": ["additive_fit", "performance"],
        "compare": {"checks": []},
    }
    audit = run_study(study_from_dict(spec), tmp_path)
    assert not audit.failed
    found = {row.model: row.value.estimate for row in audit.performance if row.split == "test" and row.score == "ROC-AUC"}
    assert found["line"] > 0.98
    assert audit.results.attributions["boosted", "shap"].values.shape == (4, 16)


def test_another_encoder_is_refused(encoder, tmp_path) -> None:
    data, _, file = encoder
    made = ImageEmbedding(str(file)).fit(data.cases())
    made.encoder = str(tmp_path / "other")
    with pytest.raises(XaiCompareError, match="'other' not found"):
        made.transform(data.cases())
    _, content = KINDS["cnn"].fit("net", data, {"epochs": 1}, 4)
    (tmp_path / "second").write_bytes(content)
    made.encoder = str(tmp_path / "second")
    with pytest.raises(XaiCompareError, match="is not the one that the model was trained with"):
        made.transform(data.cases())
