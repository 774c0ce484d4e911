"""Images from files: arrays in an .npz, or a folder of PNG and JPEG files with a sub-folder for each class."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import error as struct_error
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.data.image import Grid, Images, as_images
from xai_compare.data.reading import content_of
from xai_compare.data.sources import SOURCES, Held, Locate, check_only, params_of
from xai_compare.errors import DataError
from xai_compare.lazy import load

if TYPE_CHECKING:
    from xai_compare.config import DataSpec

__all__ = ["Options"]

_MOST = 2**30  # numbers of all images together: 4 GiB once they are float32
_PIXELS = 2**26  # of one image
_BOMB, _RATIO = 2**26, 200  # bytes that any archive may hold; beyond, an archive that grows more than this is an attack
_SUFFIXES = (".png", ".jpg", ".jpeg")
_CLUTTER = ("thumbs.db", "desktop.ini")
_WHOLE, _PARTS = ("x", "y"), ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, slots=True)
class Options(Grid):
    """What a study may say of images from files (`data.params`).

    grid : see `Grid`. size : [height, width] to which the images of a folder are resized; none: all must be of one size.
    """

    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < 1:
            raise DataError(f"size must be [height, width] of at least 1, found {list(self.size)}")


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What one file or folder holds: images, labels, which are held out where it says so, names of the images, facts."""

    images: Images
    labels: npt.NDArray[Any]
    test: npt.NDArray[np.bool_] | None
    ids: tuple[str, ...] | None
    facts: dict[str, Any]


@SOURCES.register("images")
def _from_images(spec: DataSpec, name: str, locate: Locate) -> Held:
    """Images from an .npz file or a folder (data.path), or from one for training and one for test."""
    if name:
        raise DataError(f"'{spec.source}' names its file by path: write source: images, path: {name}")
    check_only(spec, "path", "train", "test")
    options = params_of(Options, spec)
    parts = [_part(locate(path), options) for path in (spec.path, spec.train, spec.test) if path is not None]
    if len(parts) == 1:
        part = parts[0]
        return _held(part, part.images, part.labels, part.test, part.ids, options)
    if shapes := {part.images.shape[1:] for part in parts} - {parts[0].images.shape[1:]}:
        raise DataError(f"data.train holds images of shape {parts[0].images.shape[1:]}, data.test of {shapes.pop()}: give both one size")
    if any(part.test is not None for part in parts):
        raise DataError("data.train and data.test must hold images of one part each: one of them is split already. Name it by path alone")
    train, test = parts
    facts = {"train_file": train.facts, "test_file": test.facts}
    images, labels = np.concatenate([train.images, test.images]), np.concatenate([train.labels, test.labels])
    ids = None if train.ids is None or test.ids is None else (*(f"train/{one}" for one in train.ids), *(f"test/{one}" for one in test.ids))
    return _held(_Part(images, labels, None, None, facts), images, labels, np.arange(len(images)) >= len(train.images), ids, options)


def _held(
    part: _Part, images: Images, labels: npt.NDArray[Any], test: npt.NDArray[np.bool_] | None, ids: tuple[str, ...] | None, options: Options
) -> Held:
    if labels.dtype.kind in "iu" and len(np.unique(labels)) > 20:
        labels = labels.astype(str)  # whole numbers are classes of images, however many
    facts = part.facts | {"public": False, "size": list(images.shape[1:])}
    return Held(images, labels, test, ids, facts, space=options.space())


def _part(path: Path, options: Options) -> _Part:
    if path.is_dir():
        return _folder(path, options)
    content = content_of(path)
    if not content.startswith(b"PK\x03\x04"):
        raise DataError(f"file '{path.name}' is no .npz file. Images are read from .npz files and from folders of PNG and JPEG files")
    if options.size is not None:
        raise DataError(f"params.size resizes the images of a folder, and '{path.name}' is a file of arrays: remove it")
    return _arrays(path.name, content)


# ---- arrays


def _arrays(name: str, content: bytes) -> _Part:
    facts = {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "format": "npz"}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            held = {member.removesuffix(".npy"): member for member in archive.namelist()}
            known = {key.lower(): member for key, member in held.items()}
            keys = next((keys for keys in (_PARTS, _WHOLE) if set(keys) <= set(known)), None)
            if keys is None or len(known) < len(held):
                raise DataError(
                    f"file '{name}' must hold the arrays x and y, or x_train, y_train, x_test and y_test; found {', '.join(sorted(held))}"
                )
            arrays = [_array(archive, known[key], f"file '{name}', array '{key}'", len(content)) for key in keys]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as why:
        raise DataError(f"file '{name}' cannot be read as .npz: {why}") from why
    pairs = [
        (as_images(x, f"file '{name}', array '{key}'"), _labels(y, len(x), f"file '{name}', array '{of}'"))
        for key, of, x, y in zip(keys[::2], keys[1::2], arrays[::2], arrays[1::2], strict=True)
    ]
    if len({images.shape[1:] for images, _ in pairs}) > 1:
        raise DataError(f"file '{name}': x_train holds images of shape {pairs[0][0].shape[1:]}, x_test of {pairs[1][0].shape[1:]}")
    if len({labels.dtype.kind in "US" for _, labels in pairs}) > 1:
        raise DataError(f"file '{name}': y_train holds {pairs[0][1].dtype}, y_test {pairs[1][1].dtype}: write both alike")
    images, labels = (np.concatenate(each) for each in zip(*pairs, strict=True))
    test = None if len(pairs) == 1 else np.arange(len(images)) >= len(pairs[0][0])
    return _Part(images, labels, test, None, facts | {"rows": len(images)})


def _array(archive: zipfile.ZipFile, member: str, where: str, packed: int) -> npt.NDArray[Any]:
    """One array, its header checked before anything is allocated; never unpickled."""
    with archive.open(member) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = reader(stream)
        except ValueError as why:
            raise DataError(f"{where} is no array: {why}") from why
        if dtype.kind not in "biufU":
            raise DataError(f"{where} holds {dtype}, which may run code or means nothing here. Write numbers or texts (dtype uint8, str)")
        count = 1
        for side in shape:
            count *= int(side)  # never overflows
        size = count * dtype.itemsize
        if count > _MOST or size > max(_BOMB, _RATIO * packed):
            raise DataError(f"{where} unpacks to {size >> 20} MiB of shape {shape}, which no file of {packed >> 10} KiB with images does")
        content = stream.read(size + 1)
    if len(content) != size:
        raise DataError(f"{where} says that it has the shape {shape} ({size} bytes), and holds {'more' if len(content) > size else 'less'}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _labels(labels: npt.NDArray[Any], n: int, where: str) -> npt.NDArray[Any]:
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.shape != (n,):
        raise DataError(f"{where} must hold one label for each of {n} images, found shape {labels.shape}")
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        raise DataError(f"{where} has labels that are missing or infinite, first of image {int(np.argmin(np.isfinite(flat)))}. Remove them")
    return flat.astype(flat.dtype.newbyteorder("="))


# ---- folders


def _folder(path: Path, options: Options) -> _Part:
    names = {each.name for each in _folders(path)}
    halves = ["train", "test"] if {"train", "test"} <= names else [""]
    if halves != [""] and (others := sorted(names - set(halves))):
        raise DataError(f"folder '{path.name}' holds train and test beside {', '.join(others[:5])}: take one or the other")
    files = [(half, label, file) for half in halves for label, file in _files(path / half)]
    ids = tuple(file.relative_to(path).as_posix() for *_, file in files)
    images: list[npt.NDArray[np.uint8]] = []
    total = hashlib.sha256()
    for name, (*_, file) in zip(ids, files, strict=True):
        image, digest = _opened(file, name, options)
        if images and image.shape[:2] != images[0].shape[:2]:
            first, second = (f"'{one}' {side[0]} x {side[1]}" for one, side in ((ids[0], images[0].shape), (name, image.shape)))
            raise DataError(f"images differ in size (height x width): {first}, {second}. Give one by params: {{size: [height, width]}}")
        if len(files) * image.shape[0] * image.shape[1] * 3 > _MOST:
            raise DataError(f"{len(files)} images of {image.shape[0]} x {image.shape[1]} pixels are too many. Give params: {{size: ...}}")
        images.append(image)
        total.update(f"{name} {digest}\n".encode())
    facts = {"file": path.name, "sha256": total.hexdigest(), "format": "folder", "rows": len(files)}
    facts |= {} if options.size is None else {"resized": list(options.size)}
    test = None if halves == [""] else np.array([half == "test" for half, *_ in files])
    return _Part(as_images(_alike(images), f"folder '{path.name}'"), np.array([label for _, label, _ in files]), test, ids, facts)


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """(class, file) of a folder with one sub-folder for each class, in the order of their names."""
    classes = _folders(path)
    if len(classes) < 2:
        raise DataError(f"folder '{path.name}' must hold a sub-folder of PNG or JPEG files for each class, found {len(classes)}")
    for folder in classes:
        files = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".") and each.name.lower() not in _CLUTTER]
        if strange := [each for each in files if each.is_dir() or each.suffix.lower() not in _SUFFIXES]:
            raise DataError(f"folder '{path.name}/{folder.name}' holds '{strange[0].name}', which is no PNG or JPEG file. Take it out")
        if not files:
            raise DataError(f"folder '{path.name}/{folder.name}' holds no PNG or JPEG file")
        yield from ((folder.name, file) for file in files)


def _opened(file: Path, name: str, options: Options) -> tuple[npt.NDArray[np.uint8], str]:
    """An image (height, width) or (height, width, 3) in its own size or the one asked for, and the hash of its file."""
    pillow, operations = load("PIL.Image"), load("PIL.ImageOps")
    content = content_of(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes and of marks beside the picture: the size is checked here
            image = pillow.open(io.BytesIO(content), formats=("PNG", "JPEG"))
            if image.width * image.height > _PIXELS:
                raise DataError(f"image '{name}' has {image.height} x {image.width} pixels, which is more than is read. Make it smaller")
            image = _plain(operations.exif_transpose(image), pillow)
    except (OSError, EOFError, ValueError, TypeError, KeyError, SyntaxError, struct_error, pillow.DecompressionBombError) as why:
        raise DataError(f"image '{name}' cannot be read as PNG or JPEG: {why}") from why
    if options.size is not None:
        image = image.resize(options.size[::-1])
    return np.asarray(image), hashlib.sha256(content).hexdigest()


def _plain(image: Any, pillow: Any) -> Any:
    """Grey images as they are, everything else in red, green and blue, on white where it is transparent."""
    if image.mode.startswith("I"):  # 16 bits
        return pillow.fromarray((np.asarray(image, dtype=np.float64) / 257).round().clip(0, 255).astype(np.uint8))
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        laid = pillow.new("RGBA", image.size, "white")
        laid.alpha_composite(image.convert("RGBA"))
        return laid.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _alike(images: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """(n, height, width), or (n, height, width, 3) if any of them has colours."""
    colours = any(image.ndim == 3 for image in images)
    return np.stack([np.repeat(image[..., None], 3, axis=2) if colours and image.ndim == 2 else image for image in images])
