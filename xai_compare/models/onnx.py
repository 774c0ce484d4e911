"""An ONNX graph as a model: run by onnxruntime on one core, never opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from xai_compare import lazy
from xai_compare.data.tabular import class_name
from xai_compare.errors import ModelError
from xai_compare.types import Array, Inputs, IntArray, Output, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OnnxModel", "read_onnx"]

BATCH: Final = 256
"""Rows of one run: fixed, because float32 results can change with it."""

_TYPES: Final[Mapping[str, type]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}

# The operator sets that onnxruntime brings itself.
_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


@dataclass(frozen=True, slots=True)
class _Input:
    """One input of the graph: its name, numpy type, width (None: any) and fixed number of rows (None: any)."""

    name: str
    dtype: type
    width: int | None
    rows: int | None


@dataclass(eq=False)
class OnnxModel:
    """A graph with the way to feed and read it. See `xai_compare.types.Model` for its face.

    content : the file. feeds : its inputs; one takes the whole table as a matrix, or each takes the column of its name.
    label, score : positions of its outputs; label is None for a graph that gives numbers only.
    labels : its own class labels in the order of its probabilities. order : the study's classes as positions among them.
    """

    name: str
    content: bytes = field(repr=False)
    task: Task
    outputs: tuple[str, ...]
    feeds: tuple[_Input, ...]
    label: int | None
    score: int
    labels: tuple[Any, ...] = ()
    order: tuple[int, ...] = ()
    about: Mapping[str, Any] = field(default_factory=lambda: {"class": "ONNX graph", "core": "ONNX graph", "library": "onnxruntime"})
    closed: str = "an ONNX graph is run, not opened: only methods that need no inside fit"
    owner: IntArray | None = None
    core: Any = None
    weights: tuple[Array, Array] | None = None
    _session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}  # a session belongs to its process

    @property
    def numbered(self) -> bool:
        """Whether its outputs have the study's names by position."""
        return self.task == "classification" and sorted(map(class_name, self.labels)) != sorted(self.outputs)

    @property
    def native(self) -> Output:
        return "value" if self.task == "regression" else "probability"

    @property
    def offers(self) -> frozenset[str]:
        return frozenset({self.native})

    def bound(self, name: str, sample: pd.DataFrame, classes: Sequence[str] = ()) -> OnnxModel:
        """The same graph under a study's name, tried on its rows, with its classes in the study's order.

        Parameters
        ----------
        sample : a few rows. classes : the study's class names; () for a regression.

        Raises
        ------
        ModelError
            If a column is missing, the classes are others, or the rows cannot be predicted.
        """
        model = replace(self, name=name)
        if classes and self.task == "regression" and len(classes) == 2:
            note = f"its value is read as the probability of '{classes[1]}'"
            model = replace(model, task="classification", about={**self.about, "note": note})
        if bool(classes) != (model.task == "classification"):
            raise ModelError(f"model '{name}' is made for {self.task}, and the target {'has classes' if classes else 'is a number'}")
        model = replace(model, outputs=tuple(classes) or ("value",), order=_matched(name, self.labels, classes))
        model.predict(sample, model.native)
        if classes:
            model.decide(sample)
        return model

    def predict(self, inputs: Inputs, output: Output) -> Array:
        if output != self.native:
            raise ModelError(f"model '{self.name}' is an ONNX graph that gives a {self.native}, not a {output}")
        scores = self._run(inputs)[1]
        if self.task == "regression":
            return scores.reshape(len(scores), 1)
        if scores.shape[1] == 1:
            scores = np.column_stack([1 - scores, scores])
        if scores.shape[1] != len(self.outputs) or not _probable(scores):
            found = f"{scores.shape[1]} columns from {scores.min():.3g} to {scores.max():.3g}"
            raise ModelError(f"model '{self.name}' must give probabilities of {len(self.outputs)} classes, and gave {found}")
        return scores[:, list(self.order)] if self.order else scores

    def decide(self, inputs: Inputs) -> IntArray:
        said = self._run(inputs)[0]
        if said is None or not self.labels:
            return np.asarray(self.predict(inputs, self.native).argmax(axis=1), dtype=np.int64)
        own = [self.labels[j] for j in self.order] if self.order else list(self.labels)
        place = {label: position for position, label in enumerate(own)}
        if unknown := {label for label in said if label not in place}:
            raise ModelError(f"model '{self.name}' predicted the class '{class_name(min(unknown))}', which is none of its own")
        return np.array([place[label] for label in said], dtype=np.int64)

    def encode(self, inputs: Inputs) -> Array:
        raise ModelError(self.closed)

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        raise ModelError(self.closed)

    def _run(self, inputs: Inputs) -> tuple[list[Any] | None, Array]:
        """Labels, if the graph gives them, and (n, k) scores, in batches of one size."""
        feed = _fed(self.name, self.feeds, inputs)
        size = next((each.rows for each in self.feeds if each.rows), BATCH)
        labels: list[Any] = []
        scores: list[Array] = []
        for start in range(0, len(inputs), size):
            count = min(size, len(inputs) - start)
            rows = np.minimum(np.arange(start, start + size), len(inputs) - 1)
            label, score = self._once({key: values[rows] for key, values in feed.items()})
            if len(score) != size or not np.isfinite(score[:count]).all():
                raise ModelError(f"model '{self.name}' returned {len(score)} outputs for {size} rows, or values that are not finite")
            labels += label[:count] if label is not None else []
            scores.append(score[:count])
        return (None if self.label is None else labels), np.concatenate(scores) if scores else np.empty((0, max(len(self.outputs), 1)))

    def _once(self, feed: Mapping[str, Any]) -> tuple[list[Any] | None, Array]:
        if self._session is None:
            self._session = _session(self.content)
        try:
            found = self._session.run(None, dict(feed))
        except Exception as error:  # onnxruntime's errors have no common base
            raise ModelError(f"model '{self.name}' cannot predict the data: {_first_line(error)}") from error
        labels = None if self.label is None else np.asarray(found[self.label]).ravel().tolist()
        return labels, _scores(found[self.score], self.labels)


def read_onnx(name: str, content: bytes) -> OnnxModel:
    """A checked graph, tried on one made-up row.

    Raises
    ------
    ModelError
        If the checker refuses it, it keeps data in other files, or its inputs and outputs are no table's.
    """
    graph = _checked(content)
    session = _session(content)
    feeds = tuple(_input(each) for each in session.get_inputs())
    if len(feeds) > 1 and (wide := [each.name for each in feeds if each.width not in {1, None}]):
        raise ModelError(f"its input '{wide[0]}' takes several columns beside others: one matrix, or one input for each column, is needed")
    label, score = _places(session.get_outputs())
    found = _one_row(session, feeds)
    k = _width(session.get_outputs()[score], None if found is None else found[score])
    if label is None:
        task: Task = "regression" if k == 1 else "classification"
        return OnnxModel(name, content, task, ("value",) if k == 1 else tuple(map(str, range(k))), feeds, None, score)
    text = session.get_outputs()[label].type == "tensor(string)"
    labels = _labels(graph, text, k)
    if not labels and text:
        raise ModelError("it does not say which class each of its probabilities is for: export it with ZipMap")
    labels = labels or tuple(range(max(k, 2)))
    return OnnxModel(name, content, "classification", tuple(map(class_name, labels)), feeds, label, score, labels)


def _one_row(session: Any, feeds: Sequence[_Input]) -> list[Any] | None:
    """The outputs for a made-up row; None where its width or a category was a guess that did not fit."""
    rows = next((each.rows for each in feeds if each.rows), 1)
    feed: dict[str, Any] = {each.name: np.full((rows, each.width or 1), "" if each.dtype is object else 0, each.dtype) for each in feeds}
    try:
        return list(session.run(None, feed))
    except Exception as error:  # onnxruntime's errors have no common base
        if any(each.width is None or each.dtype is object for each in feeds):
            return None
        raise ModelError(f"it cannot be run: {_first_line(error)}") from error


def _checked(content: bytes) -> Any:
    """The parsed graph, once the checker has passed it and all its data are known to lie in the file itself."""
    onnx = lazy.load("onnx")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise ModelError("it is cut off or damaged: it cannot be parsed") from error
    for part in _messages(model):
        kind = type(part).__name__
        if kind == "TensorProto" and (part.data_location == onnx.TensorProto.EXTERNAL or part.external_data):
            raise ModelError(f"its tensor '{_first_line(part.name)}' lies in another file: save the model as one file (no external data)")
        if kind == "NodeProto" and part.domain not in _DOMAINS and not model.functions:
            raise ModelError(f"it needs the operators of '{_first_line(part.domain)}', which onnxruntime does not bring")
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # ValidationError, InferenceError: no common base
        raise ModelError(f"the ONNX checker refuses it: {_first_line(error)}") from error
    return model


def _messages(root: Any) -> Iterator[Any]:
    """Every protobuf message inside one, subgraphs and functions included."""
    rest = [root]
    while rest:
        part = rest.pop()
        yield part
        for descriptor, value in part.ListFields():
            if descriptor.message_type is not None:
                rest += [value] if hasattr(value, "ListFields") else list(value)


def _session(content: bytes) -> Any:
    runtime = lazy.load("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"onnxruntime refuses it: {_first_line(error)}") from error


def _input(found: Any) -> _Input:
    if found.type not in _TYPES or len(found.shape) != 2:
        raise ModelError(f"its input '{found.name}' is a {found.type} of shape {found.shape}: a table (rows, columns) is needed")
    rows, width = (each if isinstance(each, int) and each > 0 else None for each in found.shape)
    if (width or 1) * (rows or 1) > 10_000_000:
        raise ModelError(f"its input '{found.name}' claims {rows} rows of {width} columns")
    return _Input(found.name, _TYPES[found.type], width, rows)


def _places(outputs: Sequence[Any]) -> tuple[int | None, int]:
    """Positions of the label, None if there is none, and of the scores."""
    labels = [j for j, each in enumerate(outputs) if each.type in {"tensor(int64)", "tensor(string)"}]
    scores = [j for j, each in enumerate(outputs) if each.type in {"tensor(float)", "tensor(double)"} or each.type.startswith("seq(map(")]
    if len(scores) != 1 or len(labels) > 1:
        listing = ", ".join(f"{each.name}: {each.type}" for each in outputs)
        raise ModelError(f"its outputs are {listing}: one of values, or a label and probabilities, is needed")
    return (labels[0] if labels else None), scores[0]


def _width(output: Any, found: Any) -> int:
    """How many columns the scores have, from the row that was tried or the graph's own word."""
    if found is not None:
        return len(found[0]) if isinstance(found, list) else int(np.asarray(found).reshape(len(found), -1).shape[1])
    shape = output.shape or []
    return shape[1] if len(shape) == 2 and isinstance(shape[1], int) else 1


def _labels(graph: Any, text: bool, k: int) -> tuple[Any, ...]:
    """The classes in the order of the probabilities: from the last node that lists as many; () if none does."""
    constants = {each.name: each for each in graph.graph.initializer}
    found: list[tuple[Any, ...]] = []
    for node in graph.graph.node:
        for attribute in node.attribute:
            if attribute.name.startswith("classlabels"):
                found.append(tuple(each.decode() for each in attribute.strings) if text else tuple(attribute.ints))
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
            values = lazy.load("onnx").numpy_helper.to_array(constants[node.input[0]]).ravel().tolist()
            found.append(tuple(each.decode() if isinstance(each, bytes) else each for each in values))
    kind = str if text else int
    found = [each for each in found if len(each) == len(set(each)) == max(k, 2) and all(isinstance(label, kind) for label in each)]
    return found[-1] if found else ()


def _matched(name: str, labels: Sequence[Any], classes: Sequence[str]) -> tuple[int, ...]:
    """The position of each of the study's classes among the graph's labels; () where they stand in the same order."""
    own = [class_name(label) for label in labels]
    if not labels or not classes:
        return ()
    if sorted(own) == sorted(classes):
        order = tuple(own.index(each) for each in classes)
        return () if order == tuple(range(len(own))) else order
    if len(own) == len(classes) and list(labels) == list(range(len(own))):
        return ()  # positions
    raise ModelError(f"model '{name}' knows the classes {', '.join(own)}, and the data have {', '.join(classes)}")


def _fed(name: str, feeds: Sequence[_Input], inputs: Inputs) -> dict[str, npt.NDArray[Any]]:
    """What each input of the graph gets, (n, width)."""
    columns = [str(column) for column in getattr(inputs, "columns", range(np.shape(inputs)[1]))]
    frame = hasattr(inputs, "columns")
    if len(feeds) == 1 and not (feeds[0].width == 1 and frame and feeds[0].name in columns):
        one = feeds[0]
        if one.width is not None and one.width != len(columns):
            raise ModelError(f"model '{name}' takes {one.width} columns, and the data have {len(columns)}")
        return {one.name: _cast(name, one, inputs.to_numpy() if frame else np.asarray(inputs))}
    if missing := [each.name for each in feeds if each.name not in columns]:
        raise ModelError(f"model '{name}' was fitted with the columns {', '.join(missing)}, which the data lack")
    table = inputs if frame else dict(zip(columns, np.asarray(inputs).T, strict=True))
    return {each.name: _cast(name, each, np.asarray(table[each.name])[:, None]) for each in feeds}


def _cast(name: str, feed: _Input, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    try:
        if feed.dtype is object:
            return np.array([[class_name(value) for value in row] for row in values.tolist()], dtype=object).reshape(values.shape)
        numbers = np.asarray(values, dtype=np.float64)
        if feed.dtype in {np.int64, np.int32} and not np.array_equal(numbers, np.trunc(numbers)):
            raise ValueError("it takes whole numbers")
        with np.errstate(over="ignore", invalid="ignore"):
            return numbers.astype(feed.dtype)
    except (TypeError, ValueError) as error:
        raise ModelError(f"model '{name}' cannot take the data as its input '{feed.name}': {error}") from error


def _scores(found: Any, labels: Sequence[Any]) -> Array:
    """(n, k) numbers; ZipMap's list of {label: probability} is put in the order of the labels."""
    if isinstance(found, list):
        return np.array([[row[label] for label in (labels or sorted(row))] for row in found], dtype=np.float64)
    scores = np.asarray(found, dtype=np.float64)
    return scores.reshape(len(scores), -1)


def _probable(scores: Array) -> bool:
    """Whether each row could be probabilities, in single precision."""
    return bool(np.all((scores >= -1e-6) & (scores <= 1 + 1e-6)) and np.allclose(scores.sum(axis=1), 1, atol=1e-4))


def _first_line(error: object) -> str:
    """A library's words on one line."""
    line = next((part.strip() for part in str(error).splitlines() if part.strip()), type(error).__name__)
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:200]
