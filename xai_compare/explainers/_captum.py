"""What the gradient methods share: a net opened at the cases of a game, many rows packed into few passes, values carried to features.

All of it is written on `Opened`, whatever the inputs are: a table's columns as the model encodes them, pixels, points, embedded tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from xai_compare.errors import ModelError, NotApplicable
from xai_compare.game import Game
from xai_compare.models.opened import Opened, folded
from xai_compare.models.reordered import own_target
from xai_compare.types import Array, IntArray

if TYPE_CHECKING:
    import torch

__all__ = [
    "OFF",
    "Ask",
    "Baseline",
    "about_passes",
    "asked",
    "at_cases",
    "attributed",
    "averaged",
    "deviation_of",
    "ends",
    "extra_of",
    "gradient_of",
    "map_of",
    "nothing",
    "opened",
    "packed",
    "residual_share",
    "rows_of",
    "short_of_memory",
    "targets_of",
    "values_of",
]

T = TypeVar("T")

Baseline: TypeAlias = Literal["fill", "zero", "background", "blur", "drop", "interpolate", "mask", "mean", "reference"]
"""What a path starts from: the game's own fill, zeros, or a fill by its name."""

Ask: TypeAlias = "Callable[[IntArray, IntArray], torch.Tensor]"
"""(cases (r,), which of the m rows of each (r,)) -> what is to be averaged over the m rows of a case, (r, ...)."""

_ROWS, _COLUMNS, _NUMBERS = 4096, 2**22, 2**17
"""Rows of one backward pass: past the cache a pass gets slower, not faster. Fewer where a row is large: how many numbers the rows of
columns, and those of anything else, of which a net makes far more numbers, hold together."""

OFF = 0.01
"""The residual share above which values that should add up do not."""

_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def opened(game: Game, baseline: Baseline = "fill") -> Opened:
    """The model's net at the cases of the game, in its output space; nothing shown is what `baseline` says.

    Raises
    ------
    NotApplicable
        For a model without gradients, or a baseline that these data do not have.
    ModelError
        Where the net, opened, gives another output than the model.
    """
    from xai_compare.models._nets import InSpace

    model, space = game.model, game.data.space
    if "gradient" not in model.offers or (game.owner is None and not hasattr(model, "open")):
        raise NotApplicable("it needs gradients, and this model has none")
    fill = game.fill if baseline in ("fill", "zero") else baseline
    if fill not in space.fills:
        raise NotApplicable(f"the baseline '{baseline}' is none of these data. Allowed: {', '.join(('fill', 'zero', *space.fills))}")
    found = model.open(game.inputs, space, fill) if game.owner is None else _of_table(game, fill)  # type: ignore[attr-defined]  # asked above
    found = replace(found, net=InSpace(found.net, game.output), x=found.x.detach(), x0=found.x0.detach())
    if game.owner is None:
        _check_same(game, found)
    return _from_zero(found) if baseline == "zero" else found


def _of_table(game: Game, fill: str) -> Opened:
    """A table's own encoding, as float64: rows are rounded where they go through the net, after all sums."""
    import torch

    fills = game.data.space.fill_rows(fill)
    x, x0 = (torch.from_numpy(np.array(game.model.encode(rows), dtype=np.float64)) for rows in (game.inputs, fills))
    said = f"each of {len(x0)} background rows, averaged" if fill == "background" else f"the {fill} row"
    return Opened(game.model.core, x, x0[:, None], (), np.asarray(game.owner), said)


def _from_zero(view: Opened) -> Opened:
    """From zeros, except where a number belongs to no feature: that stays as it is, or values could not add up."""
    import torch

    nobody = torch.from_numpy(np.broadcast_to(view.owner < 0, tuple(view.x.shape)).copy()).to(view.x.device)
    return replace(view, x0=torch.where(nobody, view.x, torch.zeros_like(view.x))[None], baseline="zeros")


def _check_same(game: Game, view: Opened) -> None:
    own, full = outputs_of(game, view, lambda cases, _: view.x[cases], 1), game.full()
    off = float(np.abs(own - full).max())
    if off > 1e-3 * max(1.0, float(np.abs(full).max())):
        raise ModelError(f"the net of '{game.model.name}', opened for its gradients, misses the model's own output by up to {off:.3g}")


# ---- many rows in few passes


@contextmanager
def asked(view: Opened) -> Iterator[None]:
    """The net in eval mode inside the block, on one thread; its modes, and which parameters want gradients, are as they were after it."""
    import torch

    from xai_compare.models._nets import one_thread

    modes = [(module, module.training) for module in view.net.modules()]
    wants = [(parameter, parameter.requires_grad) for parameter in view.net.parameters()]
    with ExitStack() as stack:
        stack.enter_context(one_thread())
        if view.x.is_cuda and any(isinstance(module, torch.nn.RNNBase) for module, _ in modes):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))  # whose recurrent nets have no gradients in eval mode
        view.net.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode
            for parameter, wanted in wants:
                parameter.requires_grad_(wanted)


def rows_of(view: Opened) -> int:
    """How many rows go through the net at once."""
    return max(1, min(_ROWS, (_COLUMNS if view.x.ndim == 2 else _NUMBERS) // max(1, view.x[0].numel())))


def packed(view: Opened, work: Callable[[int], T], rows: int) -> tuple[T, int]:
    """What `work` makes with at most `rows` rows in a pass, and how many they were: half as many each time memory runs out."""
    with asked(view):
        while True:
            try:
                return work(rows), rows
            except RuntimeError as error:
                if rows == 1 or not short_of_memory(error):
                    raise
                rows //= 2


def short_of_memory(error: Exception) -> bool:
    """Whether torch says that memory ran out."""
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _MEMORY)


def averaged(view: Opened, m: int, make: Callable[[int], Ask]) -> tuple[Array, int]:
    """(n, ...) in float64: the mean over m rows of each case of what they are asked, and the most rows of a pass.

    make : from the most rows of a pass, what they are asked: made anew where a pass is tried again. Rows come case by case.
    """
    n = len(view.x)

    def work(rows: int) -> Array:
        ask, total = make(rows), np.zeros(0)
        for start in range(0, n * m, rows):
            cases, which = np.divmod(np.arange(start, min(start + rows, n * m)), m)
            found = ask(cases, which).detach().double().cpu().numpy()
            if not start:
                total = np.zeros((n, *found.shape[1:]))
            np.add.at(total, cases, found)
        return total / m

    return packed(view, work, rows_of(view))


def about_passes(view: Opened, rows: int) -> dict[str, Any]:
    """What to say of the passes: nothing, unless memory ran out."""
    wanted = rows_of(view)
    return {} if rows == wanted else {"memory": f"ran out with {wanted} rows in a pass: {rows} were taken"}


def nothing(view: Opened, cases: IntArray, which: IntArray) -> torch.Tensor:
    """(r, ...) nothing shown: the fill rows `which` (r,) of these cases (r,)."""
    return view.x0[which, cases if view.x0.shape[1] > 1 else np.zeros_like(cases)]


def extra_of(view: Opened, cases: IntArray) -> tuple[torch.Tensor, ...] | None:
    """What else the net is given for these cases; None for nothing."""
    return tuple(each[cases] for each in view.extra) or None


def targets_of(game: Game, view: Opened, cases: IntArray) -> torch.Tensor:
    """(r,) the explained output of these cases, where the net has it."""
    import torch

    return torch.from_numpy(own_target(game.model, game.target)[cases]).to(view.x.device)


def outputs_of(game: Game, view: Opened, rows: Callable[[IntArray, IntArray], torch.Tensor], m: int) -> Array:
    """(n,) the mean explained output over m rows of each case."""
    import torch

    def ask(cases: IntArray, which: IntArray) -> torch.Tensor:
        with torch.no_grad():
            out: torch.Tensor = view.net(rows(cases, which).float(), *(extra_of(view, cases) or ()))
        return out.gather(1, targets_of(game, view, cases)[:, None])[:, 0]

    return averaged(view, m, lambda _: ask)[0]


def gradient_of(game: Game, view: Opened) -> Callable[[torch.Tensor, IntArray], torch.Tensor]:
    """(rows (r, ...), cases (r,)) -> captum's gradient of each case's explained output there, (r, ...)."""
    from captum.attr import Saliency as Captum

    captum = Captum(view.net)

    def at(rows: torch.Tensor, cases: IntArray) -> torch.Tensor:
        target, extra = targets_of(game, view, cases), extra_of(view, cases)
        found: torch.Tensor = captum.attribute(rows.float().requires_grad_(), target=target, abs=False, additional_forward_args=extra)
        return found

    return at


def at_cases(game: Game, view: Opened) -> tuple[Array, int]:
    """(n, ...) the gradient at each case itself, and the rows of a pass."""
    gradient = gradient_of(game, view)
    return averaged(view, 1, lambda _: lambda cases, _: gradient(view.x[cases], cases))


def attributed(game: Game, view: Opened, method: Any, **options: Any) -> tuple[Array, int]:
    """(n, ...) what a method of captum attributes to the cases from each of their fill rows, averaged over them; and the rows of a pass.

    method : captum's class. options : of its `attribute`; a function is given the rows of a pass.
    """
    captum = method(view.net)

    def make(rows: int) -> Ask:
        chosen = {name: value(rows) if callable(value) else value for name, value in options.items()}

        def ask(cases: IntArray, which: IntArray) -> torch.Tensor:
            found: torch.Tensor = captum.attribute(
                view.x[cases].float().requires_grad_(),
                nothing(view, cases, which).float(),
                target=targets_of(game, view, cases),
                additional_forward_args=extra_of(view, cases),
                **chosen,
            )
            return found

        return ask

    return averaged(view, len(view.x0), make)


# ---- from numbers of the net to features


def values_of(game: Game, view: Opened, numbers: Array) -> Array:
    """(n, d) the signed sum of the net's numbers (n, ...) over each feature."""
    return folded(numbers, view.owner, game.d)


def map_of(view: Opened, numbers: Array) -> npt.NDArray[np.float32] | None:
    """The numbers as a map on the input's own grid: (n, H, W) summed over the channels, or (n, C, L); None without such a grid."""
    if not view.pixels:
        return None
    return (numbers.sum(axis=1) if numbers.ndim == 4 else numbers).astype(np.float32)


def deviation_of(game: Game) -> Array:
    """Standard deviation of the net's numbers over the background: (p,) of a table's columns; (1,) of all numbers elsewhere, which have
    one scale."""
    rows = game.data.background_inputs()
    if game.owner is not None:
        return np.asarray(game.model.encode(rows).std(axis=0))
    view: Opened = game.model.open(rows, game.data.space, game.fill)  # type: ignore[attr-defined]  # where there are gradients and no columns
    x = view.x.detach().double().cpu().numpy()
    return np.array([x[np.broadcast_to(view.owner >= 0, x.shape)].std()])


def ends(game: Game, view: Opened, baseline: Baseline = "fill") -> tuple[Array, Array]:
    """(n,) the output with nothing shown, from which the values count, and (n,) that of the case."""
    if game.owner is not None and baseline == "fill":
        return game.empty(), game.full()
    return outputs_of(game, view, lambda cases, which: nothing(view, cases, which), len(view.x0)), game.full()


def residual_share(values: Array, base: Array, full: Array) -> float:
    """By how much the worst case's values miss output - base, as a share of their sizes."""
    residual = np.abs(base + values.sum(axis=1) - full)
    return float((residual / np.maximum(np.abs(values).sum(axis=1), 1e-12)).max())
