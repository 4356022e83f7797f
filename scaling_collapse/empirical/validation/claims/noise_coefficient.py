r"""The coefficient of the noise law: theory's 1/4 against the one that the curves want, in both forms of the law.

The Lyapunov balance gives an excess loss of `eta Tr Sigma / 4`. Between a decayed and a constant-rate run at equal tau,

- published form: `L - L_const = c (s - 1) Tr Sigma`, the run's own trace, as if both runs had the same;
- balance form: `L - L_const = c (s Tr Sigma - Tr Sigma_const)`, what the balance itself says.

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....common import Array, InputError, huber, local_regression
from ....sgd_noise_model import calibrate
from ....sgd_noise_model.laws.noise_law import NoiseLaw
from ....sgd_noise_model.laws.trunk import NOISE_WIDTH
from ...fits.intervals import jackknife
from ..pool import Pool
from ..row import Row, agreement, not_applicable
from .claim import Evidence, Subject

__all__ = ["BALANCE", "NAME", "PUBLISHED", "SUBJECT", "rows"]

NAME = "noise coefficient"
SUBJECT = Subject.POOL
PUBLISHED, BALANCE = f"{NAME}, published form", f"{NAME}, balance form"
THEORY = 0.25

Runs = list[tuple[Array, Array, Array]]  # loss, constant-rate loss, direction in which c moves it


def rows(pool: Pool, evidence: Evidence) -> list[Row]:
    """Theory's coefficient against the fitted one, a row for each form."""
    reason = pool.lacks if pool.lacks and not pool.schedules else None
    try:
        runs = None if reason else _prepared(pool)
    except InputError as error:
        reason, runs = str(error).rstrip("."), None
    if runs is None:
        return [not_applicable(claim, pool.name, str(reason)) for claim in (PUBLISHED, BALANCE)]
    fits = [(jackknife(lambda keep, r=form: _coefficient([r[i] for i in keep]), len(form)), form) for form in runs]
    errors = [_error(value, form) for (value, _), form in fits]
    found = []
    for claim, ((value, interval), _), own, other in zip(
        (PUBLISHED, BALANCE), fits, errors, reversed(errors), strict=True
    ):
        note = (
            f"{value / THEORY - 1:+.0%} from 1/4. {len(runs[0])} runs, their own traces read (hindsight); mean "
            f"error {own:.3%} after decay began, against {other:.3%} with the other form."
        )
        verdict = agreement(THEORY, (THEORY, THEORY), value, interval)
        found.append(
            Row(claim=claim, table=pool.name, prediction=THEORY, measurement=value, measurement_interval=interval,
                verdict=verdict, note=note)
        )  # fmt: skip
    return found


def _prepared(pool: Pool) -> tuple[Runs, Runs]:
    """Every decayed run after decay began, for the published and for the balance form."""
    sizes = {c.params for c in pool.constant if c.noise_trace is not None}
    usable = [c for c in pool.runs if c.params in sizes or len(sizes) > 1]
    if not sizes or not any(c.noise_trace is not None for runs in pool.schedules.values() for c in runs):
        raise InputError("the noise law needs `noise_trace` along constant-rate and along decayed runs; got none.")
    fit = calibrate(usable, law="noise", params=min(sizes))
    law = fit.model
    assert isinstance(law, NoiseLaw)
    published, balance = [], []
    for curve, rates, prepared, mask in zip(fit.curves, fit.rates, fit.prepared, fit.masks, strict=True):
        noise, z = curve.noise_trace, rates.z[rates.first :]
        size = law.trunk.sizes.get(curve.params)
        if noise is None or size is None or size.ln_noise is None or not mask.any():
            continue
        known = (noise > 0) & (curve.tokens > 0)
        ln_t, ln_noise = np.log(curve.tokens[known]), np.log(noise[known])
        own = np.exp(local_regression(ln_t, ln_noise, np.log(curve.tokens[mask]), width=NOISE_WIDTH))
        loss, base, direction = curve.loss[mask], prepared.base[mask], prepared.direction[mask]
        published.append((loss, base, direction))
        balance.append((loss, base, direction + own - law.trunk.noise(curve.params, z[mask])))
    if len(published) < 3:
        raise InputError(
            f"the noise law needs at least 3 decayed runs with `noise_trace` of sizes that have a traced constant-rate "
            f"run; got {len(published)}."
        )
    return published, balance


def _coefficient(runs: Runs) -> float:
    """The c that minimizes Huber's loss of the log residuals, each point weighing the same."""
    from scipy.optimize import minimize_scalar

    def objective(c: float) -> float:
        return sum(float(huber(np.log(loss / np.maximum(base + c * d, 1e-12))).sum()) for loss, base, d in runs)

    found: Any = minimize_scalar(objective, bounds=(1e-4, 2.0), method="bounded", options={"xatol": 1e-7})
    return float(found.x)


def _error(c: float, runs: Runs) -> float:
    """Mean relative error after decay began, each point weighing the same."""
    return float(np.concatenate([np.abs((base + c * d) / loss - 1) for loss, base, d in runs]).mean())
