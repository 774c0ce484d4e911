"""The house rules that a machine can check: imports point one way, start-up is light, functions are small."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import xai_compare

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "xai_compare"
HEAVY = ["torch", "shap", "lime", "sklearn", "scipy", "pandas", "matplotlib"]

# ---- imports point one way

# packing: value types as plain arrays; reasons: the map of reason codes and how contributions are ranked by it
BASE = {"types", "errors", "streams", "lazy", "registry", "packing", "files", "yaml_file", "reasons"}
ADAPTED = BASE | {"data", "models", "game", "removal", "effects"}
PLUGGED = ADAPTED | {"explainers", "metrics", "profiles"}
RUNNING = PLUGGED | {"results", "config", "run"}
MAY_IMPORT = {
    **dict.fromkeys(BASE, BASE),
    **dict.fromkeys(["models", "game", "removal", "effects"], ADAPTED),
    "data": ADAPTED | {"config"},  # a source reads the part of the study that describes it
    **dict.fromkeys(["explainers", "metrics", "profiles"], PLUGGED),  # of another room only the protocol: see the plugins below
    "contradictions": BASE,  # the half of the study's checks that compares one place with another
    "config": BASE | {"contradictions"},
    "results": BASE,
    "run": RUNNING,
    "compare": BASE | {"results", "compare"},
    "report": BASE | {"results", "compare", "report"},
    "cards": BASE | {"results", "report", "cards"},  # of the report its words and its schema
    "audit": RUNNING | {"compare", "report", "cards"},
    "api": RUNNING | {"compare", "report", "audit"},
    "saved": RUNNING | {"compare", "report", "audit", "api"},
    "starter": BASE | {"config", "data"},  # a study to start from
    "cli": RUNNING | {"compare", "report", "cards", "api", "saved", "starter"},
    "__main__": {"cli"},
}
PLUGIN_ROOMS = ("xai_compare.explainers", "xai_compare.metrics", "xai_compare.profiles", "xai_compare.report.sections")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The module that a `from ... import` names, with leading dots resolved."""
    if not node.level:
        return node.module or ""
    parents = module.split(".") if MODULES[module].name == "__init__.py" else module.split(".")[:-1]
    return ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])


def imports(module: str) -> Iterator[str]:
    """Every name of this package that a module imports, wherever the import stands: `xai_compare.types.Array`."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{absolute(module, node)}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "xai_compare")


def target(name: str) -> str:
    """The module that an imported name lives in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("module", [name for name in MODULES if room(name)])
def test_imports_point_one_way(module: str) -> None:
    assert room(module) in MAY_IMPORT, f"{module}: say in MAY_IMPORT what this new room may import"
    allowed = {*MAY_IMPORT[room(module)], room(module)}
    wrong = [name for name in imports(module) if name != "xai_compare.__version__" and room(target(name)) not in allowed]
    assert not wrong, f"{module} may not import {wrong}"


def plugin_of(module: str) -> str | None:
    """The plugin file or folder that a module belongs to; None for packages that hold plugins, and for helpers."""
    for home in PLUGIN_ROOMS:
        if module.startswith(f"{home}."):
            first = module.removeprefix(f"{home}.").split(".")[0]
            return None if first.startswith("_") else f"{home}.{first}"
    return None


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith(PLUGIN_ROOMS)])
def test_plugins_do_not_import_each_other(module: str) -> None:
    others = [name for name in imports(module) if plugin_of(target(name)) not in {None, plugin_of(module)}]
    assert not others, f"{module} may not import {others}: what plugins share stands in a helper whose name begins with _"


@pytest.mark.parametrize(
    "module", [name for name in MODULES if not name.startswith(PLUGIN_ROOMS) and room(name) not in {"run", "api", "cli"}]
)
def test_nobody_reaches_for_one_plugin(module: str) -> None:
    reached = [name for name in imports(module) if plugin_of(target(name))]
    assert not reached, f"{module} may not import {reached}: plugins are found through their registry"


# ---- start-up is light


def loaded_after(code: str) -> list[str]:
    """The heavy libraries that a fresh interpreter has loaded after some code."""
    report = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True, timeout=120
    )
    return found.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    "code", ["import xai_compare", "import xai_compare.config", "from xai_compare import Attribution, StudyError, Results"]
)
def test_importing_is_light(code: str) -> None:
    assert loaded_after(code) == []


HELP = """
import runpy, sys
sys.argv = ["xai-compare", "--help"]
try:
    runpy.run_module("xai_compare.cli", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.skipif("xai_compare.cli" not in MODULES, reason="the command line is not written yet")
def test_help_is_light() -> None:
    assert loaded_after(HELP) == []


@pytest.mark.parametrize("name", xai_compare.__all__)
def test_public_names_resolve(name: str) -> None:
    if name in {"compare", "explain"} and "xai_compare.api" not in MODULES:
        pytest.skip("the Python interface is not written yet")
    assert name in dir(xai_compare)
    assert getattr(xai_compare, name) is not None


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'compar'"):
        getattr(xai_compare, "com" + "par")


@pytest.mark.skipif("xai_compare.api" not in MODULES, reason="the Python interface is not written yet")
def test_compare_stays_a_function_when_its_namesake_is_imported() -> None:
    code = "import xai_compare as xc, xai_compare.compare\nassert callable(xc.compare), xc.compare"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


# ---- functions are small

MOST_LINES = 60  # without the docstring
MOST_PARAMETERS = 7  # without self and cls

# "module:function": why it may be longer or take more. Empty, and better so.
LARGE: dict[str, str] = {
    "xai_compare.api:compare": "the public face: two tables, a background, and keyword-only options under their usual names",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: str) -> Iterator[Function]:
    return (node for node in ast.walk(tree(module)) if isinstance(node, Function))


def length(function: Function) -> int:
    first = function.body[0]
    has_docstring = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def parameters(function: Function) -> int:
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_small(module: str) -> None:
    large = [
        f"{module}:{function.name} ({length(function)} lines, {parameters(function)} parameters)"
        for function in functions(module)
        if (length(function) > MOST_LINES or parameters(function) > MOST_PARAMETERS) and f"{module}:{function.name}" not in LARGE
    ]
    assert not large


def test_the_allow_list_names_functions_that_exist() -> None:
    assert set(LARGE) <= {f"{module}:{function.name}" for module in MODULES for function in functions(module)}


@pytest.mark.parametrize("module", MODULES)
def test_no_exception_is_swallowed(module: str) -> None:
    silent = [
        f"{module}:{node.lineno}"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"})
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]
    assert not silent


# ---- nothing of one machine stands in a file

# In two pieces, so that this file does not name them itself. One file may know what lies beside the checkout.
FORBIDDEN = {"../" + "shared": {".ci/run"}, "/" + "work/": set(), "index" + "-url": set()}
SUFFIXES = {"", ".cff", ".css", ".html", ".j2", ".js", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}
LEFT_OUT = {".git", ".venv", "build", "dist", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


def own_files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_dir() and folder != ROOT / "reports":
            yield from own_files(path)
        elif path.is_file() and path.suffix in SUFFIXES:
            yield path


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in own_files()
        for word, excused in FORBIDDEN.items()
        if path.relative_to(ROOT).as_posix() not in excused and word in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found
