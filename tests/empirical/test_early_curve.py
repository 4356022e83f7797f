import numpy as np
import pytest
from extrapolation_ladders import arrays
from synthetic import law_ladder

from scaling_collapse.empirical.extrapolation.curve_draws import CurveDraws
from scaling_collapse.empirical.extrapolation.early_curve import (
    EarlyCurve,
    early_curve,
    prepend_draws,
    prepend_expected,
)


def test_the_early_rise_is_a_line_in_the_inverse_size():
    curves, rng = arrays(law_ladder(sizes=6, seeds=2)), np.random.default_rng(0)
    A = 0.3 + 1e5 / curves.params[:, None] + 0.05 * rng.standard_normal((6, 2))  # of every run, at one x
    early = [1.9 + (r[:, :1] - 1.9) * np.exp(rise[:, None]) for r, rise in zip(curves.runs, A, strict=True)]
    found = early_curve(curves, early, 1.9, 4e7)
    (slope, intercept), means, t = np.polyfit(1 / curves.params, A.mean(axis=1), 1), A.mean(axis=1), 1 / curves.params
    variance = ((means - intercept - slope * t) ** 2).sum() / 4
    leverage = 1 / 6 + (1 / 4e7 - t.mean()) ** 2 / ((t - t.mean()) ** 2).sum()
    assert found.rise == pytest.approx([intercept + slope / 4e7])
    assert found.error == pytest.approx([np.sqrt(variance * (1 + leverage))])
    assert found.run_error == pytest.approx([np.sqrt(A.var(axis=1, ddof=1).mean())])
    assert found.dof == 4


def test_the_early_part_joins_the_curve():
    rise, error, run_error = np.array([1.0, 0.5]), np.array([0.02, 0.01]), np.array([0.3, 0.1])
    early = EarlyCurve(rise=rise, error=error, run_error=run_error, dof=6)
    np.testing.assert_allclose(prepend_expected(early, np.array([3.0, 2.5]), 2.0), [2 + np.e, 2 + np.exp(0.5), 3, 2.5])
    n = 20000
    ones = np.ones((n, 1))
    draws = CurveDraws(
        expected=3.0 * ones, single=4.0 * ones, L0=np.full(n, 1.0), a=np.ones(n), b=np.ones(n), offset=np.full(n, 2.0)
    )  # fmt: skip
    whole = prepend_draws(early, draws, np.random.default_rng(0))
    expected, single = np.log(whole.expected[:, :2] - 2), np.log((whole.single[:, :2] - 2) / 2)
    np.testing.assert_allclose(expected.mean(axis=0), rise, atol=0.001)
    np.testing.assert_allclose(expected.std(axis=0), error * np.sqrt(6 / 4), rtol=0.05)  # Student's t of 6 degrees
    np.testing.assert_allclose((single - expected).std(axis=0), run_error, rtol=0.05)
    np.testing.assert_array_equal(whole.single[:, 2:], draws.single)
