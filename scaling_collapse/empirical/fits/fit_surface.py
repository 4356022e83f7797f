r"""`fit_loss_surface`: the law of loss over parameters and tokens from the final losses of runs of several sizes and
horizons.

    L(N, D) = L0 + (U^(1/k) + V^(1/k))^k,   U = A N^-a,   V = B D^-b,

the plain sum (k = 1) and the coupled form (k fitted). Each is fitted (`surface_solution`), its scatter is estimated
(`surface_scatter`) and it is asked for every size from the others (`surface_fit`); the one that predicts them best
gives the numbers, and both give the bands, by their predictive weights.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...common import Array, InputError, Source, count
from ...theory import Ladder
from .intervals import LEVEL, UNKNOWN, Interval
from .loss_surface import LossSurface, SurfaceDraws, SurfaceStatus
from .surface_fit import FormFit, FormScore, draw_laws, fit_form, left_out_errors
from .surface_law import FORMS, SurfaceLaw
from .surface_points import SurfacePoints, constant_rate, surface_points
from .surface_profile import profile_intervals
from .surface_scatter import Spread
from .surface_solution import HIGHEST, LOWEST, as_law

__all__ = ["fit_loss_surface", "fit_points"]

LEAST_SIZES, LEAST_TO_LEAVE_OUT = 3, 4
SEPARATED = 0.15
"""Root mean square distance of ln D from its line in ln N, below which N and D are one variable."""
WIDEST = 10.0
"""Factor that the interval of an exponent may span."""
BIG_MISFIT = 2.0
"""Misfit over what repeats explain, from which on it is said."""


class _Candidate(NamedTuple):
    fit: FormFit
    score: FormScore
    q: Array
    spread: Spread


def fit_loss_surface(ladder: Ladder | Source, *, level: float = LEVEL, draws: int = 1000, seed: int = 0) -> LossSurface:
    r"""Fit the loss over parameters and tokens to the ends of runs.

    Parameters
    ----------
    ladder
        Runs of one schedule, at least 3 sizes, some at several horizons; or the path of a table, or a frame. Where the
        rate decays only the ends of runs are used; at a constant rate points on the way too.
    level
        Coverage of intervals, in (0, 1).
    draws, seed
        Draws behind intervals and bands, >= 200, and the seed of their random numbers.

    Returns
    -------
    LossSurface
        With a status: what cannot be told apart is not a plausible number.

    Raises
    ------
    InputError
        If an argument is out of its domain, or the runs have several schedules.

    References
    ----------
    Hoffmann et al. 2022 (arXiv 2203.15556), approach 3: the sum and the objective. Kaplan et al. 2020 (arXiv
    2001.08361), eq. 1.5: the coupling.

    Examples
    --------
    >>> from scaling_collapse.theory import LossCurve
    >>> def run(N, M):
    ...     loss = 1.7 + 400 * N**-0.34 + 410 * (M * N) ** -0.28
    ...     return LossCurve(run=f"{N:g}x{M}", params=N, tokens=[M * N / 2, M * N], loss=[9, loss], schedule="linear")
    >>> fit = fit_loss_surface([run(N, M) for N in (1e7, 3e7, 1e8, 3e8) for M in (5, 20, 80)])
    >>> fit.status, fit.form, round(float(fit.law.L0), 3), round(float(fit.law.b), 3)
    ('ok', 'sum', 1.7, 0.28)
    """
    if not 0 < level < 1:
        raise InputError(f"fit_loss_surface needs a `level` between 0 and 1; got {level}. Use 0.9, for example.")
    if draws < 200:
        raise InputError(f"fit_loss_surface needs at least 200 `draws`; got {draws}. Use 1000, for example.")
    ladder = Ladder.of(ladder)
    ladder.require_one_schedule("fit_loss_surface")
    found = fit_points(surface_points(ladder), level=level, draws=draws, seed=seed)
    return replace(found, notes=(*found.notes, _about_points(ladder)))


def fit_points(points: SurfacePoints, *, level: float = LEVEL, draws: int = 1000, seed: int = 0) -> LossSurface:
    """The same from points; see `fit_loss_surface`."""
    reason = _without_fit(points)
    if reason is not None:
        return _nothing(points, level, *reason)
    rng = np.random.default_rng(seed)
    candidates = _candidates(points, draws, rng)
    best = candidates[0]
    laws = as_law(best.q, best.fit.task.centre)
    intervals = {name: _interval(values, level) for name, values in laws._asdict().items()}
    if not _exponents_known(best, level):
        return replace(
            _nothing(
                points, level, "exponents not identified",
                "The points do not tell the exponents: add sizes, or horizons further apart.",
            ),
            form=best.fit.form, scores=tuple(c.score for c in candidates), misfit=best.score.misfit,
        )  # fmt: skip
    law, typical = best.fit.law, best.fit.scatter.at(0.5)
    width = intervals["L0"][1] - intervals["L0"][0]
    return LossSurface(
        status="ok" if width <= points.loss.min() - law.L0 else "L0 not identified",
        form=best.fit.form,
        law=law,
        intervals=intervals,
        profile=profile_intervals(best.fit, points.size_index, level),
        level=level,
        objective=best.fit.objective,
        misfit=best.score.misfit,
        point_scatter=float(typical.point),
        level_scatter=float(typical.level),
        scores=tuple(c.score for c in candidates),
        points=points,
        notes=_about_fit(points, candidates),
        draws=_mixed(candidates, draws, rng),
    )


def _without_fit(points: SurfacePoints) -> tuple[SurfaceStatus, str] | None:
    """Why these points give no law, whatever its numbers."""
    sizes = points.sizes
    if points.loss.min() <= 0:
        return "losses not positive", "The law is fitted to logarithms of losses, which must be > 0."
    if sizes.size >= 2:
        n, d = np.log(points.N), np.log(points.D)
        slope, intercept = np.polyfit(n, d, 1)
        if np.sqrt(np.mean((d - intercept - slope * n) ** 2)) < SEPARATED:
            return "N and D not separated", (
                f"Tokens are one power of parameters throughout (D ~ N^{slope:.2f}), so that the effects of N and D "
                "cannot be separated: train some sizes at other horizons, twice as long and half as long."
            )
    if sizes.size < LEAST_SIZES or points.N.size <= 5:
        return "too few points", (
            f"A law of five numbers needs 3 sizes and 6 pairs of size and horizon; there are {sizes.size} and "
            f"{points.N.size}. Add runs."
        )
    compute = points.N * points.D
    if points.loss[compute.argmax()] >= points.loss[compute.argmin()]:
        return "not a decreasing law", "The run of most compute ends no lower than that of least compute."
    return None


def _nothing(points: SurfacePoints, level: float, status: SurfaceStatus, note: str) -> LossSurface:
    """The data alone: nothing is claimed."""
    unknown = SurfaceLaw(*[np.array(math.nan)] * 6)
    return LossSurface(
        status=status,
        law=unknown,
        intervals=dict.fromkeys(SurfaceLaw._fields, UNKNOWN),
        level=level,
        points=points,
        notes=(note,),
    )


def _candidates(points: SurfacePoints, draws: int, rng: np.random.Generator) -> list[_Candidate]:
    """The forms that the points can carry, the best first."""
    fits = [fit for form in FORMS if (fit := fit_form(points, form)) is not None]
    enough = points.sizes.size >= LEAST_TO_LEAVE_OUT
    left_out = [left_out_errors(points, fit) if enough else ([], math.nan) for fit in fits]
    densities = np.array([density for _, density in left_out])
    if np.isnan(densities).all():  # too few points to leave a size out: forms weigh alike
        densities_of_all = np.zeros(len(fits))
        order = np.argsort([(fit.residuals**2).sum() / fit.scatter.dof for fit in fits])
    else:  # a form that some size leaves with too few points cannot be judged, and does not count
        densities_of_all = np.where(np.isnan(densities), -np.inf, densities) * points.sizes.size
        order = np.argsort(-densities_of_all)
    weights = np.exp(densities_of_all - densities_of_all.max())
    weights /= weights.sum()
    found = []
    for i in order:
        q, spread = draw_laws(fits[i], points, draws, rng)
        found.append(_Candidate(fits[i], _scored(fits[i], left_out[i], float(weights[i])), q, spread))
    return found


def _scored(fit: FormFit, left_out: tuple[list[Array], float], weight: float) -> FormScore:
    errors, density = left_out
    return FormScore(
        form=fit.form,
        objective=fit.objective,
        misfit=float(np.sqrt(np.mean(fit.residuals**2))),
        left_out_error=float(np.sqrt(np.mean(np.concatenate(errors) ** 2))) if errors else math.nan,
        largest_left_out=float(np.expm1(errors[-1].mean())) if errors else math.nan,
        score=density,
        weight=weight,
    )


def _exponents_known(candidate: _Candidate, level: float) -> bool:
    """Whether the intervals of both exponents end, and within a factor of `WIDEST`."""
    for i in (2, 4):
        low, high = _interval(candidate.q[:, i], level)
        if low <= LOWEST[i] + 1e-6 or high >= HIGHEST[i] - 1e-6 or high - low > math.log(WIDEST):
            return False
    return True


def _mixed(candidates: list[_Candidate], draws: int, rng: np.random.Generator) -> SurfaceDraws:
    """Draws of all forms, each as often as it weighs."""
    pick = rng.choice(len(candidates), size=draws, p=[c.score.weight for c in candidates])
    q = np.stack([c.q for c in candidates])[pick, np.arange(draws)]
    point = np.stack([c.spread.point for c in candidates])[pick, np.arange(draws)]
    level = np.stack([c.spread.level for c in candidates])[pick, np.arange(draws)]
    return SurfaceDraws(as_law(q, candidates[0].fit.task.centre), Spread(point, level))


def _interval(values: Array, level: float) -> Interval:
    low, high = np.quantile(values, (0.5 - level / 2, 0.5 + level / 2))
    return float(low), float(high)


def _about_points(ladder: Ladder) -> str:
    if all(constant_rate(c) for c in ladder):
        return (
            "The rate is constant: points on the way count as ends of shorter runs, down to an eighth of the horizon."
        )
    return "Only the ends of runs are used: on the way there the rate has not decayed, and the loss tells little."


def _about_fit(points: SurfacePoints, candidates: list[_Candidate]) -> tuple[str, ...]:
    """Which form was chosen and why, and how far the points miss it."""
    best = candidates[0].score
    notes = []
    if len(candidates) == 1:
        notes.append("There are too few points for the coupled form: only the plain sum was fitted.")
    elif math.isnan(best.score):
        notes.append("There are too few sizes to leave one out: both forms weigh alike in bands.")
    else:
        other = candidates[1].score
        notes.append(
            f"Leaving out a size in turn, the form {best.form!r} misses it by {best.left_out_error:.2%} and "
            f"{other.form!r} by {other.left_out_error:.2%}; {best.form!r} weighs {best.weight:.0%} in bands. The "
            f"largest size, {count(points.sizes[-1])} parameters, is missed by {best.largest_left_out:+.2%}."
        )
    seeds = points.seed_scatter / math.sqrt(float(points.runs.mean()))
    if points.seed_dof and best.misfit > BIG_MISFIT * seeds:
        notes.append(
            f"The points miss the law by {best.misfit:.2%}, {best.misfit / seeds:.1f} times what repeats explain: "
            "levels of sizes, or another form."
        )
    return tuple(notes)
