"""A YAML file of a user as plain values: small, without anchors, tags or repeated keys, and every fault told with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from xai_compare.errors import StudyError

__all__ = ["display", "read_yaml"]

_LIMIT: Final = 2**20  # bytes: such a file is written by hand, anything larger is a mistake or an attack


def read_yaml(file: Path, what: str = "the study file") -> object:
    """The plain values of a YAML file of at most 1 MB; `what` says in a message which file it is.

    Raises
    ------
    StudyError
        If the file cannot be read, or is no plain YAML (a repeated key, an anchor, a tag).
    """
    where = display(file)
    return _parse(_read(file, where, what), where)


def display(file: Path) -> str:
    """The file from the working folder; its name alone where it lies elsewhere."""
    full, here = file.absolute(), Path.cwd()
    return full.relative_to(here).as_posix() if full.is_relative_to(here) else file.name


class _Loader(yaml.SafeLoader):
    """Plain YAML: no anchors (a small file could unfold into a huge one), no tags, no key given twice."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _refused("anchors (&) and aliases (*) are not allowed: write the value out", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _refused(f"the tag {event.tag} is not allowed: plain values only", event.start_mark)
        if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
            raise _refused("this text is not valid Unicode", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused by the constructor itself, which names the place
            if key.value in first:
                raise _refused(f"the key '{key.value}' is given twice, first in line {first[key.value]}", key.start_mark)
            first[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep=deep)


def _refused(what: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=mark)


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"

# A date stays the text that was written, and 1e-3 is a number (YAML 1.1, which the library follows, wants 1.0e-3).
_Loader.yaml_implicit_resolvers = {
    start: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789"))


def _read(file: Path, where: str, what: str) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LIMIT + 1)
    except OSError as error:
        raise StudyError(f"{where}: {what} cannot be read: {error.strerror or error}") from error
    if len(content) > _LIMIT:
        raise StudyError(f"{where}: larger than 1 MB: it is written by hand, and names data instead of holding them")
    return content


def _parse(content: bytes, where: str) -> object:
    try:
        # A safe loader, which ruff cannot see: `_Loader` only takes away from SafeLoader.
        return yaml.load(content, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        at = f": line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise StudyError(f"{where}{at}: {error.problem or 'no valid YAML'}") from error
    except RecursionError as error:
        raise StudyError(f"{where}: nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:  # an encoding that is none; a number beyond Python's limit of digits
        raise StudyError(f"{where}: no valid YAML: {' '.join(str(error).split())}") from error
