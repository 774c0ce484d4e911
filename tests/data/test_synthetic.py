"""Tables made by a rule: the table is made by that rule, and its truth is that of the game."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toys import brute_force_shapley
from xai_compare.config import DataSpec
from xai_compare.data.sources import SOURCES, read
from xai_compare.data.synthetic import RULES, shapley
from xai_compare.errors import DataError, UnknownName
from xai_compare.game import Game
from xai_compare.models.function import FunctionModel


def made(name, **options):
    params = {key: options.pop(key) for key in ("rows", "columns", "seed") if key in options}
    spec = {"source": f"synthetic:{name}", "params": {"rows": 300, **params}, "background": 12, "explain": 6, **options}
    return read(DataSpec(**spec), 0)


def played(name, data):
    """The game of the rule itself on the explained cases."""
    rule = RULES[name]
    model = FunctionModel("rule", lambda x: rule.score(x[:, : rule.uses]), "regression", ("value",), "value", as_array=True)
    n = len(data.explain)
    return Game(model, data, data.cases(), np.arange(n), np.zeros(n, dtype=np.int64), "value")


@pytest.mark.parametrize("name", RULES)
class TestEveryRule:
    def test_the_truth_is_the_shapley_value_of_its_score_in_the_game(self, name):
        columns = max(RULES[name].uses, 6)
        data = made(name, columns=columns)
        expected = brute_force_shapley(played(name, data))
        np.testing.assert_allclose(data.truth.attribution[data.explain], expected, atol=1e-12)
        assert np.abs(expected).max() > 0.1

    def test_what_is_outside_the_mask_never_moves_the_score_of_its_row(self, name):
        rule, data = RULES[name], made(name)
        x = data.test.inputs.to_numpy()
        other = np.where(data.truth.mask, x, x[::-1])
        np.testing.assert_array_equal(rule.score(other[:, : rule.uses]), rule.score(x[:, : rule.uses]))
        for column in np.flatnonzero(data.truth.mask.any(axis=0)):  # and each that is inside does, for some row
            moved = np.where(np.arange(x.shape[1]) == column, x[::-1], x)
            rows = data.truth.mask[:, column]
            assert (rule.score(moved[:, : rule.uses]) != rule.score(x[:, : rule.uses]))[rows].any(), column

    def test_the_outcome_follows_the_score(self, name):
        rule, data = RULES[name], made(name, rows=4000)
        score = rule.score(data.test.inputs.to_numpy()[:, : rule.uses])
        if rule.number:
            assert data.task == "regression"
            assert np.corrcoef(score, data.test.y)[0, 1] == pytest.approx(1 / np.sqrt(1.01), abs=0.002)
        else:
            assert data.classes == ("no", "yes")
            surprise = data.test.y - 1 / (1 + np.exp(-score))  # the mean of a coin less its probability
            assert abs(surprise.mean()) < 3 * surprise.std() / np.sqrt(len(surprise))
            assert ((data.test.y == 1) == (score > 0)).mean() > 0.75

    def test_is_the_same_for_the_same_seed_and_another_for_another(self, name):
        one, two, other = made(name), made(name), made(name, seed=1)
        np.testing.assert_array_equal(one.test.inputs.to_numpy(), two.test.inputs.to_numpy())
        np.testing.assert_array_equal(one.truth.attribution, two.truth.attribution)
        assert one.test.inputs.to_numpy().shape == other.test.inputs.to_numpy().shape
        assert not np.array_equal(one.test.inputs.to_numpy(), other.test.inputs.to_numpy())

    def test_the_seed_of_the_study_draws_the_split_alone(self, name):
        spec = DataSpec(source=f"synthetic:{name}", params={"rows": 100})
        tables = []
        for seed in (0, 1):
            data = read(spec, seed)
            rows = np.concatenate([data.train.inputs.to_numpy(), data.test.inputs.to_numpy()])
            tables.append(rows[np.lexsort(rows.T)])
        np.testing.assert_array_equal(*tables)

    def test_more_columns_are_dummies(self, name):
        rule, data = RULES[name], made(name, columns=30)
        assert data.space.d == 30
        assert not data.truth.mask[:, rule.uses :].any()
        assert (data.truth.attribution[:, rule.uses :] == 0).all()


class TestByHand:
    def test_a_and_either_b_or_c(self):
        # Uniform background, all shown at (1, 1, 1): (11/24, 1/12, 1/12) for a rule of 0 and 1.
        every = np.array([[a, b, c] for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0)])
        found = shapley(RULES["and_or"].score, np.ones((1, 3)), every, np.arange(3), 4)
        np.testing.assert_allclose(found, [[6 * 11 / 24, 6 / 12, 6 / 12, 0]])

    def test_additive_terms_less_their_means_over_the_background(self):
        data = made("additive")
        x, fills = data.test.inputs.to_numpy(), data.background_inputs().to_numpy()

        def terms(rows):
            return np.stack([2 * rows[:, 0], -1.5 * rows[:, 1], rows[:, 2] ** 2, 0.5 * rows[:, 3], 0 * rows[:, 4], 0 * rows[:, 5]], axis=1)

        np.testing.assert_allclose(data.truth.attribution, terms(x) - terms(fills).mean(axis=0), atol=1e-12)

    def test_of_a_slice_its_own_rule_matters(self):
        data = made("slice")
        first = data.test.inputs["x0"].to_numpy() == 0
        assert 0 < first.sum() < len(first)
        for rows, columns in ((first, {0, 1, 2}), (~first, {0, 3, 4})):
            for mask in data.truth.mask[rows]:
                assert set(np.flatnonzero(mask)) == columns

    def test_the_stand_in_of_the_shortcut_follows_it_and_does_not_matter(self):
        data = made("shortcut", rows=3000)
        x = data.train.inputs.to_numpy()
        assert np.corrcoef(x[:, 0], x[:, 1])[0, 1] == pytest.approx(np.sqrt(1 / 2), abs=0.03)
        assert not data.truth.mask[:, 1].any()
        assert data.truth.mask[:, 0].all()


class TestStudy:
    def test_another_class_that_counts_turns_the_truth(self):
        usual, turned = made("xor"), made("xor", positive="no")
        assert turned.classes == ("yes", "no")
        for one in (usual, turned):
            score = RULES["xor"].score(one.test.inputs.to_numpy()[:, :2])
            total = one.truth.attribution.sum(axis=1) * (1 if one.classes[-1] == "yes" else -1)
            fills = RULES["xor"].score(one.background_inputs().to_numpy()[:, :2]).mean()
            np.testing.assert_allclose(total, score - fills, atol=1e-12)

    def test_a_group_has_the_value_of_its_columns_together(self):
        data = made("additive", groups={"pair": ["x0", "x4"], "rest": ["x3", "x1"]})
        assert data.space.names == ("pair", "rest", "x2", "x5")
        np.testing.assert_allclose(data.truth.attribution[data.explain], brute_force_shapley(played("additive", data)), atol=1e-12)
        np.testing.assert_array_equal(data.truth.mask[0], [True, True, True, False])

    def test_slices_by_a_column(self):
        assert set(made("slice", slices=["x0"]).slices["x0"]) == {"0", "1"}

    def test_other_sources_know_no_truth(self):
        assert read(DataSpec(source="sklearn:iris"), 0).truth is None


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"rows": 10}, "params of 'synthetic:xor': rows must be 20 to 100,000, found 10"),
            ({"columns": 1}, "columns must be 2 to 1,000, found 1"),
            ({"seed": -1}, "seed must be 0 or more, found -1"),
            ({"rows": "many"}, "params of 'synthetic:xor': parameter 'rows'"),
        ],
    )
    def test_sizes_out_of_range(self, options, message):
        with pytest.raises(DataError, match=message):
            made("xor", **options)

    def test_an_unknown_parameter_or_rule(self):
        with pytest.raises(DataError, match="unknown parameter 'row': did you mean 'rows'"):
            read(DataSpec(source="synthetic:xor", params={"row": 100}), 0)
        with pytest.raises(UnknownName, match="unknown synthetic data 'xnor': did you mean 'xor'"):
            made("xnor")

    def test_fewer_columns_than_the_rule_uses(self):
        with pytest.raises(DataError, match="its rule uses 5 columns, found columns: 4"):
            made("slice", columns=4)

    def test_files_and_columns_of_files(self):
        with pytest.raises(DataError, match="'synthetic:xor' reads no file: remove target"):
            made("xor", target="y")

    @pytest.mark.parametrize("source", ["sklearn:iris", "file"])
    def test_params_of_a_source_that_has_none(self, source):
        with pytest.raises(DataError, match=f"'{source}' takes no params, found rows: remove them"):
            read(DataSpec(source=source, params={"rows": 3}, **({} if source != "file" else {"path": "x.csv", "target": "y"})), 0)

    def test_it_is_among_the_sources(self):
        assert "synthetic" in SOURCES
