"""The command line as a user meets it: exit codes, files, messages.

Two processes at the most are started for a group of commands; every command has its own test.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"}

# Runs many command lines in one process, each with its own exit code and output: start-up is paid once.
DRIVER = """
import contextlib, io, json, shutil, sys
from pathlib import Path
from xai_compare import cli
found = {}
for name, arguments in json.load(sys.stdin).items():
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["xai-compare", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
    found[name] = [code, out.getvalue(), err.getvalue()]
    if Path("out").is_dir():
        shutil.copytree("out", Path("after", name))
print(json.dumps(found))
"""

# A module that a process imports at its start when PYTHONPATH names its folder: the way in without an entry point.
FAILING = """
import xai_compare.explainers as package
list(package.EXPLAINERS)
class Broken(package.EXPLAINERS["random"]):
    control = False
    def __call__(self, game, streams):
        raise RuntimeError("the crystal ball is cracked")
package.EXPLAINERS.register("broken")(Broken)
"""


def command(*arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "xai_compare.cli", *map(str, arguments)],
        check=False,
        **{"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 120, "env": ENVIRONMENT, **options},
    )


def study(**options) -> dict:
    return {
        "title": "Iris: a line against a forest",
        "data": {"source": "sklearn:iris", "explain": 20, "background": 20},
        "models": [
            {"name": "line", "kind": "logistic_regression", "reference": True},
            {"name": "forest", "kind": "random_forest", "params": {"n_estimators": 20}},
        ],
        "explainers": ["shap"],
        **options,
    }


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "store"
    }


# ---- a good study


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def first(folder):
    """A run in a process of its own."""
    done = command("run", write(folder / "iris.yaml", study()), "--out", folder / "out")
    return done, contents(folder / "out")


@pytest.fixture(scope="module")
def later(first, folder) -> dict:
    """What came after it, in one process: again, rendered again, quiet, into the default folder."""
    shutil.copytree(folder / "out" / "store", folder / "reports" / "iris" / "store")
    lines = {
        "again": ["run", "iris.yaml", "--out", "out"],
        "report": ["report", "out"],
        "quiet": ["run", "iris.yaml", "--out", "out", "--quiet"],
        "default": ["run", "iris.yaml"],
    }
    found = driven(lines, folder)
    return found | {f"{name} files": contents(folder / "after" / name) for name in lines}


def driven(lines: dict[str, list[str]], folder: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(lines),
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        cwd=folder,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_run_ends_with_0_and_says_where_the_report_is(first, folder) -> None:
    done, _ = first
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(folder / "out" / "report.html")
    assert "fidelity: forest against line" in done.stdout
    assert_only_leaks(done.stderr)


def assert_only_leaks(said: str) -> None:
    """Nothing is said but that two columns of iris tell the species by themselves."""
    lines = said.splitlines()
    assert [line.split("'")[1] for line in lines] == ["petal length (cm)", "petal width (cm)"]
    assert all(line.startswith("warning: the column ") for line in lines)


def test_a_run_writes_every_file(first) -> None:
    _, files = first
    for name in ("report.html", "report.json", "manifest.json", "timings.json", "data/results.json", "data/results.npz"):
        assert files[name]
    assert any(name.startswith("figures/") for name in files)
    assert not [name for name in files if "/." in f"/{name}"], "a temporary file was left behind"


def test_the_manifest_hashes_what_is_there(first) -> None:
    _, files = first
    listed = {entry["path"]: entry["sha256"] for entry in json.loads(files["manifest.json"])["outputs"]}
    assert listed == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name not in ("manifest.json", "timings.json")
    }


def test_no_file_names_the_machines_folders(first, folder) -> None:
    _, files = first
    assert not [name for name, content in files.items() if str(folder).encode() in content or str(ROOT).encode() in content]


def test_a_second_run_computes_nothing(later) -> None:
    code, _, err = later["again"]
    timings = json.loads(later["again files"]["timings.json"])
    assert code == 0
    assert_only_leaks(err)
    assert timings["computed"] == 0
    assert timings["jobs"] > 20


def test_a_second_run_writes_the_same_bytes(first, later) -> None:
    (_, before), after = first, later["again files"]
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] in ([], ["timings.json"])


def test_report_renders_the_same_bytes_again(later) -> None:
    code, out, err = later["report"]
    assert (code, out.strip(), err) == (0, "out/report.html", "")
    assert later["report files"] == later["again files"]


def test_quiet_says_nothing(later) -> None:
    assert later["quiet"] == [0, "", ""]


def test_the_default_folder_is_named_after_the_study(later, folder) -> None:
    code, out, _ = later["default"]
    assert code == 0
    assert out.splitlines()[-1] == "reports/iris/report.html"
    assert json.loads((folder / "reports" / "iris" / "timings.json").read_text())["computed"] == 0


# ---- thresholds, cards, once more

KEPT, BROKEN = "gap.fidelity < -5 or any failed", "gap.fidelity < 5"


@pytest.fixture(scope="module")
def after(later, folder) -> dict:
    """What is done with a report that is there."""
    shutil.copytree(folder / "out", folder / "spoilt", ignore=shutil.ignore_patterns("store"))
    (folder / "README.md").write_bytes(b"# Iris\r\n")
    write(folder / "other.yaml", study(seed=1))
    lines = {
        "kept": ["report", "out", "--fail-on", KEPT],
        "broken": ["report", "out", "--fail-on", KEPT, "--fail-on", BROKEN],
        "run kept": ["run", "iris.yaml", "--out", "out", "--quiet", "--fail-on", KEPT],
        "run broken": ["run", "iris.yaml", "--out", "out", "--quiet", "--fail-on", BROKEN, "--fail-on", "any failed"],
        "unknown name": ["run", "iris.yaml", "--out", "never", "--fail-on", "gap.fidelty < 0"],
        "no expression": ["run", "iris.yaml", "--out", "never", "--fail-on", "gap.fidelity"],
        "unknown score": ["report", "out", "--fail-on", "score.line.AUC < 0"],
        "dry run": ["attach", "out", "--to", "README.md", "--dry-run"],
        "attach": ["attach", "out/report.json", "--to", "README.md"],
        "attach again": ["attach", "out", "--to", "README.md"],
        "no card": ["attach", "out", "--to", "CARD.md"],
        "rerun": ["verify", "out", "--rerun", "--jobs", "1"],
        "other study": ["verify", "out/report.json", "--rerun", "--study", "other.yaml"],
        "verify nowhere": ["verify", "nowhere"],
    }
    found = driven(lines, folder)
    found["card"] = (folder / "README.md").read_bytes()
    return found | driven({"remove": ["attach", "out", "--to", "README.md", "--remove"]}, folder)


def test_thresholds_that_are_kept_say_nothing(after) -> None:
    assert after["kept"] == [0, "out/report.html\n", ""]
    assert after["run kept"] == [0, "", ""]


def test_a_breached_threshold_ends_with_1_and_a_line_each(after) -> None:
    for name in ("broken", "run broken"):
        code, _, err = after[name]
        assert code == 1
        (line,) = err.splitlines()
        assert line.startswith(f"{BROKEN}: breached: gap.fidelity is ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unknown name", ["'gap.fidelty < 0'", "did you mean 'fidelity'"]),
        ("no expression", ["found the end where <"]),
        ("other study", ["other.yaml", "study.seed: 0, now 1"]),
        ("no card", ["CARD.md", "Make it first"]),
        ("verify nowhere", ["nowhere", "no manifest"]),
        ("unknown score", ["no score 'AUC'", "ROC-AUC"]),
    ],
)
def test_what_cannot_be_asked_is_one_message(after, folder, name: str, words: list[str]) -> None:
    code, out, err = after[name]
    one_message((code, "" if name in ("other study", "unknown score") else out, err), words)
    assert not (folder / "never").exists()


def test_a_card_is_written_told_and_restored(after) -> None:
    code, told, _ = after["dry run"]
    assert code == 0
    assert "+<!-- xai_compare:begin id=iris-a-line-against-a-forest-" in told
    assert after["attach"] == [0, "README.md: written; what was there before is in README.md.bak\n", ""]
    assert after["attach again"] == [0, "README.md: nothing to change\n", ""]
    assert after["card"].startswith(b"# Iris\r\n\r\n<!-- xai_compare:begin ")
    assert after["remove"][0] == 0


def test_the_card_is_as_before_in_the_end(after, folder) -> None:
    assert (folder / "README.md").read_bytes() == b"# Iris\r\n"


def test_a_report_comes_out_again(after) -> None:
    code, out, err = after["rerun"]
    assert (code, err) == (0, "")
    assert re.fullmatch(r"unchanged: .*\nthe same: \d{3,} numbers came out again, within 1e-09 of their size\n", out)


def test_numbers_that_do_not_come_out_again_end_with_1(after, folder) -> None:
    path = folder / "spoilt" / "report.json"
    content = path.read_bytes()
    report = json.loads(content)
    report["skills"][0]["value"]["estimate"] += 0.25
    path.write_text(json.dumps(report), encoding="utf-8")
    manifest = folder / "spoilt" / "manifest.json"
    hashes = (hashlib.sha256(content).hexdigest(), hashlib.sha256(path.read_bytes()).hexdigest())
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(*hashes), encoding="utf-8")
    done = command("verify", "spoilt", "--rerun", "--jobs", "1", cwd=folder)
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["$.skills[0].value.estimate"]


# ---- a study to start from


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("begun")
    write(
        folder / "loans.2026.csv", "number,income,default\n" + "".join(f"{i},{i * i % 17},{'no' if i % 3 else 'yes'}\n" for i in range(60))
    )
    lines = {
        "table": ["init", "loans.2026.csv", "--target", "default"],
        "again": ["init", "loans.2026.csv", "--target", "default"],
        "forced": ["init", "loans.2026.csv", "--target", "income", "--out", "loans.yaml", "--force"],
        "itself": ["init", "loans.2026.csv", "--target", "default", "--out", "loans.2026.csv", "--force"],
        "no folder": ["init", "loans.2026.csv", "--target", "default", "--out", "nowhere/s.yaml"],
        "no table": ["init", "nowhere.csv", "--target", "default"],
        "no target": ["init", "loans.2026.csv", "--out", "other.yaml"],
        "misspelt": ["init", "loans.2026.csv", "--target", "defualt", "--out", "other.yaml"],
        "alone": ["init"],
        "target alone": ["init", "--target", "default"],
    }
    return folder, driven(lines, folder)


def test_init_writes_a_study_and_says_what_it_guessed(begun) -> None:
    code, out, err = begun[1]["table"]
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "loans.yaml: written",
        "  one of 2 classes is predicted; scores count yes",
        "  1 column stays",
        "  number tells the rows apart (id)",
        "Look through it, then: xai-compare plan loans.yaml, or xai-compare run loans.yaml",
    ]
    assert begun[1]["forced"][0] == 0
    written = yaml.safe_load((begun[0] / "loans.yaml").read_text(encoding="utf-8"))
    assert written["data"]["target"] == "income"  # the second one, which was to overwrite it


def test_init_alone_writes_a_study_that_needs_no_file(begun) -> None:
    code, out, _ = begun[1]["alone"]
    assert (code, out.splitlines()[0]) == (0, "breast_cancer.yaml: written")
    assert yaml.safe_load((begun[0] / "breast_cancer.yaml").read_text(encoding="utf-8"))["data"]["source"] == "sklearn:breast_cancer"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("again", ["'loans.yaml' is there already", "--force", "--out"]),
        ("itself", ["'loans.2026.csv' is the table itself"]),
        ("no folder", ["the folder 'nowhere' of --out is not there"]),
        ("no table", ["there is no file 'nowhere.csv'", "Without a table"]),
        ("no target", ["--target COLUMN", "number, income, default"]),
        ("misspelt", ["no column 'defualt'", "did you mean 'default'"]),
        ("target alone", ["xai-compare init TABLE --target COLUMN"]),
    ],
)
def test_init_that_cannot_be_is_one_message(begun, name: str, words: list[str]) -> None:
    one_message(begun[1][name], words)
    assert {path.name for path in begun[0].iterdir()} == {"loans.2026.csv", "loans.yaml", "breast_cancer.yaml"}
    assert (begun[0] / "loans.2026.csv").read_text(encoding="utf-8").startswith("number,income,default\n")


# ---- help and lists


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    best, loaded = 9.0, ""
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "xai_compare.cli", "--help"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=ENVIRONMENT,
        )
        best, loaded = min(best, time.perf_counter() - start), done.stderr
    assert done.returncode == 0
    assert {"run", "list", "report"} <= set(done.stdout.split())
    names = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in loaded.splitlines()}
    assert not names & {"torch", "shap", "lime", "sklearn", "scipy", "pandas", "matplotlib", "captum"}
    assert best < 1.0


@pytest.fixture(scope="module")
def listed(folder) -> dict:
    lines = {what: ["list", what] for what in ("explainers", "metrics", "models", "profiles", "sections", "sources")}
    lines |= {f"{what} long": ["list", what, "--long"] for what in lines}
    return driven({**lines, "version": ["--version"], "nonsense": ["list", "colours"], "command": ["explode"]}, folder)


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("explainers", {"shap", "lime", "permutation_importance", "integrated_gradients", "random"}),
        ("metrics", {"additive_fit", "agreement", "faithfulness_correlation", "features_needed", "effective_features", "performance"}),
        ("models", {"logistic_regression", "linear_regression", "random_forest", "mlp"}),
        ("profiles", {"ale", "partial_dependence"}),
        ("sources", {"sklearn", "synthetic", "csv"}),
        ("sections", {"verdict", "gaps", "decomposition"}),
    ],
)
def test_lists(listed, what: str, names: set[str]) -> None:
    code, out, err = listed[what]
    assert (code, err) == (0, "")
    found = [line.split()[0] for line in out.splitlines()]
    assert names <= set(found)
    if what != "sections":  # they have an order of their own
        assert found == sorted(found)


def told(listed, what: str, name: str) -> dict[str, str]:
    """What `list --long` says of one plugin: {fact: words}."""
    code, out, err = listed[f"{what} long"]
    assert (code, err) == (0, "")
    blocks = re.split(r"^(?=\S)", out, flags=re.MULTILINE)[1:]
    (found,) = [block.splitlines()[1:] for block in blocks if block.splitlines()[0] == name]
    return {line[:16].strip(): line[16:] for line in found}


def test_the_long_list_tells_what_plugins_say_of_themselves(listed) -> None:
    from xai_compare.explainers import EXPLAINERS
    from xai_compare.metrics import METRICS

    for name in METRICS:
        one, found = METRICS[name], told(listed, "metrics", name)
        assert found["what it is"] == one.__doc__.splitlines()[0]
        assert (found["title"], found["question"], found["range"], found["chance"]) == (one.title, one.question, one.range, one.chance)
        assert (found["cost"], found["direction"], found["scope"], found.get("citation", "")) == (
            one.cost,
            one.better,
            one.scope,
            one.citation,
        )
    assert told(listed, "metrics", "agreement")["parameters"] == "measure='sign', k=4"
    assert {name for name in EXPLAINERS if told(listed, "explainers", name).get("on request") == "yes"} == {
        name for name in EXPLAINERS if getattr(EXPLAINERS[name], "on_request", False)
    }
    assert told(listed, "models", "decision_tree")["defaults"] == "min_samples_leaf=5"
    assert told(listed, "models", "mlp")["parameters"].startswith("hidden=(64, 64), ")
    assert told(listed, "sections", "verdict")["question"] == "What must I worry about?"
    assert told(listed, "profiles", "ale")["citation"] == "Apley & Zhu 2020"
    assert told(listed, "sources", "sklearn")["what it is"].startswith("What scikit-learn ships")


def test_a_parameter_without_a_default_and_one_that_is_made_anew() -> None:
    from xai_compare.cli import _facts

    @dataclass
    class Odd:
        size: int
        names: list[str] = field(default_factory=list)

    assert ("parameters", "size=?, names=[]") in list(_facts(Odd))


def test_version(listed) -> None:
    import xai_compare

    assert listed["version"] == [0, f"{xai_compare.__version__}\n", ""]


@pytest.mark.parametrize(("name", "said"), [("nonsense", "colours"), ("command", "explode")])
def test_bad_usage_ends_with_2(listed, name: str, said: str) -> None:
    code, _, err = listed[name]
    assert code == 2
    assert said in err
    assert "Traceback" not in err


# ---- bad input: one message, exit 2

MODELS = study()["models"]
CSV = {"source": "csv", "path": "t.csv", "target": "y", "explain": 5, "background": 5}

BAD = {
    "unknown explainer": (study(explainers=["shap", "lme"]), ["explainers[1]", "unknown explainer 'lme'", "did you mean 'lime'"]),
    "unknown metric": (study(metrics=["additiv_fit"]), ["metrics[0]", "did you mean 'additive_fit'"]),
    "misspelt key": (study(modles=[]), ["modles", "unknown key", "did you mean 'models'"]),
    "misspelt inner key": (study(data={"source": "sklearn:iris", "explian": 5}), ["data.explian", "did you mean 'explain'"]),
    "unknown source": (study(data={"source": "sklern:iris"}), ["data.source", "did you mean 'sklearn'"]),
    "unknown data set": (study(data={"source": "sklearn:irs"}), ["data.source", "did you mean 'iris'"]),
    "missing csv": (study(data={**CSV, "path": "nowhere.csv"}), ["data", "'nowhere.csv' not found"]),
    "missing target column": (
        study(data={**CSV, "target": "yy"}),
        ["data", "'t.csv' has no column 'yy', which data.target names", "did you mean 'y'"],
    ),
    "column to drop not there": (study(data={**CSV, "drop": ["zz"]}), ["data", "no column 'zz', which data.drop names"]),
    "positive class not there": (study(data={**CSV, "positive": "zz"}), ["data", "positive is 'zz', which is no class"]),
    "variable not set": (study(data={**CSV, "path": "${XAI_NOWHERE}/t.csv"}), ["the environment variable XAI_NOWHERE, which is not set"]),
    "nothing to train or load": (study(models=[MODELS[0], {"name": "m"}]), ["models[1].kind", "name the kind to train, or the file"]),
    "duplicate model": (study(models=[MODELS[0], {**MODELS[1], "name": "line"}]), ["models[1].name", "'line' is given twice"]),
    "unknown kind": (study(models=[{"name": "m", "kind": "forest"}]), ["models[0].kind", "unknown model kind 'forest'", "random_forest"]),
    "kind for the other task": (
        study(models=[MODELS[0], {"name": "m", "kind": "linear_regression"}]),
        ["models[1].kind", "'linear_regression' is for regression", "classes"],
    ),
    "unknown parameter": (study(models=[{**MODELS[1], "params": {"n_estimator": 3}}]), ["models[0].params", "did you mean 'n_estimators'"]),
    "parameter out of range": (study(models=[{**MODELS[1], "params": {"n_estimators": -3}}]), ["models[0].params", "n_estimators"]),
    "parameter of the wrong type": (study(models=[{**MODELS[1], "params": {"max_depth": "deep"}}]), ["models[0].params", "max_depth"]),
    "net parameter of the wrong type": (
        study(models=[{"name": "n", "kind": "mlp", "params": {"epochs": "many"}}]),
        ["models[0].params", "epochs"],
    ),
    "explainer parameter": (
        study(explainers=[{"name": "shap", "params": {"permutations": 0}}]),
        ["explainers[0].params", "permutations must be at least 1"],
    ),
    "two references": (study(models=[{**model, "reference": True} for model in MODELS]), ["models[1].reference", "only one"]),
    "unknown target class": (study(target="rose"), ["target", "'rose'", "setosa, versicolor, virginica"]),
    "level of confidence": (study(compare={"level": 0.2}), ["compare.level"]),
    "unknown section": (study(report={"sections": ["scope", "gasp"]}), ["report.sections[1]", "section 'gasp'", "did you mean 'gaps'"]),
    "no mapping": ("- 1\n- 2\n", ["should be a mapping"]),
    "no yaml": ("title: [unfinished\n", ["line 2"]),
    "key twice": ("title: a\ntitle: b\n", ["line 2", "'title' is given twice"]),
    "empty": ("", ["nothing"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def refused(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("bad")
    write(folder / "t.csv", "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(60)))
    write(folder / "holes.csv", "a,b,y\n,1,0\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(60)))
    lines = {}
    for i, (name, (content, _)) in enumerate(BAD.items()):
        write(folder / f"s{i}.yaml", content)
        lines[name] = ["run", f"s{i}.yaml", "--out", f"out{i}"]
    write(folder / "good.yaml", study())
    write(folder / "taken", "mine")
    (folder / "nothing").mkdir()
    lines["section in plan"] = ["plan", f"s{list(BAD).index('unknown section')}.yaml"]
    lines["missing study"] = ["run", "nowhere.yaml", "--out", "outx"]
    lines["study is a folder"] = ["run", "nothing", "--out", "outx"]
    lines["folder taken"] = ["run", "good.yaml", "--out", "taken"]
    lines["folder in a file"] = ["run", "good.yaml", "--out", "taken/out"]
    lines["no report there"] = ["report", "nothing"]
    lines["no folder there"] = ["report", "nowhere"]
    return folder, driven(lines, folder)


def one_message(found, words: list[str]) -> None:
    code, out, err = found
    assert code == 2, err
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert not [word for word in words if word not in err], err


@pytest.mark.parametrize("name", BAD)
def test_a_bad_study_is_one_message_that_names_file_and_place(name: str, refused) -> None:
    one_message(refused[1][name], [f"s{list(BAD).index(name)}.yaml", *BAD[name][1]])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("section in plan", ["report.sections[1]", "did you mean 'gaps'", "Allowed: agreement, cases"]),
        ("missing study", ["nowhere.yaml", "cannot be read"]),
        ("study is a folder", ["nothing", "cannot be read"]),
        ("folder taken", ["taken", "cannot be written"]),
        ("folder in a file", ["taken/out", "cannot be written"]),
        ("no report there", ["report.json", "nothing"]),
        ("no folder there", ["report.json", "nowhere"]),
    ],
)
def test_a_bad_path_is_one_message(name: str, words: list[str], refused) -> None:
    one_message(refused[1][name], words)


def test_a_file_in_place_of_the_folder_is_left_alone(refused) -> None:
    assert (refused[0] / "taken").read_text() == "mine"


def test_nothing_is_written_for_a_bad_study(refused) -> None:
    assert not [path.name for path in refused[0].iterdir() if path.name.startswith("out")]


def test_a_bad_study_in_a_process_of_its_own(tmp_path) -> None:
    done = command("run", write(tmp_path / "s.yaml", study(explainers=["shapp"])), "--out", tmp_path / "out")
    one_message((done.returncode, done.stdout, done.stderr), ["s.yaml", "explainers[0]", "did you mean 'shap'"])


# ---- a failing method: exit 3, and the report is there


@pytest.fixture(scope="module")
def partly(tmp_path_factory):
    folder = tmp_path_factory.mktemp("partly")
    write(folder / "sitecustomize.py", FAILING)
    write(folder / "s.yaml", study(explainers=["shap", "broken"], metrics=["additive_fit", "agreement"]))
    environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    return command("run", "s.yaml", "--out", "out", cwd=folder, env=environment), folder / "out"


def test_a_failing_method_ends_with_3_and_says_why(partly) -> None:
    done, _ = partly
    assert done.returncode == 3, done.stderr
    assert "cells failed" in done.stderr
    assert "line broken: RuntimeError: the crystal ball is cracked" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_breach_comes_before_a_failed_cell(partly) -> None:
    done = command("report", "out", "--fail-on", "any failed", cwd=partly[1].parent)
    assert done.returncode == 1
    assert re.fullmatch(r"any failed: breached: \d+ cells failed\n", done.stderr)


def test_the_report_is_made_all_the_same_and_names_the_reason(partly) -> None:
    _, out = partly
    for name in ("report.json", "report.html"):
        assert "the crystal ball is cracked" in (out / name).read_text(encoding="utf-8")


def test_the_other_method_keeps_its_verdict(partly) -> None:
    report = json.loads((partly[1] / "report.json").read_text(encoding="utf-8"))
    assert [gap for gap in report["gaps"] if gap["metric"] == "additive_fit" and gap["explainer"] == "shap"]
