"""What a card says of a report: one finding, few gaps, one picture, links, limits. Names are text, whatever they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xai_compare.report.asked import answer, asked_again, under
from xai_compare.report.words import NO_POWER, count, gap_parts, interval_text, join, method_title, shortened, visible

__all__ = ["Links", "content", "escaped", "headlines", "picture_of"]

_MOST_ROWS, _MOST_MODELS, _MOST_BARS = 8, 3, 6
_LONGEST = 80  # characters of a name
_PICTURES = ("verdict-decomposition", "decomposition", "gaps")
# What begins something in Markdown, HTML, a formula or a template. An underscore within a word, a colon before a blank and a dot
# anywhere but after "www" begin nothing.
_MARKUP = re.compile(r"""[&<>|`"\[\]{}*~$#@\\]|(?<![^\W_])_|_(?![^\W_])|:(?=\S)|(?<=www)\.""", re.IGNORECASE)
_STATES = {"failed": "failed", "degraded": "degraded", "skipped": "skipped", "not_applicable": "not applicable"}


@dataclass(frozen=True, slots=True)
class Links:
    """Where the files of a report lie, as a card links to them, and the sha256 of page and report.json. `picture` may be ""."""

    page: str
    report: str
    picture: str
    page_sha256: str
    report_sha256: str


def content(report: Mapping[str, Any], links: Links) -> str:
    """The Markdown of a card's block, with newlines as \\n; a blank line first and last, as the markers around it are HTML."""
    told = dict(report)
    parts = [f"### Interpretability: {escaped(told['scope']['title'])}", _finding(told), _table(told)]
    if links.picture:
        parts.append(f"![{escaped(_alt(told), 2000)}]({links.picture})")
    tool = f"{told['tool']['name']} {told['tool']['version']}"
    parts.append(
        f"Measured by {escaped(tool)}: [report.html]({links.page}) (sha256 `{links.page_sha256}`), "
        f"[report.json]({links.report}) (sha256 `{links.report_sha256}`)."
    )
    parts.append(_limits(told))
    return "\n" + "\n\n".join(part for part in parts if part) + "\n\n"


def escaped(text: str, longest: int = _LONGEST) -> str:
    r"""Text that Markdown shows as it is: no markup, no HTML, no link, no template, on one line; characters that cannot be seen are named.

    >>> escaped("a|b <i> [x](y) `c` {{ d }} --> random_forest, _so_: www.x.y")
    'a&#124;b &#60;i&#62; &#91;x&#93;(y) &#96;c&#96; &#123;&#123; d &#125;&#125; --&#62; random_forest, &#95;so&#95;: www&#46;x.y'
    """
    line = " ".join(visible(text).split())
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", shortened(line, longest) or "(no name)")


def headlines(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The gaps that lead the report; where there are none, those of the metrics that lead, by method."""
    rows = [report["gaps"][index] for index in report["verdict"]["headline"]]
    leads = {metric["name"] for metric in report["metrics"] if metric["lead"]}
    return rows or [row for row in report["gaps"] if not row["condition"] and row["metric"] in leads]


def picture_of(report: Mapping[str, Any]) -> str:
    """The path of the picture among the report's own files; "" where there is none that suits."""
    there = {asset["path"] for asset in report["assets"]}
    wanted = (f"figures/{name}.{kind}" for name in _PICTURES for kind in ("png", "svg"))
    return next((path for path in wanted if path in there), "")


def _finding(report: dict[str, Any]) -> str:
    """One sentence: for each model how far it can be explained against the reference."""
    told = report["verdict"]["models"]
    if not told:
        names = join([f"**{escaped(model['name'])}**" for model in report["models"]])
        return f"Only {names} was measured: nothing is compared between models."
    clauses = [_clause(report, entry) for entry in told[:_MOST_MODELS]]
    if len(told) > _MOST_MODELS:
        clauses.append(f"{count(len(told) - _MOST_MODELS, 'more model')} in the report")
    said = "; ".join(clauses)
    return f"{said[0].upper()}{said[1:]}."


def _clause(report: dict[str, Any], entry: dict[str, Any]) -> str:
    own, other = (f"**{escaped(name)}**" for name in (entry["model"], report["verdict"]["reference"]))
    row = None if entry["gap"] is None else report["gaps"][entry["gap"]]
    if row is None or row["gap"]["estimate"] is None:
        return f"whether {own} can be explained as well as {other} was not measured"
    gap = f"gap {_gap(row['gap'])}, {count(row['gap']['n'], 'case')}, {_by(report, row)}"
    if row["verdict"] == NO_POWER:
        return f"{own} and {other} cannot be ranked by how far they can be explained ({NO_POWER})"
    if row["verdict"] == "cannot be told apart":
        return f"{own} and {other} cannot be told apart in how far they can be explained ({gap})"
    return f"{own} can be explained {'less' if row['verdict'] == 'worse' else 'better'} than {other} ({gap}){_unless(report, entry, row)}"


def _unless(report: dict[str, Any], entry: dict[str, Any], row: dict[str, Any]) -> str:
    """What a card must not leave out: the conditions under which the order is another one, or cannot be told."""
    found = [(answer(row, again), under(again["condition"], again["gap"]["n"])) for again in asked_again(report, entry)]
    said = {"reversed": "the order is **reversed**", "lost": "they cannot be told apart"}
    return "".join(
        f", but {words} {join(where)}" for key, words in said.items() if (where := [there for state, there in found if state == key])
    )


def _gap(gap: dict[str, Any]) -> str:
    """The interval as the report has it; the words beside it may hold anything."""
    said, why = gap_parts(gap)
    return f"{said} ({escaped(why, 300)})" if why else said


def _by(report: dict[str, Any], row: dict[str, Any]) -> str:
    if row["pairing"] == "best_method":
        return "each by its best method"
    return f"by {escaped(method_title(report, row['explainer']))}"


def _table(report: dict[str, Any]) -> str:
    rows = headlines(report)
    if not rows:
        return ""
    level = f"{100 * report['scope']['level']:g} %"
    lines = [f"| question | gap of | gap of skill [{level} interval] | cases | verdict |", "|---|---|---|---:|---|"]
    lines += [_row(report, row) for row in rows[:_MOST_ROWS]]
    note = "Skill is corrected for chance: 0 is what knowing nothing scores, 1 the best possible. Above 0 the first is explained better."
    if len(rows) > _MOST_ROWS:
        note += f" {len(rows) - _MOST_ROWS} more in the report."
    return "\n".join(lines) + f"\n\n{note}"


def _row(report: dict[str, Any], row: dict[str, Any]) -> str:
    title = next((metric["title"] for metric in report["metrics"] if metric["name"] == row["metric"]), row["metric"])
    between = f"{escaped(row['a'])} against {escaped(row['b'])}"
    if row["kind"] == "methods":
        between += f" on {escaped(row['model'])}"
    verdict = row["verdict"] if row["headline"] else f"{row['verdict']} (exploratory)"
    if row["disposition"] != "not assessed":
        verdict += f"; {row['disposition']}"
    cells = (f"{escaped(row['question'])} ({escaped(title)})", between, _gap(row["gap"]), row["gap"]["n"], verdict)
    return f"| {' | '.join(map(str, cells))} |"


def _alt(report: dict[str, Any]) -> str:
    """What the picture shows, with its numbers: of the bars of the verdict, or that it is of gaps."""
    wanted = [(bar["model"], bar["explainer"]) for bar in report["verdict"]["picture"]]
    bars = [row for row in report["decomposition"] if (row["model"], row["explainer"]) in wanted]
    said = [_bar(report, row) for row in bars[:_MOST_BARS]]
    return f"Where interpretability goes, as shares of what moves the output. {'; '.join(said)}" if said else "Gaps with their intervals"


def _bar(report: dict[str, Any], row: dict[str, Any]) -> str:
    parts = (("explained", "explained"), ("lost_by_method", "lost by the method"), ("beyond_additive", "beyond any list of features"))
    told = ", ".join(f"{interval_text(row[part])} {words}" for part, words in parts if row[part])
    return f"{shortened(row['model'], _LONGEST)} by {method_title(report, row['explainer'])}: {told}"


def _limits(report: dict[str, Any]) -> str:
    counts = {words: report["verdict"]["not_tested"][state] for state, words in _STATES.items()}
    said = join([f"{number} {words}" for words, number in counts.items() if number])
    untested = f"Not tested: of {len(report['cells'])} cells {said} (reasons in the report). " if any(counts.values()) else ""
    cases = count(report["scope"]["cases"], "case")
    return (
        f"{untested}The numbers are about these fitted models, on {cases} and one background; intervals cover the choice of cases "
        "only. This is evidence for a reviewer, no statement that a model is fit for use."
    )
