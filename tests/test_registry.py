"""Names lead to plugins, and a wrong name to the nearest right one."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from xai_compare import registry as registry_module
from xai_compare.errors import UnknownName, XaiCompareError
from xai_compare.registry import Registry

NUMBER = count()  # every test gets a package of its own name: Python imports a name only once

PLUGIN = """
from {package} import THINGS

@THINGS.register("{name}")
class Plugin:
    pass
"""


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[type]:
    """A registry over a package with the plugins `anchor` and `banner`, and a helper that is no plugin."""
    package = f"things_{next(NUMBER)}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from xai_compare.registry import Registry\nTHINGS = Registry('thing', '{package}', 'xai_compare.tests')\n"
    )
    for name in ("anchor", "banner"):
        (folder / f"{name}.py").write_text(PLUGIN.format(package=package, name=name))
    (folder / "_helper.py").write_text("raise AssertionError('a helper is not loaded as a plugin')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return __import__(package).THINGS  # type: ignore[no-any-return]


def test_plugins_are_found_by_their_files(things: Registry[type]) -> None:
    assert list(things) == ["anchor", "banner"]
    assert "anchor" in things
    assert "anchr" not in things
    assert things["anchor"].__name__ == "Plugin"


def test_an_unknown_name_comes_with_the_nearest(things: Registry[type]) -> None:
    with pytest.raises(UnknownName, match=r"unknown thing 'anchr': did you mean 'anchor'\? Allowed: anchor, banner"):
        things["anchr"]


def test_a_name_is_taken_once(things: Registry[type]) -> None:
    things.register("new")(int)
    with pytest.raises(XaiCompareError, match="thing 'new' is registered twice"):
        things.register("new")(float)


def test_others_register_by_entry_point(things: Registry[type], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def entry_points(group: str) -> list[SimpleNamespace]:
        asked.append(group)
        return [SimpleNamespace(name="foreign", load=lambda: int)]

    monkeypatch.setattr(registry_module, "entry_points", entry_points)
    assert things["foreign"] is int
    assert asked == ["xai_compare.tests"]
