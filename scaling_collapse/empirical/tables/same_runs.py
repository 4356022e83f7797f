"""One run that came twice: as a copy, or as two samples of one history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...theory import Finding, LossCurve

__all__ = ["each_run_once"]

LEAST_COMMON = 5
"""Points that two samples of one history must share to be told."""
WIDEST_GAP = 0.15
"""Share of a run over which two samples of one history may share no point."""


def each_run_once(curves: list[LossCurve]) -> tuple[list[LossCurve], list[Finding]]:
    """Copies dropped, samples of one history merged, whatever their names and seeds say.

    Two curves of one size are copies if all their points agree to the last bit. They are samples of one history if they
    share at least 5 steps over the whole of their length and at no shared step differ. Runs that share their beginning
    alone, as decays from a common trunk do, are two.
    """
    curves, findings = _without_copies(curves)
    for first, second in _pairs(curves):
        one, other = curves[first], curves[second]
        if one is other or not _samples_of_one(one, other):
            continue
        merged = _union(one, other)
        detail = f"shares {_common(one, other)[0].size} points with run {one.run!r}, to the last bit: one run, sampled"
        findings.append(Finding("same history", "merged", other.run, detail, len(one) + len(other) - len(merged)))
        curves = [merged if c is one or c is other else c for c in curves]
    return list({id(c): c for c in curves}.values()), findings


def _without_copies(curves: list[LossCurve]) -> tuple[list[LossCurve], list[Finding]]:
    """Curves of one size whose points agree to the last bit are one run."""
    first: dict[tuple[float, bytes, bytes], str] = {}
    kept, findings = [], []
    for curve in curves:
        key = (curve.params, curve.tokens.tobytes(), curve.loss.tobytes())
        if key in first:
            detail = f"every point equals run {first[key]!r} to the last bit"
            findings.append(Finding("duplicate run", "dropped", curve.run, detail, len(curve)))
        else:
            first[key] = curve.run
            kept.append(curve)
    return kept, findings


def _pairs(curves: list[LossCurve]) -> list[tuple[int, int]]:
    """Pairs of curves, by index, that share points: neighbours when all points are sorted."""
    if not curves:
        return []
    t = np.concatenate([c.tokens for c in curves])
    loss = np.concatenate([c.loss for c in curves])
    params = np.repeat([float(c.params) for c in curves], [len(c) for c in curves])
    of = np.repeat(np.arange(len(curves)), [len(c) for c in curves])
    again = _seen_again(t, loss, params)
    t, loss, params, of = t[again], loss[again], params[again], of[again]
    order = np.lexsort((of, loss, t, params))
    same = (np.diff(t[order]) == 0) & (np.diff(loss[order]) == 0) & (np.diff(params[order]) == 0)
    pairs, counts = np.unique(np.stack([of[order][:-1][same], of[order][1:][same]]), axis=1, return_counts=True)
    return [(int(a), int(b)) for (a, b), n in zip(pairs.T, counts, strict=True) if n >= LEAST_COMMON]


def _seen_again(*columns: Array) -> NDArray[np.bool_]:
    """Points that come more than once, up to chance: by a hash, which sorts faster than the points."""
    key = np.zeros(columns[0].size, dtype=np.uint64)
    for values in columns:
        key = (key ^ (values + 0.0).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    ordered = np.sort(key)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(key, twice) if twice.size else np.zeros(key.size, dtype=bool)


def _common(one: LossCurve, other: LossCurve) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the shared steps in both."""
    _, a, b = np.intersect1d(one.tokens, other.tokens, assume_unique=True, return_indices=True)
    return a, b


def _samples_of_one(one: LossCurve, other: LossCurve) -> bool:
    a, b = _common(one, other)
    if a.size < LEAST_COMMON or one.clock != other.clock or one.schedule != other.schedule:
        return False
    rates = _rates_agree(one.lr, other.lr, a, b)
    end = max(one.tokens[-1], other.tokens[-1])
    everywhere = np.diff(one.tokens[a], prepend=0.0, append=end).max() < WIDEST_GAP * end
    distinct = np.unique(one.loss[a]).size >= LEAST_COMMON
    return bool(rates and everywhere and distinct and (one.loss[a] == other.loss[b]).all())


def _rates_agree(one: Array | None, other: Array | None, a: NDArray[np.intp], b: NDArray[np.intp]) -> bool:
    if one is None or other is None:
        return True
    return np.array_equal(one[a], other[b], equal_nan=True)


def _union(one: LossCurve, other: LossCurve) -> LossCurve:
    """All points of both, with the name and seed of the first."""
    tokens, at = np.unique(np.concatenate([one.tokens, other.tokens]), return_index=True)

    def joined(name: str) -> Array | None:
        first, second = getattr(one, name), getattr(other, name)
        return None if first is None or second is None else np.concatenate([first, second])[at]

    return replace(
        one,
        tokens=tokens,
        loss=joined("loss"),
        lr=joined("lr"),
        compute=joined("compute"),
        noise_trace=joined("noise_trace"),
        horizon_tokens=max(one.horizon_tokens, other.horizon_tokens),
        extra={k: v for k, v in one.extra.items() if not isinstance(v, np.ndarray)},
    )
