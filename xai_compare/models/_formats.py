"""What a model file is, told by its content. Nothing is imported, unpickled or decompressed to find out."""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xai_compare.errors import ModelError

__all__ = ["SAFE_WORDS", "Format", "recognise", "zip_of"]

SAFE_WORDS: Final = "XGBoost JSON or UBJ, LightGBM text, CatBoost cbm, ONNX, skops, or safetensors written by this package"

_DIRECTORY: Final = 2**26  # bytes of a zip's table of contents: some 600,000 entries


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of model file.

    name : what a study, a report and the loader call it; words : the same for a sentence.
    runs_code : whether loading it can run whatever its author wrote.
    """

    name: str
    words: str
    runs_code: bool = False


XGBOOST_JSON: Final = Format("xgboost-json", "an XGBoost model (JSON)")
XGBOOST_UBJ: Final = Format("xgboost-ubj", "an XGBoost model (UBJ)")
LIGHTGBM: Final = Format("lightgbm", "a LightGBM model (text)")
CATBOOST: Final = Format("catboost", "a CatBoost model (cbm)")
ONNX: Final = Format("onnx", "an ONNX model")
SKOPS: Final = Format("skops", "a skops file")
SAFETENSORS: Final = Format("safetensors", "a safetensors file")

# joblib's compressors and what else might be used; the first bytes of each.
_COMPRESSED: Final[Mapping[bytes, str]] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x5d\x00": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    b"ZF": "zlib",
}

# What people try, and what to do instead.
_FOREIGN: Final[Mapping[bytes, str]] = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (Keras?): export the model to ONNX",
    b"binf": "XGBoost's old binary format: save it again as JSON or UBJ",
    b"PAR1": "a Parquet file: that is data, not a model",
    b"\x93NUMPY": "a NumPy array: that is data, not a model",
    b"<": "XML or HTML (PMML?): export the model to ONNX",
    b"GGUF": "a GGUF language model",
    b"%PDF": "a PDF document",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: run git lfs pull",
    b'{"name":"tree"': "LightGBM's JSON dump, which LightGBM cannot read: use Booster.save_model",
}

_TORCH_LEGACY: Final = b"l\xfc\x9cF\xf9 j\xa8P\x19"  # torch's number, as a pickled integer
_UBJ: Final = re.compile(rb"\{(?:[iU]|I\x00|l\x00{3}|L\x00{7})\x07(?:learner|version)")
_JSON: Final = re.compile(rb'\{\s*"(?:learner|version)"\s*:')


def recognise(file: str, content: bytes) -> Format:
    """The format of a model file, from its bytes alone.

    Parameters
    ----------
    file : the file's name, for messages; its extension plays no part.

    Raises
    ------
    ModelError
        If it is none of the known formats: with its first bytes, what they look like, and what is allowed.

    >>> recognise("model.pkl", b"tree\\nversion=v4\\n").name
    'lightgbm'
    """
    for found in (_by_magic(content), _by_zip(file, content), _by_pickle(content), _by_structure(content)):
        if found is not None:
            return found
    raise ModelError(f"file '{file}' is no model this package knows: {_look(content)}. Allowed: {SAFE_WORDS}")


def _by_magic(content: bytes) -> Format | None:
    head = content[:64]
    if re.match(rb"tree\r?\nversion=", head):
        return LIGHTGBM
    if head.startswith(b"CBM1"):
        return CATBOOST
    if _UBJ.match(head):
        return XGBOOST_UBJ
    if _JSON.match(content[:4096]):
        return XGBOOST_JSON
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            return Format("joblib", f"a file compressed with {name}, as joblib writes pickles", runs_code=True)
    return None


def _by_zip(file: str, content: bytes) -> Format | None:
    if not content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None
    names = zip_of(file, content).namelist()
    last = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in last:
        return Format("torchscript", "a TorchScript file", runs_code=True)
    if "data.pkl" in last:
        return Format("torch", "a torch file (a zip with a pickle inside)", runs_code=True)
    if "schema.json" in names:
        return SKOPS
    listing = ", ".join(_printable(name.encode()) for name in names[:5]) or "nothing"
    raise ModelError(f"file '{file}' is a zip that holds {listing}, which is no model this package knows. Allowed: {SAFE_WORDS}")


def _by_pickle(content: bytes) -> Format | None:
    if _TORCH_LEGACY in content[:16]:
        return Format("torch", "a torch file (legacy pickle)", runs_code=True)
    if len(content) > 1 and content[0] == 0x80 and 2 <= content[1] <= 5:
        kind = "joblib" if b"joblib.numpy_pickle" in content else "pickle"
        words = "a pickle" if kind == "pickle" else "a joblib pickle"
        return Format(kind, f"{words} (protocol {content[1]})", runs_code=True)
    return Format("pickle", "a pickle (protocol 0 or 1)", runs_code=True) if _old_pickle(content) else None


def _old_pickle(content: bytes) -> bool:
    """Whether the first operations can be read as a pickle of the old text protocols. Reads, runs nothing."""
    if not content.rstrip().endswith(b".") or content[:1] not in b"(]}cilIFSVNd" or not content:
        return False
    try:
        for count, (operation, _, _) in enumerate(pickletools.genops(content[:100_000])):
            if operation.name == "STOP" or count > 200:
                return count > 0
    except Exception:  # it is text of some other kind, whatever the reader stumbled on
        return False
    return False


def _by_structure(content: bytes) -> Format | None:
    length = int.from_bytes(content[:8], "little")
    if len(content) > 8 and length >= 2 and content[8:9] == b"{" and (length <= len(content) - 8 or b'"dtype"' in content[:4096]):
        return SAFETENSORS
    return ONNX if _is_onnx(content) else None


def _is_onnx(content: bytes) -> bool:
    """Whether the outermost protobuf fields are a ModelProto's: a version first, and a graph or its operator sets."""
    seen: list[int] = []
    at = 0
    while at < len(content) and len(seen) < 1000:
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        if number not in {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26} or (wire != 0 if number in {1, 5} else wire != 2):
            return False
        size, at = _varint(content, at)
        if number == 1 and not 1 <= size <= 1000:
            return False
        seen.append(number)
        at += size if wire == 2 else 0
    return seen[:1] == [1] and bool({7, 8, 2} & set(seen))


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(content[at : at + 10]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    return value, at + 10


def zip_of(file: str, content: bytes) -> zipfile.ZipFile:
    """The zip in these bytes, opened once its table of contents is known to be small.

    Raises
    ------
    ModelError
        If it is damaged or cut off, or its table of contents is larger than any model's.
    """
    end = content.rfind(b"PK\x05\x06", -65_557 - 22)
    if end < 0 or len(content) < end + 22:
        raise ModelError(f"file '{file}' is a zip that is cut off or damaged: it has no end record. Copy it again")
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    if end >= 76 and content[end - 20 : end - 16] == b"PK\x06\x07":  # zip64, as torch always writes it: a second record says the size
        sound = content[end - 76 : end - 72] == b"PK\x06\x06" and int.from_bytes(content[end - 12 : end - 4], "little") == end - 76
        size = int.from_bytes(content[end - 36 : end - 28], "little") if sound else _DIRECTORY + 1
    if size > _DIRECTORY:
        raise ModelError(f"file '{file}' is a zip with a table of contents larger than any model's: refused")
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # zipfile raises many kinds at a hostile table of contents
        raise ModelError(f"file '{file}' is a damaged zip: {error}. Copy it again") from error


def _look(content: bytes) -> str:
    for magic, words in _FOREIGN.items():
        if content.startswith(magic):
            return f"it looks like {words}"
    if content[4:8] == b"ORTM":
        return "it looks like onnxruntime's own format: use the ONNX file it was made from"
    return f"it begins with {_printable(content[:16])}"


def _printable(raw: bytes) -> str:
    """A few bytes for a message: text as text, the rest as hexadecimal."""
    raw = raw[:80]
    return repr(raw.decode("ascii")) if all(32 <= byte < 127 for byte in raw) else f"the bytes {raw.hex(' ')}"
