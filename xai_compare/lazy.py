"""Load a library when it is needed, or say which extra brings it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from xai_compare.errors import MissingExtra

__all__ = ["load"]

# Which extra of this distribution brings a library that the core does not require.
_EXTRAS = {
    "xgboost": "boosting",
    "lightgbm": "boosting",
    "catboost": "boosting",
    "transformers": "text",
    "PIL": "image",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "dask": "scale",
    "distributed": "scale",
    "pyarrow": "scale",
    "huggingface_hub": "cards",
}


def load(module: str) -> Any:
    """Import `module` and return it.

    Raises
    ------
    MissingExtra
        If it is not installed; the message holds the command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != top:
            raise
        extra = _EXTRAS.get(top)
        what = f"xai-compare-toolkit[{extra}]" if extra else "xai-compare-toolkit"
        raise MissingExtra(f"'{top}' is not installed. Install it with: pip install '{what}'") from error
