"""Pure array functions behind the metrics. n cases, m complement pairs, d features; NumPy in, NumPy out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai_compare.types import Array, BoolArray, IntArray

__all__ = [
    "Decomposition",
    "agreement_draws",
    "average_precision",
    "decompose",
    "effective_features",
    "features_for",
    "features_needed",
    "gini",
    "infidelity",
    "mask_auroc",
    "overlap",
    "partial_correlation",
    "ranks",
    "relevance_mass",
    "relevance_rank",
    "top_hits",
]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Odd and even parts of the game on its complement pairs, and what is there to tell.

    u, e (n, m); z (n, m, d) = shown - 1/2; t (n, m) = sum z; w (m,) weights of enumerated pairs or None;
    even, tell, rest, odd (n,): E, N, A of the definition, and the whole odd part.
    """

    u: Array
    z: Array
    t: Array
    w: Array | None
    even: Array
    tell: Array
    rest: Array
    odd: Array


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Shares of what moves the output beyond coalition size, each (n,): explained + lost + beyond = 1.

    attainable : what the best additive explanation tells; size_alone : R2 of the coalition size (of the whole variation).
    """

    explained: Array
    lost: Array
    beyond: Array
    attainable: Array
    size_alone: Array


def pairs_of(keep: BoolArray, shown: Array, hidden: Array, w: Array | None) -> Pairs:
    """Odd part u = (v(S) - v(rest)) / 2, even part e, and the variances E, N, A.

    keep (n, m, d), shown and hidden (n, m). Drawn pairs get degrees of freedom (m - 1, m - 1, m - d); enumerated ones weights.
    """
    u, z, t, even, tell = _moves(keep, shown, hidden, w)
    m, d = z.shape[1:]
    root = np.ones(m) if w is None else np.sqrt(w)
    rest = np.empty(len(u))
    for i in range(len(u)):  # a least-squares fit per case: no model is asked
        fit = np.linalg.lstsq(z[i] * root[:, None], u[i] * root, rcond=None)[0]
        rest[i] = _share((u[i] - z[i] @ fit)[None] ** 2, w, m - d)[0]
    return Pairs(u, z, t, w, even, tell, rest, _share(u**2, w, m))


def moves_of(keep: BoolArray, shown: Array, hidden: Array, w: Array | None) -> Array:
    """(n,) E + N: what there is to tell beyond how many features are shown. Arguments as for `pairs_of`, at a tenth of its cost."""
    _, _, _, even, tell = _moves(keep, shown, hidden, w)
    return even + tell


def _moves(keep: BoolArray, shown: Array, hidden: Array, w: Array | None) -> tuple[Array, Array, Array, Array, Array]:
    """u, z, t, E and N of the definition."""
    u, e = (shown - hidden) / 2, (shown + hidden) / 2
    z = keep.astype(np.float64) - 0.5
    t: Array = z.sum(axis=-1)
    m = z.shape[1]
    centre = e.mean(axis=1, keepdims=True) if w is None else (e * w).sum(axis=1, keepdims=True)
    even = _share((e - centre) ** 2, w, m - 1)
    return u, z, t, even, _share(_without(u, t, w) ** 2, w, m - 1)


def _share(squares: Array, w: Array | None, freedom: int) -> Array:
    """Sum of squares over the pairs: divided by its degrees of freedom, or weighted."""
    return np.asarray(squares.sum(axis=1) / freedom if w is None else (squares * w).sum(axis=1))


def _without(a: Array, b: Array, w: Array | None) -> Array:
    """a (n, m) without its projection on b (n, m)."""
    weight = np.ones(a.shape[1]) if w is None else w
    along = (a * b * weight).sum(axis=1) / np.maximum((b * b * weight).sum(axis=1), 1e-300)
    return np.asarray(a - along[:, None] * b)


def left_over(pairs: Pairs, phi: Array) -> Array:
    """F (n,): what an explanation phi (n, d) leaves untold, min over c and b >= 0 of u - c t - b z.phi.

    N where phi is constant or points the wrong way.
    """
    g = np.matmul(pairs.z, phi[:, :, None])[:, :, 0]
    return _left_over_of(pairs, g)


def _left_over_of(pairs: Pairs, g: Array) -> Array:
    """`left_over` for g = z.phi given as (n, m)."""
    w, m = pairs.w, g.shape[1]
    weight = np.ones(m) if w is None else w
    r, u = _without(g, pairs.t, w), _without(pairs.u, pairs.t, w)
    norm, whole = (r * r * weight).sum(axis=1), (g * g * weight).sum(axis=1)
    along = (u * r * weight).sum(axis=1)
    # Rounding leaves dust of a constant phi after the projection: that is no direction.
    useful = (norm > 1e-18 * np.maximum(whole, 1e-300)) & (along > 0)
    b = np.where(useful, along / np.where(useful, norm, 1.0), 0.0)
    left = _share((u - b[:, None] * r) ** 2, w, m - 2)
    return np.where(useful, left, pairs.tell)


def decompose(pairs: Pairs, phi: Array) -> Decomposition:
    """Split what moves the output into explained by phi (n, d), lost by it, and beyond any additive explanation."""
    left = left_over(pairs, phi)
    total = pairs.tell + pairs.even
    return Decomposition(
        explained=(pairs.tell - left) / total,
        lost=(left - pairs.rest) / total,
        beyond=(pairs.rest + pairs.even) / total,
        attainable=(pairs.tell - pairs.rest) / total,
        size_alone=(pairs.odd - pairs.tell) / (pairs.odd + pairs.even),
    )


def features_needed(pairs: Pairs, phi: Array, share: float) -> Array:
    """(n,) the fewest top-|phi| features whose truncated phi explains `share` of the attainable; d + 1 if none does."""
    n, d = phi.shape
    order = np.argsort(-np.abs(phi), axis=1, kind="stable")
    goal = share * (pairs.tell - pairs.rest)
    g = np.zeros(pairs.u.shape)
    needed = np.full(n, d + 1.0)
    for k in range(d):
        feature = order[:, k]
        g = g + np.take_along_axis(pairs.z, feature[:, None, None], axis=2)[:, :, 0] * phi[np.arange(n), feature][:, None]
        reached = (pairs.tell - _left_over_of(pairs, g) >= goal) & (needed > d)
        needed[reached] = k + 1
        if (needed <= d).all():
            break
    return needed


def partial_correlation(a: Array, b: Array, given: Array | None, w: Array | None) -> Array:
    """(n,) correlation of a and b (n, m) over m points, without what both have from `given` (n, m) by a straight line; None: the plain one.

    w : (m,) weights of the points, or None. 0 where a or b does not vary beyond `given`: it tells nothing.
    """
    weight = np.ones(a.shape[1]) if w is None else w
    first, second = (_centred(each, weight) for each in (a, b))
    whole = (first**2 @ weight, second**2 @ weight)
    if given is not None:
        size = _centred(given, weight)
        first, second = _without(first, size, weight), _without(second, size, weight)
    left = (first**2 @ weight, second**2 @ weight)
    # Rounding leaves dust of what was a straight line: that does not vary.
    varies = (left[0] > 1e-18 * whole[0]) & (left[1] > 1e-18 * whole[1])
    scale = np.sqrt(left[0] * left[1])
    return np.asarray(np.divide((first * second) @ weight, scale, out=np.zeros(len(a)), where=varies))


def _ratio(a: Array, b: Array) -> Array:
    """a / b, NaN where b is 0."""
    return np.asarray(np.divide(a, b, out=np.full(len(b), np.nan), where=b > 0))


def _centred(a: Array, weight: Array) -> Array:
    return np.asarray(a - (a @ weight / weight.sum())[:, None])


def infidelity(said: Array, drop: Array, w: Array | None) -> tuple[Array, Array]:
    """How far the attribution of what is hidden misses the fall of the output, as a share of the mean square of the fall.

    said, drop : (n, m). w : (m,) weights, or None.

    Returns
    -------
    (n,) with the factor of 0 or more on `said` that misses least, and (n,) with none. NaN where nothing falls.
    """
    weight = np.ones(said.shape[1]) if w is None else w
    power, norm, along = drop**2 @ weight, said**2 @ weight, (said * drop) @ weight
    factor = np.divide(np.maximum(along, 0), norm, out=np.zeros(len(said)), where=norm > 0)
    missed = (((scale * said - drop) ** 2) @ weight for scale in (factor[:, None], 1.0))
    scaled, own = (_ratio(each, power) for each in missed)
    return scaled, own


def _size(phi: Array, present: BoolArray | None) -> Array:
    """|phi| (n, d), 0 for a feature that the case does not have."""
    return np.abs(phi) if present is None else np.abs(np.where(present, phi, 0.0))


def effective_features(phi: Array, present: BoolArray | None = None) -> Array:
    """(n,) exp of the entropy of |phi| / sum |phi|, in [1, d]; NaN for all zeros."""
    size = _size(phi, present)
    total = size.sum(axis=1, keepdims=True)
    p = np.divide(size, total, out=np.full_like(size, np.nan), where=total > 0)
    logs = np.log(np.where(p > 0, p, 1.0))
    return np.asarray(np.exp(-(p * logs).sum(axis=1)))


def features_for(phi: Array, share: float, present: BoolArray | None = None) -> Array:
    """(n,) the fewest features that have this share of sum |phi|; NaN for all zeros."""
    size = -np.sort(-_size(phi, present), axis=1)
    total = size.sum(axis=1)
    reached = np.cumsum(size, axis=1) >= share * total[:, None] * (1 - 1e-12)
    return np.where(total > 0, reached.argmax(axis=1) + 1.0, np.nan)


def gini(phi: Array, present: BoolArray | None = None) -> Array:
    """(n,) Gini coefficient of |phi| over the features that a case has: 0 for all equal, 1 - 1/d for a single one; NaN for all zeros."""
    size = np.sort(_size(phi, present), axis=1)
    d = phi.shape[1]
    own = np.full(len(phi), d) if present is None else present.sum(axis=1)
    # Absent features are zeros and stand first: the others are counted from the end.
    place = np.arange(1, d + 1)[None, :] - (d - own)[:, None]
    total = own * size.sum(axis=1)
    sums = ((2 * place - own[:, None] - 1) * size).sum(axis=1)
    return _ratio(sums, total)


def relevance_mass(phi: Array, mask: BoolArray, present: BoolArray | None = None) -> Array:
    """(n,) share of sum |phi| that the features of the mask (n, d) have; NaN for all zeros."""
    size = _size(phi, present)
    total = size.sum(axis=1)
    return _ratio((size * mask).sum(axis=1), total)


def relevance_rank(phi: Array, mask: BoolArray, present: BoolArray | None = None) -> Array:
    """(n,) share of the mask's k features that are among the top k by |phi|: the mean over all orders of what is tied. NaN for k = 0."""
    k = (mask if present is None else mask & present).sum(axis=1)
    return _ratio(top_hits(phi, mask, k, present), k)


def top_hits(phi: Array, mask: BoolArray, k: IntArray, present: BoolArray | None = None) -> Array:
    """(n,) how many features of the mask (n, d) are among the top k (n,) by |phi|: the mean over all orders of what is tied."""
    there = np.ones(phi.shape, dtype=bool) if present is None else present
    mask = mask & there
    size = np.where(there, _size(phi, present), -1.0)  # an absent feature stands last
    last = np.take_along_axis(-np.sort(-size, axis=1), np.maximum(k - 1, 0)[:, None], axis=1)
    above, tied = size > last, size == last
    return np.asarray((above & mask).sum(axis=1) + (k - above.sum(axis=1)) * (tied & mask).sum(axis=1) / tied.sum(axis=1))


def average_precision(phi: Array, mask: BoolArray, present: BoolArray | None = None) -> Array:
    """(n,) area under the steps of precision over recall of the mask (n, d) by |phi|: the mean over all orders of what is tied.

    NaN for an empty mask. A constant phi has the mean over all orders of the features: the chance of this score.
    """
    there = np.ones(phi.shape, dtype=bool) if present is None else present
    out = np.full(len(phi), np.nan)
    for i in range(len(phi)):  # d log d each: no model is asked
        inside = mask[i, there[i]]
        levels, block, tied = np.unique(-np.abs(phi[i, there[i]]), return_inverse=True, return_counts=True)
        if not inside.any():
            continue
        found = np.bincount(block, inside, len(levels))  # of the mask, in each block of ties
        before, found_before = (np.cumsum(each) - each for each in (tied, found))
        owner = np.repeat(np.arange(len(levels)), tied)
        t, p = tied[owner], found[owner]
        place = np.arange(len(owner)) - before[owner]  # within the block
        # At a place that one of the mask has, the others of its block stand on the places before with equal chance.
        hits = found_before[owner] + 1 + place * (p - 1) / np.maximum(t - 1, 1)
        out[i] = (p / t * hits / (before[owner] + place + 1)).sum() / inside.sum()
    return out


def mask_auroc(phi: Array, mask: BoolArray, present: BoolArray | None = None) -> Array:
    """(n,) how often a feature of the mask (n, d) has a larger |phi| than one outside it; ties count one half. NaN without one of them."""
    there = np.ones(phi.shape, dtype=bool) if present is None else present
    inside = mask & there
    place = ranks(np.where(there, _size(phi, present), np.inf))  # 1 = strongest; absent features before all
    k, own = inside.sum(axis=1), there.sum(axis=1)
    sums = ((place - (phi.shape[1] - own)[:, None]) * inside).sum(axis=1)
    pairs = k * (own - k)
    wins = pairs - (sums - k * (k + 1) / 2)
    return _ratio(wins, pairs)


def overlap(a: Array, b: Array, present: BoolArray | None = None) -> tuple[Array, Array]:
    """Shared mass of two attributions (n, d): 1 - half the distance of their signed shares, and its chance.

    The chance is the mean over all re-orderings of the features that the case has. NaN where one is all zero.
    """
    pa, pb = _shares(a, present), _shares(b, present)
    o = 1 - np.abs(pa - pb).sum(axis=1) / 2
    # The sum of |p - q| over all pairs, from both sorted together: between two neighbours it grows by their distance times the
    # pairs that lie on either side. d log d instead of d squared.
    d = a.shape[1]
    both = np.concatenate([pa, pb], axis=1)
    order = np.argsort(both, axis=1)
    widths = np.diff(np.take_along_axis(both, order, axis=1), axis=1)
    below_a = np.cumsum(order < d, axis=1)[:, :-1]
    below_b = np.arange(1, 2 * d) - below_a
    apart = (widths * (below_a * (d - below_b) + below_b * (d - below_a))).sum(axis=1)
    # A feature that is absent has no share: beside it those of the other attribution add up to 1.
    own = d if present is None else present.sum(axis=1)
    return o, 1 - (apart - 2 * (d - own)) / (2 * own)


def _shares(phi: Array, present: BoolArray | None) -> Array:
    there = phi if present is None else np.where(present, phi, 0.0)
    total = np.abs(there).sum(axis=1, keepdims=True)
    return np.asarray(np.divide(there, total, out=np.full_like(there, np.nan), where=total > 0))


def ranks(phi: Array) -> Array:
    """(n, d) average ranks of |phi|, 1 = strongest, ties shared."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-np.abs(phi), axis=1, method="average"))


def _tie_broken(phi: Array, noise: Array) -> IntArray:
    """(n, d) features from strongest to weakest, ties in the order of `noise`."""
    return np.lexsort((noise, -np.abs(phi)), axis=1)


def agreement_draws(a: Array, b: Array, k: int, noise: Array) -> dict[str, Array]:
    """Top-k agreement of two attributions (n, d), averaged over random tie-breaks. A zero has no sign and agrees in sign with nothing.

    noise : (draws, 2, n, d) uniform numbers that break ties.

    Returns
    -------
    feature, rank, sign, signed_rank : (n,) shares of k.
    same_by_chance : (n,) the chance that a member of each top k, drawn at random, has the same sign in both.
    """
    total = {name: np.zeros(len(a)) for name in ("feature", "rank", "sign", "signed_rank", "same_by_chance")}
    for one, other in noise:
        top_a, top_b = _tie_broken(a, one)[:, :k], _tie_broken(b, other)[:, :k]
        sign_a, sign_b = np.sign(np.take_along_axis(a, top_a, axis=1)), np.sign(np.take_along_axis(b, top_b, axis=1))
        both = top_a[:, :, None] == top_b[:, None, :]
        same_sign = sign_a[:, :, None] * sign_b[:, None, :] > 0
        place = np.eye(k, dtype=bool)[None]
        total["feature"] += both.sum(axis=(1, 2)) / k
        total["rank"] += (both & place).sum(axis=(1, 2)) / k
        total["sign"] += (both & same_sign).sum(axis=(1, 2)) / k
        total["signed_rank"] += (both & same_sign & place).sum(axis=(1, 2)) / k
        total["same_by_chance"] += same_sign.mean(axis=(1, 2))
    return {name: value / len(noise) for name, value in total.items()}


def spearman(a: Array, b: Array) -> Array:
    """(n,) correlation of the ranks of |a| and |b|; NaN where one has no order."""
    ra, rb = ranks(a), ranks(b)
    ra, rb = ra - ra.mean(axis=1, keepdims=True), rb - rb.mean(axis=1, keepdims=True)
    scale = np.sqrt((ra**2).sum(axis=1) * (rb**2).sum(axis=1))
    return np.asarray(np.divide((ra * rb).sum(axis=1), scale, out=np.full(len(a), np.nan), where=scale > 0))


def pairwise_rank(a: Array, b: Array) -> Array:
    """(n,) share of feature pairs that both put in the same order by strength, ties half; NaN for a single feature."""
    if a.shape[1] < 2:
        return np.full(len(a), np.nan)
    first, second = np.triu_indices(a.shape[1], 1)
    sa = np.sign(np.abs(a)[:, first] - np.abs(a)[:, second])
    sb = np.sign(np.abs(b)[:, first] - np.abs(b)[:, second])
    return np.asarray(np.where((sa == 0) | (sb == 0), 0.5, sa == sb).mean(axis=1))
