"""Images from files: arrays and folders, and every way in which they can be wrong."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xai_compare.config import DataSpec
from xai_compare.data.sources import read
from xai_compare.errors import DataError
from xai_compare.types import Data


def loaded(path: Path | None = None, seed: int = 0, **options) -> Data:
    return read(DataSpec.model_validate({"source": "images", **({} if path is None else {"path": path}), **options}), seed)


def greys(n: int = 12, shape: tuple[int, ...] = (8, 8)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def arrays(folder: Path, name: str = "a.npz", **parts) -> Path:
    np.savez_compressed(folder / name, **parts)
    return folder / name


def whole(folder: Path, **changes) -> Path:
    return arrays(folder, **({"x": greys(), "y": np.arange(12) % 2} | changes))


def pictures(folder: Path, where: str = "", n: int = 6, suffix: str = "png", mode: str = "L") -> np.ndarray:
    images = greys(2 * n, (8, 8) if mode == "L" else (8, 8, 3))
    for i, image in enumerate(images):
        place = folder / where / ("cat" if i < n else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i:02d}.{suffix}")
    return images


# ---- digits


def test_digits_are_images() -> None:
    from sklearn.datasets import load_digits

    data = read(DataSpec.model_validate({"source": "sklearn:digits", "params": {"grid": 4}}), 0)
    wanted = load_digits()
    rows = np.array(data.test.ids, dtype=int)
    np.testing.assert_allclose(data.test.inputs, wanted.images[rows] / 16)
    assert [data.classes[y] for y in data.test.y] == list(map(str, wanted.target[rows]))
    assert data.train.inputs.dtype == np.float32
    assert data.space.modality == "image"
    assert data.space.d == 16
    assert data.about["public"] is True
    assert read(DataSpec.model_validate({"source": "sklearn:digits"}), 0).space.d == 64


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"params": {"grids": 4}}, "unknown parameter 'grids'"),
        ({"params": {"grid": "four"}}, "parameter 'grid"),
        ({"params": {"grid": [9, 9]}}, "takes 1 to 8 patches"),
        ({"slices": ["row"]}, "has no use for 'slices'"),
        ({"groups": {"a": ["b", "c"]}}, "has no use for 'groups'"),
        ({"path": "a.npz"}, "reads no file"),
    ],
)
def test_what_digits_do_not_take(said, match) -> None:
    with pytest.raises(DataError, match=match):
        read(DataSpec.model_validate({"source": "sklearn:digits", **said}), 0)


# ---- arrays


def test_an_npz_is_read(tmp_path: Path) -> None:
    images = greys()
    data = loaded(whole(tmp_path, x=images, y=np.array(["a", "b", "c"] * 4)), params={"grid": [2, 4]}, explain=3, background=4)
    rows = np.array(data.train.ids, dtype=int)
    np.testing.assert_allclose(data.train.inputs, images[rows] / 255, atol=1e-7)
    assert data.classes == ("a", "b", "c")
    assert data.space.d == 8
    assert data.about["format"] == "npz"
    assert (data.about["file"], data.about["rows"], data.about["public"]) == ("a.npz", 12, False)
    assert len(data.about["sha256"]) == 64


def test_halves_of_an_npz_stay_halves(tmp_path: Path) -> None:
    x = greys(10, (8, 8, 3))
    path = arrays(
        tmp_path, x_train=x[:6], y_train=np.array([[0], [1]] * 3), x_test=x[6:], y_test=np.array([[0], [1]] * 2), more=np.arange(3)
    )
    data = loaded(path)
    np.testing.assert_allclose(data.train.inputs, x[:6] / 255, atol=1e-7)
    np.testing.assert_allclose(data.test.inputs, x[6:] / 255, atol=1e-7)
    assert data.test.y.tolist() == [0, 1, 0, 1]


def test_two_files(tmp_path: Path) -> None:
    train, test = whole(tmp_path, name="a.npz"), arrays(tmp_path, "b.npz", x=greys(4) / 255, y=np.arange(4) % 2)
    data = loaded(train=train, test=test)
    assert (len(data.train.inputs), len(data.test.inputs)) == (12, 4)
    assert data.about["test_file"]["file"] == "b.npz"
    with pytest.raises(DataError, match=r"images of shape \(8, 8\), data.test of \(9, 8\)"):
        loaded(train=train, test=arrays(tmp_path, "c.npz", x=greys(4, (9, 8)), y=np.arange(4) % 2))
    halved = arrays(tmp_path, "d.npz", x_train=greys(4), y_train=np.arange(4) % 2, x_test=greys(4), y_test=np.arange(4) % 2)
    with pytest.raises(DataError, match="split already"):
        loaded(train=train, test=halved)


def test_fortran_order_and_other_byte_orders_are_read(tmp_path: Path) -> None:
    x = np.asfortranarray(greys() / 255)
    plain = loaded(whole(tmp_path, x=x.astype(">f8"), y=(np.arange(12) % 2).astype(">i2")))
    rows = np.array(plain.test.ids, dtype=int)
    np.testing.assert_allclose(plain.test.inputs, x[rows], atol=1e-7)
    assert plain.test.y.tolist() == (rows % 2).tolist()


def test_many_whole_numbers_are_classes(tmp_path: Path) -> None:
    data = loaded(whole(tmp_path, x=greys(120), y=np.arange(120) % 30))
    assert data.task == "classification"
    assert len(data.classes) == 30


def test_mnist(data_dir: Path) -> None:
    data = loaded(data_dir / "mnist_small" / "mnist_small.npz")
    assert data.train.inputs.shape == (2000, 28, 28)
    assert np.bincount(data.train.y).tolist() == [200] * 10
    assert np.bincount(data.test.y).tolist() == [50] * 10
    assert data.space.d == 49
    assert data.classes == tuple("0123456789")
    assert data.about["sha256"].startswith("2623c812b6397157")


def header(shape: object, dtype: str = "'|u1'", order: str = "False") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}}}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def crafted(folder: Path, x: bytes, y: bytes | None = None) -> Path:
    with zipfile.ZipFile(folder / "bad.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", header((2,)) + b"\x00\x01" if y is None else y)
    return folder / "bad.npz"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header((10**6, 1000, 1000)) + bytes(10**7), "unpacks to 953674 MiB"),
        (header((10**9, 10**9, 10**9)), "unpacks to"),
        (header((100, 1000, 1000)) + bytes(10**8), "unpacks to 95 MiB"),
        (header((2, 8, 8)) + bytes(127), r"says that it has the shape \(2, 8, 8\) \(128 bytes\), and holds less"),
        (header((2, 8, 8)) + bytes(10**6), "holds more"),
        (header((2, 8, 8), "'|O'") + bytes(128), "holds object, which may run code"),
        (header((2, 8, 8), "'<c16'") + bytes(2048), "holds complex128"),
        (header((2, 8, 8), "[('a', '<f4')]") + bytes(512), "means nothing here"),
        (header((2, 8, 8), "'|Z9'"), "is no array"),
        (header("__import__('os').getcwd()"), "is no array"),
        (b"PNG", "is no array"),
        (b"", "is no array"),
    ],
)
def test_a_hostile_array_is_refused(tmp_path: Path, content, said) -> None:
    with pytest.raises(DataError, match=f"file 'bad.npz', array 'x'.*{said}"):
        loaded(crafted(tmp_path, content))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"images": greys(), "y": np.arange(12)}, "must hold the arrays x and y, or x_train.*found images, y"),
        ({"x": greys(), "X": greys(), "y": np.arange(12)}, "must hold the arrays"),
        ({"x": greys(12, (64,)), "y": np.arange(12) % 2}, r"array 'x' must be images of shape.*found shape \(12, 64\)"),
        ({"x": greys(12, (3, 8, 8)), "y": np.arange(12) % 2}, "Put the channels last"),
        ({"x": greys().astype(np.int64), "y": np.arange(12) % 2}, "must be uint8"),
        ({"x": np.full((12, 8, 8), np.nan), "y": np.arange(12) % 2}, "missing or infinite, first in image 0"),
        ({"x": greys() * 1.0, "y": np.arange(12) % 2}, "must lie between 0 and 1"),
        ({"x": greys(), "y": np.arange(11)}, r"array 'y' must hold one label for each of 12 images, found shape \(11,\)"),
        ({"x": greys(), "y": np.eye(12)}, r"found shape \(12, 12\)"),
        ({"x": greys(), "y": np.where(np.arange(12) == 3, np.nan, 1.0)}, "first of image 3"),
        ({"x_train": greys(), "y_train": np.arange(12) % 2}, "must hold the arrays x and y, or x_train, y_train, x_test and y_test"),
        (
            {"x_train": greys(), "y_train": np.arange(12) % 2, "x_test": greys(4, (9, 9)), "y_test": np.arange(4) % 2},
            r"x_train holds images of shape \(8, 8\), x_test of \(9, 9\)",
        ),
        ({"x_train": greys(4), "y_train": np.arange(4), "x_test": greys(4), "y_test": np.array(list("abcd"))}, "write both alike"),
    ],
)
def test_an_npz_of_other_things_is_refused(tmp_path: Path, parts, said) -> None:
    with pytest.raises(DataError, match=said):
        loaded(arrays(tmp_path, **parts))


def test_pickled_labels_are_refused_unread(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (marker,))

    with pytest.raises(DataError, match="array 'y' holds object, which may run code"):
        loaded(whole(tmp_path, y=np.array([Evil()] * 12, dtype=object)))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "said"), [(b"x,y\n1,2\n", "is no .npz file"), (b"PK\x03\x04rest", "cannot be read as .npz"), (b"", "is empty")]
)
def test_what_is_no_npz_is_refused(tmp_path: Path, content, said) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=said):
        loaded(tmp_path / "a.npz")


def test_a_damaged_npz_is_refused(tmp_path: Path) -> None:
    content = bytearray(whole(tmp_path).read_bytes())
    content[200:260] = bytes(60)
    (tmp_path / "b.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"file 'b\.npz'"):
        loaded(tmp_path / "b.npz")


def test_what_images_do_not_take(tmp_path: Path) -> None:
    path = whole(tmp_path)
    for said, match in (
        ({"target": "y"}, "no use for 'target'"),
        ({"id": "n"}, "no use for 'id'"),
        ({"params": {"size": [4, 4]}}, "file of arrays"),
    ):
        with pytest.raises(DataError, match=match):
            loaded(path, **said)
    with pytest.raises(DataError, match="names its file by path"):
        read(DataSpec.model_validate({"source": "images:a.npz"}), 0)
    with pytest.raises(DataError, match="not found"):
        loaded(tmp_path / "none.npz")


# ---- folders


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_folder_for_each_class(tmp_path: Path, mode: str) -> None:
    images = pictures(tmp_path, mode=mode)
    (tmp_path / "README.txt").write_text("what this is")
    (tmp_path / "cat" / ".DS_Store").write_text("clutter")
    data = loaded(tmp_path)
    assert data.classes == ("cat", "dog")
    for part in (data.train, data.test):
        rows = [int(Path(name).stem) for name in part.ids]
        np.testing.assert_allclose(part.inputs, images[rows] / 255, atol=1e-7)
        assert [data.classes[y] for y in part.y] == [name.split("/")[0] for name in part.ids]
    assert data.about["format"] == "folder"
    assert data.about["file"] == tmp_path.name
    assert data.about["rows"] == 12


def test_the_hash_of_a_folder_follows_names_and_contents(tmp_path: Path) -> None:
    images = pictures(tmp_path)
    first = loaded(tmp_path).about["sha256"]
    assert loaded(tmp_path).about["sha256"] == first
    Image.fromarray(255 - images[0]).save(tmp_path / "cat" / "00.png")
    other = loaded(tmp_path).about["sha256"]
    (tmp_path / "cat" / "00.png").rename(tmp_path / "cat" / "99.png")
    assert len({first, other, loaded(tmp_path).about["sha256"]}) == 3


def test_train_and_test_folders(tmp_path: Path) -> None:
    pictures(tmp_path, "train"), pictures(tmp_path, "test", n=2)
    within = loaded(tmp_path)
    apart = loaded(train=tmp_path / "train", test=tmp_path / "test")
    for data in (within, apart):
        assert (len(data.train.inputs), len(data.test.inputs)) == (12, 4)
        assert data.test.ids[0] == "test/cat/00.png"
    np.testing.assert_array_equal(within.test.inputs, apart.test.inputs)
    pictures(tmp_path, "spare")
    with pytest.raises(DataError, match="holds train and test beside spare"):
        loaded(tmp_path)


def test_jpeg_is_near_the_picture(tmp_path: Path) -> None:
    for label, value in (("a", 50), ("b", 200)):
        (tmp_path / label).mkdir()
        for i in range(3):
            Image.fromarray(np.full((16, 16, 3), value, dtype=np.uint8)).save(tmp_path / label / f"{i}.JPG", quality=95)
    data = loaded(tmp_path)
    assert data.train.inputs.shape[1:] == (16, 16, 3)
    np.testing.assert_allclose(np.unique(data.train.inputs), [50 / 255, 200 / 255], atol=0.01)


def test_modes_of_pillow(tmp_path: Path) -> None:
    """Sixteen bits, palettes, bits and transparency become what one sees."""
    red = np.zeros((8, 8, 4), dtype=np.uint8)
    red[..., 0], red[:4, :, 3] = 255, 255  # the lower half is transparent
    deep = np.full((8, 8), 40_000, dtype=np.uint16)
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    Image.fromarray(red).save(tmp_path / "a" / "1.png")
    Image.fromarray(deep).save(tmp_path / "a" / "2.png")
    Image.fromarray(red[..., :3]).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "a" / "3.png")
    Image.fromarray(np.eye(8) > 0).save(tmp_path / "b" / "4.png")
    Image.fromarray(np.stack([np.full((8, 8), 100), np.full((8, 8), 255)], axis=2).astype(np.uint8)).save(tmp_path / "b" / "5.png")
    pictures(tmp_path / "c")
    for each in ("cat", "dog"):
        (tmp_path / "c" / each).rename(tmp_path / each)
    (tmp_path / "c").rmdir()
    data = loaded(tmp_path, test_size=0.4)
    found = {name.split("/")[1]: image for part in (data.train, data.test) for name, image in zip(part.ids, part.inputs, strict=True)}
    assert found["1.png"][0, 0].tolist() == [1, 0, 0]
    assert found["1.png"][7, 0].tolist() == [1, 1, 1]
    np.testing.assert_allclose(found["2.png"], 40_000 / 65_535, atol=0.003)
    assert found["3.png"][0, 0].tolist() == [1, 0, 0]
    np.testing.assert_array_equal(found["4.png"][..., 1], np.eye(8))
    np.testing.assert_allclose(found["5.png"], 100 / 255, atol=1e-6)


def test_a_photograph_stands_upright(tmp_path: Path) -> None:
    pictures(tmp_path)
    turned = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3)
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(tmp_path / "cat" / "00.png", exif=exif)
    data = loaded(tmp_path)
    found = {name: image for part in (data.train, data.test) for name, image in zip(part.ids, part.inputs, strict=True)}
    np.testing.assert_allclose(found["cat/00.png"], np.asarray(turned)[::-1, ::-1] / 255, atol=1e-6)


def test_images_of_differing_size_are_refused_or_resized(tmp_path: Path) -> None:
    pictures(tmp_path)
    Image.fromarray(np.full((12, 10), 128, dtype=np.uint8)).save(tmp_path / "dog" / "08.png")
    with pytest.raises(DataError, match=r"differ in size \(height x width\): 'cat/00.png' 8 x 8, 'dog/08.png' 12 x 10"):
        loaded(tmp_path)
    data = loaded(tmp_path, params={"size": [6, 4]})
    assert data.train.inputs.shape[1:] == (6, 4)
    found = {name: image for part in (data.train, data.test) for name, image in zip(part.ids, part.inputs, strict=True)}
    np.testing.assert_allclose(found["dog/08.png"], 128 / 255, atol=1e-6)
    assert data.about["resized"] == [6, 4]
    with pytest.raises(DataError, match="size must be"):
        loaded(tmp_path, params={"size": [0, 4]})


def damaged(kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(greys(1, (64, 64))[0]).save(out, "PNG")
    content = out.getvalue()
    if kind == "cut":
        return content[: len(content) // 2]
    if kind == "huge":  # a header that promises 10^10 pixels
        head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
        chunk = b"IHDR" + head
        return content[:8] + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]
    gif = io.BytesIO()
    Image.fromarray(greys(1)[0]).save(gif, "GIF")
    return {"gif": gif.getvalue(), "text": b"no picture at all"}[kind]


@pytest.mark.parametrize("kind", ["cut", "huge", "gif", "text"])
def test_a_bad_image_is_named(tmp_path: Path, kind: str) -> None:
    pictures(tmp_path)
    (tmp_path / "dog" / "07.png").write_bytes(damaged(kind))
    with pytest.raises(
        DataError, match=r"image 'dog/07\.png' " + ("has 100000 x 100000 pixels|cannot" if kind == "huge" else "cannot be read")
    ):
        loaded(tmp_path)


def test_folders_of_other_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a sub-folder of PNG or JPEG files for each class, found 0"):
        loaded(tmp_path)
    pictures(tmp_path)
    (tmp_path / "cat" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"cat' holds 'notes\.txt', which is no PNG or JPEG file"):
        loaded(tmp_path)
    (tmp_path / "cat" / "notes.txt").unlink()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty' holds no PNG or JPEG file"):
        loaded(tmp_path)
