"""skops files: checked before they are unpacked, only types of our own list, and sound trees."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xai_compare import lazy
from xai_compare.errors import ModelError
from xai_compare.models._formats import zip_of

__all__ = ["ALLOWED", "read_skops"]

ALLOWED: Final = frozenset(
    {
        "builtins.object",
        "functools.partial",  # of a function of this list, which skops checks by itself
        "numpy.dtype",
        "numpy.number",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        *(f"sklearn.gaussian_process.kernels.{kernel}" for kernel in ("ConstantKernel", "DotProduct", "Exponentiation", "Matern")),
        *(f"sklearn.gaussian_process.kernels.{kernel}" for kernel in ("Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel")),
        *(f"sklearn.metrics._classification.{score}_score" for score in ("accuracy", "balanced_accuracy", "f1", "precision", "recall")),
        "sklearn.metrics._classification.brier_score_loss",
        "sklearn.metrics._classification.log_loss",
        *(f"sklearn.metrics._dist_metrics.{metric}Distance64" for metric in ("Chebyshev", "Euclidean", "Manhattan", "Minkowski")),
        "sklearn.metrics._ranking.average_precision_score",
        "sklearn.metrics._ranking.roc_auc_score",
        *(f"sklearn.metrics._regression.{score}" for score in ("mean_absolute_error", "mean_squared_error", "r2_score")),
        *(f"sklearn.metrics._scorer.{scorer}" for scorer in ("_CurveScorer", "_PassthroughScorer", "_Scorer")),
        *(f"sklearn.model_selection._split.{split}" for split in ("GroupKFold", "KFold", "ShuffleSplit", "StratifiedGroupKFold")),
        *(f"sklearn.model_selection._split.{split}" for split in ("StratifiedKFold", "StratifiedShuffleSplit", "TimeSeriesSplit")),
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        "sklearn.utils.validation.check_array",
    }
)
"""The types beyond skops' own defaults that a fitted scikit-learn model holds. Each was looked at: none runs what a file says."""

_ROOTS: Final = frozenset({"builtins", "collections", "functools", "numpy", "scipy", "sklearn"})
_UNPACKED: Final = 2**31  # bytes of all entries together, each as often as it is used
_SCHEMA: Final = 2**26
_RATIO, _FREE = 100, 2**24  # an entry may be packed a hundredfold; below 16 MiB unpacked nobody asks

# Ways of building an object that fitted scikit-learn models do not need: a bound method, an operator's function.
_NO_LOADERS: Final = frozenset({"MethodNode", "OperatorFuncNode"})


def read_skops(file: str, content: bytes) -> Any:
    """The fitted object in a skops file.

    Raises
    ------
    ModelError
        If it is damaged, unpacks to too much, holds a type that is not allowed (all are named), or a tree that leads nowhere.
    """
    with zip_of(file, content) as packed:
        _check_entries(packed)
        schema = json.loads(packed.read("schema.json"))
        _check_schema(packed, schema)
    skops = lazy.load("skops.io")
    found = set(skops.get_untrusted_types(data=content))
    _refuse(found - ALLOWED)
    model = skops.loads(content, trusted=sorted(found))
    for part in _parts(model):
        _check_part(part)
    return model


def _refuse(names: set[str]) -> None:
    if names:
        raise ModelError(
            f"it holds types that are not trusted: {', '.join(sorted(names)[:20])}. "
            "Only what fitted models of scikit-learn itself are made of is. Hand the model over in Python instead"
        )


def _check_entries(packed: zipfile.ZipFile) -> None:
    """Sizes as the table of contents states them: zipfile never unpacks more than that."""
    entries = packed.infolist()
    if len(entries) > 100_000 or sum(entry.file_size for entry in entries) > _UNPACKED:
        raise ModelError(f"it unpacks to more than {_UNPACKED:,} bytes or 100,000 entries")
    for entry in entries:
        if entry.flag_bits & 1:
            raise ModelError("it is encrypted")
        if entry.file_size > _FREE and entry.file_size > _RATIO * max(entry.compress_size, 1):
            raise ModelError(f"an entry of it unpacks to {entry.file_size:,} bytes from {entry.compress_size:,}: a zip bomb")
        if entry.filename == "schema.json" and entry.file_size > _SCHEMA:
            raise ModelError(f"its schema has {entry.file_size:,} bytes, at most {_SCHEMA:,} are read")
        if entry.filename.endswith(".npy"):
            _check_array(packed, entry)
        elif entry.filename.endswith(".npz"):  # a sparse matrix: a zip within the zip
            with zip_of(entry.filename, packed.read(entry)) as inner:
                if any(each.filename.endswith(".npz") for each in inner.infolist()):
                    raise ModelError("a sparse matrix in it is no sparse matrix")
                _check_entries(inner)


def _check_array(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """An array's header must promise just the bytes that follow it, so that nothing more is allocated."""
    with packed.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        size = dtype.itemsize
        for length in shape:
            size *= int(length)
        if dtype.hasobject or size != entry.file_size - stream.tell() or any(length < 0 for length in shape):
            raise ModelError("an array in it promises other bytes than it has, or holds objects")


def _check_schema(packed: zipfile.ZipFile, schema: Any) -> None:
    """Every type by name before skops sees the file, and every entry as often as it is unpacked."""
    sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
    refused: set[str] = set()
    unpacked: dict[tuple[str, str], int] = {}
    rest: list[Any] = [schema]
    while rest:
        node = rest.pop()
        if isinstance(node, dict):
            kind = f"{node.get('__module__', 'builtins')}.{node.get('__class__', '')}"
            if kind.partition(".")[0] not in _ROOTS or node.get("__loader__") in _NO_LOADERS:
                refused.add(kind)
            if isinstance(node.get("file"), str):
                unpacked[node["file"], str(node.get("__id__"))] = sizes.get(node["file"], 0)
        rest += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    _refuse(refused)
    if sum(unpacked.values()) > _UNPACKED:
        raise ModelError(f"it unpacks to more than {_UNPACKED:,} bytes")


# ---- what skops does not check: indices that compiled code follows blindly


def _parts(root: Any) -> Iterator[Any]:
    """Every object of scikit-learn inside a fitted one, once."""
    seen: set[int] = set()
    rest = [root]
    while rest:
        part = rest.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type(None)):
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            rest += part.values()
        elif isinstance(part, list | tuple | set):
            rest += part
        elif isinstance(part, np.ndarray):
            rest += part.ravel().tolist() if part.dtype.hasobject else []
        elif type(part).__module__.partition(".")[0] == "sklearn":
            yield part
            rest += getattr(part, "__dict__", {}).values()


def _check_part(part: Any) -> None:
    name, module = type(part).__name__, type(part).__module__
    if name == "Tree" and module == "sklearn.tree._tree":
        leaf = part.children_left == -1
        _check_tree(part.children_left, part.children_right, np.where(leaf, 0, part.feature), leaf, part.n_features)
    elif name in {"KDTree", "BallTree"}:
        _check_ball(part)
    elif hasattr(part, "_n_support") and hasattr(part, "_dual_coef_"):
        _check_vectors(part)
    width = getattr(part, "n_features_in_", None)
    if width is None:
        return
    trees = [part.tree_] if hasattr(part, "tree_") else []
    if name.startswith("GradientBoosting"):
        trees += [each.tree_ for each in np.ravel(part.estimators_)]
    _require(all(tree.n_features == width for tree in trees))
    for predictor in (each for stage in getattr(part, "_predictors", []) for each in stage):
        nodes, leaf = predictor.nodes, predictor.nodes["is_leaf"].astype(bool)
        _check_tree(nodes["left"], nodes["right"], np.where(leaf, 0, nodes["feature_idx"]), leaf, width)
        sets = nodes["bitset_idx"][~leaf & nodes["is_categorical"].astype(bool)]
        _require(bool((sets < len(predictor.raw_left_cat_bitsets)).all()))


def _require(sound: bool) -> None:
    if not sound:
        raise ModelError("a tree or table inside it names nodes, rows or features that do not exist: it is damaged")


def _check_tree(left: npt.NDArray[Any], right: npt.NDArray[Any], feature: npt.NDArray[Any], leaf: npt.NDArray[Any], d: int) -> None:
    """Children come after their parent, so that every way down ends."""
    here = np.arange(len(left))
    inner = ~leaf
    for child in (left, right):
        below = child.astype(np.int64)[inner]
        _require(bool(((below > here[inner]) & (below < len(left))).all()))
    _require(len(left) > 0 and bool(((feature[inner] >= 0) & (feature[inner] < d)).all()))


def _check_ball(tree: Any) -> None:
    """A tree of neighbours: its rows are a permutation, its nodes a complete binary tree over ranges of them."""
    data, rows, nodes, bounds = (np.asarray(each) for each in tree.__getstate__()[:4])
    levels, count = tree.__getstate__()[5:7]
    n = len(data)
    _require(np.array_equal(np.sort(rows), np.arange(n)) and count == len(nodes) == 2**levels - 1)
    _require(bounds.ndim == 3 and bounds.shape[1:] == (count, data.shape[1]))
    start, end = nodes["idx_start"], nodes["idx_end"]
    _require(bool(((start >= 0) & (start <= end) & (end <= n)).all() and nodes["is_leaf"][count // 2 :].all()))


def _check_vectors(svm: Any) -> None:
    """A support vector machine: the counts that libsvm walks by match the arrays."""
    vectors, each = svm.support_vectors_.shape, np.asarray(svm._n_support)
    classes = len(svm.classes_) if hasattr(svm, "classes_") else 0
    pairs = classes * (classes - 1) // 2 if classes else 1
    held = int(each.sum()) if classes else int(each[0])
    _require(vectors == (held, svm.n_features_in_) and len(svm.support_) == held and bool((each >= 0).all()))
    _require(svm._dual_coef_.shape == (max(classes - 1, 1), held) and len(svm._intercept_) == pairs)
    _require(len(each) == (classes or 2) and all(len(part) in {0, pairs} for part in (svm._probA, svm._probB)))
