"""A report's block in a Markdown card (GitHub, Hugging Face, Kaggle): written, brought up to date, taken away."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from xai_compare.cards.content import Links, content, picture_of
from xai_compare.cards.marks import put, take
from xai_compare.cards.model_index import indexed, unindexed
from xai_compare.errors import XaiCompareError
from xai_compare.files import place
from xai_compare.report import validate

__all__ = ["attach", "block_id"]


def attach(
    report: str | Path, to: str | Path, *, dry_run: bool = False, remove: bool = False, force: bool = False, model_index: bool = False
) -> str:
    """Write what a report found into a card, a Markdown file that is there already; what changed, as a unified diff ("" for nothing).

    Only the text between the block's two markers is touched. A new block goes to the end of the file, after one blank line; a block of
    the same study is brought up to date where it stands. The file is replaced whole, with what was there before beside it as `.bak`.

    Parameters
    ----------
    report : a report.json, or its folder.
    to : the card. Report and card must lie in one folder, or in one git repository, for the card links from one to the other.
    dry_run : change nothing, only tell the difference.
    remove : take the block away; the file is then as it was before.
    force : overwrite a block that was edited by hand.
    model_index : write the gaps also into the `model-index` of a Hugging Face card's front matter, or with `remove` take them away.
        Needs the extra `cards`.

    Raises
    ------
    XaiCompareError
        If a file cannot be read or written, the report does not fit its schema, markers do not fit together, the block was edited by hand,
        or the model index is not that of one model.
    MissingExtra
        If `model_index` needs huggingface_hub, and it is not installed.
    """
    folder, found = _report(Path(report))
    card = Path(to).resolve()
    before = _read(card, to)
    name = block_id(found)
    try:
        if remove:
            after = take(before, name, force)
            after = unindexed(after, found) if model_index else after
        else:
            validate(found)
            after = put(before, name, content(found, _links(folder, found, card)), force)
            after = indexed(after, found) if model_index else after
    except XaiCompareError as error:
        raise type(error)(f"{to}: {error}") from error
    if after != before and not dry_run:
        _write(card, before, after, to)
    return "".join(_difference(before, after, card.name))


def block_id(report: dict[str, Any]) -> str:
    """The name of a study's block: its title, and what tells it from another study of the same title."""
    try:
        title, study, noted = report["scope"]["title"], report["scope"]["study"], report["provenance"].get("study_sha256")
    except (LookupError, TypeError, AttributeError) as error:
        raise XaiCompareError("the report does not name its study: it is none of xai_compare, or it is not whole") from error
    whole = f"{title}\n{noted or json.dumps(study, sort_keys=True)}"
    slug = re.sub(r"[^a-z0-9]+", "-", str(title).lower())[:40].strip("-") or "study"
    return f"{slug}-{hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()[:12]}"


def _report(path: Path) -> tuple[Path, dict[str, Any]]:
    folder = path if path.is_dir() else path.parent
    file = folder / "report.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise XaiCompareError(f"'{file}' cannot be read as a report: {type(error).__name__}: {error}") from error
    if not isinstance(found, dict):
        raise XaiCompareError(f"'{file}' is no report: it holds a {type(found).__name__}")
    return folder, found


def _read(card: Path, said: str | Path) -> str:
    if card.is_dir():
        raise XaiCompareError(f"'{said}' is a folder: give the card itself, usually README.md")
    if not card.exists():
        raise XaiCompareError(f"there is no file '{said}': only a card that is there is changed. Make it first, or give its path")
    if not card.stat().st_mode & 0o222:
        raise XaiCompareError(f"'{said}' is read-only: make it writable first")
    try:
        return card.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"byte {error.start}"
        raise XaiCompareError(f"'{said}' is not UTF-8 ({where}), so it cannot be changed without harm. Save it as UTF-8 first") from error
    except OSError as error:
        raise XaiCompareError(f"'{said}' cannot be read: {error}") from error


def _write(card: Path, before: str, after: str, said: str | Path) -> None:
    """The old content first beside the card, then the new one in its place, with the same permissions."""
    try:
        mode = card.stat().st_mode & 0o7777
        for path, text in ((card.with_name(f"{card.name}.bak"), before), (card, after)):
            place(path, text.encode())
            path.chmod(mode)
    except OSError as error:
        raise XaiCompareError(f"'{said}' cannot be written: {error}") from error


def _links(folder: Path, report: dict[str, Any], card: Path) -> Links:
    here = folder.resolve()
    if not here.is_relative_to(_shared(card)):
        raise XaiCompareError(
            f"the report in '{folder}' lies neither beside the card nor in its repository, so that a link to it would lead nowhere. "
            "Copy the report's folder there and attach that"
        )
    try:
        relative = os.path.relpath(here, card.parent)
        files = [here / "report.html", here / "report.json"]
        page, plain = (hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    except (OSError, ValueError) as error:
        raise XaiCompareError(f"the report in '{folder}' is not whole: {error}") from error

    def link(path: str) -> str:
        return quote(os.fsencode(os.path.normpath(os.path.join(relative, path)).replace(os.sep, "/")))

    picture = picture_of(report)
    there = picture and (here / picture).is_file()
    return Links(link("report.html"), link("report.json"), link(picture) if there else "", page, plain)


def _shared(card: Path) -> Path:
    """The folder that is shared with the card: its repository where it lies in one, else its own."""
    return next((folder for folder in card.parents if (folder / ".git").exists()), card.parent)


def _difference(before: str, after: str, name: str) -> list[str]:
    old, new = (re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z", text) for text in (before, after))
    lines = difflib.unified_diff(old, new, name, name)
    return [line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n" for line in lines]
