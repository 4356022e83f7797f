"""Runs that left their siblings and last points that left their curve: each is found, and little else."""

import numpy as np
import pytest

from scaling_collapse.empirical.collapse.suspect_runs import LEAST, OUTLYING, OUTLYING_LEVEL, suspect_runs

X = np.linspace(0.1, 1.0, 181)


def healthy(*, sizes=5, seeds=5, lasting=0.01, fast=0.003, rng=0, tails=None):
    """Losses of a healthy ladder on a grid, and the size of each run."""
    rng = np.random.default_rng(rng)
    index = np.repeat(np.arange(sizes), seeds)

    def noise(*shape):
        return rng.standard_normal(shape) if tails is None else rng.standard_t(tails, shape)

    R = 2.0 ** -index[:, None] * (X**-0.5 + 1) * np.exp(lasting * noise(index.size, 1))
    return 1 + R * np.exp(fast * noise(index.size, X.size)), index


def named(L, index):
    return [(run.index, run.cause) for run in suspect_runs(X, L, index)]


@pytest.mark.parametrize("seeds", [3, 4, 5])
def test_a_run_that_left_its_siblings_is_named_with_the_place(seeds):
    for rng in range(5):
        L, index = healthy(seeds=seeds, rng=rng)
        L[seeds + 1, X >= 0.4] = 1 + 1.5 * (L[seeds + 1, X >= 0.4] - 1)
        (found,) = suspect_runs(X, L, index)
        assert (found.index, found.cause) == (seeds + 1, "seed")
        assert found.since == pytest.approx(0.4, abs=0.006)
        assert found.times > OUTLYING
        assert found.distance > LEAST


def test_a_level_that_is_off_is_named_only_where_it_is_far_off():
    L, index = healthy(fast=0.0)
    usual = np.median(np.abs((L[index == 2] - np.median(L[index == 2], axis=0)).mean(axis=1)))
    for times, expected in ((4 * OUTLYING_LEVEL, [(12, "seed")]), (0.25 * OUTLYING_LEVEL, [])):
        moved = L.copy()
        moved[12] = np.median(L[index == 2], axis=0) + times * usual
        assert named(moved, index) == expected


def test_a_diverged_run_and_a_last_point_are_told_apart_and_both_named():
    L, index = healthy()
    L[7, X >= 0.6] = 9.5
    L[16, -1] = 1 + 1.15 * (L[16, -1] - 1)
    assert set(named(L, index)) == {(7, "seed"), (16, "endpoint")}
    times = [run.times for run in suspect_runs(X, L, index)]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
@pytest.mark.parametrize("factor", [1.15, 0.85])
def test_a_last_point_is_seen_with_any_number_of_seeds(seeds, factor):
    L, index = healthy(seeds=seeds)
    L[seeds, -1] = 1 + factor * (L[seeds, -1] - 1)
    (found,) = suspect_runs(X, L, index)
    assert (found.index, found.cause, found.since) == (seeds, "endpoint", 1.0)
    assert found.distance == pytest.approx(0.15 * 2 / (np.sqrt(10) - 1), rel=0.1)


def test_of_two_seeds_the_one_that_differs_from_the_other_sizes():
    for bad in (4, 5):
        L, index = healthy(seeds=2)
        L[bad, X >= 0.5] = 1 + 2 * (L[bad, X >= 0.5] - 1)
        assert named(L, index) == [(bad, "seed")]


def test_a_single_seed_has_no_siblings_to_leave():
    L, index = healthy(seeds=1)
    L[2, (X >= 0.3) & (X < 0.7)] *= 1.5
    assert named(L, index) == []


def test_never_more_than_half_of_a_size():
    L, index = healthy(seeds=4)
    for i, x in ((8, 0.3), (9, 0.5), (10, 0.7)):
        L[i, x <= X] *= 3 + x
    found = named(L, index)
    assert len(found) <= 2
    assert {index[i] for i, _ in found} <= {2}
    L[:, -1] *= np.where(index == 1, 1.3, 1.0)  # last points can be off in all runs of a size
    assert [i for i, cause in named(L, index) if cause == "endpoint"] != []


@pytest.mark.parametrize(
    ("seeds", "tails", "most"), [(2, None, 1), (3, None, 1), (5, None, 1), (1, None, 0), (5, 5, 10)]
)
def test_few_of_a_hundred_healthy_ladders_have_a_suspect(seeds, tails, most):
    found = sum(bool(named(*healthy(seeds=seeds, rng=rng, tails=tails))) for rng in range(100))
    assert found <= most


def test_noise_below_the_least_is_nobody_s_fault():
    L, index = healthy(lasting=1e-5, fast=1e-6)
    L[3, X >= 0.5] *= 1 + 0.5 * LEAST
    L[3, -1] = L[4, -1]
    assert named(L, index) == []


def test_a_coarse_grid_has_no_late_line():
    L, index = healthy()
    L[3, -1] *= 1.5
    coarse = [0, 60, 120, 170, 180]
    assert not any(run.cause == "endpoint" for run in suspect_runs(X[coarse], L[:, coarse], index))
