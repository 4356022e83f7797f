r"""What further seeds and sizes would do to the band of an extrapolation, from the fitted model's Fisher information.

Law and shape, linearized in L0 at its posterior mean and with the variances at their posterior means, are universal
kriging: data `y = F beta + error` with `beta = (m(x), b, L0)` unknown and the covariance V of sizes and cells known;
where offsets are apart (`offset_agreement`), the curves' has a column of its own. The new size's final loss is
`f' beta` and a level of its own, with the error variance

    var = R^2 tau^2 + f' (F' V^-1 F)^-1 f.

It depends on the design, not on the losses to come, so that seeds and sizes that do not exist yet can be put in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...common import PFLOP, Array
from .curve_noise import relative_kernel
from .ladder_curves import LadderCurves
from .offset_agreement import OffsetAgreement
from .shape_models import KERNEL_LENGTH

__all__ = ["Design", "PlanRow", "final_loss_variance", "plan"]


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One way of spending more compute, and the band of the final loss that it would leave.

    Parameters
    ----------
    action
        In words.
    runs
        Runs to add.
    compute
        What they cost, FLOPs.
    width
        Predicted width of the band of one run's final loss, loss.
    expected_width
        The same without the run's own noise, which no further run can reduce.
    """

    action: str
    runs: int
    compute: float
    width: float
    expected_width: float


@dataclass(frozen=True, kw_only=True)
class Design:
    """A ladder that could be run.

    Parameters
    ----------
    action
        How it comes from the ladder that was run, in words.
    runs, cost
        Runs to add, and their compute in PFLOPs.
    params, C, seeds
        Of each size, shape (sizes,): parameters, compute at the horizon (PFLOPs) and runs.
    """

    action: str
    runs: int = 0
    cost: float = 0.0
    params: Array
    C: Array
    seeds: Array


def plan(found: OffsetAgreement, params: float, C: float, level: float) -> tuple[PlanRow, ...]:
    """The table, its first row the ladder as it is.

    Parameters
    ----------
    found
        The fitted model.
    params, C
        The size to predict and its compute in PFLOPs.
    level
        Coverage of the bands.
    """
    from scipy.special import ndtri

    quantile = 2.0 * float(ndtri(0.5 + level / 2))
    rows = []
    for design in _designs(found.shape.curves, params):
        expected, own = final_loss_variance(found, params, C, design)
        rows.append(
            PlanRow(
                action=design.action,
                runs=design.runs,
                compute=design.cost * PFLOP,
                width=quantile * math.sqrt(expected + own),
                expected_width=quantile * math.sqrt(expected),
            )
        )
    return tuple(rows)


def _designs(curves: LadderCurves, params: float) -> list[Design]:
    """The ladder as it is, with more seeds, and with one more size, whose compute follows the ladder's own."""
    p, C, n = curves.params, curves.C, curves.seeds
    usual = max(1, round(float(np.median(n))))
    exponent, intercept = np.polyfit(np.log(p), np.log(C), 1)
    ratio = (p[-1] / p[0]) ** (1.0 / (p.size - 1))

    def with_seeds(action: str, more: Array) -> Design:
        return Design(action=action, runs=int(more.sum()), cost=float(more @ C), params=p, C=C, seeds=n + more)

    def with_size(name: str, size: float) -> Design:
        cost = math.exp(intercept + exponent * math.log(size))
        return Design(
            action=f"{name}, {size:.3g} ({usual} seed{'s' if usual > 1 else ''})",
            runs=usual,
            cost=usual * cost,
            params=np.append(p, size),
            C=np.append(C, cost),
            seeds=np.append(n, usual),
        )

    designs = [
        Design(action="the ladder as it is", params=p, C=C, seeds=n),
        with_seeds("one more seed at every size", np.ones(p.size)),
        with_seeds("one more seed at the largest size", (p == p[-1]).astype(np.float64)),
        with_seeds("twice as many seeds", n),
    ]
    if p[-1] * ratio < params:
        designs.append(with_size("the next size", p[-1] * ratio))
    elif p[-1] * 1.05 < params:
        designs.append(with_size("a size half way", math.sqrt(p[-1] * params)))
    return [*designs, with_size("a smaller size", p[0] / ratio)]


def final_loss_variance(found: OffsetAgreement, params: float, C: float, design: Design) -> tuple[float, float]:
    """Variance of the new size's expected final loss under a design, and that of one run about it."""
    shape, levels, weights = found.shape, found.levels, found.weights
    curves, h, v = shape.curves, shape.hypotheses, shape.curves.grid.v
    p, seeds, k, m = design.params, design.seeds, design.params.size, v.size
    L0, b = float(weights @ levels.L0), levels.mean_of_b(weights)
    zeta = np.array([shape.mean(h.zeta)])
    middle = float(np.log(curves.C).mean())
    ln_m = (np.log(curves.means - L0) @ curves.grid.average.T).mean(axis=0)
    ln_c = np.log(design.C) - middle
    R = np.exp(ln_m - b * ln_c[:, None])  # (sizes, m)
    end = np.log(curves.means[:, -1] - L0).mean()
    c_new = math.log(C) - middle
    R_new = math.exp(end - b * c_new)

    level = found.scatter**2
    run = levels.root_mean_square(weights, levels.noise) ** 2 + found.sizes.last**2
    K, Q = relative_kernel(v, KERNEL_LENGTH), shape.mean(h.noise) * shape.noise.Q
    if not shape.noise.dof:
        Q = Q * 1e-3  # the level has it
    misfit, drift = shape.mean(h.misfit**2), shape.mean(h.drift**2)
    z = curves.drift_size(p, zeta)[0]
    less = np.eye(m) - np.eye(m)[-1]  # what a shape is: less its value at the last cell
    V = np.kron(misfit * np.eye(k) + drift * np.outer(z, z), less @ K @ less.T) + np.kron(np.diag(1.0 / seeds), Q)
    V += np.kron(level * np.eye(k), np.ones((m, m)))
    by_level = np.repeat(1.0 / R[:, -1], m)
    by_shape = (1.0 / R).ravel() - by_level
    offsets = [by_level + by_shape] if found.joined else [by_level, by_shape]
    F = np.column_stack([np.tile(np.eye(m), (k, 1)), -np.repeat(ln_c, m), *offsets])
    f = np.concatenate([R_new * np.eye(m)[-1], [-c_new * R_new, 1.0], [0.0] * (len(offsets) - 1)])
    # Columns of very different size: scaled, so that the inverse keeps its digits.
    scale = np.sqrt((F**2).sum(axis=0))
    G = np.linalg.solve(np.linalg.cholesky(V + 1e-12 * np.eye(k * m)), F / scale)
    left = f / scale
    variance = R_new**2 * level + left @ np.linalg.solve(G.T @ G, left)
    return float(max(variance, 0.0)), float(R_new**2 * run)
