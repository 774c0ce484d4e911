"""Sensitivity to the class: which class is asked for, and what counts as a different explanation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.run.plugins import Made
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.metrics import METRICS, View
from xai_compare.models.function import FunctionModel
from xai_compare.run.again import Again
from xai_compare.streams import Streams
from xai_compare.types import Attribution

W = np.array([[3.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 1.0, 1.0]])  # a class for each row: the score of x is W x


def odds(frame):
    raised = np.exp(frame.to_numpy() @ W.T)
    return raised / raised.sum(axis=1, keepdims=True)


def setting(n=12, classes=("a", "b", "c"), function=odds):
    rng = np.random.default_rng(0)
    train, test = (as_table(as_frame(rng.standard_normal((rows, 4))), None) for rows in (40, n))
    data = assemble(train, test, "classification", classes, (15, n), Streams(0))
    return FunctionModel("odds", function, "classification", classes, "probability", as_array=False), data


@dataclass(frozen=True)
class ByClass(Made):
    """The weights of the explained class times the input, or what a function makes of the class."""

    made: object = None
    scope: str = "case"

    def __call__(self, game, streams):
        x = game.inputs.to_numpy()
        values = W[game.target] * x if self.made is None else self.made(game.target, x)
        return Attribution(values, game.target, game.output, scope=self.scope)


def scored(explainer, model, data, at=None, target=None, **params):
    cases = np.arange(len(data.explain)) if at is None else at
    target = model.decide(data.cases()) if target is None else target
    game = Game(model, data, data.cases(cases), cases, target[cases], model.native)
    streams = Streams(0).at("explain", "it")
    asked = []
    again = Again(explainer, "it", game, streams)

    def rerun(where, **changed):
        asked.append((where, changed))
        return again(where, **changed)

    view = View(data, Streams(0), tuple(cases.tolist()), (explainer(game, streams),), model=model, rerun=rerun)
    return METRICS["class_sensitivity"](**params)(view), asked


class TestWhichClass:
    def test_the_runner_up_is_asked_for(self):
        model, data = setting()
        _, asked = scored(ByClass(), model, data)
        order = np.argsort(-odds(data.cases()), axis=1)
        np.testing.assert_array_equal(asked[0][1]["target"], order[:, 1])
        assert len(set(order[:, 1].tolist())) == 3

    def test_the_first_where_another_is_explained(self):
        model, data = setting()
        last = odds(data.cases()).argmin(axis=1)
        _, asked = scored(ByClass(), model, data, target=last)
        np.testing.assert_array_equal(asked[0][1]["target"], odds(data.cases()).argmax(axis=1))

    def test_nothing_else_is_changed(self):
        model, data = setting()
        _, asked = scored(ByClass(), model, data)
        assert len(asked) == 1
        assert set(asked[0][1]) == {"target"}


class TestScore:
    def test_by_hand(self):
        model, data = setting()
        found, _ = scored(ByClass(made=lambda target, x: np.where(target[:, None] == 0, [[3.0, 1, 0, 0]], [[1.0, 3, 0, 0]])), model, data)
        # Shares (3/4, 1/4, 0, 0) and (1/4, 3/4, 0, 0): overlap 1/2. Chance over all orders: 1 - sum |p - q| / 8, of the 16 differences
        # 3/4 comes 4 times with 0, 1/4 4 times, equal 1 + 1 + 4, and 1/2 twice: (3 + 1 + 1) / 8.
        one = 1 - (1 / 2 - 3 / 8) / (1 - 3 / 8)
        pairs = np.sort(odds(data.cases()).argsort(axis=1)[:, -2:], axis=1)
        differs = (pairs == 0).any(axis=1)
        np.testing.assert_allclose(found.values[differs], one)
        np.testing.assert_allclose(found.values[~differs], 0, atol=1e-12)  # classes 1 and 2 have the same explanation
        assert 0 < differs.sum() < len(differs)
        assert (found.chance == 0).all()
        assert (found.ceiling == 1).all()

    def test_an_opposite_explanation_is_as_different_as_can_be(self):
        model, data = setting()
        turned = ByClass(made=lambda target, x: np.where(target[:, None] == 0, x, -x))
        found, _ = scored(turned, model, data, target=np.zeros(12, dtype=np.int64))
        np.testing.assert_allclose(found.values, 1)  # less is shared than by chance: that counts as nothing

    def test_shap_of_a_model_with_a_column_for_each_class(self):
        model, data = setting()
        assert np.nanmean(scored(EXPLAINERS["shap"](), model, data)[0].values) > 0.8

    @pytest.mark.parametrize("explainer", ["random", "blind"])
    def test_what_does_not_see_the_class_scores_0(self, explainer):
        model, data = setting()
        made = EXPLAINERS["random"]() if explainer == "random" else ByClass(made=lambda target, x: x)
        np.testing.assert_allclose(scored(made, model, data)[0].values, 0, atol=1e-12)

    @pytest.mark.parametrize("value", [0.0, 2.0])
    def test_a_constant_explanation_has_no_score(self, value):
        model, data = setting()
        found, _ = scored(ByClass(made=lambda target, x: np.full_like(x, value)), model, data)
        assert np.isnan(found.values).all()
        assert set(found.reasons.values()) == {"constant explanation"}


class TestWhatIsNotScored:
    def test_two_classes(self):
        model, data = setting(classes=("a", "b"), function=lambda f: np.tile([0.3, 0.7], (len(f), 1)))
        with pytest.raises(NotApplicable, match="fewer than three classes"):
            scored(ByClass(), model, data)

    def test_a_number(self):
        model, data = setting()
        with pytest.raises(NotApplicable, match="fewer than three classes"):
            scored(ByClass(), model, replace(data, classes=()))

    def test_a_method_that_explains_the_whole_model(self):
        model, data = setting()
        with pytest.raises(NotApplicable, match="not one of its classes"):
            scored(ByClass(scope="model"), model, data)

    def test_cases_beyond_the_fixed_ones(self):
        model, data = setting()
        found, asked = scored(ByClass(), model, data, cases=4)
        assert np.isfinite(found.values).sum() == len(asked[0][0]) == 4
        assert set(found.reasons.values()) == {"not among the 4 cases that this metric takes"}
        with pytest.raises(XaiCompareError, match="cases must be at least 1, found 0"):
            METRICS["class_sensitivity"](cases=0)

    def test_a_chunk_scores_what_the_whole_scores(self):
        model, data = setting()
        whole, _ = scored(EXPLAINERS["lime"](), model, data, cases=7)
        for chunk in (np.arange(5), np.arange(5, 12), np.array([1])):
            part, _ = scored(EXPLAINERS["lime"](), model, data, chunk, cases=7)
            np.testing.assert_allclose(part.values, whole.values[chunk], atol=1e-9)
