"""The trunk: loss and noise of a constant learning rate at any gradient-flow time, from measured runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...common import Array, InputError, Result, local_regression
from ...theory import LossCurve
from .rates import Rates

__all__ = ["Trunk", "build_trunk"]

LOSS_WIDTH, NOISE_WIDTH = 0.06, 0.08
"""Bandwidths in ln z: wide enough to average point noise, narrow against any change of the curve's slope."""
LEAST_POINTS = 12
GRID = 400


@dataclass(frozen=True, eq=False, kw_only=True)
class _SizeTrunk:
    """`ln L` and `ln Tr Sigma` of one size on a grid of `ln z`."""

    ln_z: Array
    ln_loss: Array
    ln_noise: Array | None


@dataclass(frozen=True, eq=False, repr=False)
class Trunk(Result):
    """Constant-rate curves by size, smoothed.

    Between sizes, `ln L` and `ln Tr Sigma` are straight lines in `ln p`; past the end of a curve they go on as the
    power law of its last half.
    """

    sizes: dict[float, _SizeTrunk]

    @property
    def reach(self) -> dict[float, float]:
        """The largest z of each size's trunk."""
        return {p: float(np.exp(t.ln_z[-1])) for p, t in self.sizes.items()}

    def loss(self, params: float, z: Array) -> Array:
        """`L_const(z)` of a size, shape of z."""
        return np.exp(self._at(params, z, "ln_loss"))

    def noise(self, params: float, z: Array) -> Array:
        """`Tr Sigma_const(z)` of a size, shape of z."""
        return np.exp(self._at(params, z, "ln_noise"))

    def _at(self, params: float, z: Array, what: str) -> Array:
        ln_z = np.log(np.maximum(z, 1e-12))
        known = np.array(sorted(self.sizes))
        if params in self.sizes:
            return _extended(self.sizes[params], ln_z, what)
        right = int(np.clip(np.searchsorted(known, params), 1, known.size - 1))
        low, high = known[right - 1], known[right]
        share = np.log(params / low) / np.log(high / low)
        return (1 - share) * _extended(self.sizes[low], ln_z, what) + share * _extended(self.sizes[high], ln_z, what)


def _extended(size: _SizeTrunk, ln_z: Array, what: str) -> Array:
    values = getattr(size, what)
    half = size.ln_z > size.ln_z[-1] - np.log(2.0)
    slope = np.polyfit(size.ln_z[half], values[half], 1)[0]
    return np.interp(ln_z, size.ln_z, values) + slope * np.maximum(ln_z - size.ln_z[-1], 0.0)


def build_trunk(curves: Sequence[LossCurve], rates: Sequence[Rates]) -> Trunk | None:
    """The trunk of the constant-rate runs among the calibration runs; None where there is none.

    Parameters
    ----------
    curves, rates
        The calibration runs and their rates, in the same order.
    """
    by_size: dict[float, list[tuple[LossCurve, Rates]]] = {}
    for curve, r in zip(curves, rates, strict=True):
        if r.constant:
            by_size.setdefault(curve.params, []).append((curve, r))
    sizes = {}
    for params, runs in by_size.items():
        z = np.concatenate([r.z[r.first :] for _, r in runs])
        loss = np.concatenate([c.loss for c, _ in runs])
        noise = np.concatenate([np.full(len(c), np.nan) if c.noise_trace is None else c.noise_trace for c, _ in runs])
        good = (z > 0) & (loss > 0)
        if good.sum() < LEAST_POINTS:
            continue
        ln_z = np.log(z[good])
        grid = np.unique(np.quantile(ln_z, np.linspace(0, 1, GRID)))
        traced = good & (noise > 0)
        sizes[params] = _SizeTrunk(
            ln_z=grid,
            ln_loss=local_regression(ln_z, np.log(loss[good]), grid, width=LOSS_WIDTH),
            ln_noise=local_regression(np.log(z[traced]), np.log(noise[traced]), grid, width=NOISE_WIDTH)
            if traced.sum() >= LEAST_POINTS
            else None,
        )
    return Trunk(sizes) if sizes else None


def need_trunk(trunk: Trunk | None, params: float, name: str, traced: bool) -> Trunk:
    """The trunk, or an `InputError` that says what is missing for a law that builds on one."""
    if trunk is not None and traced:
        trunk = Trunk({p: t for p, t in trunk.sizes.items() if t.ln_noise is not None})
    if trunk is None or not trunk.sizes:
        noise = " with `noise_trace`" if traced else ""
        raise InputError(
            f"forecast with the law {name!r} needs a calibration run at constant learning rate{noise}; got none. "
            "Add one, or use --law response."
        )
    if params not in trunk.sizes and len(trunk.sizes) < 2:
        raise InputError(
            f"forecast with the law {name!r} needs a constant-rate calibration run of the target's size "
            f"(params={params:.0f}) or of two other sizes; got params={next(iter(trunk.sizes)):.0f} only. Add one."
        )
    return trunk
