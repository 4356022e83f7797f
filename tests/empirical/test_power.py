"""What a ladder could have seen: the noncentral t against simulation, and each smallest error against its ladder."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic import law_ladder

from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.empirical.collapse.evidence import evidence_at
from scaling_collapse.empirical.collapse.power import power_of, power_of_trend, smallest_shift


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5, -2.5, 4.0])
@pytest.mark.parametrize("dof", [2, 8, 40])
def test_the_power_is_that_of_many_draws(shift, dof):
    rng = np.random.default_rng(dof)
    t = (shift + rng.standard_normal(100_000)) / np.sqrt(rng.chisquare(dof, 100_000) / dof)
    for chance in (0.05, 0.01):
        seen = (np.abs(t) > stats.t.ppf(1 - chance / 2, dof)).mean()
        assert power_of_trend(shift, dof, chance=chance) == pytest.approx(seen, abs=0.006)


@pytest.mark.parametrize("dof", [1, 2, 10, 100])
def test_the_smallest_shift_has_the_power_that_is_asked_for(dof):
    for probability in (0.5, 0.9):
        shift = smallest_shift(dof, probability=probability)
        assert power_of_trend(shift, dof) == pytest.approx(probability, abs=1e-9)
    assert smallest_shift(1000) == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.9), abs=0.01)


def found_at(offset, **options):
    return evidence_at(
        curves_on_grid(law_ladder(**{"points": 100, "noise": 0.01, "fast": 0.01} | options), None), offset
    )


def test_a_known_offset_leaves_noise_alone():
    found = found_at(2.0)
    power = power_of(found, (), np.array([0.03, 0.01, 0.02]))
    shift = smallest_shift(found.trend.dof, measured=True)
    assert power.gamma_error == power.gamma_error_at_offset
    assert power.gamma_error == pytest.approx(shift * found.trend.error / found.trend.exponent)
    assert power.level_error == pytest.approx(shift * 0.02)


def test_what_is_not_known_of_the_offset_is_added():
    found = found_at(2.0)
    alone = power_of(found, (), np.empty(0))
    both = power_of(found, [found_at(1.9), found_at(2.05)], np.empty(0))
    moved = max(abs(found_at(L0).trend.gamma_error - found.trend.gamma_error) for L0 in (1.9, 2.05))
    error = found.trend.error / found.trend.exponent
    by_offset = moved / stats.t.ppf(0.95, found.trend.dof)
    assert both.gamma_error == pytest.approx(alone.gamma_error * math.hypot(1, by_offset / error))
    assert both.gamma_error_at_offset == alone.gamma_error
    assert math.isnan(both.level_error)


def test_an_offset_off_by_the_smallest_error_makes_the_smallest_shift():
    found = found_at(2.0, noise=1e-4, fast=1e-4)
    error = power_of(found, (), np.empty(0)).offset_error
    moved = abs(found_at(2.0 - error, noise=1e-4, fast=1e-4).trend.slope - found.trend.slope)
    assert moved / found.trend.error == pytest.approx(smallest_shift(found.trend.dof), rel=0.05)


@pytest.mark.parametrize("options", [{"seeds": 3}, {"sizes": 5, "noise": 0.02}])
def test_a_drift_of_the_smallest_size_shows_nine_times_in_ten(options):
    """Curves of larger sizes less steep by the slope that the smallest error makes, `-b eps / gamma`, drawn anew."""
    smallest = np.median(
        [power_of(found_at(2.0, rng=rng, **options), (), np.empty(0)).gamma_error for rng in range(20)]
    )
    seen = []
    for rng in range(150):
        curves = curves_on_grid(law_ladder(points=100, fast=0.01, rng=rng, **{"noise": 0.01} | options), None)
        z = (curves.log_p - curves.log_p.mean())[curves.size_index, None]
        R = curves.L - 2.0
        l = 1 + (R / R[:, -1:] - 1) * np.exp(-0.2 * smallest * z)  # reducible losses fall as C^-0.2
        trend = evidence_at(replace(curves, L=2.0 + R[:, -1:] * l), 2.0).trend
        seen.append(abs(trend.t) > stats.t.ppf(0.975, trend.dof))
    assert np.mean(seen) == pytest.approx(0.9, abs=0.07)


def test_one_seed_or_nothing_normalized_says_nothing():
    one = found_at(2.0, sizes=2, seeds=1)
    for found in (None, one):
        power = power_of(found, (), np.empty(0))
        assert np.isnan(list(vars(power).values())).all()
