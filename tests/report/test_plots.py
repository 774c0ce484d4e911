"""Pictures and attributions from Python: the report's own, by name, for any case."""

from __future__ import annotations

from functools import cache

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.report.drawn import lettering
from tests.report.made import made
from tests.report.made_elsewhere import made_of
from xai_compare.audit import Audit
from xai_compare.errors import UnknownName
from xai_compare.report.choose import choose, differing, overlap
from xai_compare.report.render import compose, pictured

ALWAYS = {"verdict_decomposition", "decomposition", "gaps", "performance", "removal", "agreement", "stability", "frame"}


@cache
def audit(kind: str = "table") -> Audit:
    source = made() if kind == "table" else made_of(kind)
    return Audit(source.results, source.comparison, {})


def shown() -> list[str]:
    """The ids of the cases that the report shows."""
    return [audit().results.cases.ids[place] for place, _ in choose(audit().results, audit().comparison.driving)]


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("table", {"waterfall", "importance", "profiles"}),
        ("image", {"picture", "where", "importance"}),
        ("text", {"waterfall"}),
        ("series", {"picture", "picture_more", "where", "importance"}),
    ],
)
def test_dir_lists_what_there_is_and_all_of_it_is_drawn(kind: str, own: set[str]) -> None:
    plot = audit(kind).plot
    names = set(dir(plot))
    assert names >= ALWAYS | own
    for name in names - {"frame"}:
        figure = getattr(plot, name)()
        assert isinstance(figure, Figure)
        assert figure.axes
    assert set(plot.frame().name) == names - {"frame"}


def test_the_figure_is_that_of_the_report() -> None:
    blocks = {figure.name: figure for figure in pictured(compose(audit().report))}
    figure = audit().plot.gaps()
    assert np.allclose(figure.get_size_inches() * 96, (blocks["gaps"].drawing.width, blocks["gaps"].drawing.height), atol=0.5)
    words = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert len(words) > 20
    assert {word for word in words if word} <= set(lettering(blocks["gaps"].drawing))
    assert audit().plot.gaps() is not figure  # painted anew: the reader may change it


def test_the_look_is_the_reports_whatever_the_users_settings() -> None:
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        axes = audit().plot.performance().axes[0]
        assert axes.get_facecolor() != (1, 0, 0, 1)
        assert {label.get_fontsize() for label in axes.get_xticklabels()} == {8.5}
        assert matplotlib.rcParams["font.size"] == 30


def test_a_figure_is_shown_by_a_notebook_without_pyplot() -> None:
    assert audit().plot.performance()._repr_png_().startswith(b"\x89PNG")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no plot 'gap': did you mean 'gaps'"):
        _ = audit().plot.gap
    assert not hasattr(audit().plot, "swimlane")
    assert not hasattr(audit().plot, "_ipython_display_")
    with pytest.raises(UnknownName, match=r"unknown case 'row 99': did you mean 'row \d+'\? Give ids of cases"):
        audit().plot.waterfall("row 99")


def test_any_case_has_its_waterfall() -> None:
    other = next(name for name in audit().results.cases.ids if name not in shown())
    titles = [axes.get_title(loc="left") for axes in audit().plot.waterfall(other).axes]
    assert titles == ["logistic", "forest", "network"]
    frame = audit().plot.waterfall.frame(other)
    assert set(frame.case) == {other}
    assert set(audit().plot.waterfall.frame().case) == {shown()[0]} == {audit().report["cases"][0]["id"]}


def test_the_frame_of_a_plot_holds_its_numbers() -> None:
    frame = audit().plot.gaps.frame()
    gaps = [row.gap.estimate for row in audit().comparison.gaps]
    assert len(frame) > 5
    (column,) = [name for name in frame.columns if name.startswith("Gap")]
    assert all(any(np.isclose(value, gap) for gap in gaps) for value in frame[column])


# ---- cases


def test_cases_by_id_hold_every_attribution() -> None:
    results = audit().results
    frame = audit().cases(["row 3", "row 0"]).frame()
    assert list(dict.fromkeys(frame.case)) == ["row 3", "row 0"]
    assert len(frame) == 2 * len(results.attributions) * len(results.features)
    one = frame.query("case == 'row 3' and model == 'forest' and explainer == 'shap'")
    assert np.array_equal(one.attribution, results.attributions["forest", "shap"].values[3])
    assert np.isclose(one.share.abs().sum(), 1)
    assert list(one.feature) == list(results.features)
    assert list(one.value) == list(results.cases.values[3])
    assert audit().cases("row 3").frame().equals(frame[frame.case == "row 3"].reset_index(drop=True))


def test_cases_by_disagreement_are_those_that_differ_most() -> None:
    results = audit().results
    known = results.attributions
    pairs = [("logistic", "forest"), ("logistic", "network"), ("forest", "network")]
    shared = np.mean([overlap(known[a, "shap"].values, known[b, "shap"].values) for a, b in pairs], axis=0)
    frame = audit().cases("model_disagreement", 4).frame()
    assert list(dict.fromkeys(frame.case)) == [results.cases.ids[place] for place in np.argsort(shared)[:4]]
    by_method = differing(results)[1]
    frame = audit().cases("method_disagreement", 1).frame()
    assert set(frame.case) == {results.cases.ids[int(np.argmax(by_method))]}
    assert "between methods" in frame.why[0]


def test_the_rules_that_a_report_goes_by() -> None:
    ids = audit().results.cases.ids
    assert list(dict.fromkeys(audit().cases().frame().case)) == shown()
    assert audit().cases("random", 5).frame().case.nunique() == 5
    assert audit().cases("random", 5).frame().equals(audit().cases("random", 5).frame())
    probability = audit().results.cases.probability["logistic"]
    nearest = audit().cases("near_threshold", 1).frame().case[0]
    assert nearest == ids[int(np.argmin(np.abs(probability - 0.5)))]


def test_what_is_no_case_and_no_rule_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'model_disagreement'.*or a rule: report, model_disagreement"):
        audit().cases("models_disagreement")
    with pytest.raises(UnknownName, match="unknown case '77'"):
        audit().cases([77])


def test_values_that_may_not_be_shown_are_left_out() -> None:
    source = made(shown=False)
    assert Audit(source.results, source.comparison, {}).cases("row 0").frame().value.isna().all()
