"""Fits of schedule laws find the truth, in any unit of time, and claim nothing from too few points."""

import math

import numpy as np
import pytest
from law_cases import SCHEDULES, UNITS, T, noise_at, prepared_for, rates_at

from scaling_collapse.sgd_noise_model.laws import LAWS
from scaling_collapse.sgd_noise_model.laws.law_solution import solve_law
from scaling_collapse.sgd_noise_model.laws.rates import Units

FITTED = ("constant", "cosine", "step", "warm-up and decay")


def _truth(law):
    """Numbers off every starting point."""
    names = [p.name for p in law.parameters]
    known = {
        "L0": math.log(2.0), "A": math.log(0.2), "a": math.log(0.4), "C": math.log(0.08), "q": 0.15,
        "b": 0.6, "f": -0.5, "lag": -4.0, "memory": math.log(0.1),
        "B": math.log(0.1), "beta": math.log(0.4), "g": 0.4, "c": math.log(0.3),
        "kappa": 0.5, "nu": 0.0, "k": -0.5, "w": -4.0, "h": -1.5,
        "D": math.log(0.05), "G": math.log(0.01), "step": math.log(2e-4),
    }  # fmt: skip
    if law.name == "multi-power":
        known["C"] = math.log(50.0)
    if law.name != "momentum":
        known["memory"] = -1.2
    return np.array([known[n] for n in names])


def _solve(law, prepared, losses, z):
    return solve_law(law, prepared, [np.log(y) for y in losses], [v >= 0.05 for v in z])


def test_the_fit_finds_the_truth(law):
    """Without noise, fitted losses within 1e-4 of the true ones, also for schedules that were not fitted."""
    theta = _truth(law)
    prepared = [prepared_for(law, n) for n in FITTED]
    z = [rates_at(SCHEDULES[n]).z[1:] for n in FITTED]
    solution = _solve(law, prepared, [law.losses(theta, p)[0] for p in prepared], z)
    assert solution.converged
    assert len(solution.starts) == law.starts_per_fit
    for name in SCHEDULES:
        late = rates_at(SCHEDULES[name]).z[1:] >= 0.05
        new = prepared_for(law, name)
        error = np.log(law.losses(solution.theta, new)[0] / law.losses(theta, new)[0])[late]
        assert np.abs(error).max() < (1e-4 if name in FITTED else 5e-4)
    if not any(p.prior for p in law.parameters):
        np.testing.assert_allclose(solution.theta, theta, atol=1e-3)
        assert solution.objective < 1e-12
    values = solution.values
    assert list(values) == [p.name for p in law.parameters]
    if law.name == "response":
        assert 0 < values["f"] < 1


def test_the_fit_does_not_know_the_unit_of_time(law, trunk):
    """Steps or tokens, a million to a step: the same parameters."""
    theta = _truth(law)
    units = Units(UNITS.eta, UNITS.tau * 1e6)
    tokens = type(law)(units, trunk) if law.needs_trunk else type(law)(units)
    prepared = [prepared_for(law, n) for n in FITTED]
    noise = noise_at() if law.hindsight else None
    scaled = [tokens.prepare(rates_at(SCHEDULES[n], T * 1e6, units, noise_trace=noise)) for n in FITTED]
    rng = np.random.default_rng(3)
    losses = [law.losses(theta, p)[0] * np.exp(3e-4 * rng.standard_normal(T.size)) for p in prepared]
    z = [rates_at(SCHEDULES[n]).z[1:] for n in FITTED]
    ours, theirs = _solve(law, prepared, losses, z), _solve(tokens, scaled, losses, z)
    for p, q in zip(prepared, scaled, strict=True):
        np.testing.assert_allclose(law.losses(ours.theta, p)[0], tokens.losses(theirs.theta, q)[0], rtol=1e-6)
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)


def test_the_fit_bears_outliers():
    law = LAWS["one-power"](UNITS)
    theta = _truth(law)
    prepared = [prepared_for(law, n) for n in FITTED]
    z = [rates_at(SCHEDULES[n]).z[1:] for n in FITTED]
    rng = np.random.default_rng(4)
    losses = [law.losses(theta, p)[0] * np.exp(2e-4 * rng.standard_normal(T.size)) for p in prepared]
    for y in losses:
        y[::20] *= 1.3
    solution = _solve(law, prepared, losses, z)
    error = np.log(law.losses(solution.theta, prepared[0])[0] / law.losses(theta, prepared[0])[0])
    assert np.abs(error[z[0] >= 0.05]).max() < 3e-4


def test_a_fit_of_too_few_points_claims_nothing():
    law = LAWS["multi-power"](UNITS)
    prepared = [prepared_for(law, "cosine")]
    mask = [np.arange(T.size) < 3]
    solution = solve_law(law, prepared, [np.log(np.full(T.size, 2.0))], mask)
    assert np.isnan(solution.theta).all()
    assert math.isnan(solution.objective)
    assert not solution.converged
