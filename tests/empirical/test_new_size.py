"""The horizon and the cost of a size that has not been run, and what is said about them."""

import math

import numpy as np
import pytest

from scaling_collapse.empirical.extrapolation.new_size import ladder_ends, new_size
from scaling_collapse.theory import Ladder, LossCurve


def ladder(horizons, *, cost=(6.0,), seeds=1, apart=0.0):
    """Sizes 10, 20, 40, ... with these horizons (seeds differ by `apart`) and FLOPs per token and parameter."""
    curves = []
    for i, horizon in enumerate(horizons):
        for seed in range(seeds):
            t = np.array([0.5, 1.0]) * horizon * (1 + apart * seed)
            p = 10.0 * 2**i
            compute = cost[i % len(cost)] * p * t
            curves.append(LossCurve(run=f"{i}-{seed}", params=p, tokens=t, loss=[2.0, 1.0], compute=compute, seed=seed))
    return Ladder(curves)


def through(y, p):
    """The power law through (10, 20, 40, ..., y) by normal equations: exponent, value at p, worst relative miss."""
    x, y = np.log(10.0 * 2.0 ** np.arange(len(y))), np.log(y)
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    line = y.mean() + slope * (x - x.mean())
    return slope, math.exp(y.mean() + slope * (math.log(p) - x.mean())), math.exp(np.abs(y - line).max()) - 1


def test_the_horizon_lies_on_the_power_law_and_the_miss_is_said():
    horizons = [100.0, 230.0, 400.0, 700.0]
    gamma, rule, miss = through(horizons, 320)
    found = new_size(ladder(horizons), 320, None)
    assert found.horizon == pytest.approx(rule)
    assert 0.02 < miss < 0.2
    words = (
        f"The horizon, {rule:.4g} tokens, was extrapolated from the ladder's own t* = kappa p^gamma, gamma = "
        f"{gamma:.4f} (which its sizes meet within {miss:.1%})."
    )
    assert found.notes == (words,)


@pytest.mark.parametrize("off", [-0.051, -0.049, 0.0, 0.049, 0.051])
def test_a_given_horizon_is_compared_with_the_rule(off):
    tokens = 1600 * math.exp(off)
    found = new_size(ladder([100.0, 200, 400]), 160, tokens)
    words = (
        f"The given horizon is {math.exp(off):.3g} times what the ladder's own rule gives (1600): law and curve are "
        "those of sizes that follow the rule."
    )
    assert found.horizon == tokens
    assert found.notes == ((words,) if abs(off) > 0.05 else ())


def test_a_constant_cost_per_token_is_kept_and_needs_no_words():
    for cost in ((6.0,), (6.0, 6.0 * math.exp(0.0099))):
        found = new_size(ladder([100.0, 200, 400, 800], cost=cost), 320, 3200)
        assert found.compute_per_token == pytest.approx(math.sqrt(cost[0] * cost[-1]))
        assert found.notes == ()


def test_a_changing_cost_per_token_is_extrapolated_and_said():
    cost = (6.0, 6.5, 7.2, 8.0)
    _, value, _ = through(cost, 320)
    found = new_size(ladder([100.0, 200, 400, 800], cost=cost), 320, None)
    assert found.compute_per_token == pytest.approx(value)
    assert len(found.notes) == 2
    assert found.notes[1] == f"FLOPs per token and parameter change along the ladder; {value:.3g} was extrapolated."
    least = new_size(ladder([100.0, 200, 400], cost=(6.0, 6.0, 6.0 * math.exp(0.0101))), 80, None)
    assert len(least.notes) == 2


def test_what_tokens_cost():
    found = new_size(ladder([100.0, 200, 400], cost=(5.0,)), 80, None)
    assert found.compute(np.array([1.0, 10.0])).tolist() == pytest.approx([400, 4000])
    assert pytest.approx(5 * 80 * 800 / 1e15) == found.C
    assert (found.params, type(found.params)) == (80, float)


def test_ends_are_means_over_the_runs_of_a_size():
    horizons, compute = ladder_ends(ladder([100.0, 200.0], cost=(6.0, 7.0), seeds=3, apart=0.005))
    assert horizons.tolist() == pytest.approx([100.5, 201])
    assert compute.tolist() == pytest.approx([6 * 10 * 100.5, 7 * 20 * 201])
