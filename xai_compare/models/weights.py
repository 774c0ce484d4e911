"""Bare weights, of a net whose architecture the study names: safetensors, or a state dict of torch that holds nothing but tensors."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from xai_compare.errors import ModelError
from xai_compare.models.load import Loaded, read_bytes
from xai_compare.models.net import Net

__all__ = ["load_weights"]

_NAMED = 3  # tensors that a message names
_ZIP = b"PK\x03\x04"  # how files of torch.save begin
_HOW = "Write it by torch.save(module.state_dict(), file), or as safetensors"


def load_weights(path: str | Path, net: Net) -> Loaded:
    """The net with the weights of a file; the file is read once, and no code of it is run.

    Parameters
    ----------
    path : safetensors, or what `torch.save(module.state_dict(), file)` wrote. net : as the study describes it, without its inside.

    Raises
    ------
    ModelError
        If the file cannot be read, holds anything but tensors, or the weights of another net: which tensors differ.
    """
    from xai_compare.models._nets import seeded

    where = Path(path)
    content = read_bytes(where)
    weights, form = _tensors(where.name, content)
    with seeded(0):  # a new module draws its parameters, which are replaced below
        core = net.blank()
    _check_fits(where.name, core.state_dict(), weights)
    core.load_state_dict(weights)
    net.core = core.eval()
    return Loaded(net, where.name, form, hashlib.sha256(content).hexdigest(), len(content))


def _tensors(name: str, content: bytes) -> tuple[dict[str, Any], str]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content), "safetensors"
    except (SafetensorError, ValueError):  # not that format: the other one, or none
        pass
    if not content.startswith(_ZIP):  # a bare pickle, or anything else
        raise ModelError(f"file '{name}' is neither safetensors nor a state dict of torch. {_HOW}")
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ModelError(
            f"file '{name}' is neither safetensors nor a state dict of tensors alone: {str(error).splitlines()[0]}. {_HOW}"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in found.items()):
        raise ModelError(f"file '{name}' holds a {type(found).__name__} and not a state dict of tensors. Write module.state_dict() into it")
    return dict(found), "torch state dict"


def _check_fits(name: str, own: dict[str, Any], found: dict[str, Any]) -> None:
    """Raise ModelError where the tensors are not those of the net."""
    lacking, strange = sorted(set(own) - set(found)), sorted(set(found) - set(own))
    wrong = [key for key in own if key in found and own[key].shape != found[key].shape]
    said = []
    if lacking:
        said.append(f"it lacks {_few(lacking)}")
    if strange:
        said.append(f"it has {_few(strange)}, which the net has not")
    said += [f"'{key}' is {tuple(found[key].shape)} where the net has {tuple(own[key].shape)}" for key in wrong[:_NAMED]]
    if said:
        raise ModelError(f"file '{name}' holds the weights of another net than `architecture` and `params` describe: {'; '.join(said)}")


def _few(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(f"'{name}'" for name in names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
