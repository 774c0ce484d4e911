"""Value types to plain arrays and back, for the journal and for Results on disk. No pickle anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from xai_compare.types import Attribution, FeatureCurve, Profile, Scores

__all__ = [
    "join_attributions",
    "join_scores",
    "pack_attribution",
    "pack_profile",
    "pack_scores",
    "unpack_attribution",
    "unpack_profile",
    "unpack_scores",
]

Arrays = dict[str, npt.NDArray[Any]]

_CURVE = "curve:"  # before the name of a curve
_UNQUOTED = " ()-_,"  # in the name of a part, which may hold that of a class: a slash in it is none of ours


def _text(value: Any) -> npt.NDArray[Any]:
    return np.frombuffer(json.dumps(value, sort_keys=True).encode(), dtype=np.uint8)


def _untext(array: npt.NDArray[Any]) -> Any:
    return json.loads(array.tobytes())


def pack_attribution(a: Attribution) -> Arrays:
    """An attribution as named arrays; `about` must be plain JSON."""
    arrays: Arrays = {"values": a.values, "target": a.target}
    for name in ("base", "detail", "present"):
        if (array := getattr(a, name)) is not None:
            arrays[name] = array
    arrays["facts"] = _text({"output": a.output, "signed": a.signed, "scope": a.scope, "additive": a.additive, "about": dict(a.about)})
    return arrays


def unpack_attribution(arrays: Mapping[str, npt.NDArray[Any]]) -> Attribution:
    """The inverse of `pack_attribution`."""
    facts = _untext(arrays["facts"])
    return Attribution(
        arrays["values"], arrays["target"], base=arrays.get("base"), detail=arrays.get("detail"), present=arrays.get("present"), **facts
    )


def join_attributions(chunks: list[Attribution]) -> Attribution:
    """Chunks of the same explainer and model, in order, as one. `about` of each chunk is kept where they differ."""
    first = chunks[0]
    if len(chunks) == 1:
        return first

    return Attribution(
        np.concatenate([chunk.values for chunk in chunks]),
        np.concatenate([chunk.target for chunk in chunks]),
        first.output,
        _stacked(chunks, "base"),
        first.signed,
        first.scope,
        first.additive,
        _stacked(chunks, "detail"),
        _merged([chunk.about for chunk in chunks], [len(chunk.values) for chunk in chunks]),
        _presence(chunks),
    )


def _presence(chunks: Sequence[Attribution]) -> npt.NDArray[np.bool_] | None:
    """Which features the cases of all chunks have; None where none lacks any."""
    if all(chunk.present is None for chunk in chunks):
        return None
    return np.concatenate([np.ones(chunk.values.shape, dtype=bool) if chunk.present is None else chunk.present for chunk in chunks])


def _stacked(chunks: Sequence[Attribution], name: str) -> npt.NDArray[Any] | None:
    """One optional array of all chunks, one after the other."""
    parts = [getattr(chunk, name) for chunk in chunks]
    return None if parts[0] is None else np.concatenate(parts)


def _merged(abouts: list[Mapping[str, Any]], sizes: list[int]) -> dict[str, Any]:
    """Facts of chunks as facts of the whole: spent rows add up, residuals take the worst, the rest is listed where it differs."""
    out: dict[str, Any] = {}
    for key in dict.fromkeys(key for about in abouts for key in about):
        values = [about[key] for about in abouts if key in about]
        if key.endswith("_rows"):
            out[key] = sum(values)
        elif key.startswith("largest_"):
            out[key] = max(values)
        elif key.startswith("mean_"):
            out[key] = float(np.average(values, weights=[size for about, size in zip(abouts, sizes, strict=True) if key in about]))
        else:
            out[key] = values[0] if all(value == values[0] for value in values) else values
    return out


def pack_scores(scores: Scores, prefix: str = "") -> Arrays:
    """Scores and their parts as named arrays: "lost_by_method/values"."""
    arrays: Arrays = {f"{prefix}values": scores.values}
    for name in ("chance", "ceiling", "replicates"):
        if (array := getattr(scores, name)) is not None:
            arrays[f"{prefix}{name}"] = array
    reasons = [[int(i), reason] for i, reason in sorted(scores.reasons.items())]
    arrays[f"{prefix}facts"] = _text({"reasons": reasons, "n": scores.n, "better": scores.better})
    arrays |= {f"{prefix}{_CURVE}{name}": curve for name, curve in scores.curves.items()}
    for name, part in scores.parts.items():
        quoted = quote(name, _UNQUOTED, errors="surrogatepass")
        arrays |= pack_scores(part, f"{prefix}{quoted}/")
    return arrays


def unpack_scores(arrays: Mapping[str, npt.NDArray[Any]], prefix: str = "") -> Scores:
    """The inverse of `pack_scores`."""
    inner = [key.removeprefix(prefix) for key in arrays if key.startswith(prefix)]
    parts = dict.fromkeys(key.split("/")[0] for key in inner if "/" in key and not key.startswith(_CURVE))
    own = {name: arrays.get(f"{prefix}{name}") for name in ("chance", "ceiling", "replicates")}
    facts = _untext(arrays[f"{prefix}facts"])
    reasons = {int(i): str(reason) for i, reason in facts["reasons"]}
    curves = {key.removeprefix(_CURVE): arrays[f"{prefix}{key}"] for key in inner if key.startswith(_CURVE)}
    nested = {unquote(name, errors="surrogatepass"): unpack_scores(arrays, f"{prefix}{name}/") for name in parts}
    return Scores(arrays[f"{prefix}values"], parts=nested, reasons=reasons, n=facts["n"], curves=curves, better=facts.get("better"), **own)


def join_scores(chunks: list[Scores]) -> Scores:
    """Scores of chunks of cases, in order, as one; reasons are renumbered. What a chunk lacks is NaN there, and says why."""
    first = chunks[0]
    if len(chunks) == 1:
        return first

    starts = np.cumsum([0, *(len(chunk.values) for chunk in chunks)])
    reasons = {int(start) + i: reason for start, chunk in zip(starts, chunks, strict=False) for i, reason in chunk.reasons.items()}
    names = dict.fromkeys(name for chunk in chunks for name in chunk.parts)
    parts = {name: join_scores([chunk.parts.get(name) or _lacking(chunk) for chunk in chunks]) for name in names}
    curves = {name: np.concatenate([chunk.curves[name] for chunk in chunks]) for name in first.curves}
    return Scores(
        np.concatenate([chunk.values for chunk in chunks]),
        _levels(chunks, "chance"),
        _levels(chunks, "ceiling"),
        parts,
        reasons,
        curves=curves,
        better=first.better,
    )


def _lacking(chunk: Scores) -> Scores:
    """A part that the cases of a chunk do not have: all of them have too few features for it."""
    n = len(chunk.values)
    return Scores(np.full(n, np.nan), reasons={i: chunk.reasons.get(i, "the score does not exist for so few features") for i in range(n)})


def _levels(chunks: Sequence[Scores], name: str) -> npt.NDArray[Any] | None:
    """Chance or ceiling of all chunks, NaN for the cases of one that has no score; None where no chunk has any."""
    parts = [getattr(chunk, name) for chunk in chunks]
    if all(part is None for part in parts):
        return None
    return np.concatenate([np.full(len(chunk.values), np.nan) if part is None else part for chunk, part in zip(chunks, parts, strict=True)])


_CURVE_ARRAYS = ("grid", "curve", "low", "high", "share", "quantiles")
_CURVE_FACTS = ("feature", "kind", "levels", "n", "missing", "ranked")


def pack_profile(profile: Profile) -> Arrays:
    """A profile as named arrays: "3/curve" for its fourth curve."""
    arrays: Arrays = {f"{i}/{name}": getattr(curve, name) for i, curve in enumerate(profile.curves) for name in _CURVE_ARRAYS}
    facts: dict[str, Any] = {name: getattr(profile, name) for name in ("output", "target", "level", "model_rows")}
    facts["left_out"] = list(map(list, profile.left_out.items()))
    facts["curves"] = [{name: getattr(curve, name) for name in _CURVE_FACTS} for curve in profile.curves]
    return arrays | {"facts": _text(facts)}


def unpack_profile(arrays: Mapping[str, npt.NDArray[Any]]) -> Profile:
    """The inverse of `pack_profile`."""
    facts = _untext(arrays["facts"])
    curves = []
    for i, own in enumerate(facts.pop("curves")):
        found: dict[str, Any] = {name: arrays[f"{i}/{name}"] for name in _CURVE_ARRAYS}
        curves.append(FeatureCurve(**{**own, **found, "levels": tuple(own["levels"])}))
    left_out = {str(name): str(reason) for name, reason in facts.pop("left_out")}
    return Profile(tuple(curves), left_out=left_out, **facts)
