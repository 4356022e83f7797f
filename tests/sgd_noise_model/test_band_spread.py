"""The width of a forecast's band, part by part: each against the same sum written out, on a law made of two lines."""

import math
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from scaling_collapse.sgd_noise_model.laws.band_spread import (
    Spread,
    log_spread,
    octaves_beyond,
    reach,
    shares_of,
    spread_of,
)
from scaling_collapse.sgd_noise_model.laws.law_solution import HUBER_DELTA
from scaling_collapse.sgd_noise_model.laws.shares import ADAPTIVE, PLAIN, shares_for

EITHER = shares_for(None, 0.5)  # nobody says which, and this law has no `b` to tell

Z = np.geomspace(0.01, 4.0, 60)
ZERO = np.zeros(Z.size)


@dataclass(frozen=True)
class Rates:
    """Of a target or a calibration run, as much as the band reads."""

    z: np.ndarray = field(default_factory=lambda: Z)
    tau: np.ndarray = field(default_factory=lambda: Z)
    before: np.ndarray = field(default_factory=lambda: np.array([0.1, 0.6, 1.0, 0.5]))
    after: np.ndarray = field(default_factory=lambda: ZERO)
    deficit_before: np.ndarray = field(default_factory=lambda: ZERO)
    deficit_after: np.ndarray = field(default_factory=lambda: ZERO)
    params: float = 10.0
    first: int = 0
    warm: int = 2

    @property
    def peak(self):
        return self.before[self.warm]


class Prior(NamedTuple):
    mean: float
    sd: float


def flat_loss(z):
    return 2.0 + 0.5 * z**-0.3


class Line:
    """`L = 2 + 0.5 z^-0.3 + theta_0 z + theta_1`: what the rate would have left, and two lines."""

    peaks = False
    parameters = (SimpleNamespace(name="first", prior=None), SimpleNamespace(name="second", prior=Prior(0.0, 0.4)))

    def prepare(self, rates):
        assert (rates.before == 1).all()
        assert (rates.after == 1).all()
        assert (rates.tau == 3 * rates.z).all()
        assert not rates.deficit_before.any()
        assert not rates.deficit_after.any()
        return rates.z

    def losses(self, theta, z):
        return flat_loss(z) + theta[0] * z + theta[1], np.stack([z, np.ones_like(z)], axis=1)


class Trunk(NamedTuple):
    sizes: tuple = (8.0, 100.0)
    reach: dict = {8.0: 1.5, 100.0: 0.75}  # noqa: RUF012  # read, never written

    def loss(self, params, z):
        return flat_loss(z) * params**-0.1


def fitted(*, theta=(0.0, 0.0), trunk=None, donor=None, peaks=(1.0,), **more):
    solution = SimpleNamespace(theta=np.array(theta), curvature=np.array([[3e6, 2e5], [2e5, 1e6]]))
    runs = tuple(Rates(before=np.array([0.0, 0.0, p, 9.0])) for p in peaks)
    found = {"solution": solution, "trunk": trunk, "donor": donor, "rates": runs, "optimizer": None}
    found["units"] = SimpleNamespace(tau=3.0)
    return SimpleNamespace(model=Line(), **(found | more))


NOTHING = Spread(point=0.0, run=0.0, early=0.0, covariance=np.zeros((2, 2)))
LOSS = flat_loss(Z) - 0.1 * Z  # below what the rate would have left: it has decayed
GRADIENT = np.stack([Z, np.ones(Z.size)], axis=1)


def width(fit, spread=NOTHING, **rates):
    return log_spread(fit, spread, Rates(**rates), LOSS, GRADIENT)


def squares(*parts):
    return np.sqrt(sum(np.square(p) for p in parts))


def test_parts_add_in_squares():
    law = EITHER.law * (flat_loss(Z) - LOSS) / LOSS
    beyond = EITHER.trunk * (flat_loss(np.minimum(Z, 1.0)) - flat_loss(Z)) / LOSS  # no trunk: known to 1
    np.testing.assert_allclose(width(fitted()), squares(law, beyond), rtol=1e-12)
    covariance = np.array([[4e-6, 1e-6], [1e-6, 9e-6]])
    g = GRADIENT / LOSS[:, None]
    parameters = np.sqrt([row @ covariance @ row for row in g])
    spread = Spread(point=1e-3, run=2e-3, early=5e-3, covariance=covariance)
    share = (Z / Z[-1]) ** 2
    misfit = np.sqrt(share * 2e-3**2 + (1 - share) * 5e-3**2)
    expected = squares(law, beyond, 1e-3, misfit, parameters)
    np.testing.assert_allclose(width(fitted(), spread), expected, rtol=1e-12)
    none = Spread(
        point=0.0, run=0.0, early=0.0, covariance=-covariance
    )  # rounding can make a variance negative: it counts as 0
    np.testing.assert_allclose(width(fitted(), none), squares(law, beyond), rtol=1e-12)


def test_the_response_of_another_size_and_another_peak_count_more():
    law = EITHER.law * (flat_loss(Z) - LOSS) / LOSS
    beyond = EITHER.trunk * (flat_loss(np.minimum(Z, 1.0)) - flat_loss(Z)) / LOSS
    np.testing.assert_allclose(width(fitted(donor=3.0)), squares(EITHER.donor / EITHER.law * law, beyond), rtol=1e-12)
    far = {"before": np.array([0.0, 0.0, 8.0, 1.0])}
    np.testing.assert_allclose(width(fitted(), **far), squares(law, beyond, 3 * EITHER.peak), rtol=1e-12)
    near = {"before": np.array([0.0, 0.0, 0.25, 1.0])}
    np.testing.assert_allclose(width(fitted(), **near), squares(law, beyond, 2 * EITHER.peak), rtol=1e-12)


def test_a_size_without_a_trunk_pays_its_way_from_the_nearest():
    law = EITHER.law * (flat_loss(Z) - LOSS) / LOSS

    def beyond(end):
        return EITHER.trunk * (flat_loss(np.minimum(Z, end)) - flat_loss(Z)) / LOSS

    known = width(fitted(trunk=Trunk()), params=8.0)
    np.testing.assert_allclose(known, squares(law, beyond(1.5)), rtol=1e-12)
    for params, ratio in ((20.0, 20 / 8), (60.0, 100 / 60)):  # the nearest by ratio; known as far as the shorter trunk
        new = width(fitted(trunk=Trunk()), params=params)
        np.testing.assert_allclose(new, squares(law, beyond(0.75), EITHER.size * 0.1 * math.log(ratio)), rtol=1e-12)
    assert reach(fitted(trunk=Trunk()), Rates(params=8.0)) == 1.5
    assert reach(fitted(trunk=Trunk()), Rates(params=9.0)) == 0.75
    assert reach(fitted(), Rates()) == 1.0


@pytest.mark.parametrize(
    ("peak", "octaves"), [(8.0, 1.0), (4.0, 0.0), (3.0, 0.0), (2.0, 0.0), (0.5, -2.0), (0.0, 0.0), (-1.0, 0.0)]
)
def test_octaves_outside_the_calibrated_peaks(peak, octaves):
    target = Rates(before=np.array([7.0, 7.0, peak, 7.0]))  # at the end of warm-up
    assert octaves_beyond(fitted(peaks=(4.0, 2.0)), target) == octaves
    with_trunk = octaves_beyond(fitted(peaks=(4.0, 2.0), trunk=Trunk()), target)
    assert with_trunk == (-1.0 if peak == 0.5 else octaves)  # a trunk holds at the reference rate, 1


def calibrated(residuals, first=0):
    masks = tuple(np.arange(e.size) >= 3 for e in residuals)
    runs = tuple(Rates(z=np.r_[np.zeros(first), Z[: e.size]], first=first) for e in residuals)
    weights = tuple((Z[: e.size] / Z[e.size - 1]) ** 2 for e in residuals)
    return fitted(
        theta=(0.02, 0.01), residuals=lambda: residuals, masks=masks, weights=weights, rates=runs,
        prepared=tuple(Z[: e.size] for e in residuals),
    )  # fmt: skip


def naive_spread(residuals):
    """Point, run and covariance with loops; scores and means by half octaves of z."""
    points, scores, means, weights = [], [], [], []
    for e in residuals:
        loss = flat_loss(Z) + 0.02 * Z + 0.01
        used = range(3, e.size)
        if len(used) < 5:
            continue
        second = [(e[i] - 2 * e[i + 1] + e[i + 2]) / math.sqrt(6) for i in used[:-2]]
        points.append(np.quantile(np.abs(second - np.median(second)), 0.9) / 1.6449)
        blocks = {}
        for i in used:
            blocks.setdefault(math.floor(2 * math.log2(Z[i])), []).append(i)
        for inside in blocks.values():
            w = [(Z[i] / Z[e.size - 1]) ** 2 for i in inside]
            capped = [v * max(-HUBER_DELTA, min(HUBER_DELTA, e[i])) for v, i in zip(w, inside, strict=True)]
            scores.append(sum(c * np.array([Z[i], 1.0]) / loss[i] for c, i in zip(capped, inside, strict=True)))
            means.append(np.mean([e[i] for i in inside]))
            weights.append(np.mean(w))
    free = max(len(scores) - 2, 1)
    S = sum(np.outer(s, s) for s in scores) * len(scores) / free + np.diag([0.0, 6.25]) * HUBER_DELTA**4
    H = np.linalg.inv(np.array([[3e6, 2e5], [2e5, 1e6]]) * HUBER_DELTA**2)
    late = sum(w * m * m for w, m in zip(weights, means, strict=True)) / sum(weights)
    run, early = (math.sqrt(v * len(means) / free) for v in (late, np.mean(np.square(means))))
    return np.median(points), run, early, H @ S @ H


@pytest.mark.parametrize("first", [0, 2])
def test_what_residuals_say_is_the_sum_written_out(first):
    rng = np.random.default_rng(0)
    residuals = tuple(2e-3 * rng.standard_normal(n) + 1e-4 for n in (60, 7, 40, 8))  # of 7, 4 are fitted: too few
    found = spread_of(calibrated(residuals, first))
    point, run, early, covariance = naive_spread(residuals)
    assert found.point == pytest.approx(point, rel=1e-12)
    assert found.run == pytest.approx(run, rel=1e-12)
    assert found.early == pytest.approx(early, rel=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9)


def test_one_block_leaves_one_degree_of_freedom():
    e = np.r_[0, 0, 0, 1e-3 * np.array([1.0, -1.0, 1.0, -1.0, 2.0])]
    found = spread_of(calibrated((e,)))
    assert found.run == pytest.approx(naive_spread((e,))[1], rel=1e-12)


def test_too_few_points_say_nothing():
    found = spread_of(calibrated((np.zeros(7),)))
    assert math.isnan(found.point)
    assert math.isnan(found.run)
    assert found.covariance.shape == (2, 2)
    assert np.isnan(found.covariance).all()


def test_the_sign_of_b_tells_the_kind_of_optimizer_where_nobody_says():
    def shares(b, sd, optimizer=None):
        fit = SimpleNamespace(
            optimizer=optimizer,
            model=SimpleNamespace(parameters=(SimpleNamespace(name="L0"), SimpleNamespace(name="b"))),
            solution=SimpleNamespace(theta=np.array([0.0, b])),
        )
        return shares_of(fit, replace(NOTHING, covariance=np.diag([9.0, sd**2])))

    for name in ("law", "trunk"):
        low, high = getattr(ADAPTIVE, name), getattr(PLAIN, name)
        assert getattr(shares(2.0, 0.1), name) == pytest.approx(low, rel=0.01)
        assert getattr(shares(-2.0, 0.1), name) == pytest.approx(high, rel=0.01)
        assert getattr(shares(0.0, 0.1), name) == pytest.approx(math.sqrt((low**2 + high**2) / 2))
        ratio = math.exp(-(0.6**2) / 2 / (0.16 + 0.25)) / math.exp(-(0.2**2) / 2 / (0.16 + 0.25))
        plain = ratio / (1 + ratio)
        assert getattr(shares(0.2, 0.5), name) ** 2 == pytest.approx(plain * high**2 + (1 - plain) * low**2)
    assert shares(-2.0, 0.1, "adaptive") == ADAPTIVE
    assert shares(2.0, 0.1, "plain") == PLAIN
