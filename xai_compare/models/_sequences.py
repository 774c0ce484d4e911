"""Transformers at work, with torch: by token ids, by embedded tokens, with their attention. Importing this file imports torch."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from xai_compare import lazy
from xai_compare.errors import ModelError
from xai_compare.models._nets import one_thread, seeded
from xai_compare.models.transformers import SequenceClassifier
from xai_compare.types import Array

__all__ = ["Attending", "ById", "ByVector", "Pooled", "checked", "eager", "limit", "packed", "pooled", "redrawn", "stages", "unpacked"]

_NEAR = 1e-4
"""How far logits of two ways of asking the same net may lie apart, and the sum of a row of attention from 1."""

_PROBE = ("This is a text, and not a short one.", "short")


class ById(nn.Module):
    """(ids, mask[, segments]), each (n, T) -> (n, k) logits."""

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.core = core

    def forward(self, ids: torch.Tensor, *extra: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.core(input_ids=ids, **_named(extra)).logits
        return logits


class ByVector(ById):
    """(embedded tokens (n, T, e), mask[, segments]) -> (n, k) logits."""

    def forward(self, x: torch.Tensor, *extra: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.core(inputs_embeds=x, **_named(extra)).logits
        return logits


class Pooled(ById):
    """(ids, mask[, segments]), each (n, T) -> (n, e) vectors: the mean over what is no padding, or the first token."""

    def __init__(self, core: nn.Module, first: bool, unit: bool) -> None:
        super().__init__(core)
        self._first, self._unit = first, unit

    def forward(self, ids: torch.Tensor, *extra: torch.Tensor) -> torch.Tensor:
        last: torch.Tensor = self.core(input_ids=ids, **_named(extra)).last_hidden_state
        there = extra[0][:, :, None].to(last.dtype)
        out = last[:, 0] if self._first else (last * there).sum(dim=1) / there.sum(dim=1)
        return nn.functional.normalize(out, dim=1) if self._unit else out


class Attending:
    """(embedded tokens, mask[, segments]) -> the logits, and each layer's attention (n, heads, T, T), in the graph."""

    def __init__(self, core: nn.Module) -> None:
        self._core = core

    def __call__(self, x: torch.Tensor, *extra: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        found = self._core(inputs_embeds=x, output_attentions=True, **_named(extra))
        return found.logits, tuple(found.attentions or ())


def _named(extra: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
    return dict(zip(("attention_mask", "token_type_ids"), extra, strict=False))


def pooled(core: Any, x: torch.Tensor, extra: tuple[torch.Tensor, ...]) -> Array:
    """(n, T) how much of each token's last row the net reads: the size of the gradient that comes back to it, rows add up to 1."""
    seen: list[torch.Tensor] = []
    hook = core.base_model.register_forward_hook(lambda module, given, found: seen.append(found[0]))
    try:
        with one_thread(), torch.enable_grad():
            logits = core(inputs_embeds=x.clone().requires_grad_(), **_named(extra)).logits
            back = torch.autograd.grad((logits * torch.arange(1, logits.shape[1] + 1, device=x.device)).sum(), seen[0])[0]
    finally:
        hook.remove()
    size = back.double().norm(dim=2).cpu().numpy()
    return np.asarray(size / size.sum(axis=1, keepdims=True))


def stages(core: nn.Module) -> list[list[nn.Module]]:
    """The modules with parameters of their own, from the input to the output; those of one block together."""
    found: dict[str, list[nn.Module]] = {}
    for path, module in core.named_modules():
        if next(module.parameters(recurse=False), None) is not None:
            block = re.match(r"(.*?\.\d+)(\.|$)", path)
            found.setdefault(block[1] if block else path.rpartition(".")[0] or path, []).append(module)
    return list(found.values())


def redrawn(core: nn.Module, seed: int, last: int | None = None) -> nn.Module:
    """A copy whose last layers (None: all) have their parameters drawn anew, as transformers are drawn: small normal weights, no shifts."""
    out: Any = copy.deepcopy(core)
    drawn = stages(out)
    spread = float(getattr(out.config, "initializer_range", None) or 0.02)
    with seeded(seed), torch.no_grad():
        for module in (each for stage in (drawn if last is None else drawn[len(drawn) - last :]) for each in stage):
            norm = "norm" in type(module).__name__.lower()
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.dim() > 1:
                    parameter.normal_(0.0, spread)
                else:
                    parameter.fill_(1.0 if norm and name == "weight" else 0.0)
    return out.eval()  # type: ignore[no-any-return]


def eager(core: Any) -> Any:
    """A copy that computes its attention step by step, in float32, so that it can be read."""
    out = copy.deepcopy(core).float().cpu().eval()
    try:
        out.set_attn_implementation("eager")
    except (AttributeError, ValueError) as error:
        raise ModelError(f"{type(core).__name__} has no eager attention: {error}") from error
    return out


def packed(core: Any) -> tuple[Any, bytes]:
    """A net without the hooks that the library hangs on it, which no pickle takes: its configuration and its weights."""
    from safetensors.torch import save

    return core.config, save({name: value.detach().cpu().clone().contiguous() for name, value in core.state_dict().items()})


def unpacked(config: Any, content: bytes) -> Any:
    """The inverse of `packed`."""
    from safetensors.torch import load

    with seeded(0):  # it draws parameters, which are replaced
        core = lazy.load("transformers").AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
    core.load_state_dict(load(content))
    return core.float().eval()


def checked(name: str, core: Any, given: Any, tokenizer: Any) -> SequenceClassifier:
    """A classifier of which is known that it says in eager mode what it says otherwise, and what of its inside can be read.

    core : the net in eager mode. given : the same net as its author's library runs it.

    Raises
    ------
    ModelError
        For what is no sequence classifier of one label or number, a tokenizer without offsets or padding, and a net that says something
        else in eager mode.
    """
    kind, config = type(core).__name__, core.config
    if not kind.endswith("ForSequenceClassification"):
        raise ModelError(f"{kind} is no sequence classifier: a class such as BertForSequenceClassification is needed")
    if config.problem_type == "multi_label_classification":
        raise ModelError(f"{kind} gives several labels at once: a model of one label is needed")
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"the tokenizer {type(tokenizer).__name__} does not tell where its tokens stand: save a fast one, which has tokenizer.json"
        )
    if tokenizer.pad_token_id is None:
        raise ModelError("the tokenizer has no padding token: set one and save it again")
    number = config.num_labels == 1
    outputs = ("value",) if number else tuple(str(config.id2label[i]) for i in range(config.num_labels))
    model = SequenceClassifier(name, core, tokenizer, "regression" if number else "classification", outputs, limit(config, tokenizer))
    ids, *extra = (torch.from_numpy(each) for each in model._filled(model._encoded(list(_PROBE)), 16))
    given = given.eval()
    with one_thread(), torch.inference_mode():
        ours, theirs = ById(core)(ids, *extra), ById(given)(ids.to(given.device), *(each.to(given.device) for each in extra)).float().cpu()
        if not torch.allclose(ours, theirs, atol=_NEAR if given.dtype == torch.float32 else 0.05):
            raise ModelError(f"{kind} says something else in eager mode: logits differ by {float((ours - theirs).abs().max()):.2g}")
        model.gradient, model.attention = _readable(core, ids, tuple(extra), ours)
    return model


def _readable(core: Any, ids: torch.Tensor, extra: tuple[torch.Tensor, ...], wanted: torch.Tensor) -> tuple[bool, bool]:
    """Whether embedded tokens give the logits of their ids, and whether the rows of the attention are shares."""
    try:
        found, maps = Attending(core)(core.get_input_embeddings()(ids), *extra)
    except (NotImplementedError, TypeError, ValueError):  # not every architecture takes embedded tokens
        return False, False
    if not torch.allclose(found, wanted, atol=_NEAR):
        return False, False
    t = ids.shape[1]
    square = len(maps) > 0 and all(each.dim() == 4 and each.shape[2:] == (t, t) for each in maps)
    there = extra[0].bool()
    return True, square and all(bool(((each.sum(dim=3).transpose(1, 2)[there] - 1).abs() < _NEAR).all()) for each in maps)


def limit(config: Any, tokenizer: Any) -> int:
    """The most tokens of a text: of the tokenizer, or of the positions that the net knows."""
    known = [each for each in _limits(config, tokenizer) if each and 0 < each < 10**6]
    return min([*known, 512]) if known else 512


def _limits(config: Any, tokenizer: Any) -> Iterator[int | None]:
    yield tokenizer.model_max_length
    positions = getattr(config, "max_position_embeddings", None)
    # RoBERTa and its kin number positions from behind their padding token.
    yield positions - config.pad_token_id - 1 if positions and "roberta" in config.model_type else positions
