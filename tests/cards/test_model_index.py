"""The gaps in a Hugging Face card's model-index: only the lines of our own result are written, and the library reads them."""

from __future__ import annotations

import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.made import made
from xai_compare.cards.model_index import CONFIG, indexed, unindexed
from xai_compare.errors import MissingExtra, XaiCompareError
from xai_compare.report import build

huggingface_hub = pytest.importorskip("huggingface_hub")


def _report(hostile: bool = False) -> dict:
    source = made(hostile=hostile)
    return build(source.results, source.comparison)


REPORT, HOSTILE = _report(), _report(hostile=True)

FRONT = "license: mit   # as agreed\ntags: [credit,   'b']\nmetrics:\n- accuracy\nmodel_name: credit\n"
OTHER = """model-index:
- name: "credit"    # the name
  results:
    - task: {type: tabular-classification}
      dataset:
        name: Credit
        type: credit
      metrics:
        - type: accuracy
          value: 0.90   # on the test rows
    # more will follow
widget: no
"""
CARD = f"---\n{FRONT}---\n# Card\n"
CARD_WITH_OTHER = f"---\n{FRONT}{OTHER}---\n# Card\n"
FLOW = f"---\n{FRONT}model-index: [{{name: credit, results: []}}]\n# after\nlast: 1\n---\n"


def index_of(card: str) -> list[dict]:
    return yaml.safe_load(card.split("---")[1])["model-index"]


def own(card: str) -> list[dict]:
    return [one for one in index_of(card)[0]["results"] if one["dataset"].get("config") == CONFIG]


@pytest.mark.parametrize("card", [CARD, CARD_WITH_OTHER, FLOW], ids=["none", "other", "flow"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_results_are_those_of_the_report_and_the_library_reads_them(card: str, newline: str) -> None:
    made = indexed(card.replace("\n", newline), REPORT)
    data = huggingface_hub.ModelCard(made).data
    ours = [result for result in data.eval_results if result.dataset_config == CONFIG]
    gaps = [REPORT["gaps"][index] for index in REPORT["verdict"]["headline"]]
    assert [(result.metric_type, result.metric_value) for result in ours] == [
        (f"gap_{gap['metric']}", gap["gap"]["estimate"]) for gap in gaps
    ]
    assert [result.metric_args["low"] for result in ours] == [gap["gap"]["low"] for gap in gaps]
    assert {result.task_type for result in ours} == {"tabular-classification"}
    assert data.model_name == "credit"
    assert made.count("\n") == made.count(newline)


@pytest.mark.parametrize("card", [CARD, CARD_WITH_OTHER], ids=["none", "other"])
def test_all_other_bytes_stay_and_removing_restores_them(card: str) -> None:
    for text in (card, card.replace("\n", "\r\n"), "\ufeff" + card):
        made = indexed(text, REPORT)
        before, after = text.splitlines(keepends=True), made.splitlines(keepends=True)
        start = next(i for i, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)
        assert after[len(after) - (len(before) - start) :] == before[start:]  # one piece was put in, and nothing else was touched
        assert indexed(made, REPORT) == made
        assert unindexed(made, REPORT) == text


def test_a_new_run_takes_the_place_of_the_old_one() -> None:
    made = indexed(CARD_WITH_OTHER, REPORT)
    changed = {**REPORT, "gaps": [{**gap, "gap": {**gap["gap"], "estimate": 0.125}} for gap in REPORT["gaps"]]}
    again = indexed(made, changed)
    assert len(own(again)) == 1
    assert {metric["value"] for metric in own(again)[0]["metrics"]} == {0.125}
    assert len(index_of(again)[0]["results"]) == 2
    assert unindexed(again, changed) == CARD_WITH_OTHER


def test_other_data_are_another_result() -> None:
    other = {**REPORT, "scope": {**REPORT["scope"], "data": {"source": "elsewhere"}}}
    both = indexed(indexed(CARD, REPORT), other)
    assert [result["dataset"]["type"] for result in own(both)] == ["synthetic-credit", "elsewhere"]
    assert unindexed(unindexed(both, REPORT), other) == unindexed(unindexed(both, other), REPORT) == CARD


def test_a_flow_index_is_written_anew_and_its_neighbours_stay() -> None:
    made = indexed(FLOW, REPORT)
    assert made.startswith(f"---\n{FRONT}model-index:\n")
    assert made.endswith("# after\nlast: 1\n---\n")


def test_hostile_names_stay_values() -> None:
    made = indexed(CARD, HOSTILE)
    assert set(yaml.safe_load(made.split("---")[1])) == {*yaml.safe_load(FRONT), "model-index"}
    assert "\u202e" not in made
    assert indexed(made, HOSTILE) == made


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("# Card\n", "no front matter"),
        ("---\nlicense: mit\n---\n", "names no model: add a line 'model_name: ...'"),
        (f"---\n{FRONT}model-index:\n- {{name: a, results: []}}\n- {{name: b, results: []}}\n---\n", "holds 2 models"),
        ("---\n- a\n---\n", "is a list, not a mapping"),
        ("---\na: [1\n---\n", "cannot be read"),
        ("---\na: &a [1]\nb: *a\nmodel_name: x\n---\n", "uses aliases"),
        ("---\nmodel-index: 3\n---\n", "is no list of models"),
        ("---\nmodel-index: [{name: a, results: 3}]\n---\n", "no list of results"),
        ("---\nmodel-index: [{name: a, results: [{task: 1}]}]\n---\n", "Hugging Face could not read"),
    ],
)
def test_a_card_that_is_not_of_one_model_is_refused(card: str, says: str) -> None:
    with pytest.raises(XaiCompareError, match=says):
        indexed(card, REPORT)


def test_without_the_library_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"xai-compare-toolkit\[cards\]"):
        indexed(CARD, REPORT)


def test_a_card_without_our_result_has_none_to_take() -> None:
    for card in (CARD, CARD_WITH_OTHER):
        assert unindexed(card, REPORT) == card


RESULT = st.sampled_from(
    [
        "task:\n  type: a\ndataset:\n  type: b\n  name: b\nmetrics:\n- type: c\n  value: 1.50",
        "task: {type: a}\ndataset: {type: b, name: 'b: c'}\nmetrics: [{type: c, value: 2}]\n# said",
        "dataset:\n    name: |\n      two\n      lines\n    type: x\ntask:\n    type: a\nmetrics:\n    - value: 3\n      type: c",
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(RESULT, max_size=3), st.integers(0, 4), st.sampled_from(["", "\n", "# a comment\n", "after: 1\n"]), st.booleans())
def test_indices_of_any_make_keep_their_lines(results: list[str], indent: int, after: str, crlf: bool) -> None:
    dash = " " * (indent + 2)
    items = "".join(f"{dash}- {one.replace(chr(10), chr(10) + dash + '  ')}\n" for one in results)
    listed = f"model-index:\n- name: n\n  results:\n{items}" if results else ""
    card = f"---\nmodel_name: n\n{listed}{after}---\ntext\n"
    text = card.replace("\n", "\r\n") if crlf else card
    made = indexed(text, REPORT)
    assert index_of(made)[0]["results"][:-1] == (index_of(text)[0]["results"] if results else [])
    assert unindexed(made, REPORT) == text
