import json

import numpy as np
import pytest
from empirical_ladders import two_term
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_collapse import InputError
from scaling_collapse.empirical import fit_horizon, read_curves
from scaling_collapse.empirical.pictures.horizon_picture import draw_horizon
from scaling_collapse.theory import Ladder, LossCurve


@settings(max_examples=15)
@given(st.floats(0.25, 0.8), st.floats(0.25, 0.8), st.floats(0.3, 3))
def test_the_two_term_optimum_comes_back(mu, nu, a):
    ladder, gamma, _ = two_term(mu, nu, a)
    fit = fit_horizon(ladder)
    assert fit.gamma == pytest.approx(gamma, abs=0.02)
    p = np.median(ladder.sizes)
    best = min(ladder.sizes, key=lambda q: abs(np.log(q / p)))
    # The stretch of the middle size contains its exact optimum.
    exact = 6 * best * (mu * a / nu) ** (1 / mu) * best**gamma
    assert 0.5 < float(fit.optimal_compute(best)) / exact < 2


def test_intervals_hold_the_truth_under_noise():
    hits, widths = 0, []
    for seed in range(30):
        ladder, gamma, _ = two_term(noise=1e-2, L0=0.0, seed=seed)
        fit = fit_horizon(ladder)
        hits += fit.gamma_interval[0] < gamma < fit.gamma_interval[1]
        widths.append(np.ptp(fit.gamma_interval))
    assert 24 <= hits <= 30  # 90 % of 30, give or take twice its standard deviation
    assert np.median(widths) < 0.06


def test_forms_of_the_result_agree():
    fit = fit_horizon(two_term()[0])
    p = 5e5
    assert float(fit.optimal_compute(p)) == pytest.approx(1e15 * (p / fit.scale) ** fit.exponent)
    assert float(fit.optimal_compute(p)) == pytest.approx(6 * p * fit.kappa * p**fit.gamma)


def test_the_json_is_strict():
    fit = fit_horizon(two_term()[0])
    found = json.loads(json.dumps(fit.to_json(), allow_nan=False))
    assert found["gamma_interval"] == list(fit.gamma_interval)
    assert found["sizes"][0] == {
        "params": 1e4,
        "status": "end of the ladder",
        "low": fit.sizes[0].low,
        "high": fit.sizes[0].high,
        "optimal_compute": None,
    }


def test_sizes_are_refused_by_name():
    ladder, *_ = two_term()
    bad = ladder.curves[4]
    worse = LossCurve(run="worse", params=bad.params, tokens=bad.tokens, loss=bad.loss * 1.2)
    fit = fit_horizon(Ladder([c for c in ladder if c is not bad] + [worse]))
    assert [s.status for s in fit.sizes].count("used") == 6
    assert fit.sizes[4].status == "never on the frontier"
    assert {fit.sizes[0].status, fit.sizes[-1].status} == {"end of the ladder"}
    with pytest.raises(InputError, match=r"at least 3 sizes with a stretch .* got \d \(.*still best when its runs end"):
        fit_horizon(two_term(past=1.2)[0])
    with pytest.raises(InputError, match="at least 5 sizes; got 2"):
        fit_horizon(two_term(sizes=2)[0])
    with pytest.raises(InputError, match="`level` between 0 and 1; got 2"):
        fit_horizon(ladder, level=2)
    with pytest.raises(InputError, match="`smoothing` > 0; got 0"):
        fit_horizon(ladder, smoothing=0)


def test_the_picture_is_a_png():
    assert draw_horizon(fit_horizon(two_term()[0])).startswith(b"\x89PNG")


@pytest.mark.published
def test_the_published_horizon_is_inside_the_interval(published):
    fit = fit_horizon(read_curves(published("qiu_mlp_const"), use_horizon=False))
    assert fit.gamma_interval[0] < 1.0409 < fit.gamma_interval[1]
    for p in (4e6, 16e6):
        assert float(fit.optimal_compute(p)) == pytest.approx(1e15 * (p / 1346251.6) ** 2.0409, rel=0.1)
