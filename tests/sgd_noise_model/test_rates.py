"""What a law sees of a run: warm-up, jumps, gaps, gradient-flow time."""

import numpy as np
import pytest
from law_cases import SCHEDULES, T, rates_at

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model.laws.rates import Units, rates_of


def test_warm_up_that_was_not_logged_rises_from_zero():
    r = rates_at(SCHEDULES["constant"])
    assert (r.first, r.warm, r.tokens[0], r.after[0]) == (1, 1, 0.0, 0.0)
    assert r.tau[1] == pytest.approx(5.0)  # half of the first 10
    assert r.tau[-1] == pytest.approx(995.0)
    assert r.z[-1] == pytest.approx(0.995)
    assert r.constant
    assert not r.decayed.any()
    assert (r.deficit_before == 0).all()
    assert (r.deficit_after == 0).all()


def test_a_log_from_time_0_needs_no_further_knot():
    t = np.arange(11.0)
    r = rates_at(np.ones(11), t)
    assert (r.first, r.warm) == (0, 0)
    np.testing.assert_allclose(r.tau, t)
    rising = rates_at(t / 10, t)
    assert (rising.first, rising.warm) == (0, 10)
    np.testing.assert_allclose(rising.tau, t**2 / 20)
    assert rising.constant  # it ends as warm-up ends


def test_warming_up_is_no_decay():
    r = rates_at(SCHEDULES["warm-up and decay"])
    assert r.tokens[r.warm] == 150
    assert (r.deficit_before[: r.warm + 1] == 0).all()
    began = T[r.decayed][0]
    assert began == pytest.approx(710)
    assert not r.constant
    lower = rates_at(np.minimum(T / 150, 1.0) / 2)
    np.testing.assert_allclose(lower.deficit_before, 0.5)  # below the reference from its first step
    assert not lower.constant
    assert not lower.decayed.any()


def test_a_logged_warm_up_may_begin_at_zero_or_pause():
    t = np.arange(10.0, 1001.0, 10.0)
    s = np.minimum((t - 10) / 200, 1.0)
    assert rates_of("r", 1.0, t, s, Units(1.0, 1000.0)).tokens[rates_of("r", 1.0, t, s, Units(1.0, 1000.0)).warm] == 210
    s[5:8] = s[5]
    rates = rates_of("r", 1.0, t, s, Units(1.0, 1000.0))
    assert rates.tokens[rates.warm] == 210
    assert rates.constant


def test_a_rate_logged_with_a_loss_acts_after_it():
    r = rates_at(SCHEDULES["step"])
    at = int(np.flatnonzero(r.tokens == 400)[0])
    assert (r.before[at], r.after[at], r.before[at + 1]) == (1.0, 0.3, 0.3)
    assert (r.deficit_before[at], r.deficit_after[at]) == (0.0, 0.7)
    assert r.tau[at] - r.tau[at - 1] == pytest.approx(10.0)  # the old rate up to the knot
    assert r.tau[at + 1] - r.tau[at] == pytest.approx(3.0)
    assert r.tau[-1] == pytest.approx(395 + 0.3 * 300 + 0.05 * 300)
    # A smooth slide is no jump, however steep.
    slide = rates_at(np.interp(T, [0, 400, 450, 1000], [1, 1, 0.1, 0.1]))
    assert (slide.before == slide.after).all()
    assert slide.tau[-1] == pytest.approx(395 + 0.55 * 50 + 0.1 * 550)


def test_gaps_in_the_log_of_rates_are_straight_lines():
    s = SCHEDULES["linear"].copy()
    s[5:30] = np.nan
    full = rates_at(SCHEDULES["linear"])
    np.testing.assert_allclose(rates_at(s).tau, full.tau, rtol=1e-12)


def test_rates_that_no_law_can_read_are_refused_by_name():
    with pytest.raises(InputError, match=r"learning rates in column `lr`; got none for run 'run'\. Add"):
        rates_at(np.full(T.size, np.nan))
    with pytest.raises(InputError, match=r"learning rates >= 0; got -0\.0005 in run 'run'"):
        rates_at(np.where(T < 500, 1.0, -0.5))
