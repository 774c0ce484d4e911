"""What identifies a job's result: code, library versions, data, model, parameters, seed. Equal keys, equal results."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from xai_compare.run.jobs import Job
from xai_compare.run.plan import CHUNK, Plan
from xai_compare.types import Data, Inputs, Model

__all__ = ["Keys", "data_hash", "digest", "versions"]

_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "shap", "lime", "captum")
_OPTIONAL = (
    "catboost",
    "lightgbm",
    "onnxruntime",
    "pillow",
    "pyarrow",
    "scikit-image",
    "skops",
    "tokenizers",
    "transformers",
    "xgboost",
    "xgboost-cpu",
)
_ADDRESS = r" at 0x[0-9a-fA-F]+"
# What is not computed by a job: changing the look of a report recomputes nothing.
_OUTSIDE = {"report", "compare", "cards", "cli.py", "api.py", "audit.py", "saved.py", "results.py", "__init__.py"}


def digest(value: Any) -> str:
    """sha256 of anything JSON can hold, keys sorted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Versions of this package and of every library that computes."""
    found = {}
    for name in ("xai-compare-toolkit", *_LIBRARIES, *_OPTIONAL):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name not in _OPTIONAL:
                found[name] = "not installed"
    return found


@cache
def source_hash() -> str:
    """Hash of this package's own source files, so that a changed definition never meets an old result."""
    root = Path(__file__).parent.parent
    files = sorted(path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in _OUTSIDE)
    return digest([[path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files])


def data_hash(data: Data, purpose: str = "") -> str:
    """Hash of every value, name and type of the tables, and of the drawn rows; another one for each purpose."""
    total = hashlib.sha256(purpose.encode())
    for table in (data.train, data.test):
        total.update(_hashed(table.inputs))
        total.update(b"" if table.y is None else np.ascontiguousarray(table.y).tobytes())
    if data.truth is not None:
        for known in (data.truth.attribution, data.truth.mask):
            total.update(b"" if known is None else np.ascontiguousarray(known).tobytes())
    total.update(data.explain.tobytes() + data.background.tobytes() + json.dumps([data.task, list(data.classes)]).encode())
    return total.hexdigest()


def _hashed(inputs: Inputs) -> bytes:
    """What tells inputs of any modality apart."""
    import pandas as pd

    if hasattr(inputs, "iloc"):
        head = json.dumps([[str(name), str(dtype)] for name, dtype in inputs.dtypes.items()]).encode()
        return head + pd.util.hash_pandas_object(inputs, index=False).to_numpy().tobytes()
    if inputs.dtype == object:
        return json.dumps(inputs.tolist()).encode()
    return json.dumps([str(inputs.dtype), inputs.shape]).encode() + np.ascontiguousarray(inputs).tobytes()


def model_hash(model: Model, data: Data) -> str:
    """Fingerprint of a fitted model in memory: class, parameters, and predictions on background and explained cases."""
    total = hashlib.sha256(json.dumps([model.about.get("class"), model.native, sorted(model.offers)]).encode())
    params = repr(getattr(getattr(model, "estimator", None), "get_params", dict)())
    total.update(re.sub(_ADDRESS, "", params).encode())  # an address says nothing of the model
    for inputs in (data.background_inputs(), data.cases()):
        try:
            total.update(model.predict(inputs, model.native).tobytes())
        except Exception as error:  # its own jobs will fail with this, and cost its own cells only
            total.update(f"{type(error).__name__}: {error}".encode())
    return total.hexdigest()


class Keys:
    """The key of every job of one plan."""

    def __init__(self, plan: Plan) -> None:
        study = plan.study
        self._plan = plan
        asked = [study.seed, study.output, plan.fill, study.target, study.data.groups, list(plan.data.space.names)]
        self._base = [source_hash(), versions(), data_hash(plan.data), *asked, CHUNK]
        self.models: Mapping[str, str] = {spec.name: self._of_model(plan, spec) for spec in study.models}

    def _of_model(self, plan: Plan, spec: Any) -> str:
        if spec.name in plan.given:
            model = plan.given[spec.name]
            loaded = model.about.get("loaded") or {}  # a file that was replaced is another model, whatever it predicts for these cases
            return digest([model_hash(model, plan.data), loaded.get("sha256")])
        return digest([spec.kind, spec.params, spec.drop])

    def __call__(self, job: Job) -> str:
        plan = self._plan
        named = [*job.explainer.split(" ~ "), plan.control] if job.explainer else []
        plugins = [_spelled(plan.explainers[name]) for name in named]
        plugins += [_spelled(plan.metrics[job.metric])] if job.metric else []
        plugins += [_spelled(plan.profiles[job.profile])] if job.profile else []
        return digest([*self._base, str(job), self.models[job.model], plan.reference, self.models[plan.reference], plugins])


def _spelled(plugin: object) -> str:
    module = type(plugin).__module__
    return f"{module}.{re.sub(_ADDRESS, '', repr(plugin))} {_source_of(module)}"


@cache
def _source_of(module: str) -> str:
    """Hash of the source file of another distribution's plugin; this package's own files are in every key anyway."""
    if module.partition(".")[0] == "xai_compare":
        return ""
    file = getattr(sys.modules.get(module), "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else ""
