"""What stands in a card, and the file that it stands in: names are text, other bytes keep still, links lead somewhere."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import xai_compare as xc
from tests.report.made import HOSTILE, made, with_answer, with_gap
from xai_compare.cards.content import escaped
from xai_compare.cards.markdown import block_id
from xai_compare.compare import Interval
from xai_compare.errors import XaiCompareError
from xai_compare.report import build
from xai_compare.report.write import dumps

CARD = (
    "---\r\nlicense: mit\r\ntags:\r\n- credit   # as on the site\r\nmetrics: [accuracy]\r\n---\r\n\r\n"
    "# Credit\r\n\r\nWhat it is for.\r\n\r\n| a | b |\r\n|---|---|\r\n| 1 | 2 |\r\n"
)
CORPUS = (
    HOSTILE,
    "<script>window.__pwn=1</script>",
    "<svg/onload=window.__pwn=1>",
    "--><img src=x onerror=window.__pwn=1>",
    "<!-- xai_compare:end id=x -->",
    "[click](javascript:window.__pwn=1)",
    "![x](https://example.invalid/x.png)",
    "<https://example.invalid>",
    "http://example.invalid www.example.invalid",
    "| a | b |",
    "`code` ``` ~~~",
    "**bold** _it_ *it* ~~no~~ # no",
    "a\nb\r\n\n# heading\n- item",
    "]]> \\ \\[x\\] \\",
    "{{ 7*7 }}{% raw %}${x}$$y$$",
    "\u202eright to left\u2066",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "@someone #1 :smile:",
    "[^1]: note",
    "\t    code",
    "'\"><b>",
)


class Seen(HTMLParser):
    """The elements of a piece of HTML, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.alts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append(tag)
        self.alts += [value for name, value in attrs if name == "alt"]

    def handle_data(self, data) -> None:
        self.text += data


def rendered(text: str) -> str:
    """As a site shows it that lets HTML through: the least careful one."""
    return MarkdownIt("commonmark", {"html": True, "typographer": False}).enable(["table", "strikethrough"]).render(text)


def shown(name: str) -> str:
    """What a reader should see of a name: one line, in which what cannot be seen is named."""
    return " ".join(re.sub("[\u202e\u2066\r\t]", lambda found: f"[U+{ord(found[0]):04X}]", name).split())


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_name_is_text_wherever_it_stands(name) -> None:
    cell = escaped(name, 500)
    seen = Seen(rendered(f"### {cell}\n\nWhat **{cell}** is.\n\n| a | b |\n|---|---|\n| {cell} | 1 |\n\n![{cell}](x.svg)\n"))
    assert seen.elements == ["h3", "p", "strong", "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "p", "img"]
    assert seen.text.count(shown(name)) == 3
    assert seen.alts == [shown(name)]


@settings(deadline=None)
@given(st.text(st.sampled_from("<>&|`'\"[](){}*_~$#@:;!\\/-+=.^?% \n\tawx1\u00e9\u202e"), min_size=1, max_size=30))
def test_any_name_is_text(name) -> None:
    seen = Seen(rendered(f"| a |\n|---|\n| {escaped(name)} |\n"))
    assert seen.elements == ["table", "thead", "tr", "th", "tbody", "tr", "td"]
    assert " ".join(seen.text.split()) == f"a {shown(name) or '(no name)'}"


# ---- the files


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """What a card needs of a report; that page and pictures are drawn is tested elsewhere."""
    folder = tmp_path_factory.mktemp("written") / "audit"
    source = made()
    report = build(source.results, source.comparison)
    report["assets"] = [{"path": "figures/verdict-decomposition.svg", "sha256": "0" * 64, "bytes": 6}]
    (folder / "figures").mkdir(parents=True)
    for name, content in (("report.json", dumps(report)), ("report.html", "<p>"), ("figures/verdict-decomposition.svg", "<svg/>")):
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def place(tmp_path, written) -> Path:
    """A folder with a card and a report beside it."""
    folder = tmp_path / "reports" / "of us (draft)"
    folder.mkdir(parents=True)
    for name in ("report.json", "report.html"):
        (folder / name).write_bytes((written / name).read_bytes())
    (folder / "figures").mkdir()
    (folder / "figures" / "verdict-decomposition.svg").write_bytes((written / "figures" / "verdict-decomposition.svg").read_bytes())
    (tmp_path / "README.md").write_bytes(CARD.encode())
    return tmp_path


def report_of(place: Path) -> Path:
    return place / "reports" / "of us (draft)"


def changed(place: Path, change) -> None:
    """The report with something changed in its report.json."""
    path = report_of(place) / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    change(report)
    path.write_text(dumps(report), encoding="utf-8")


def test_the_second_write_changes_no_byte(place) -> None:
    card = place / "README.md"
    first = xc.attach(report_of(place), card)
    held = card.read_bytes()
    assert held.startswith(CARD.encode())
    assert held.count(b"\n") == held.count(b"\r\n")
    assert first.count("\n+") > 20
    assert (place / "README.md.bak").read_bytes() == CARD.encode()
    stamp = card.stat().st_mtime_ns
    assert xc.attach(report_of(place) / "report.json", card) == ""
    assert card.read_bytes() == held
    assert card.stat().st_mtime_ns == stamp


def test_a_card_from_hugging_faces_own_template(place) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCardData(language="en", license="mit", library_name="sklearn", tags=["credit"], model_name="credit")
    text = str(hub.ModelCard.from_template(data, model_id="credit", model_description="Who pays back.")).replace("\n", "\r\n")
    card = place / "README.md"
    card.write_bytes(text.encode())
    xc.attach(report_of(place), card, model_index=True)
    first = card.read_bytes()
    assert xc.attach(report_of(place), card, model_index=True) == ""
    assert card.read_bytes() == first
    assert first.count(b"\n") == first.count(b"\r\n")
    front, body = text.split("\r\n---\r\n", 1)
    assert first.decode().startswith(f"{front}\r\nmodel-index:\r\n")
    assert f"\r\n---\r\n{body}" in first.decode()
    loaded = hub.ModelCard(first.decode())
    assert loaded.data.license == "mit"
    assert {result.dataset_config for result in loaded.data.eval_results} == {"xai_compare"}
    xc.attach(report_of(place), card, remove=True, model_index=True)
    assert card.read_bytes().decode() == text


def test_remove_restores_every_byte(place) -> None:
    card = place / "README.md"
    for text in (CARD, "", "no newline", "---\nlicense: mit\n---\n", "\ufeff# a\n"):
        card.write_bytes(text.encode())
        xc.attach(report_of(place), card)
        assert card.read_bytes() != text.encode()
        xc.attach(report_of(place), card, remove=True)
        assert card.read_bytes() == text.encode()


def test_a_dry_run_writes_nothing_and_tells_the_difference(place) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    told = xc.attach(report_of(place), place / "README.md", dry_run=True)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    xc.attach(report_of(place), place / "README.md")
    added = "".join(line[1:] for line in told.splitlines(keepends=True) if line.startswith("+") and not line.startswith("+++"))
    assert CARD.encode() + added.encode() == (place / "README.md").read_bytes()


def test_two_studies_stand_side_by_side_and_a_new_run_of_one_takes_its_place(place) -> None:
    card = place / "README.md"
    xc.attach(report_of(place), card)
    one = card.read_text(encoding="utf-8")
    changed(place, lambda report: report["provenance"].update(study_sha256="ab" * 32))
    xc.attach(report_of(place), card)
    assert card.read_bytes().decode().count("xai_compare:begin") == 2
    changed(place, lambda report: report["scope"].update(cases=41))
    xc.attach(report_of(place), card)
    both = card.read_bytes().decode()
    assert both.count("xai_compare:begin") == 2
    assert both.count("41\u00a0cases and one") == 1
    assert both.startswith(one.replace("\n", "\r\n").rstrip())


def test_a_hand_edited_block_stops_it(place) -> None:
    card = place / "README.md"
    xc.attach(report_of(place), card)
    card.write_bytes(card.read_bytes().replace(b"can be explained less", b"can be explained better"))
    held = card.read_bytes()
    for options in ({}, {"remove": True}, {"dry_run": True}):
        with pytest.raises(XaiCompareError, match=r"README.md: the block '.*' was edited by hand"):
            xc.attach(report_of(place), card, **options)
    assert card.read_bytes() == held
    xc.attach(report_of(place), card, force=True)
    assert b"can be explained better than **logistic**" not in card.read_bytes()


def test_links_lead_to_the_files_and_tell_their_hashes(place) -> None:
    card = place / "README.md"
    xc.attach(report_of(place), card)
    text = card.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) == 3
    for link in links:
        assert (place / unquote(link)).is_file(), link
    hashes = {hashlib.sha256((report_of(place) / name).read_bytes()).hexdigest() for name in ("report.html", "report.json")}
    assert set(re.findall(r"sha256 `([0-9a-f]{64})`", text)) == hashes
    seen = Seen(rendered(text.split("---\n", 2)[2]))
    assert seen.elements.count("img") == 1
    assert "explained" in seen.alts[0]
    assert "0.95" in seen.alts[0]


def test_a_card_in_a_folder_below_the_repository_links_upwards(place) -> None:
    (place / ".git").mkdir()
    (place / "model").mkdir()
    card = place / "model" / "README.md"
    card.write_text("# Model\n")
    xc.attach(report_of(place), card)
    for link in re.findall(r"\]\(([^)\s]+)\)", card.read_text(encoding="utf-8")):
        assert (card.parent / unquote(link)).is_file()


def test_the_numbers_are_those_of_the_report(place) -> None:
    xc.attach(report_of(place), place / "README.md")
    text = (place / "README.md").read_text(encoding="utf-8")
    report = json.loads((report_of(place) / "report.json").read_text(encoding="utf-8"))
    rows = [line for line in text.splitlines() if line.startswith(("| fidelity", "| stability", "| simplicity", "| agreement"))]
    assert len(rows) == len(report["verdict"]["headline"]) == 8
    for line, index in zip(rows, report["verdict"]["headline"], strict=True):
        gap = report["gaps"][index]
        numbers = [float(number.replace("\u2212", "-")) for number in re.findall(r"[\u2212]?\d\.\d+", line.split("|")[3])]
        assert numbers == pytest.approx([gap["gap"][key] for key in ("estimate", "low", "high")], abs=0.005)
        assert gap["verdict"] in line
    finding = next(line for line in text.splitlines() if line.startswith("**"))
    assert "**forest** can be explained less than **logistic** (gap \u22120.10 [\u22120.11,\u00a0\u22120.09], 40\u00a0cases" in finding


def content_of(source) -> str:
    from xai_compare.cards.content import Links, content

    report = build(source.results, source.comparison)
    return content(report, Links("r.html", "r.json", "", "0" * 64, "1" * 64))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"verdict": "cannot be told apart"}, "**forest** and **logistic** cannot be told apart in how far they can be explained (gap"),
        ({"verdict": "better"}, "**forest** can be explained better than **logistic** (gap"),
        ({"verdict": "no power here"}, "cannot be ranked by how far they can be explained (no power here)"),
        ({"gap": Interval(None, None, None, 0, "no case | has <both>")}, "Whether **forest** can be explained as well as"),
    ],
)
def test_the_finding_says_what_the_verdict_says(changes, says) -> None:
    source = made()
    place = next(i for i, gap in enumerate(source.comparison.gaps) if gap.headline and gap.a == "forest" and gap.question == "fidelity")
    text = content_of(with_gap(source, place, **changes))
    assert says in text
    assert "has <both>" not in text


def test_at_most_eight_gaps_are_shown() -> None:
    source = made()
    first = next(i for i, gap in enumerate(source.comparison.gaps) if not gap.headline and gap.kind == "models" and not gap.condition)
    text = content_of(with_gap(source, first, headline=True))
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == 1 + 8
    assert "1 more in the report" in text


# ---- what cannot be done


def test_only_a_card_that_is_there_is_changed(place) -> None:
    with pytest.raises(XaiCompareError, match=r"no file '.*CARD.md'.*Make it first"):
        xc.attach(report_of(place), place / "CARD.md")
    assert not (place / "CARD.md").exists()
    with pytest.raises(XaiCompareError, match="is a folder"):
        xc.attach(report_of(place), place)


def test_a_read_only_card_stays(place) -> None:
    (place / "README.md").chmod(0o444)
    with pytest.raises(XaiCompareError, match="read-only"):
        xc.attach(report_of(place), place / "README.md")
    assert (place / "README.md").read_bytes() == CARD.encode()


def test_permissions_are_kept(place) -> None:
    (place / "README.md").chmod(0o640)
    xc.attach(report_of(place), place / "README.md")
    assert (place / "README.md").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", ["caf\u00e9".encode("latin-1"), "text".encode("utf-16")])
def test_a_card_that_is_not_utf_8_is_refused(place, content) -> None:
    (place / "README.md").write_bytes(content)
    with pytest.raises(XaiCompareError, match="not UTF-8"):
        xc.attach(report_of(place), place / "README.md")
    assert (place / "README.md").read_bytes() == content


def test_a_write_that_fails_leaves_the_card(place, monkeypatch) -> None:
    from xai_compare.cards import markdown

    calls = []

    def failing(path, content):
        calls.append(path.name)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(markdown, "place", failing)
    with pytest.raises(XaiCompareError, match="cannot be written"):
        xc.attach(report_of(place), place / "README.md")
    assert calls == ["README.md.bak"]
    assert (place / "README.md").read_bytes() == CARD.encode()


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"scope": 3}'])
def test_a_report_that_is_none_is_refused(place, content) -> None:
    path = report_of(place) / "report.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(XaiCompareError, match="report"):
        xc.attach(report_of(place), place / "README.md")
    assert (place / "README.md").read_bytes() == CARD.encode()


def test_a_report_that_others_could_not_reach_is_refused(place, tmp_path_factory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "README.md"
    elsewhere.write_text("# Card\n")
    with pytest.raises(XaiCompareError, match="lies neither beside the card nor in its repository"):
        xc.attach(report_of(place), elsewhere)
    (report_of(place) / "report.html").unlink()
    with pytest.raises(XaiCompareError, match="is not whole"):
        xc.attach(report_of(place), place / "README.md")


def test_studies_have_names_of_their_own() -> None:
    def study(title, digest=None):
        return block_id({"scope": {"title": title, "study": {}}, "provenance": {} if digest is None else {"study_sha256": digest}})

    assert study("A: b") == study("A: b")
    assert len({study("A: b"), study("A b"), study("A: b", "1"), study("A: b", "2")}) == 4
    for title in CORPUS:
        assert re.fullmatch("[a-z0-9-]+", study(title))


def test_a_card_does_not_leave_out_that_the_order_is_reversed() -> None:
    assert "reversed" not in content_of(made())
    assert ", but the order is **reversed** on the probability scale" in content_of(with_answer(made(), "forest", "probability", "better"))
    assert ", but they cannot be told apart on the probability scale" in content_of(
        with_answer(made(), "forest", "probability", "cannot be told apart")
    )
