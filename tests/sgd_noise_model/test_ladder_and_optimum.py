"""Simulated ladders are ordinary ladders, and the optimal schedule ends below the usual ones."""

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model import best_peak, optimal_schedule, power_law, simulate, simulate_ladder
from scaling_collapse.theory import Ladder

FAMILY = [power_law(d, v=4 * d, alpha=1.0, beta=0.3, seed=d) for d in (16, 32, 64)]


def test_ladder_of_expected_curves():
    ladder = simulate_ladder(FAMILY, "linear", steps=lambda p: 20 * p.params**1.5, peak=0.4, batch=2)
    assert isinstance(ladder, Ladder)
    assert ladder.sizes == (16.0, 32.0, 64.0)
    curve = ladder.curves[1]
    own = simulate(FAMILY[1], "linear", steps=round(20 * 32**1.5), peak=0.4, batch=2)
    assert curve.horizon_tokens == 2 * round(20 * 32**1.5)
    assert curve.horizon_loss == own.final_loss


def test_ladder_of_seeds():
    ladder = simulate_ladder(
        FAMILY, "constant", steps=[100, 200, 300], peak=[0.1, 0.2, 0.3], batch=4, seeds=3, start="random"
    )
    assert len(ladder) == 9
    assert len({c.seed for c in ladder}) == 9
    assert [c.lr[0] for c in ladder.curves[::3]] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"problems": FAMILY[:1] * 2}, r"of distinct `params`; got \[16.0, 16.0\]"),
        ({"problems": []}, r"needs at least 1 problem"),
        ({"steps": [1, 2]}, r"needs 3 values of `steps`; got 2"),
        ({"peak": [0.1]}, r"needs 3 values of `peak`; got 1"),
    ],
)
def test_ladder_refusals(arguments, match):
    told = {"problems": FAMILY, "schedule": "linear", "steps": [5, 5, 5], "peak": 0.1} | arguments
    with pytest.raises(InputError, match=match):
        simulate_ladder(told["problems"], told["schedule"], steps=told["steps"], peak=told["peak"])


def test_best_peak_is_a_minimum():
    best, loss = best_peak(FAMILY[1], "cosine", steps=500)
    for factor in (0.9, 1.1):
        other = simulate(FAMILY[1], best.at(peak=best.peak * factor), unstable="run").final_loss
        assert other > loss


BASELINES = ("linear", "cosine", "wsd(decay=0.2)", "wsd(decay=1.0, shape='1-sqrt')", "wsd(decay=0.2, shape='1-sqrt')")


@pytest.mark.parametrize(("alpha", "beta", "v", "batch"), [(1.0, 0.3, 512, 1), (0.8, 0.6, 512, 1), (0.4, 0.7, 128, 4)])
def test_optimum_ends_below_the_usual_schedules(optional, alpha, beta, v, batch):
    """Phases Ia, II and IVa, each baseline at its best peak; confirmed by the exact numpy solver."""
    optional("jax")
    problem = power_law(32, v=v, alpha=alpha, beta=beta)
    found = optimal_schedule(problem, steps=600, batch=batch, knots=48)
    confirmed = simulate(problem, found.schedule, batch=batch, solver="numpy").final_loss
    assert confirmed == pytest.approx(found.final_loss, rel=1e-12)
    for name in BASELINES:
        assert confirmed < best_peak(problem, name, steps=600, batch=batch)[1]


def test_constraints_bind(optional):
    optional("jax")
    problem = power_law(32, v=512, alpha=1.0, beta=0.3)
    free = optimal_schedule(problem, steps=300, knots=32)
    low = optimal_schedule(problem, steps=300, knots=32, peak=0.2)
    down = optimal_schedule(problem, steps=300, knots=32, monotone=True)
    assert low.schedule.eta().max() <= 0.2 + 1e-15
    assert (np.diff(down.schedule.eta()) <= 1e-15).all()
    assert free.final_loss <= min(low.final_loss, down.final_loss) * (1 + 1e-9)
    assert low.final_loss < best_peak(problem, "wsd(decay=0.5)", steps=300, highest=0.2)[1]
    with pytest.raises(InputError, match=r"optimal_schedule needs `knots` >= 4; got 3"):
        optimal_schedule(problem, steps=300, knots=3)
    with pytest.raises(InputError, match=r"optimal_schedule needs `peak` > 0; got -1"):
        optimal_schedule(problem, steps=300, peak=-1)
