"""Bare weights of a net whose architecture the study names."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save

from xai_compare.api import run_study
from xai_compare.config import load_study, study_from_dict
from xai_compare.data.sources import read
from xai_compare.errors import StudyError
from xai_compare.models.zoo import KINDS
from xai_compare.run.plan import plan_study

DATA = {"source": "sklearn:digits", "explain": 4, "background": 5}
SMALL = {"channels": [4], "hidden": 8}


@pytest.fixture(scope="module")
def trained():
    data = read(study_from_dict({"data": DATA, "models": [{"name": "net", "kind": "cnn"}]}).data, 0)
    model, _ = KINDS["cnn"].fit("net", data, {**SMALL, "epochs": 2}, 3)
    return model


def as_torch(state) -> bytes:
    out = io.BytesIO()
    torch.save(state, out)
    return out.getvalue()


def spec(file: str, **model) -> dict:
    own = {"name": "net", "load": file, "architecture": "cnn", "params": SMALL, **model}
    return {"data": DATA, "models": [own], "explainers": ["integrated_gradients"], "metrics": ["additive_fit"], "compare": {"checks": []}}


@pytest.mark.parametrize("write", [save, as_torch], ids=["safetensors", "torch"])
def test_the_net_is_the_one_that_was_trained(trained, write, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(write(trained.core.state_dict()))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec("weights")))
    audit = run_study(load_study(tmp_path / "study.yaml"), tmp_path / "out")
    assert not audit.failed
    data = read(study_from_dict({"data": DATA, "models": [{"name": "net", "kind": "cnn"}]}).data, 0)
    own = trained.predict(data.cases(), "probability")
    at = audit.results.cases.target
    np.testing.assert_array_equal(audit.results.cases.probability["net"], own[np.arange(len(at)), at])
    assert audit.results.models[0].about["loaded"]["format"] == ("safetensors" if write is save else "torch state dict")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (save, {"params": {"channels": [5], "hidden": 8}}, r"another net .*is \(.*\) where the net has"),
        (lambda state: save(dict(list(state.items())[1:])), {}, "it lacks '"),
        (lambda state: save({**state, "more": torch.zeros(2)}), {}, "it has 'more', which the net has not"),
        (lambda state: as_torch([1, 2]), {}, "holds a list and not a state dict"),
        (lambda state: b"not a model at all", {}, "neither safetensors nor a state dict"),
        (
            save,
            {"architecture": "lstm"},
            r"models\[0\].architecture: found 'lstm', which is no net .* on image data: cnn",
        ),
        (save, {"architecture": "cnn", "params": {"chanels": [4]}}, "did you mean 'channels'"),
    ],
)
def test_what_does_not_fit_is_refused(trained, content, options, message: str, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(content(trained.core.state_dict()))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec("weights", **options)))
    with pytest.raises(StudyError, match=message):
        plan_study(load_study(tmp_path / "study.yaml"))


class _Canary:
    def __reduce__(self):
        return (Path("canary").touch, ())


def test_no_code_of_the_file_is_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (pickle.dumps(_Canary()), as_torch({"weight": _Canary()})):
        (tmp_path / "weights").write_bytes(content)
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec("weights")))
        with pytest.raises(StudyError, match="neither safetensors nor a state dict"):
            plan_study(load_study(tmp_path / "study.yaml"))
        assert not (tmp_path / "canary").exists()


def test_an_architecture_needs_a_file() -> None:
    with pytest.raises(StudyError, match="says what the weights of a file are of, and there is no load"):
        study_from_dict({"data": DATA, "models": [{"name": "net", "kind": "cnn", "architecture": "cnn"}]})
