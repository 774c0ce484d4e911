"""What the run took: the one part of the page that differs between runs of the same study."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Entry, Prose, Table
from xai_compare.report.sections import section
from xai_compare.report.words import count, model_name, plain_entry

__all__ = ["make"]


@section("took", 16, "What it took", "How long, and how often was each model asked?")
def make(report: dict[str, Any]) -> list[Block]:
    """Date, seconds and model rows by step; nothing where the page is to be the same for every run."""
    told = report.get("timings")
    if not told:
        return []
    steps = sorted(told["steps"].items(), key=lambda item: (-item[1]["seconds"], item[0]))
    seconds, rows = (sum(step[key] for _, step in steps) for key in ("seconds", "model_rows"))
    said = (
        f"Finished {told['finished']}. Its {count(told['jobs'], 'job')} took {seconds:,.0f} seconds of one worker and asked the models for "
        f"{rows:,} rows; {told['computed']} of them were computed in the last run, the others found in the journal."
    )
    columns = (Column("Step"), Column("Jobs", True), Column("Model rows", True), Column("Seconds", True))
    entries = tuple(
        (
            plain_entry(name),
            Entry((str(step["jobs"]),), step["jobs"]),
            Entry((f"{step['model_rows']:,}",), step["model_rows"]),
            Entry((f"{step['seconds']:.1f}",), step["seconds"]),
        )
        for name, step in steps
        if step["seconds"] >= 0.05
    )
    caption = "By step and model, the longest first; steps under a twentieth of a second are left out"
    return [Prose((said,)), *_models(report, told), *_peak(told), Details("By step", (Table(caption, columns, entries),))]


def _models(report: dict[str, Any], told: dict[str, Any]) -> list[Block]:
    """Training and inference side by side. A report of an earlier version does not tell them."""
    found = told.get("models", {})
    if not any(found.values()):
        return []
    columns = (Column("Model"), Column("Training, seconds", True), Column("1,000 cases, milliseconds", True))
    rows = tuple(
        (
            plain_entry(model_name(report, model["name"])),
            _number(found.get(model["name"], {}).get("training_seconds"), "not trained by this study" if not model["trained_here"] else ""),
            _number(found.get(model["name"], {}).get("inference_ms_per_1000"), ""),
        )
        for model in report["models"]
    )
    caption = (
        "The models. Training includes storing the model, not loading its library. Inference: 1,000 cases in one call on one thread, warm, "
        "median of several, beside the other workers if there were any"
    )
    return [Table(caption, columns, rows)]


def _number(value: float | None, why: str) -> Entry:
    if value is None:
        return Entry((why or "not measured",), None, "quiet")
    return Entry((f"{value:,.2f}" if value < 10 else f"{value:,.0f}",), value)


def _peak(told: dict[str, Any]) -> list[Block]:
    if "peak_mib" not in told:
        return []
    if told["peak_mib"] is None:
        return [Prose(("Memory was not measured: the system does not tell.",), "note")]
    return [
        Prose(
            (
                f"A worker's process held at most {told['peak_mib']:,.0f} MiB: Python, the libraries, the data and every model it was "
                "asked for. What a single model takes cannot be told from it.",
            ),
            "note",
        )
    ]
