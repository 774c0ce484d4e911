"""Which features move together, against SciPy, pandas and counting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, kruskal, spearmanr
from scipy.stats.contingency import association

from xai_compare.data import together
from xai_compare.data.space import TableSpace
from xai_compare.data.tabular import kinds_of
from xai_compare.data.together import level_codes, move_together
from xai_compare.streams import Streams

N = 400
RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Numbers, categories, flags and an order, some of which follow from each other."""
    size = RNG.normal(size=N)
    town = RNG.choice(["a", "b", "c", "d"], N)
    return pd.DataFrame(
        {
            "size": size,
            "weight": np.exp(size + 0.4 * RNG.normal(size=N)),
            "rest": -np.round(size),
            "town": town,
            "street": np.where(RNG.random(N) < 0.7, np.char.add(town, "1"), RNG.choice(["x", "y"], N)),
            "flag": (size > 0.5) ^ (RNG.random(N) < 0.1),
            "level": pd.Categorical(pd.cut(size, [-9, -1, 0, 1, 9], labels=["low", "mid", "high", "top"]), ordered=True),
            "noise": RNG.normal(size=N),
            "same": 1.0,
            "one": "only",
        }
    )


def found(frame: pd.DataFrame, groups: dict[str, tuple[str, ...]] | None = None, seed: int = 0) -> dict[str, Any]:
    return move_together(frame, TableSpace(kinds_of(frame), frame.head(5), groups or {}), Streams(seed))


def pair(frame: pd.DataFrame, a: str, b: str) -> tuple[str, float]:
    """What is told of two columns, seen alone; none is ("", 0)."""
    told = found(frame[[a, b]])
    assert told["found"] == len(told["pairs"]) <= 1
    return (told["pairs"][0]["measure"], told["pairs"][0]["value"]) if told["pairs"] else ("", 0.0)


def corrected(a: pd.Series, b: pd.Series) -> float:
    """Bergsma's V from the chi-squared of SciPy."""
    counts = pd.crosstab(a, b).to_numpy()
    n, (r, k) = counts.sum(), counts.shape
    phi2 = max(0.0, chi2_contingency(counts, correction=False).statistic / n - (r - 1) * (k - 1) / (n - 1))
    return float(np.sqrt(phi2 / min(r - (r - 1) ** 2 / (n - 1) - 1, k - (k - 1) ** 2 / (n - 1) - 1)))


def ratio(numbers: pd.Series, levels: pd.Series) -> float:
    """The root of epsilon squared from the H of SciPy's Kruskal-Wallis test."""
    sides = [part.to_numpy() for _, part in numbers.groupby(levels)]
    return float(np.sqrt(max(0.0, (kruskal(*sides).statistic - len(sides) + 1) / (len(numbers) - len(sides)))))


def test_two_numbers_as_scipy_has_them(frame: pd.DataFrame) -> None:
    for a, b in (("size", "weight"), ("size", "rest"), ("weight", "rest")):
        assert pair(frame, a, b) == ("Spearman", pytest.approx(spearmanr(frame[a], frame[b]).statistic, abs=5e-5))
    assert pair(frame, "size", "rest")[1] < -0.9  # one falls as the other rises
    order = frame["level"].cat.codes
    assert pair(frame, "size", "level") == ("Spearman", pytest.approx(spearmanr(frame["size"], order).statistic, abs=5e-5))
    assert pair(frame, "size", "noise") == ("", 0.0)


def test_two_categories_as_scipy_has_them_corrected_for_bias(frame: pd.DataFrame) -> None:
    wanted = corrected(frame["town"], frame["street"])
    assert pair(frame, "town", "street") == ("Cramer's V", pytest.approx(wanted, abs=5e-5))
    raw = association(pd.crosstab(frame["town"], frame["street"]).to_numpy(), method="cramer")
    assert 0.6 < wanted < raw
    again = frame.assign(copy=frame["flag"].map({True: "yes", False: "no"}))
    assert pair(again, "flag", "copy") == ("Cramer's V", 1.0)


def test_a_number_and_a_category_as_kruskal_has_them(frame: pd.DataFrame) -> None:
    wanted = ratio(frame["size"], frame["flag"])
    assert wanted > 0.6
    assert pair(frame, "size", "flag") == ("correlation ratio", pytest.approx(wanted, abs=5e-5))
    assert pair(frame, "flag", "size")[1] == pair(frame, "size", "flag")[1]
    codes = frame.assign(band=pd.cut(frame["size"], 7).astype(str))  # ties in the number, many levels
    assert pair(codes, "rest", "band")[1] == pytest.approx(ratio(codes["rest"], codes["band"]), abs=5e-5)


def test_many_levels_alone_are_no_association() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(list("abcdefghij"), 60), "b": rng.choice(list("abcdefghij"), 60), "x": rng.normal(size=60)})
    raw = association(pd.crosstab(frame["a"], frame["b"]).to_numpy(), method="cramer")
    assert raw > 0.35
    assert found(frame)["found"] == 0


def test_missing_values_are_left_out_pair_by_pair(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    holes = frame.astype({"flag": "boolean", "noise": "Float64"})
    for column in ("size", "weight", "town", "street", "flag", "level"):
        holes[column] = holes[column].mask(rng.random(N) < 0.2)
    both = holes["size"].notna() & holes["weight"].notna()
    ranks = holes[["size", "weight"]].rank()[both]  # of the column, not of the pair
    assert pair(holes, "size", "weight")[1] == pytest.approx(np.corrcoef(ranks.T)[0, 1], abs=5e-5)
    assert pair(holes, "size", "weight")[1] == pytest.approx(
        spearmanr(*holes.loc[both, ["size", "weight"]].to_numpy().T).statistic, abs=0.01
    )
    both = holes["town"].notna() & holes["street"].notna()
    assert pair(holes, "town", "street")[1] == pytest.approx(corrected(holes["town"][both], holes["street"][both]), abs=5e-5)
    both = holes["size"].notna() & holes["flag"].notna()
    wanted = ratio(holes["size"].rank()[both], holes["flag"][both].astype(bool))
    assert pair(holes, "size", "flag")[1] == pytest.approx(wanted, abs=5e-3)


@pytest.mark.parametrize(("a", "b"), [("size", "weight"), ("town", "street"), ("size", "flag")])
def test_a_pair_that_few_rows_have_is_not_told(frame: pd.DataFrame, a: str, b: str) -> None:
    known = [frame.astype({"flag": object}).assign(**{b: lambda t, n=n: t[b].where(np.arange(N) < n)}) for n in (49, 50)]
    assert pair(known[0], a, b) == ("", 0.0)
    assert pair(known[1], a, b)[1] > 0.5


def test_rare_levels_count_as_one() -> None:
    rng = np.random.default_rng(2)
    many = pd.Series(rng.choice([f"level {i}" for i in range(30)], 900, p=np.r_[np.full(10, 0.08), np.full(20, 0.01)]))
    other = many.where(rng.random(900) < 0.9, rng.choice(["p", "q"], 900))
    kept = [column.where(column.isin(column.value_counts().index[:10]), "rest") for column in (many, other)]
    assert pair(pd.DataFrame({"a": many, "b": other}), "a", "b")[1] == pytest.approx(corrected(*kept), abs=5e-5)


def test_the_strongest_five_of_all(frame: pd.DataFrame) -> None:
    told = found(frame)
    names = list(frame.columns)
    alone = [(names[i], names[j], *pair(frame, names[i], names[j])) for i in range(len(names)) for j in range(i + 1, len(names))]
    wanted = sorted((one for one in alone if one[2]), key=lambda one: -abs(one[3]))
    assert told["found"] == len(wanted) > 5
    assert [tuple(one.values()) for one in told["pairs"]] == wanted[:5]
    assert not {"same", "one", "noise"} & {one[key] for one in told["pairs"] for key in "ab"}  # constant, or apart


def test_blocks_of_categories_are_the_same_as_one_by_one(monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame) -> None:
    whole = found(frame[["town", "street", "flag", "one"]])
    monkeypatch.setattr(together, "_AT_ONCE", 1)
    assert found(frame[["town", "street", "flag", "one"]]) == whole
    assert whole["found"] == 1


def test_a_feature_of_several_columns_is_not_paired(frame: pd.DataFrame) -> None:
    told = found(frame, {"body": ("size", "weight")})
    assert told["left_out"] == ["body"]
    assert not {"body", "size", "weight"} & {one[key] for one in told["pairs"] for key in "ab"}
    assert told["pairs"]
    assert found(frame)["left_out"] == []


def test_too_few_rows_and_too_many_features_are_said(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    told = found(frame.head(49))
    assert (told["pairs"], told["reason"]) == ([], "it takes 50 rows to tell, found 49")
    monkeypatch.setattr(together, "_MOST", 9)
    assert found(frame)["reason"] == "at most 9 features are paired, found 10"


def test_many_rows_are_drawn_by_seed(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(5)
    large = pd.DataFrame({"x": rng.normal(size=9000)}).assign(y=lambda t: t["x"] + rng.normal(size=9000))
    before = large.copy()
    one, same, other = found(large), found(large), found(large, seed=1)
    assert one == same
    assert one["rows"] == 2000
    values = [told["pairs"][0]["value"] for told in (one, other)]
    assert values[0] != values[1]
    assert values == pytest.approx([spearmanr(large["x"], large["y"]).statistic] * 2, abs=0.04)
    pd.testing.assert_frame_equal(large, before)


def test_levels_by_how_common_they_are() -> None:
    codes, levels = level_codes(pd.Series(["b", None, "a", "a", "c", "b", "a", np.nan]))
    assert levels == ["a", "b", "c"]
    assert codes.tolist() == [1, -1, 0, 0, 2, 1, 0, -1]
    assert level_codes(pd.Series([None, None], dtype=object))[0].tolist() == [-1, -1]
