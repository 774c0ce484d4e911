"""Section 15: where to sign, how to check what is signed, the files, and what the words mean."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Downloads, Heading, Prose, Table, Terms, Text
from xai_compare.report.sections import section
from xai_compare.report.sections._facts import facts
from xai_compare.report.words import anchor, method_title, plain_entry

__all__ = ["make"]

_WORDS = (
    ("case", "One row of the data that is explained."),
    ("attribution", "One number per feature for one case: what a method says the feature did."),
    ("background", 'The training rows that stand in for "this feature is not known"; the same for all models and methods.'),
    ("fill", "How a hidden feature is filled: by values of the background, one row after the other, or by one reference row."),
    ("control", "A method that knows nothing of the model (random numbers). What it scores is what chance gives."),
    ("skill", "A score corrected for chance: 0 is as good as the control, 1 the best possible."),
    ("gap", "A difference of skill with an interval, paired by case."),
    ("interval", "The range that repeated draws of cases would cover at the stated level, for these fitted models and this background."),
    ("exploratory", "An interval or p that is not corrected for how many were looked at."),
    ("Holm", "A p corrected for the number of headline questions and models."),
    ("best method", "Chosen for each model on one half of the cases and scored on the other, and the reverse."),
    ("margin", "A model's output before it is squeezed into a probability: log-odds and the like."),
)
_PEOPLE = ("preparer", "reviewer", "independence note", "date", "disposition", "signature")
_SIGNED = (
    "What is signed is this page and the files beside it, as manifest.json lists them with their SHA-256. "
    "It holds for these models, these data and this study: their hashes stand below."
)
_FOLDER = "FOLDER is the folder of this page."
_RERUN = " --rerun computes the study again, from its file and its data, and compares every number."
_MACHINE = ("versions", "platform", "python")  # what ran it: folded, for there are many


@section("provenance", 15, "Provenance and sign-off", "Can I reproduce it? What do I sign?")
def make(report: dict[str, Any]) -> list[Block]:
    """The people's fields and how to check what they sign; downloads; definitions. What made it, in full, is folded."""
    blocks: list[Block] = [Prose((_SIGNED,)), _people(report)]
    blocks += [Heading("How to check it"), Prose((_FOLDER if _in_python(report) else _FOLDER + _RERUN,), "note")]
    blocks += [Terms(_checks(report)), *_made_by(report)]
    blocks += [Heading("Files beside this report"), Downloads()]
    blocks += [
        Heading("Metrics"),
        Details("What each is: range, chance, cost and source", (Terms((*_metrics(report), *_profiles(report))),)),
        Details("Methods and their settings", (Terms(_methods(report)),)),
    ]
    return [*blocks, Heading("Words"), Terms(tuple((word, (meaning,), anchor("word", word)) for word, meaning in _WORDS))]


def _checks(report: dict[str, Any]) -> tuple[tuple[str, Text, str], ...]:
    """The commands, and the hashes and seeds that a check goes by."""
    fields = {*(field.replace(" ", "_") for field in _PEOPLE), "command", *_MACHINE}
    hashes = {key: value for key, value in report["provenance"].items() if key not in fields}
    rows = {
        "Nothing was changed": "xai-compare verify FOLDER",
        "Numbers come out again": "run the code again that made it" if _in_python(report) else "xai-compare verify FOLDER --rerun",
        "It was run by": str(report["provenance"].get("command") or "not recorded"),
    }
    none = (("hashes and seeds", ("not recorded",), ""),)
    return (*((term, (said,), "") for term, said in rows.items()), *(facts(hashes) if hashes else none))


def _in_python(report: dict[str, Any]) -> bool:
    """Whether there is no study file that could be run again."""
    return bool(report["scope"]["study"].get("data", {}).get("source") == "python")


def _made_by(report: dict[str, Any]) -> list[Block]:
    tool, found = report["tool"], {key: report["provenance"][key] for key in _MACHINE if key in report["provenance"]}
    made = f"Made by {tool['name']} {tool['version']}, report format {report['schema_version']}"
    if not found:
        blocks: list[Block] = [Prose((f"{made}; its versions were not recorded.",), "note")]
    else:
        blocks = [Details(f"{made}: the versions and the machine", (Terms(facts(found)),))]
    if report["scope"]["study"]:
        blocks.append(Details("The study as it was resolved", (Terms(facts(report["scope"]["study"])),)))
    return blocks


def _metrics(report: dict[str, Any]) -> tuple[tuple[str, Text, str], ...]:
    return tuple((metric["title"], (_metric(metric),), anchor("term", metric["name"])) for metric in report["metrics"])


def _profiles(report: dict[str, Any]) -> tuple[tuple[str, Text, str], ...]:
    """The methods that drew curves, beside the metrics: their cells stand among theirs."""
    return tuple((one["title"], (_profile(one),), anchor("term", one["name"])) for one in report["profiles"]["methods"])


def _profile(found: dict[str, Any]) -> str:
    return f"curves: {found['reading']}. Cost: {found['cost']}. {found['citation']}. Settings: {_parameters(found['parameters'])}."


def _metric(metric: dict[str, Any]) -> str:
    better = {"higher": "higher is better", "lower": "lower is better", "none": "no direction is better"}[metric["better"]]
    lead = "; leads its question" if metric["lead"] else ""
    source = f" {metric['citation']}." if metric["citation"] else ""
    chance = f" Chance: {metric['chance']}." if metric["chance"] else ""
    says = f"{metric['says']} " if metric["says"] else ""
    return f"{says}{metric['question'].capitalize()}: range {metric['range']}, {better}{lead}.{chance} Cost: {metric['cost']}.{source}"


def _methods(report: dict[str, Any]) -> tuple[tuple[str, Text, str], ...]:
    return tuple((method_title(report, m["name"]), (_parameters(m["parameters"]),), anchor("method", m["name"])) for m in report["methods"])


def _parameters(found: dict[str, Any]) -> str:
    items = facts(found) if found else ()
    return "; ".join(f"{name} {value}" for name, (value,), _ in items) or "no settings"


def _people(report: dict[str, Any]) -> Table:
    given = report["provenance"]
    rows = tuple((plain_entry(field), plain_entry(str(given.get(field.replace(" ", "_")) or "not provided"))) for field in _PEOPLE)
    return Table("To be filled in by people", (Column("Field"), Column("Entry")), rows)
