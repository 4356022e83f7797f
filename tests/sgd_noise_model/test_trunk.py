"""The measured constant-rate curve: smoothing, between sizes, past its end."""

import numpy as np
import pytest
from law_cases import SCHEDULES, SIZES, T, rates_at

from scaling_collapse import InputError
from scaling_collapse.common import local_regression
from scaling_collapse.sgd_noise_model.laws.trunk import build_trunk, need_trunk
from scaling_collapse.theory import LossCurve


def test_smoothing_is_exact_for_quadratics():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 0, 300)
    y = 2 - 0.3 * x + 0.1 * x**2
    at = np.linspace(-3, 0, 50)
    for width in (0.04, 0.3):
        np.testing.assert_allclose(local_regression(x, y, at, width=width), 2 - 0.3 * at + 0.1 * at**2, rtol=1e-6)
    few = local_regression(x[:4], y[:4], x[:4], width=0.04)  # fewer points than the kernel wants
    np.testing.assert_allclose(few, y[:4], rtol=1e-5)


def test_smoothing_averages_noise():
    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(0, 1, 2000))
    noisy = x**2 + 0.01 * rng.standard_normal(x.size)
    error = local_regression(x, noisy, x, width=0.05) - x**2
    assert error.std() < 0.002
    assert error.std() > 1e-5


def test_the_trunk_between_sizes_and_past_its_ends(trunk):
    z = np.geomspace(0.01, 3.0, 40)
    for p in (*SIZES, 2e6, 8e6, 5e5):
        np.testing.assert_allclose(trunk.loss(p, z), 3 * p**-0.02 * z**-0.1, rtol=1e-5)
        np.testing.assert_allclose(trunk.noise(p, z), p**0.05 * z**-0.2 / 3, rtol=1e-5)
    assert trunk.reach == pytest.approx(dict.fromkeys(SIZES, 0.995))


def test_past_its_end_the_trunk_goes_on_as_its_last_half():
    z = rates_at(SCHEDULES["constant"]).z[1:]
    bent = np.where(z < 0.3, z**-0.5, 0.3**-0.5 * (z / 0.3) ** -0.1)
    curve = LossCurve(run="bent", params=1e6, tokens=T, loss=bent)
    trunk = build_trunk([curve], [rates_at(SCHEDULES["constant"])])
    assert trunk is not None
    assert trunk.loss(1e6, np.array([3.0]))[0] == pytest.approx(0.3**-0.5 * 10**-0.1, rel=1e-5)


def test_only_constant_runs_of_enough_points_make_a_trunk(trunk):
    def curve(s, n=T.size):
        return LossCurve(run="a", params=1e6, tokens=T[:n], loss=3 - T[:n] / 1000), rates_at(s[:n], T[:n])

    assert build_trunk(*zip(curve(SCHEDULES["cosine"]), strict=True)) is None
    assert build_trunk(*zip(curve(SCHEDULES["constant"], 11), strict=True)) is None
    bare = build_trunk(*zip(curve(SCHEDULES["constant"]), strict=True))
    assert bare is not None
    assert need_trunk(bare, 1e6, "noise", traced=False) is bare
    with pytest.raises(InputError, match="needs a calibration run at constant learning rate with `noise_trace`; got"):
        need_trunk(bare, 1e6, "traced-response", traced=True)
    with pytest.raises(InputError, match="'noise' needs a calibration run at constant learning rate; got none"):
        need_trunk(None, 1e6, "noise", traced=False)
    with pytest.raises(InputError, match=r"\(params=2000000\) or of two other sizes; got params=1000000 only"):
        need_trunk(bare, 2e6, "noise", traced=False)
    assert need_trunk(trunk, 2e6, "traced-response", traced=True).sizes.keys() == trunk.sizes.keys()
