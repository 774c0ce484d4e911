"""A report's gaps in the `model-index` of a Hugging Face card's front matter.

The front matter is edited as text: only the lines of our own result are written, found by where the parser saw them, so that every
other line keeps its bytes (comments, quotes, order). Where the index is not written line by line (`[{...}]`), its lines are written anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from xai_compare.cards.content import headlines
from xai_compare.cards.marks import newline_of
from xai_compare.errors import XaiCompareError
from xai_compare.lazy import load
from xai_compare.report.words import shortened, visible

__all__ = ["CONFIG", "indexed", "unindexed"]

CONFIG = "xai_compare"
"""The dataset.config by which our own result is known again."""

_KEY = "model-index"
_LONGEST = 80  # characters of a name
_MOST = 1_000_000  # characters of front matter
_FRONT = re.compile(r"\A(\ufeff?\s*---[ \t]*(?:\r\n|\r|\n))((?:[\S\s]*?(?:\r\n|\r|\n))??)---[ \t]*(?:\r\n|\r|\n|\Z)")
_LINE = re.compile("[^\r\n\x85\u2028\u2029]*(?:\r\n|[\r\n\x85\u2028\u2029])")  # as the parser counts lines
_KINDS = {"table": "tabular", "series": "time-series"}


@dataclass(frozen=True, slots=True)
class _Front:
    """The YAML of a card's front matter: as text, where it stands in the card, and what it says."""

    text: str
    start: int
    facts: dict[str, Any]

    @property
    def entry(self) -> dict[str, Any] | None:
        """The one model of the index; None where there is no index."""
        index = self.facts.get(_KEY)
        if index is None:
            return None
        if not isinstance(index, list) or not all(isinstance(one, dict) for one in index):
            raise XaiCompareError(f"its {_KEY} is no list of models")
        if len(index) != 1:
            raise XaiCompareError(f"its {_KEY} holds {len(index)} models; results are only written for a card of one model")
        results = index[0].get("results") or []
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise XaiCompareError(f"the results in its {_KEY} are no list of results")
        return {**index[0], "results": results}


def indexed(card: str, report: dict[str, Any]) -> str:
    """The card with the report's gaps as a result in its model index: in place of an earlier one on the same data, else after the others.

    Raises
    ------
    XaiCompareError
        If the card has no front matter that can be read, names no model, or its index holds several.
    MissingExtra
        If huggingface_hub is not installed.
    """
    hub = load("huggingface_hub")
    front = _front(card)
    entry = front.entry or {"name": _name(front.facts), "results": []}
    own = _result(hub, str(entry.get("name")), report)
    results = list(entry["results"])
    place = next((i for i, one in enumerate(results) if _ours(one, own["dataset"]["type"])), None)
    if place is not None and results[place] == own:
        return card
    if place is None:
        results.append(own)
    else:
        results[place] = own
    wanted = {**front.facts, _KEY: [{**entry, "results": results}]}
    made = _changed(card, front, wanted, place, own)
    try:
        hub.ModelCard(made)
    except Exception as error:  # whatever the library makes of somebody's front matter
        raise XaiCompareError(f"Hugging Face could not read its front matter: {type(error).__name__}: {error}") from error
    return made


def unindexed(card: str, report: dict[str, Any]) -> str:
    """The card without the report's result in its model index; as it is where there is none."""
    front = _front(card)
    entry = front.entry
    place = None if entry is None else next((i for i, one in enumerate(entry["results"]) if _ours(one, _dataset(report)[0])), None)
    if entry is None or place is None:
        return card
    results = [one for i, one in enumerate(entry["results"]) if i != place]
    wanted = {**front.facts, _KEY: [{**entry, "results": results}]}
    if not results:
        wanted.pop(_KEY)
    return _changed(card, front, wanted, place, None)


def _front(card: str) -> _Front:
    found = _FRONT.match(card)
    if found is None:
        raise XaiCompareError(f"it has no front matter (YAML between two lines of ---), where {_KEY} stands")
    text = found[2]
    try:
        if len(text) > _MOST:
            raise ValueError(f"more than {_MOST} characters")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise ValueError("it uses aliases (*name), which cannot be edited line by line")
        facts = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise XaiCompareError(f"its front matter cannot be read: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(facts, dict | None):
        raise XaiCompareError(f"its front matter is a {type(facts).__name__}, not a mapping")
    return _Front(text, found.start(2), facts or {})


def _name(facts: dict[str, Any]) -> str:
    name = facts.get("model_name")
    if not isinstance(name, str) or not name.strip():
        raise XaiCompareError(f"its front matter names no model: add a line 'model_name: ...', which {_KEY} needs")
    return name


def _ours(result: dict[str, Any], data: str) -> bool:
    dataset = result.get("dataset")
    return isinstance(dataset, dict) and dataset.get("config") == CONFIG and dataset.get("type") == data


def _dataset(report: dict[str, Any]) -> tuple[str, str]:
    """The data as the index names them: a name of letters, digits, dots and dashes, and the words."""
    scope = report["scope"]
    source = _plain(str(scope["data"].get("source", scope["title"])))
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", source).strip("-.")[:90] or "data", source


def _plain(text: str) -> str:
    return shortened(" ".join(visible(text).split()), _LONGEST)


def _result(hub: Any, model: str, report: dict[str, Any]) -> dict[str, Any]:
    """The report as one result of the index: a metric for each leading gap that was measured."""
    scope = report["scope"]
    kind, source = _dataset(report)
    modality = scope["modality"]
    task = f"{_KINDS.get(modality, modality)}-{scope['task']}"
    made = [
        hub.EvalResult(
            task_type=task,
            dataset_type=kind,
            dataset_name=source,
            dataset_config=CONFIG,
            dataset_split="test",
            metric_type=f"gap_{row['metric']}",
            metric_name=f"{_plain(row['question'])}: {_plain(row['a'])} against {_plain(row['b'])}, gap of skill",
            metric_value=row["gap"]["estimate"],
            metric_args={"low": row["gap"]["low"], "high": row["gap"]["high"], "level": scope["level"], "cases": row["gap"]["n"]},
        )
        for row in headlines(report)
        if row["gap"]["estimate"] is not None
    ]
    if not made:
        raise XaiCompareError(f"the report measured no gap that {_KEY} could hold")
    found: dict[str, Any] = hub.repocard_data.eval_results_to_model_index(model, made)[0]["results"][0]
    return found


def _changed(card: str, front: _Front, wanted: dict[str, Any], place: int | None, own: dict[str, Any] | None) -> str:
    """The card with its front matter edited, checked to say what is wanted and nothing else."""
    for edit in (_line_by_line, _anew):
        made = edit(front, wanted, place, own)
        if made is not None and yaml.safe_load(made) == (wanted or None):
            return card[: front.start] + made + card[front.start + len(front.text) :]
    raise XaiCompareError(f"its front matter cannot be edited without changing more than {_KEY} ; edit it by hand")


def _line_by_line(front: _Front, wanted: dict[str, Any], place: int | None, own: dict[str, Any] | None) -> str | None:
    """Only the lines of our own result written, replaced or taken; None where the index is not written line by line."""
    results = _written_results(front.text)
    if results is None or _KEY not in wanted:
        return None
    lines = _LINE.findall(front.text)
    spans = [_span(item) for item in results.value]
    first, last = spans[place] if place is not None else (spans[-1][1], spans[-1][1])
    new = [] if own is None else _dumped([own], results.start_mark.column, newline_of(front.text))
    return "".join([*lines[:first], *new, *lines[last:]])


def _written_results(text: str) -> Any:
    """The node of the results in the index, if all that holds it is written line by line, each item beginning on a line of its own."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    index = _under(root, _KEY)
    results = _under(index.value[0], "results") if isinstance(index, yaml.SequenceNode) and index.value else None
    if not isinstance(results, yaml.SequenceNode) or results.flow_style or index.flow_style or not results.value:
        return None
    own_lines = [one.start_mark.line for one in (index.value[0], *results.value)]
    # An item after the first shares its line with no other, and the first none with the word "results".
    return results if len({*own_lines}) == len(own_lines) else None


def _under(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _span(node: Any) -> tuple[int, int]:
    """The lines of a node: from its first to the one after that on which its last word ends. Comments after it are not its own."""
    return node.start_mark.line, _last(node) + 1


def _last(node: Any) -> int:
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        end = node.end_mark
        block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")  # such a text ends where the next line begins
        return int(end.line - (1 if block and end.column == 0 else 0))
    return max(_last(one) for pair in node.value for one in (pair if isinstance(pair, tuple) else (pair,)))


def _anew(front: _Front, wanted: dict[str, Any], place: int | None, own: dict[str, Any] | None) -> str | None:
    """The lines of the whole index written anew, at its place or at the end."""
    root = yaml.compose(front.text, Loader=yaml.SafeLoader)
    lines = _LINE.findall(front.text)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    first, last = next(((key.start_mark.line, _last(value) + 1) for key, value in pairs if key.value == _KEY), (len(lines), len(lines)))
    new = _dumped({_KEY: wanted[_KEY]}, 0, newline_of(front.text)) if _KEY in wanted else []
    return "".join([*lines[:first], *new, *lines[last:]])


def _dumped(value: Any, indent: int, newline: str) -> list[str]:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**6)
    return [" " * indent + line + newline for line in text.split("\n")[:-1]]
