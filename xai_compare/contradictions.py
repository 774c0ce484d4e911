"""What contradicts itself in a study between two of its places. Read from the raw values, before the study is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xai_compare.types import class_name

__all__ = ["contradictions"]


def contradictions(raw: object) -> Iterator[tuple[str, str]]:
    """(place, message) of what is wrong between two places: told together with what is wrong inside them."""
    if not isinstance(raw, Mapping):
        return
    for key in ("models", "explainers", "metrics", "profiles"):
        yield from _repeated(raw.get(key), key)
    compare = raw.get("compare")
    if isinstance(compare, Mapping):
        for key in ("pairings", "checks", "spread"):
            yield from _repeated(compare.get(key), f"compare.{key}")
    for i, model in _items(raw.get("models")):
        if isinstance(model, Mapping):
            yield from _model_contradictions(model, f"models[{i}]")
    references = [i for i, model in _items(raw.get("models")) if isinstance(model, Mapping) and model.get("reference") is True]
    for i in references[1:]:
        yield f"models[{i}].reference", f"models[{references[0]}] is the reference already: only one model can be"
    data = raw.get("data")
    if isinstance(data, Mapping):
        yield from _group_contradictions(data)
        yield from _label_contradictions(raw, data)
    if isinstance(data, Mapping):
        yield from _text_contradictions(data)
    if isinstance(data, Mapping) and data.get("source", "file") in ("file", "csv", "texts", "images", "series"):
        yield from _file_contradictions(data)


def _model_contradictions(model: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    if model.get("kind") is None and model.get("load") is None:
        yield f"{at}.kind", "missing: name the kind to train, or the file of a fitted model by load"
    if model.get("load") is None:
        if model.get("architecture") is not None:
            yield f"{at}.architecture", "says what the weights of a file are of, and there is no load"
        if model.get("allow_unsafe") is not None:
            yield f"{at}.allow_unsafe", "vouches for the file of load, and there is none"
    elif model.get("kind") is not None:
        yield f"{at}.load", "a kind to train is given beside it: name one or the other"
    elif model.get("params") and model.get("architecture") is None:
        yield f"{at}.params", "belong to a kind that is trained; a loaded model has its own"


def _file_contradictions(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = {key for key in ("path", "train", "test", "split", "target") if data.get(key) is not None}
    if "target" not in given and data.get("source") not in ("images", "series"):  # which may name the classes in another way
        yield "data.target", "missing: a file needs the column to predict"
    if not given & {"path", "train", "test"}:
        yield "data.path", "missing: name the file to read, or train and test"
    elif "path" in given and given & {"train", "test"}:
        yield "data.path", "a file is given beside train and test: name one or the other"
    elif "path" not in given:
        for key in sorted({"train", "test"} - given):
            yield f"data.{key}", "missing: train and test need a file each"
        if "split" in given:
            yield "data.split", "train and test are split already: leave it out"
    if "split" in given and "test_size" in data:
        yield "data.test_size", "the column of data.split says which rows are held out: leave it out"


def _text_contradictions(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source = data.get("source", "file")
    if source == "texts":
        if data.get("text") is None:
            yield "data.text", "missing: texts need the column that holds them"
        elif data.get("text") == data.get("target"):
            yield "data.text", "is the column of data.target too: the text would tell the target"
    elif str(source).partition(":")[0] in _WITHOUT_TEXTS:
        for key in ("text", "rationale"):
            if data.get(key) is not None:
                yield f"data.{key}", "belongs to source: texts, and there is none"


_WITHOUT_TEXTS = ("csv", "file", "images", "series", "sklearn", "synthetic")


def _label_contradictions(raw: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given, reasons = data.get("labels"), raw.get("reasons")
    if not isinstance(given, Mapping):
        return
    names = {class_name(code): name.strip() for code, name in given.items() if isinstance(name, str)}
    first: dict[str, str] = {}
    for code, name in names.items():
        if name in first:
            yield f"data.labels.{code}", f"'{name}' is the name of the class {first[name]} already: give each class its own"
        elif name in names and name != code:
            yield f"data.labels.{code}", f"'{name}' stands for another class in the data: choose another name"
        first.setdefault(name, code)
    said = {"data.positive": data.get("positive"), "target": raw.get("target")}
    said["reasons.adverse"] = reasons.get("adverse") if isinstance(reasons, Mapping) else None
    for at, class_ in said.items():
        if class_ is not None and class_name(class_) in names.keys() - first.keys():
            yield at, f"found {class_!r}, which data.labels calls '{names[class_name(class_)]}': say the name"


def _group_contradictions(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    groups = data.get("groups")
    first: dict[str, str] = {}
    for name, columns in groups.items() if isinstance(groups, Mapping) else ():
        for i, column in _items(columns):
            if isinstance(column, str) and column in first:
                yield f"data.groups.{name}[{i}]", f"'{column}' counts towards {first[column]} already: a column is in one group at most"
            elif isinstance(column, str):
                first[column] = f"data.groups.{name}"


def _items(value: object) -> list[tuple[int, Any]]:
    return list(enumerate(value)) if isinstance(value, list | tuple) else []


def _repeated(items: object, at: str) -> Iterator[tuple[str, str]]:
    first: dict[str, str] = {}
    for i, item in _items(items):
        name, place = (item.get("name"), f"{at}[{i}].name") if isinstance(item, Mapping) else (item, f"{at}[{i}]")
        if not isinstance(name, str):
            continue  # told by its type
        if name.strip() in first:
            yield place, f"'{name.strip()}' is given twice, first as {first[name.strip()]}"
        first.setdefault(name.strip(), place)
