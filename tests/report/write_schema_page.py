"""Write docs/report-json.md from the schema: `python -m tests.report.write_schema_page docs/report-json.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xai_compare.report.write import schema

OPENING = """# report.json, field by field

Every number that a report shows comes from its `report.json`, and so can any other: a gate in a pipeline, a table in a paper. This page
is made from the JSON Schema that ships with the package (`xai_compare/report/schema.json`, version {version}) by
`python -m tests.report.write_schema_page docs/report-json.md`.

Keys are sorted, numbers have at most ten digits, none is NaN or infinite: what could not be measured is `null` with a reason beside it.
The file is the same, byte for byte, for every run of a study on one platform with one set of versions. Gaps are in skill: above 0, `a` is
explained better than `b`, also for metrics where lower is better.

```py
import json
from pathlib import Path

report = json.loads(Path("audit/report.json").read_text(encoding="utf-8"))
for place in report["verdict"]["headline"]:
    row = report["gaps"][place]
    print(row["question"], row["a"], row["b"], row["gap"]["estimate"], row["gap"]["low"], row["gap"]["high"], row["verdict"])
```

Fields within a list are written `list[].field`. `xc.load("audit/")` brings the whole run back in Python, scores of single cases included.
"""


def page() -> str:
    """The page as Markdown."""
    whole = schema()
    parts = [OPENING.format(version=whole["properties"]["schema_version"]["const"]), "## The top level\n", _table(whole)]
    for name in _used(whole):
        found = whole["$defs"][name]
        parts += [f"## {name}\n", f"{found['description']}\n"] + ([_table(found)] if "properties" in found else [])
    return "\n".join(parts)


def _used(whole: dict[str, Any]) -> list[str]:
    """The definitions in the order in which they are first met."""
    met: dict[str, None] = {}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in met:
                met[name] = None
                walk(whole["$defs"][name])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(whole["properties"])
    return list(met)


def _table(node: dict[str, Any]) -> str:
    rows = [f"| `{name}` | {_form(one)} | {_plain(one.get('description', ''))} |" for name, one in fields(node)]
    return "\n".join(["| field | form | what it is |", "|---|---|---|", *rows, ""])


def fields(node: dict[str, Any], before: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema, those within it after it."""
    for name, one in node.get("properties", {}).items():
        yield f"{before}{name}", one
        yield from _within(one, f"{before}{name}")


def _within(one: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from fields(one, f"{name}.")
    if isinstance(one.get("items"), dict):
        yield from _within(one["items"], f"{name}[]")
    for choice in one.get("anyOf", []):
        yield from _within(choice, name)


def _form(one: dict[str, Any]) -> str:
    """What a value looks like, in words."""
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in one:
        return " or ".join(dict.fromkeys(_form(choice) for choice in one["anyOf"]))
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    if "enum" in one:
        return "one of " + ", ".join(f"`{value}`" for value in one["enum"])
    if one.get("type") == "array":
        return f"list of {_form(one['items'])}" if "items" in one else "list"
    kinds = one.get("type", "any")
    return " or ".join(kinds) if isinstance(kinds, list) else kinds


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
