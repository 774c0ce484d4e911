"""What the run took: the one part of the page that differs between runs of the same study."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Entry, Prose, Table
from xai_compare.report.sections import section
from xai_compare.report.words import count, plain_entry

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
    return [Prose((said,)), Details("By step", (Table(caption, columns, entries),))]
