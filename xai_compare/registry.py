"""Named plugins: explainers, metrics, model kinds, data sources and report sections.

A plugin is one file with one `@REGISTRY.register("name")`. Built-in plugins are listed by module, so that
listing names costs no import of what they use; third parties register through entry points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Generic, TypeVar

from xai_compare.errors import UnknownName, XaiCompareError, nearest

__all__ = ["Registry", "configured"]

T = TypeVar("T")
P = TypeVar("P")


class Registry(Generic[T]):
    """Names to plugins of one sort.

    Parameters
    ----------
    what : str
        What it holds, in the singular, for messages: "explainer".
    package : str
        The package whose modules register built-in plugins when imported.
    group : str
        The entry-point group through which other distributions register.
    """

    def __init__(self, what: str, package: str, group: str = "") -> None:
        self.what = what
        self._package = package
        self._group = group
        self._found: dict[str, T] = {}
        self._loaded = self._loading = False

    def register(self, name: str) -> Callable[[P], P]:
        """Class or function decorator. A name can be taken only once."""

        def keep(plugin: P) -> P:
            if name in self._found:
                raise XaiCompareError(f"{self.what} '{name}' is registered twice: by {self._found[name]!r} and by {plugin!r}")
            self._found[name] = plugin  # type: ignore[assignment]  # the decorated class is returned as itself
            return plugin

        return keep

    def __getitem__(self, name: str) -> T:
        self._load()
        if name not in self._found:
            raise UnknownName(f"unknown {self.what} '{name}': {nearest(name, self._found)}")
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._found))

    def _load(self) -> None:
        if self._loaded or self._loading:
            return
        self._loading = True  # a plugin that asks the registry while it is being imported sees what is there so far
        try:
            self._import_all()
        finally:
            self._loading = False
        self._loaded = True

    def _import_all(self) -> None:
        package = import_module(self._package)
        for module in iter_modules(package.__path__):
            if not module.name.startswith("_"):
                import_module(f"{self._package}.{module.name}")
        if self._group:
            for point in entry_points(group=self._group):
                plugin = point.load()  # a module that registers by itself, or the plugin
                if plugin not in self._found.values() and not isinstance(plugin, ModuleType):
                    self.register(point.name)(plugin)


def configured(cls: type[P], params: Mapping[str, Any]) -> P:
    """A plugin with its parameters, checked against the fields of its dataclass and their types.

    Raises
    ------
    UnknownName
        For a parameter it does not have.
    XaiCompareError
        For a value of the wrong type, or one that the plugin itself refuses.
    """
    from pydantic import TypeAdapter, ValidationError

    known = [field.name for field in fields(cls) if field.init]  # type: ignore[arg-type]  # plugins are dataclasses
    for key in params:
        if key not in known:
            raise UnknownName(f"unknown parameter '{key}': {nearest(key, known)}")
    try:
        return TypeAdapter(cls).validate_python(dict(params))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise XaiCompareError(f"parameter '{place}': {first['msg']}, found {first['input']!r}") from error
