"""What a comparison found: its rows as tables, its report, and what one does with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_compare.compare import Comparison, Interval
from xai_compare.compare.threshold import breaches, check, known_to, threshold
from xai_compare.errors import XaiCompareError
from xai_compare.results import Results, attribution_rows, score_rows
from xai_compare.run.manifest import write_manifest, write_timings

if TYPE_CHECKING:
    import pandas as pd

    from xai_compare.report.plots import Plots

__all__ = ["Audit", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one kind, as values (iterate) or as a table (`frame`)."""

    rows: tuple[Any, ...]

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def frame(self) -> pd.DataFrame:
        """A DataFrame with one row each; an interval becomes estimate, low, high, p, n and how."""
        import pandas as pd

        return pd.DataFrame([_flat(asdict(row)) for row in self.rows])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The main interval under its own field names, any other one under a prefix."""
    out: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and "estimate" in value:
            prefix = "" if key in ("gap", "value") else f"{key}_"
            out |= {f"{prefix}{name}": inner for name, inner in value.items()}
        else:
            out[key] = value
    return out


class Audit:
    """What a comparison found.

    results : facts, attributions and scores. comparison : every statistic. gaps, skills, agreement, performance, slices, spread : its
    rows. scores : those of every case. cases : attributions. plot : pictures. reasons : the candidate reasons of every adverse case, where
    the study asks for them.
    """

    def __init__(self, results: Results, comparison: Comparison, seconds: Mapping[str, Any]) -> None:
        self.results, self.comparison, self.timings = results, comparison, seconds
        self.gaps, self.skills = Rows(comparison.gaps), Rows(comparison.skills)
        self.agreement, self.performance = Rows(comparison.agreement), Rows(comparison.performance)
        self.slices, self.spread = Rows(comparison.slices), Rows(comparison.spread)
        self.reasons = Rows(comparison.reasons.told if comparison.reasons else ())
        self.folder: Path | None = None  # where it was saved last, or loaded from

    @cached_property
    def scores(self) -> Rows:
        """Every score of every case: model, explainer, metric, part, case, score, chance, ceiling, reason."""
        return Rows(tuple(score_rows(self.results)))

    def cases(self, which: str | Sequence[object] = "report", n: int | None = None) -> Rows:
        """Every attribution of some cases, a row for each model, method and feature.

        Parameters
        ----------
        which : an id or several; or a rule: "report" (those that the report shows), "widest_gap" (where the gap of fidelity comes
            from), "model_disagreement", "method_disagreement" (where explanations differ most), "near_threshold", "random" (drawn by the
            study's seed).
        n : how many by a rule; 6 by default.

        Raises
        ------
        UnknownName
            For what is neither an id nor a rule.
        """
        from xai_compare.report.choose import pick

        return Rows(tuple(attribution_rows(self.results, pick(self.results, which, n, self.comparison.driving))))

    @cached_property
    def plot(self) -> Plots:
        """The report's pictures as figures of matplotlib: `dir(result.plot)` lists them, `result.plot.gaps()` makes one."""
        from xai_compare.report.plots import Plots

        return Plots(self.results, self.report)

    @cached_property
    def report(self) -> dict[str, Any]:
        """The content of report.json: every number that the report shows."""
        from xai_compare.report import build

        return build(self.results, self.comparison)

    @property
    def failed(self) -> tuple[str, ...]:
        """The cells that failed, each with its reason."""
        cells = [cell for cell in self.results.cells if cell.status == "failed"]
        return tuple(
            f"{' '.join(filter(None, (cell.model, cell.explainer, cell.metric, cell.condition)))}: {cell.reason}" for cell in cells
        )

    def save(self, folder: str | Path) -> Path:
        """Write report.html, report.json, manifest.json, timings.json, data/ and figures/; returns the path of the HTML file.

        Raises
        ------
        XaiCompareError
            If the folder cannot be written.
        """
        from xai_compare.report import write

        target = Path(folder)
        try:
            target.mkdir(parents=True, exist_ok=True)
            self.results.save(target / "data")
            write(self.report, target, self.timings, self.reasons)
            write_timings(target, self.timings)
            assets = [asset["path"] for asset in json.loads((target / "report.json").read_bytes())["assets"]]
            own = ["report.html", "report.json", "data/results.json", "data/results.npz"]
            write_manifest(target, self.results.study, self.results.provenance, own + assets)
        except OSError as error:
            raise XaiCompareError(f"the report cannot be written to '{folder}': {error}") from error
        self.folder = target
        return target / "report.html"

    def attach(self, to: str | Path, **options: bool) -> str:
        """Write the finding into a model card, from the report as it was saved; see `xai_compare.attach` for options and errors."""
        from xai_compare.cards import attach

        if self.folder is None:
            raise XaiCompareError("save the report first, beside the card: result.save('reports/mine'). The card links to its files")
        return attach(self.folder, to, **options)

    def breaches(self, *expressions: str) -> list[str]:
        """A line for each expression that is true, or cannot be told, such as "gap.fidelity < -0.1" or "any failed".

        Raises
        ------
        StudyError
            If an expression cannot be read, or names what the comparison does not have.
        """
        asked = [threshold(text) for text in expressions]
        check(asked, known_to(self.report))
        return breaches(asked, self.report)

    def headlines(self) -> list[str]:
        """The gaps that lead the report, in words."""
        return [
            f"{gap.question}: {gap.a} against {gap.b}: {gap.verdict} (gap {_interval(gap.gap)}, {gap.gap.n} cases)"
            for gap in self.comparison.gaps
            if gap.headline
        ]

    def __repr__(self) -> str:
        models = ", ".join(model.name for model in self.results.models)
        lines = [f"{self.results.title}: {models}", *self.headlines()]
        return "\n  ".join(lines + ([f"{len(self.failed)} cells failed"] if self.failed else []))

    def _repr_html_(self) -> str:
        from xai_compare.report import brief

        return brief(self.report)


def _interval(gap: Interval) -> str:
    if gap.estimate is None:
        return gap.how
    return f"{gap.estimate:+.3f}" + (f" ({gap.how})" if gap.low is None else f" [{gap.low:+.3f}, {gap.high:+.3f}]")
