"""The command line, thin.

Exit codes: 0 ok; 1 a threshold was breached (--fail-on), or a report is not what it was (verify); 2 bad usage, study, data or model;
3 finished with failed cells, and no threshold breached; 70 internal error; 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xai_compare import __version__
from xai_compare.errors import XaiCompareError

if TYPE_CHECKING:
    from xai_compare.registry import Registry
    from xai_compare.run.execute import Watch

app = typer.Typer(
    name="xai-compare",
    help="Compare how well models can be explained: this model instead of that one, by which method, how sure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_WORTH_SAYING = 0.01  # of the time
_BREACHED, _BAD_INPUT, _FAILED_CELLS, _INTERNAL, _INTERRUPTED = 1, 2, 3, 70, 130


_FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="EXPR",
        help="Exit with 1 if this is true, or cannot be told: 'gap.fidelity < -0.1', 'skill.shap.stability < 0.5', 'any failed', "
        "joined by and, or, not; may be repeated.",
    ),
]
_Unsafe = Annotated[
    list[str] | None, typer.Option(metavar="sha256:HEX", help="A model file that may run code when it is loaded; may be repeated.")
]


class Listing(StrEnum):
    """What can be listed."""

    explainers = "explainers"
    metrics = "metrics"
    models = "models"
    profiles = "profiles"
    sections = "sections"
    sources = "sources"


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="The study file (YAML).")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report and the journal. Default: reports/<name of the study file>.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: one for each core.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier runs in this folder computed.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
    fail_on: _FailOn = None,
    allow_unsafe_load: _Unsafe = None,
) -> None:
    """Run a study and write its report. A second run of the same study computes nothing again."""
    from xai_compare.api import run_study
    from xai_compare.config import load_study

    loaded = load_study(study)
    folder = out or Path("reports") / study.stem
    try:
        with _progress(quiet) as watch:
            options = {"pins": allow_unsafe_load or (), "fail_on": fail_on or ()}
            audit = run_study(loaded, folder, jobs=jobs or _cores(), fresh=fresh, watch=watch, **options)
    except KeyboardInterrupt:
        again = ["xai-compare", *(word for word in sys.argv[1:] if word != "--fresh")]
        typer.echo(f"interrupted. To go on where it stopped: {shlex.join(again)}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if not quiet:
        typer.echo(f"{audit!r}\n{folder / 'report.html'}")
        for note in (note for note in audit.report["limits"] if note["kind"] == "leakage"):
            typer.echo(f"warning: the column {note['reason']}", err=True)
    if audit.failed:
        typer.echo(f"{len(audit.failed)} cells failed (see Limits in the report):\n  " + "\n  ".join(audit.failed), err=True)
    _stop_if(audit.breaches(*fail_on or ()))
    if audit.failed:
        raise typer.Exit(_FAILED_CELLS)


@app.command()
def plan(
    study: Annotated[Path, typer.Argument(help="The study file (YAML).")],
    jobs: Annotated[int | None, typer.Option(min=1, help="Worker processes to reckon with. Default: one for each core.")] = None,
) -> None:
    """Say what a study will cost: cells, model rows and seconds by step, from a pilot on six cases. Trains the models; writes nothing."""
    from xai_compare.api import planned
    from xai_compare.config import load_study
    from xai_compare.run.forecast import forecast

    found = forecast(planned(load_study(study)))
    workers = jobs or _cores()
    cells = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(found.cells.items()))
    typer.echo(f"{sum(found.cells.values())} cells ({cells}), {found.jobs} jobs\n")
    typer.echo(f"{'model':<20} {'step':<44} {'model rows':>14} {'seconds':>9}")
    for step in sorted(found.steps, key=lambda step: -step.seconds):
        if step.seconds >= _WORTH_SAYING * found.seconds:
            typer.echo(f"{step.model[:20]:<20} {step.step[:44]:<44} {step.model_rows:>14,} {step.seconds:>9.1f}")
    typer.echo(f"{'in all':<65} {found.model_rows:>14,} {found.seconds:>9.1f}")
    typer.echo(f"\nabout {found.seconds / workers:.0f} seconds with --jobs {workers}; steps below 1 % of the time are only in the sum")
    if found.failures:
        typer.echo("failed in the pilot:\n  " + "\n  ".join(found.failures), err=True)
        raise typer.Exit(_FAILED_CELLS)


@app.command()
def init(
    table: Annotated[
        Path | None, typer.Argument(help="A CSV, Parquet or Feather file. Without one: data that come with scikit-learn.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="STUDY.yaml", help="The file to write. Default: named after the table.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a study that is there already.")] = False,
) -> None:
    """Write a commented study to start from, for a table of your own: two models, SHAP and LIME. Says what was guessed."""
    from xai_compare.starter import write_starter

    path = out or Path(f"{table.name.partition('.')[0] or 'study' if table else 'breast_cancer'}.yaml")
    told = write_starter(table, target, path, force)
    typer.echo(f"{path}: written\n  " + "\n  ".join(told))
    typer.echo(f"Look through it, then: xai-compare plan {shlex.quote(str(path))}, or xai-compare run {shlex.quote(str(path))}")


@app.command(name="list")
def list_(
    what: Annotated[Listing, typer.Argument(help="Which plugins.")],
    long: Annotated[bool, typer.Option("--long", "-l", help="Everything that a plugin says of itself.")] = False,
) -> None:
    """List what can be named in a study file."""
    registry = _registry(what)
    listed = {name: _title(what, registry[name]) for name in registry}
    width = max(map(len, listed)) + 2
    for name, title in listed.items():
        typer.echo(name if long else f"{name:{width}}{title}".rstrip())
        for fact, words in _facts(registry[name]) if long else ():
            typer.echo(f"    {fact:12}{words}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A folder that `run` wrote.")],
    fail_on: _FailOn = None,
) -> None:
    """Render the report again from report.json, computing nothing."""
    from xai_compare.report import rerender
    from xai_compare.saved import breached

    rerender(folder)
    typer.echo(str(folder / "report.html"))
    _stop_if(breached(folder, fail_on or ()))


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="A report.json, or its folder.")],
    rerun: Annotated[bool, typer.Option("--rerun", help="Also compute the study again, and compare every number.")] = False,
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY.yaml", help="The study file, for --rerun. Default: the one that the report names.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Worker processes, for --rerun. Default: one for each core.")] = None,
    allow_unsafe_load: _Unsafe = None,
) -> None:
    """Check that no file of a report was changed, by the hashes in its manifest; with --rerun, that its numbers come out again.

    Exit 1 if not.
    """
    from xai_compare.run.manifest import verify as changed

    folder = report.parent if report.suffix == ".json" and not report.is_dir() else report
    _stop_if(changed(folder))
    typer.echo("unchanged: every file has the hash that the manifest lists")
    if rerun:
        from xai_compare.saved import rerun as again

        with _progress(False) as watch:
            found = again(folder, study, jobs=jobs or _cores(), watch=watch, pins=allow_unsafe_load or ())
        for line in found.told:
            typer.echo(line, err=True)
        _stop_if(found.shown)
        typer.echo(f"the same: {found.numbers} numbers came out again, within {found.tolerance:g} of their size")


def _stop_if(wrong: Sequence[str]) -> None:
    """A line each, and exit code 1, if there is any."""
    if wrong:
        typer.echo("\n".join(wrong), err=True)
        raise typer.Exit(_BREACHED)


@app.command()
def attach(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="A report.json, or its folder.")],
    to: Annotated[Path, typer.Option(metavar="CARD", help="The Markdown file, usually README.md. It must be there already.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the block of this report away again.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a block that was edited by hand.")] = False,
    model_index: Annotated[
        bool, typer.Option("--model-index", help="Also write the gaps into (or remove them from) a Hugging Face card's model-index.")
    ] = False,
) -> None:
    """Put the finding, the gaps and a picture of a report into a model card. Only the marked block of the card is touched."""
    from xai_compare.cards import attach as attached

    changed = attached(report, to, dry_run=dry_run, remove=remove, force=force, model_index=model_index)
    if dry_run:
        typer.echo(changed, nl=False)
    else:
        typer.echo(f"{to}: {f'written; what was there before is in {to.name}.bak' if changed else 'nothing to change'}")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _cores() -> int:
    """The cores this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_HOMES = {
    Listing.explainers: ("xai_compare.explainers", "EXPLAINERS"),
    Listing.metrics: ("xai_compare.metrics", "METRICS"),
    Listing.models: ("xai_compare.models.zoo", "KINDS"),
    Listing.profiles: ("xai_compare.profiles", "PROFILES"),
    Listing.sections: ("xai_compare.report.sections", "SECTIONS"),
    Listing.sources: ("xai_compare.data.sources", "SOURCES"),
}


def _registry(what: Listing) -> Registry[Any]:
    module, name = _HOMES[what]
    found: Registry[Any] = getattr(import_module(module), name)
    return found


def _title(what: Listing, plugin: Any) -> str:
    if what is Listing.models:
        return " and ".join(plugin.tasks)
    title = getattr(plugin, "title", "")
    return f"{title} ({plugin.question})" if what is Listing.metrics else title


# What a plugin may say of itself, under the word that is printed. Whatever it lacks, or leaves empty, is not.
_SAID = {
    "title": "title",
    "question": "question",
    "lead": "leads",
    "reading": "reading",
    "scope": "scope",
    "signed": "signed",
    "additive": "additive",
    "better": "direction",
    "range": "range",
    "chance": "chance",
    "cost": "cost",
    "on_request": "on request",
    "tasks": "tasks",
    "estimators": "estimator",
    "defaults": "defaults",
    "order": "order",
    "citation": "citation",
}


def _facts(plugin: Any) -> Iterator[tuple[str, str]]:
    """What a plugin says of itself, its parameters with their defaults, and the first line of its documentation."""
    for attribute, fact in _SAID.items():
        if words := _words(getattr(plugin, attribute, "")):
            yield fact, words
    ours = hasattr(plugin, "defaults") or hasattr(plugin, "make")  # fields that are no parameters of the user's
    if is_dataclass(plugin) and not ours and (own := [field for field in fields(plugin) if field.init]):
        yield "parameters", ", ".join(f"{field.name}={_default(field)}" for field in own)
    told = getdoc(plugin if isinstance(plugin, type | FunctionType) else getattr(plugin, "make", type(plugin)))
    if told:
        yield "what it is", told.splitlines()[0]


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return " and ".join(value) if isinstance(value, tuple) else str(value)


def _default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return repr(field.default_factory())
    return "?" if field.default is MISSING else repr(field.default)


@contextmanager
def _progress(quiet: bool) -> Iterator[Watch | None]:
    """A progress bar on standard error with jobs done and time left; nothing when quiet or when it is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)


def main() -> None:
    """Entry point of `xai-compare`: one clear message for what a user can mend, exit codes as the module says."""
    try:
        app()
    except XaiCompareError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(_BAD_INPUT)
    except Exception as error:  # a bug of ours: say so, with the traceback that a report needs
        logging.getLogger("xai_compare").addHandler(logging.StreamHandler())
        logging.getLogger("xai_compare").exception("internal error: %s. Please report it", error)
        sys.exit(_INTERNAL)


if __name__ == "__main__":
    main()
