r"""The error of the data exponent, and that of the offset, which would explain how normalized curves differ.

Both errors change a normalized curve in the same way in x (see `sensitivity`): only the slope of a size's curve
moves. What tells them apart is how they vary with size, `mu w_B ln p` for an error of gamma against `1 / R` for an
error of the offset; over a short ladder the two are almost proportional. So the answer is a region, not a pair.

What makes eps and e identifiable:

- always: one shape in x for all sizes, one exponent `mu` for how the part that training shrinks scales with the
  horizon, a power of p for the rest;
- `shape="power"`: that shape is `x^-mu`, so the curves give mu and the share of the two terms;
- `shape="common"`: mu comes from how the slopes scale with the horizon. The shares follow neither from curves nor from
  slopes, whose scale is arbitrary: they rest on how far the horizon of the middle size is from the compute-optimal one
  (`kappa_within`) and on LR noise in the curves (`noise_within`), so intervals hold all that these may be. Both only
  stretch an error of gamma; that of the offset rests on neither, nor does whether gamma is wrong.

| symbol | meaning |
|---|---|
| `eps` | `gamma - gamma*`, the error of the data exponent of the horizons |
| `e` | `L_hat - L0`, the error of the offset, in units of the loss |
| `S`, `R` | slope and reducible loss of a run (`curve_slopes`) |
| `Q` | misfit of a pair of errors (`error_profile`); regions and their noise are in `error_region` |
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ...common import Array, InputError, Result, Source, plain, value_in_words
from ..ladder import Ladder
from .curve_slopes import CurveSlopes, Shape, curve_slopes
from .error_profile import GAMMA, LOWER, OFFSET, UPPER, ErrorProfile
from .error_region import MISFIT_LEVEL, MeasuredNoise, NoiseSource, contour, edge, measure_noise
from .share_prior import KAPPA_WITHIN, NOISE_WITHIN, share_prior

__all__ = ["AdmittedErrors", "ErrorEstimate", "admitted_errors"]

Status = Literal["separable", "not separable", "not explained", "not identified"]

AT_END = 1e-3
"""An estimate this close to an end of the search, relative to gamma, lies there."""


@dataclass(frozen=True, kw_only=True)
class ErrorEstimate(Result):
    """One error with its interval; infinite ends where the data set none.

    Parameters
    ----------
    estimate, low, high
        In units of the quantity (gamma: dimensionless; offset: loss).
    p_value
        Probability of a misfit this large if this error (with the other held at 0, or free) were all there is;
        NaN without seeds.
    """

    estimate: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class AdmittedErrors(Result):
    """What `admitted_errors` found; parts that take time are worked out when they are first asked for.

    Parameters
    ----------
    slopes
        The measurement behind it.
    offset
        `L_hat`, the value in use.
    level
        Of intervals and region.
    resolution, kappa_within, noise_within
        See `admitted_errors`.
    """

    slopes: CurveSlopes
    offset: float
    level: float
    resolution: float
    kappa_within: float = KAPPA_WITHIN
    noise_within: float = NOISE_WITHIN

    def headline(self) -> str:
        """Whether the two errors can be told apart."""
        return f"AdmittedErrors: {self.status}"

    def lines(self) -> list[tuple[str, str]]:
        """Each error, alone and with the other one free; then the finding in words."""
        named = {
            "error of gamma, if alone": self.gamma_alone,
            "error of L_hat, if alone": self.offset_alone,
            "error of gamma, if both": self.gamma_error,
            "error of L_hat, if both": self.offset_error,
        }
        return [
            ("gamma, L_hat", f"{self.gamma:.4g}, {self.offset:.6g}"),
            *((name, value_in_words(e.estimate, (e.low, e.high), self.level)) for name, e in named.items()),
            ("in words", self.summary()),
        ]

    def to_json(self) -> dict[str, Any]:
        """Status, errors and region by name; what is unknown or has no limit is null."""
        names = (
            "status", "gamma", "offset", "level", "mu", "noise", "shape_p", "gamma_alone", "offset_alone",
            "gamma_error", "offset_error", "region", "bounded",
        )  # fmt: skip
        return plain({name: getattr(self, name) for name in names})

    @cached_property
    def _profile(self) -> ErrorProfile:
        """The misfit, being off in kappa or in the noise costing what as much scatter of `ln S` would."""
        if self.slopes.shape == "power":
            return ErrorProfile(self.slopes)
        expected = ErrorProfile(self.slopes)
        best = expected.minimize((GAMMA, OFFSET))
        price = measure_noise(expected, best).noise.price(self.level)
        return ErrorProfile(self.slopes, share_prior(self.kappa_within, self.noise_within, price))

    @property
    def gamma(self) -> float:
        """The data exponent in use: the slope of `ln t*` against `ln p`."""
        return float(self._profile.scale[GAMMA])

    @property
    def mu(self) -> float:
        """Exponent of tokens, given or estimated."""
        return self.slopes.mu

    @cached_property
    def _both(self) -> Array:
        return self._profile.minimize((GAMMA, OFFSET))

    @cached_property
    def _measured_noise(self) -> MeasuredNoise:
        return measure_noise(self._profile, self._both)

    @property
    def noise(self) -> NoiseSource:
        """What the intervals are calibrated with; see `error_region`."""
        return self._measured_noise.noise.source

    @property
    def shape_p(self) -> float:
        """Probability of the sizes' curves differing in shape this much if only seeds did it; NaN without seeds.

        Neither error changes a shape, so a small value says that something else is at work as well.
        """
        return self._measured_noise.shape_p

    def _threshold(self, errors: int, level: float) -> float:
        """The misfit at the edge of the region of so many errors."""
        return float(self._profile.misfit(self._both)) + self._measured_noise.noise.rise(errors, level)

    @property
    def identified(self) -> bool:
        """Whether there is a joint answer: at least 3 sizes, and something that measures the noise."""
        return self.slopes.sizes.size >= 3 and self.noise != "none"

    def _traced(self, errors: int, level: float) -> tuple[Array, bool]:
        """The contour in z and whether it closes; nothing if unidentified."""
        if not self.identified:
            return np.empty((0, 2)), False
        return contour(self._profile, self._both, self._threshold(errors, level))

    @cached_property
    def _contour(self) -> tuple[Array, bool]:
        return self._traced(2, self.level)

    @cached_property
    def _extent(self) -> Array:
        """Where either error ends with the other one free: a contour that is as far as an interval of one reaches."""
        return self._traced(1, self.level)[0]

    @property
    def region(self) -> Array:
        """Contour of the joint region, (eps, e), shape (n, 2); cut off where it has no end; empty if unidentified."""
        return self._contour[0] * self._profile.scale

    @property
    def bounded(self) -> bool:
        """Whether the joint region has an end in every direction."""
        return self._contour[1]

    @cached_property
    def _alone(self) -> tuple[Array, Array]:
        """The best z with one error only, for each of the two."""
        return self._profile.minimize((GAMMA,)), self._profile.minimize((OFFSET,))

    @cached_property
    def gamma_alone(self) -> ErrorEstimate:
        """`eps` if the offset is right."""
        return self._single(GAMMA)

    @property
    def gamma_alone_is_inside(self) -> bool:
        """Whether the best `eps` lies within the search, from -2 gamma to gamma; at an end it is no estimate."""
        return bool(LOWER[GAMMA] + AT_END < self._alone[GAMMA][GAMMA] < UPPER[GAMMA] - AT_END)

    @cached_property
    def offset_alone(self) -> ErrorEstimate:
        """`e` if the horizons are right."""
        return self._single(OFFSET)

    @cached_property
    def gamma_error(self) -> ErrorEstimate:
        """`eps` with both free; narrower than the joint region, which has to hold both at once."""
        return self._joint(GAMMA)

    @cached_property
    def offset_error(self) -> ErrorEstimate:
        """`e` with both free; narrower than the joint region, which has to hold both at once."""
        return self._joint(OFFSET)

    def _single(self, axis: int) -> ErrorEstimate:
        best, noise, unit = self._alone[axis], self._measured_noise.noise, float(self._profile.scale[axis])
        low, high = (edge(self._profile, best, axis, sign, noise.rise(1, self.level)) for sign in (-1, 1))
        p_value = noise.p_value(self._profile, best, free=2)  # the error and the level
        return ErrorEstimate(estimate=unit * float(best[axis]), low=unit * low, high=unit * high, p_value=p_value)

    def _joint(self, axis: int) -> ErrorEstimate:
        unit, low, high = float(self._profile.scale[axis]), -math.inf, math.inf
        if self.identified:
            values = self._extent[:, axis]
            low = values.min() if values.min() > LOWER[axis] + 1e-9 else low
            high = values.max() if values.max() < UPPER[axis] - 1e-9 else high
        return ErrorEstimate(
            estimate=unit * float(self._both[axis]),
            low=unit * float(low),
            high=unit * float(high),
            p_value=self._measured_noise.p_value,
        )

    @cached_property
    def status(self) -> Status:
        """The finding in short.

        - `"separable"`: the ladder tells the two errors apart;
        - `"not separable"`: it does not, the region holds an explanation by either error alone, or has no end;
        - `"not explained"`: no pair of errors explains how the curves differ (misfit significant at 1 %);
        - `"not identified"`: too few sizes, or no measure of noise, for a joint answer.
        """
        if not self.identified:
            return "not identified"
        if self._measured_noise.p_value < MISFIT_LEVEL:
            return "not explained"
        surer = (1 + self.level) / 2  # a finding is a stronger claim than an interval
        traced, bounded = self._traced(2, surer)
        width = np.abs(traced - self._both).max(axis=0)
        either = all(self._profile.misfit(best) <= self._threshold(2, surer) for best in self._alone)
        apart = bounded and (not either or bool((width <= self.resolution).all()))
        return "separable" if apart else "not separable"

    def contains(self, gamma_error: float, offset_error: float, *, level: float | None = None) -> bool:
        """Whether the joint region holds this pair of errors; that at `level`, or at the level of this answer."""
        z = np.array([gamma_error, offset_error]) / self._profile.scale
        return bool(self._profile.misfit(z) <= self._threshold(2, self.level if level is None else level))

    def summary(self) -> str:
        """The finding in words for the person who trained the ladder."""
        r_min = self._profile.scale[OFFSET]

        def gamma_words(error: ErrorEstimate) -> str:
            return f"{100 * error.estimate / self.gamma:+.1f} % {_range(error, 100 / self.gamma)}"

        def offset_words(error: ErrorEstimate) -> str:
            return f"{100 * error.estimate / r_min:+.1f} % {_range(error, 100 / r_min)}"

        ending = {
            "separable": "The ladder tells the two apart.",
            "not separable": "The ladder cannot tell the two apart: it is too short or too noisy.",
            "not explained": "No pair of such errors explains how the curves differ; part of it has another cause.",
            "not identified": "The ladder is too small to say anything about both at once.",
        }[self.status]
        return (
            f"If only the horizons are wrong: gamma = {self.gamma:.4g} is off by {gamma_words(self.gamma_alone)}. "
            f"If only the offset is wrong: L_hat = {self.offset:.5g} is off by {offset_words(self.offset_alone)} of "
            f"the smallest reducible loss. If both may be: gamma {gamma_words(self.gamma_error)}, L_hat "
            f"{offset_words(self.offset_error)}. {ending}"
        )


def _range(error: ErrorEstimate, factor: float) -> str:
    low, high = (f"{factor * v:+.1f}" if math.isfinite(v) else "no limit" for v in (error.low, error.high))
    return f"({low} to {high})"


def admitted_errors(
    ladder: Ladder | Source,
    offset: float,
    *,
    shape: Shape = "power",
    mu: float | None = None,
    x_from: float = 0.1,
    level: float = 0.9,
    resolution: float = 0.05,
    kappa_within: float = KAPPA_WITHIN,
    noise_within: float = NOISE_WITHIN,
) -> AdmittedErrors:
    r"""The errors of gamma and of L_hat that would explain how a ladder's normalized curves differ.

    Fits `S = (1 + e / R) / (1 + c p^(mu eps))` (exact for two power laws; see `error_profile`) to the slopes of all
    runs, over eps, e and the level together, and maps the joint region. The module says what makes them identifiable.

    Parameters
    ----------
    ladder
        At least 2 sizes (3 for a joint answer), or a table's path, or a frame; without seeds sizes' scatter is noise.
    offset
        `L_hat`, the irreducible loss in use, below every final loss.
    shape
        `"power"` for two power laws at constant learning rate, `"common"` for any common shape.
    mu
        Exponent of tokens, > 0, if known.
    x_from
        Normalized compute from which on curves are used.
    level
        Of intervals and regions, in (0, 1).
    resolution
        Errors are told apart also where eps / gamma and e / R_min are known to within +- this.
    kappa_within, noise_within
        For `shape="common"`, with 90 % probability: the horizon of the middle size is within this factor, >= 1, of the
        compute-optimal one; at mid curve this share, 0 to 0.5, of the reducible loss is LR noise, at the most.

    Raises
    ------
    InputError
        From `curve_slopes`, or if an argument is out of its domain, or if the horizons do not grow with size.

    Examples
    --------
    >>> from scaling_collapse.theory import LossCurve
    >>> x = np.linspace(0.1, 1, 50)
    >>> horizon = lambda p: p**1.05  # compute-optimal would be p
    >>> curves = [LossCurve(run=f"{p:g}", params=p, tokens=x * horizon(p),
    ...                     loss=1 + (x * horizon(p)) ** -0.5 + p**-0.5) for p in np.geomspace(1e6, 1e8, 8)]
    >>> found = admitted_errors(Ladder(curves), offset=1.0)
    >>> found.status, round(found.gamma_error.estimate, 6)
    ('separable', 0.05)
    """
    _check(level, kappa_within, noise_within)
    slopes = curve_slopes(ladder, offset, shape=shape, mu=mu, x_from=x_from)
    return _growing(
        AdmittedErrors(slopes=slopes, offset=float(offset), level=level, resolution=resolution,
                       kappa_within=kappa_within, noise_within=noise_within)
    )  # fmt: skip


def _check(level: float, kappa_within: float, noise_within: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"admitted_errors needs `level` between 0 and 1; got {level:g}. Use 0.9 for 90 %.")
    if not (math.isfinite(kappa_within) and kappa_within >= 1):
        raise InputError(f"admitted_errors needs `kappa_within` >= 1; got {kappa_within:g}. Use 10 for a factor of 10.")
    if not 0 <= noise_within <= 0.5:
        raise InputError(f"admitted_errors needs `noise_within` from 0 to 0.5; got {noise_within:g}. Use 0.2 for 20 %.")


def _growing(found: AdmittedErrors) -> AdmittedErrors:
    if not found.gamma > 0:
        raise InputError(
            f"admitted_errors needs horizons that grow with size; got t* ~ p^{found.gamma:.3g}. Set `horizon_tokens` "
            "to the compute-optimal horizon of each size."
        )
    return found
