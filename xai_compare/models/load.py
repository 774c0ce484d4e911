"""Fitted models from files: the format is told by content, code is never run from a file that nobody vouched for."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xai_compare import lazy
from xai_compare.errors import MissingExtra, ModelError
from xai_compare.models import _formats_trial as trial
from xai_compare.models._formats import SAFE_WORDS, Format, recognise
from xai_compare.models._formats_trees import check_catboost, check_lightgbm, check_xgboost

__all__ = ["LIMIT", "Loaded", "load_model", "pin_of", "read_bytes"]

LIMIT: Final = 2**31
"""Bytes of the largest model file that is read."""

_PIN: Final = re.compile(r"sha256:([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model from a file, and what a report says about the file.

    Attributes
    ----------
    model : the library's own fitted object, or a `Model` of ours; both are what `adapt` takes.
    file : the file's name, without its folder. format : for example "xgboost-ubj".
    sha256 : of the very bytes that were loaded. size : their number.
    unsafe : whether the format can run code, and did so because the study pinned the file.
    notes : warnings of the library while it loaded.
    """

    model: Any
    file: str
    format: str
    sha256: str
    size: int
    unsafe: bool = False
    notes: tuple[str, ...] = ()

    @property
    def about(self) -> dict[str, Any]:
        """Plain values for the manifest and the report's header."""
        return {
            "file": self.file,
            "format": self.format,
            "sha256": self.sha256,
            "bytes": self.size,
            "unsafe": self.unsafe,
            "notes": list(self.notes),
        }


def load_model(path: str | Path, *, allow_unsafe: str | None = None, known: str | None = None, limit: int = LIMIT) -> Loaded:
    """Load a fitted model. A file is read once; what is hashed, recognised and loaded are the same bytes.

    XGBoost JSON and UBJ, LightGBM text, CatBoost cbm, ONNX, skops and this package's own safetensors are loaded, and folders of Hugging
    Face's transformers with their weights as safetensors. Pickle,
    joblib and torch files can run any code and are refused before anything of them is read by a library, unless pinned.

    Parameters
    ----------
    allow_unsafe : "sha256:" and 64 hexadecimal digits: the one file that may run code. Checked for every format if given.
    known : the sha256 of this file from an earlier call in the same run. The bytes must be the same; they are then not
        tried in a process of their own once more.
    limit : bytes of the largest file that is read.

    Raises
    ------
    ModelError
        If the file or folder is missing, empty, too large, of no known format, refused, damaged, or not what was pinned.
    MissingExtra
        If the library of its format is not installed.

    Examples
    --------
    >>> import tempfile, skops.io
    >>> from sklearn.linear_model import LinearRegression
    >>> file = Path(tempfile.mkdtemp()) / "model.bin"  # the name plays no part
    >>> skops.io.dump(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]), file)
    >>> loaded = load_model(file)
    >>> loaded.format, loaded.unsafe, round(float(loaded.model.predict([[2.0]])[0]), 9)
    ('skops', False, 5.0)
    """
    where = Path(path)
    if where.is_dir():
        return _load_folder(where, allow_unsafe, known, limit)
    content = read_bytes(where, limit)
    digest = hashlib.sha256(content).hexdigest()
    if known is not None and known != digest:
        raise ModelError(f"file '{where.name}' was changed during the run: its sha256 was {known} and is {digest}. Start again")
    pinned = allow_unsafe is not None and _check_pin(where.name, allow_unsafe, digest)
    found = recognise(where.name, content)
    if found.runs_code and not pinned:
        raise ModelError(_refusal(where.name, found, digest))
    with _explained(where.name, found) as notes:
        for library in _LIBRARIES.get(found.name, ()):
            lazy.load(library)  # says which extra is missing before a process is started
        _CHECKS.get(found.name, len)(content)
        if found.name in _TRIED and known is None:
            trial.attempt(found.name, content)
        model = _LOADERS[found.name](where, content)
    return Loaded(model, where.name, found.name, digest, len(content), found.runs_code, tuple(notes))


def _load_folder(folder: Path, allow_unsafe: str | None, known: str | None, limit: int) -> Loaded:
    """A folder of Hugging Face's transformers. Its sha256 is that of all its files; they are read once more to be loaded."""
    from xai_compare.models._formats_hub import check_folder, hashed, read_folder

    check_folder(folder)
    if allow_unsafe is not None:
        raise ModelError(f"'{folder.name}' is a folder, of which no code is ever run: leave allow_unsafe out")
    digest, size = hashed(folder, limit)
    if known is not None and known != digest:
        raise ModelError(f"folder '{folder.name}' was changed during the run: its sha256 was {known} and is {digest}. Start again")
    with _explained(folder.name, _FOLDER) as notes:
        model = read_folder(folder)
    return Loaded(model, folder.name, _FOLDER.name, digest, size, False, tuple(notes))


_FOLDER: Final = Format("huggingface", "a folder of a transformers model", runs_code=False)


def pin_of(path: str | Path, limit: int = LIMIT) -> str:
    """What `allow_unsafe` must say for a file as it is now: to choose among several pins that a user gave.

    Raises
    ------
    ModelError
        If the file is missing, empty or too large.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "model"
    >>> file.write_bytes(b"abc")
    3
    >>> pin_of(file)[:20]
    'sha256:ba7816bf8f01c'
    """
    if Path(path).is_dir():
        return ""  # no code of a folder is ever run
    return f"sha256:{hashlib.sha256(read_bytes(Path(path), limit)).hexdigest()}"


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """The bytes of a regular file, symbolic links followed once."""
    try:
        real = path.resolve(strict=True)
        handle = os.open(real, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        raise ModelError(f"model file '{path.name}' not found (relative paths are taken from the study file's folder)") from None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle; ValueError: a null byte
        said = getattr(error, "strerror", None) or type(error).__name__
        raise ModelError(f"model file '{_plain(path.name)}' cannot be opened: {said}") from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "no regular file"
        raise ModelError(f"model file '{path.name}' is {kind}: name the file that holds the model")
    with os.fdopen(handle, "rb") as stream:
        if facts.st_size > limit:
            raise ModelError(f"model file '{path.name}' has {facts.st_size:,} bytes; at most {limit:,} are read")
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ModelError(f"model file '{path.name}' grew over {limit:,} bytes while it was read")
    if not content:
        raise ModelError(f"model file '{path.name}' is empty")
    return content


def _plain(text: str) -> str:
    """A name or a library's words on one line, without paths of this machine."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    line = re.sub(r"(?:[A-Za-z]:)?[/\\](?:[\w.@+-]+[/\\])+", "", line)
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:300]


def _check_pin(file: str, pin: str, digest: str) -> bool:
    wanted = _PIN.fullmatch(str(pin).strip())
    if wanted is None:
        raise ModelError(f"allow_unsafe of '{file}' must be sha256: and 64 hexadecimal digits, found '{_plain(str(pin))}'")
    if wanted[1].lower() != digest:
        raise ModelError(
            f"file '{file}' is not the one that was pinned, and is not loaded: its sha256 is {digest}, not {wanted[1].lower()}"
        )
    return True


def _refusal(file: str, found: Format, digest: str) -> str:
    return (
        f"file '{file}' is {found.words}, which can run any code when it is loaded: refused, nothing of it was run or imported. "
        f"Save the model as {SAFE_WORDS}. If you trust whoever made this very file, pin it: "
        f'allow_unsafe: "sha256:{digest}" beside load: in the study'
    )


@contextmanager
def _explained(file: str, found: Format) -> Iterator[list[str]]:
    """Whatever a library raises at the file as a ModelError, and its warnings as notes."""
    notes: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            yield notes
        notes += dict.fromkeys(_plain(str(each.message)) for each in heard)
    except MissingExtra:
        raise
    except ModelError as error:
        raise ModelError(f"file '{file}' is {found.words} that cannot be used: {error}") from error
    except ModuleNotFoundError as error:
        raise ModelError(f"file '{file}' is {found.words} that needs the module '{error.name}', which is not installed") from error
    except Exception as error:  # damaged content: the libraries raise whatever they stumble on
        said = _plain(str(error)) or "it is damaged"
        raise ModelError(f"file '{file}' is {found.words} that cannot be loaded: {type(error).__name__}: {said}") from error


# ---- formats that hold no code


def _xgboost(path: Path, content: bytes) -> Any:
    booster = lazy.load("xgboost").Booster()
    booster.load_model(bytearray(content))
    return booster


def _lightgbm(path: Path, content: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Ignoring params argument")  # given for its one effect: to load in silence
        return lazy.load("lightgbm").Booster(model_str=content.decode("utf-8"), params={"verbosity": -1})


def _catboost(path: Path, content: bytes) -> Any:
    catboost = lazy.load("catboost")
    plain = catboost.CatBoost()
    plain.load_model(blob=content, format="cbm")
    model = catboost.CatBoostClassifier() if "class_params" in plain.get_metadata() else catboost.CatBoostRegressor()
    model.load_model(blob=content, format="cbm")
    return model


def _onnx(path: Path, content: bytes) -> Any:
    from xai_compare.models.onnx import read_onnx

    return read_onnx(path.stem, content)


def _skops(path: Path, content: bytes) -> Any:
    from xai_compare.models._formats_skops import read_skops

    return read_skops(path.name, content)


def _safetensors(path: Path, content: bytes) -> Any:
    from xai_compare.models._formats_nets import read_net

    return read_net(path.stem, content)


# ---- formats that can run code: reached with the right pin only


def _pickle(path: Path, content: bytes) -> Any:
    import pickle

    return pickle.loads(content)


def _joblib(path: Path, content: bytes) -> Any:
    return lazy.load("joblib").load(io.BytesIO(content))


def _torch(path: Path, content: bytes) -> Any:
    return lazy.load("torch").load(io.BytesIO(content), map_location="cpu", weights_only=False)


def _torchscript(path: Path, content: bytes) -> Any:
    return lazy.load("torch").jit.load(io.BytesIO(content), map_location="cpu")


_LOADERS: Final[Mapping[str, Callable[[Path, bytes], Any]]] = {
    "xgboost-json": _xgboost,
    "xgboost-ubj": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "onnx": _onnx,
    "skops": _skops,
    "safetensors": _safetensors,
    "pickle": _pickle,
    "joblib": _joblib,
    "torch": _torch,
    "torchscript": _torchscript,
}

# What is checked here before the library sees the file.
_CHECKS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "xgboost-json": check_xgboost,
    "xgboost-ubj": check_xgboost,
    "lightgbm": check_lightgbm,
    "catboost": check_catboost,
}

_LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    "xgboost-json": ("xgboost",),
    "xgboost-ubj": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "catboost": ("catboost",),
    "onnx": ("onnx", "onnxruntime"),
}

# Libraries in C++ that a damaged file can crash or hang.
_TRIED: Final = {"xgboost-json", "xgboost-ubj", "lightgbm", "catboost", "onnx"}
