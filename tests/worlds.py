"""Small worlds of images, series and texts, and nets on them: planted parts, seeded, made in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch

from xai_compare.data.image import ImageSpace
from xai_compare.data.series import SeriesSpace
from xai_compare.data.text import TextSpace, as_texts
from xai_compare.game import Game
from xai_compare.models import nets_zoo  # noqa: F401  # registers its kinds
from xai_compare.models._nets import InSpace
from xai_compare.models.net import hidden_all
from xai_compare.models.opened import Opened
from xai_compare.models.zoo import KINDS
from xai_compare.types import Data, Table

MODALITIES = ("image", "series", "text")


def data_of(inputs: Any, y: Any, space: Callable[[Any], Any], cases: int = 6, background: int = 5) -> Data:
    """Half of the inputs to train on, half to test on; the first ones are explained, or are the background."""
    half = len(inputs) // 2
    ids = tuple(map(str, range(half)))
    train, test = Table(inputs[:half], y[:half], ids), Table(inputs[half : 2 * half], y[half : 2 * half], ids)
    return Data(train, test, np.arange(cases), np.arange(background), space(inputs[:background]), "classification", ("0", "1"))


@cache
def images(n: int = 120, colour: bool = False, **sizes: int) -> Data:
    """8 x 8 images of 4 x 4 patches: class 1 has a bright patch in row 2, column 3."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    x = (0.15 * rng.random((n, 8, 8, 3) if colour else (n, 8, 8))).astype(np.float32)
    x[y == 1, 2:4, 4:6] += 0.6
    x[y == 0, 6:8, 0:2] += 0.6
    return data_of(x, y, lambda background: ImageSpace(background, grid=(4, 4)), **sizes)


@cache
def series(n: int = 120, unequal: bool = True, **sizes: int) -> Data:
    """Two channels of 20 points in 5 stretches each, of 12 to 20 points: class 1 is high at the points 4 to 7 of the first."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, n)
    x = rng.normal(0, 0.3, (n, 2, 20))
    x[y == 1, 0, 4:8] += 1.5
    for i, length in enumerate(rng.integers(12, 21, n) if unequal else ()):
        x[i, :, length:] = np.nan
    return data_of(x, y, lambda background: SeriesSpace(background, stretches=5), **sizes)


@cache
def texts(n: int = 160, **sizes: int) -> Data:
    """Texts of 4 to 9 words, in which "good" or "bad" is the class."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, n)
    lines = []
    for one in y:
        words = rng.choice(["the", "cat", "sat", "on", "mat", "dog", "ran", "far"], int(rng.integers(3, 9))).tolist()
        words.insert(int(rng.integers(0, len(words) + 1)), ("bad", "good")[one])
        lines.append(" ".join(words))
    return data_of(as_texts(lines), y, lambda background: TextSpace(background, d=9), **sizes)


WORLDS: dict[str, Callable[..., Data]] = {"image": images, "series": series, "text": texts}


@cache
def net(kind: str, modality: str, epochs: int = 8) -> Any:
    """A net that a study would train, on the world of that modality."""
    return KINDS[kind].fit(kind, WORLDS[modality](), {"epochs": epochs}, 0)[0]


def play(model: Any, data: Data, cases: Any = None, fill: str = "", output: Any = None, target: int = 1) -> Game:
    """The game of the explained cases, or some of them, for one target."""
    cases = np.arange(len(data.explain)) if cases is None else np.asarray(cases)
    fill = fill or data.space.fills[0]
    return Game(model, data, data.cases(cases), cases, np.full(len(cases), target), output or model.native, fill)


@dataclass(eq=False)
class Toy:
    """Any module on grey images (n, 1, H, W) as a model, opened here: what a test wants to know must not hang on the package's nets.

    extra : what else the module is given, one row for each input. attend, conv, pooled : of what it opens.
    """

    module: torch.nn.Module
    outputs: tuple[str, ...] = ("0", "1")
    task: str = "classification"
    conv: Any = None
    name: str = "toy"
    closed: str = "it is a toy"
    about: dict[str, Any] = field(default_factory=dict)
    weights: Any = None
    owner: Any = None
    core: Any = None
    changed: float = 0.0

    @property
    def native(self) -> str:
        return "value" if self.task == "regression" else "margin"

    @property
    def offers(self) -> frozenset[str]:
        return frozenset({"gradient", "value"} if self.task == "regression" else {"gradient", "margin", "probability"})

    def predict(self, inputs: Any, output: Any) -> np.ndarray:
        mode = self.module.training
        with torch.no_grad():
            found = InSpace(self.module, output).eval()(self.tensor(inputs)).double().numpy()
        self.module.train(mode)
        return found

    def decide(self, inputs: Any) -> np.ndarray:
        return self.predict(inputs, self.native).argmax(axis=1)

    @staticmethod
    def tensor(inputs: Any) -> torch.Tensor:
        return torch.from_numpy(np.asarray(inputs, dtype=np.float32)[:, None])

    def open(self, inputs: Any, space: Any, fill: str) -> Opened:
        rows = space.fill_rows(fill)
        x0 = self.tensor(hidden_all(inputs, space, fill))[None] if rows is None else self.tensor(rows)[:, None]
        x, owner = self.tensor(inputs) + self.changed, space.patch_of[None, None]
        return Opened(self.module, x, x0, (), owner, f"the fill {fill}", conv=self.conv, pixels=True)


def convolutional(seed: int = 0, k: int = 2) -> torch.nn.Sequential:
    """A small convolutional net on 8 x 8 images, each activation used once."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.AvgPool2d(2),
            torch.nn.Conv2d(4, 6, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(96, k),
        ).eval()
