"""Where final losses leave their law: one size, a change of exponent, losses that rise; not an error of horizons."""

import math

import numpy as np
import pytest

from scaling_collapse.empirical.collapse.law_misses import LEAST, law_errors, law_misses, rising_sizes
from scaling_collapse.empirical.collapse.steepness import SizeMeans

C = np.geomspace(1, 3000, 8)


def finals(R, *, noise=0.002, rng=None, L0=1.0):
    """Final losses `L0 + R` with this relative noise of R, known from 5 seeds a size."""
    moved = R if rng is None else R * np.exp(noise * np.random.default_rng(rng).standard_normal(R.size))
    return SizeMeans(mean=L0 + moved, error=noise * R, dof=4 * R.size)


LAW = 2 * C**-0.2


@pytest.mark.parametrize("known", [True, False])
def test_a_clean_law_is_not_missed(known):
    assert law_misses(C, finals(LAW), 1.0, known=known) is None
    false = sum(law_misses(C, finals(LAW, rng=rng), 1.0, known=known) is not None for rng in range(30))
    assert false <= 1


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("size", "factor"), [(2, 1.08), (5, 0.92), (3, 1.05)])
def test_the_size_off_the_law_is_named_with_its_miss(size, factor, known):
    R = LAW.copy()
    R[size] *= factor
    miss = law_misses(C, finals(R, rng=1), 1.0, known=known)
    assert (miss.kind, miss.size) == ("level", size)
    assert miss.amount == pytest.approx(factor - 1, abs=0.012)
    assert miss.errors > 5


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("after", [0.1, 0.3])
def test_a_change_of_exponent_is_named_with_its_place_and_size(after, known):
    knot = math.sqrt(C[3] * C[4])
    R = np.where(knot > C, 2 * C**-0.2, 2 * knot**-0.2 * (C / knot) ** -after)
    miss = law_misses(C, finals(R, noise=0.001, rng=2), 1.0, known=known)
    assert miss.kind == "break"
    assert miss.size in (3, 4, 5)
    if known:
        assert miss.amount == pytest.approx(after - 0.2, abs=0.02)
    else:
        assert miss.amount * (after - 0.2) > 0


def test_horizons_of_a_wrong_exponent_leave_a_law():
    """Two balanced powers with horizons off by 20 %: the finals bend, but not at a size."""
    mu, nu = 0.5, 0.5
    for error in (-0.2, 0.2):
        p = np.geomspace(1, 30, 6)
        t = p ** (nu / mu * (1 + error))
        R = t**-mu + p**-nu
        assert law_misses(p * t, finals(R, rng=3), 1.0, known=False) is None


def test_nothing_is_claimed_below_the_least():
    R = LAW.copy()
    R[3] *= 1 + 0.5 * LEAST
    assert law_misses(C, finals(R, noise=1e-5), 1.0, known=True) is None


@pytest.mark.parametrize(("sizes", "known"), [(4, True), (5, False)])
def test_too_few_sizes_say_nothing(sizes, known):
    R = LAW[:sizes].copy()
    R[2] *= 1.3
    assert law_misses(C[:sizes], finals(R), 1.0, known=known) is None
    more = LAW[: sizes + 1].copy()
    more[2] *= 1.3
    assert law_misses(C[: sizes + 1], finals(more), 1.0, known=known).size == 2


def test_unknown_noise_or_an_offset_above_the_losses_says_nothing():
    R = LAW.copy()
    R[2] *= 1.3
    one_seed = SizeMeans(mean=1 + R, error=np.full(8, math.nan), dof=0)
    assert law_misses(C, one_seed, 1.0, known=True) is None
    assert law_misses(C, finals(R), 5.0, known=True) is None


def test_the_errors_are_those_of_a_weighted_regression_without_the_size():
    noise, ln_c = 0.003, np.log(C)
    found = law_errors(C, finals(LAW, noise=noise), 1.0, known=True)
    expected = []
    for k in range(8):
        keep = np.arange(8) != k
        basis = np.column_stack([np.ones(7), ln_c[keep]])
        covariance = np.linalg.inv(basis.T @ basis) * noise**2
        at = np.array([1.0, ln_c[k]])
        expected.append(math.sqrt(at @ covariance @ at + noise**2))
    assert found == pytest.approx(expected, rel=1e-6)
    free = law_errors(C, finals(LAW, noise=noise), 1.0, known=False)
    assert (free > found * (1 - 1e-9)).all()
    assert free[-1] > 1.2 * found[-1]


def test_the_errors_are_those_of_many_draws():
    misses = []
    for rng in range(300):
        drawn = finals(LAW, noise=0.003, rng=rng).mean - 1.0
        keep = np.arange(8) != 5
        line = np.polyfit(np.log(C[keep]), np.log(drawn[keep]), 1)
        misses.append(math.log(drawn[5]) - np.polyval(line, math.log(C[5])))
    assert law_errors(C, finals(LAW, noise=0.003), 1.0, known=True)[5] == pytest.approx(np.std(misses), rel=0.1)


def test_errors_are_unknown_without_seeds_or_sizes():
    one_seed = SizeMeans(mean=1 + LAW, error=np.full(8, math.nan), dof=0)
    assert law_errors(C, one_seed, 1.0, known=True).size == 0
    assert law_errors(C[:2], finals(LAW[:2]), 1.0, known=True).size == 0
    assert law_errors(C[:3], finals(LAW[:3]), 1.0, known=False).size == 0
    assert law_errors(C, finals(LAW), math.nan, known=False).size == 0


@pytest.mark.parametrize(
    ("mean", "error", "dof", "rising"),
    [
        ([4, 3, 2, 1], 0.1, 8, ()),
        ([4, 3, 3.5, 1], 0.1, 8, (2,)),
        ([4, 3, 3.4, 1], 0.1, 8, ()),  # 2.8 standard errors
        ([4, 3, 3.5, 3.6], 0.1, 8, (2, 3)),
        ([9.0, 7.0, 5.4, 4.2, 5.5, 2.6, 2.1, 1.8, 1.6], math.nan, 0, (4,)),
        ([4, 3, 2, 9], math.nan, 0, ()),  # four sizes without seeds: what is usual is not known
    ],
)
def test_sizes_above_a_smaller_one(mean, error, dof, rising):
    means = SizeMeans(mean=np.array(mean, float), error=np.full(len(mean), error), dof=dof)
    assert rising_sizes(means) == rising
