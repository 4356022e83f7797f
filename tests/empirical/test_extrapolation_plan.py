import math
from statistics import NormalDist

import naive
import numpy as np
import pytest
from extrapolation_ladders import arrays, one_hypothesis, without_largest
from synthetic import law_ladder

from scaling_collapse.empirical import extrapolate
from scaling_collapse.empirical.extrapolation.curve_noise import relative_kernel, seed_noise
from scaling_collapse.empirical.extrapolation.extrapolation_plan import plan
from scaling_collapse.empirical.extrapolation.offset_agreement import agree_on_offset
from scaling_collapse.empirical.extrapolation.shape_models import KERNEL_LENGTH
from scaling_collapse.empirical.extrapolation.shape_posterior import ShapePosterior, fit_shape


def posterior(curves, **values):
    """All weight on one hypothesis of the shape, and the law that goes with it."""
    noise, h = seed_noise(curves.runs, 1.9, curves.grid), one_hypothesis(**values)
    found = fit_shape(curves)
    of_offset = found.hypotheses.offset.reshape(25, -1)[:, 0]
    spread = {name: np.full(25, value[0]) for name, value in vars(h).items()} | {"offset": of_offset}
    shape = ShapePosterior(
        curves=curves,
        noise=noise,
        hypotheses=type(h)(**spread),
        weights=found.u_weights,
        u=found.u,
        widest=found.widest,
    )
    return agree_on_offset(curves, shape)


def naive_width(found, params, C, ladder, level, *, own):
    """Width of the final loss's band by the slow version; `ladder`: (params, compute, seeds) of each size."""
    shape, levels = found.shape, found.levels
    curves, h, v = shape.curves, shape.hypotheses, shape.curves.grid.v
    L0, b, zeta = found.weights @ levels.L0, levels.mean_of_b(found.weights), shape.weights @ h.zeta
    less = np.eye(v.size) - np.eye(v.size)[-1]
    ln_R = np.log(curves.means - L0)
    cells = (ln_R @ curves.grid.average.T).mean(axis=0)

    def size(p, compute, seeds=0):
        ln_c = math.log(compute) - np.log(curves.C).mean()
        doublings = math.log(p) - np.log(curves.params).mean()
        z = (math.exp(-zeta * doublings) - 1) / (zeta * math.log(2))
        return {"ln_c": ln_c, "z": z, "seeds": seeds, "R": np.exp(cells - b * ln_c)}

    new = size(params, C)
    new["R"] = math.exp(ln_R[:, -1].mean() - b * new["ln_c"])
    of_levels = np.broadcast_to(levels.level, levels.noise.shape)
    model = {
        "kernel": less @ relative_kernel(v, KERNEL_LENGTH) @ less.T,
        "Q": (shape.weights @ h.noise) * shape.noise.Q,
        "misfit": shape.weights @ h.misfit**2,
        "drift": shape.weights @ h.drift**2,
        "level": levels.root_mean_square(found.weights, of_levels) ** 2,
    }
    variance = naive.final_loss_variance(model, [size(*s) for s in ladder], new)
    if own:
        lasting = levels.root_mean_square(found.weights, levels.noise)
        variance += new["R"] ** 2 * (lasting**2 + found.sizes.last**2)
    return 2 * NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(variance)


def cost(curves, p):
    """Compute of another size on the ladder's trend, here exactly a power law."""
    return curves.C[0] * (p / curves.params[0]) ** (
        math.log(curves.C[-1] / curves.C[0]) / math.log(curves.params[-1] / curves.params[0])
    )


@pytest.mark.parametrize(
    "values",
    [{"drift": 3e-2, "zeta": 2.0}, {"drift": 3e-2, "zeta": 0.5}, {"drift": 1e-4, "misfit": 1e-2}, {"noise": 20.0}],
)
def test_widths_are_those_of_conditioning_on_every_single_run(values):
    curves = arrays(law_ladder(sizes=4, seeds=2, noise=5e-3, fast=2e-3))
    found, params, C = posterior(curves, **values), 2.5e7, 4.0
    p, n = curves.params, [2, 2, 2, 2]
    ratio = (p[-1] / p[0]) ** (1 / 3)
    now = list(zip(p, curves.C, n, strict=True))
    ladders = [
        now,
        [(q, c, s + 1) for q, c, s in now],
        [*now[:-1], (p[-1], curves.C[-1], 3)],
        [(q, c, 2 * s) for q, c, s in now],
        [*now, (math.sqrt(p[-1] * params), cost(curves, math.sqrt(p[-1] * params)), 2)],
        [*now, (p[0] / ratio, cost(curves, p[0] / ratio), 2)],
    ]
    rows = plan(found, params, C, 0.8)
    assert len(rows) == len(ladders)
    for row, ladder in zip(rows, ladders, strict=True):
        expected = naive_width(found, params, C, ladder, 0.8, own=False)
        assert row.expected_width == pytest.approx(expected, rel=1e-4), row.action
        assert row.width == pytest.approx(naive_width(found, params, C, ladder, 0.8, own=True), rel=1e-4), row.action


def test_the_posterior_enters_by_its_means():
    curves = arrays(law_ladder(sizes=3, seeds=2, noise=5e-3, fast=2e-3, span=8.0))
    found = agree_on_offset(curves, fit_shape(curves))
    now = list(zip(curves.params, curves.C, [2, 2, 2], strict=True))
    row = plan(found, 3e7, 5.0, 0.9)[0]
    assert row.expected_width == pytest.approx(naive_width(found, 3e7, 5.0, now, 0.9, own=False), rel=1e-4)


@pytest.mark.parametrize(
    ("beyond", "action"),
    [
        (2.01, "the next size, 6.4e+07 (2 seeds)"),
        (1.99, "a size half way, 4.51e+07 (2 seeds)"),
        (1.06, "a size half way, 3.29e+07 (2 seeds)"),
        (1.04, None),
        (0.5, None),
    ],
)
def test_which_size_would_help(beyond, action):
    curves = arrays(law_ladder(sizes=6, seeds=2, span=32.0))
    rows = plan(posterior(curves), beyond * curves.params[-1], 50.0, 0.9)
    seeds = ["the ladder as it is", "one more seed at every size", "one more seed at the largest size"]
    smaller = "a smaller size, 5e+05 (2 seeds)"
    assert [r.action for r in rows] == [*seeds, "twice as many seeds", *([action] if action else []), smaller]
    C = curves.C * 1e15
    assert [r.runs for r in rows] == [0, 6, 1, 12, *([2] if action else []), 2]
    costs = [0, C.sum(), C[-1], 2 * C.sum(), *([2 * 1e15 * cost(curves, float(action.split()[-3]))] if action else [])]
    np.testing.assert_allclose([r.compute for r in rows], [*costs, 2 * C[0] / 4], rtol=0.01)


def test_a_further_size_gets_the_median_of_the_seeds():
    one = arrays(law_ladder(sizes=4, seeds=1))
    assert plan(posterior(one), 1e9, 100.0, 0.9)[-1].action.endswith("(1 seed)")
    mixed = arrays(law_ladder(sizes=3, seeds=4).select(lambda c: c.params < 2e6 or c.seed < 3))
    assert plan(posterior(mixed), 1e9, 100.0, 0.9)[-1].action.endswith("(3 seeds)")


def test_more_runs_narrow_the_band_as_the_plan_says():
    widths, planned, measured = [], [], []
    for rng in (2, 3, 4):
        few, held = without_largest(law_ladder(seeds=2, noise=5e-3, rng=rng))
        many, _ = without_largest(law_ladder(seeds=4, noise=5e-3, rng=rng))
        before, after = (extrapolate(ladder, held[0].params, draws=500) for ladder in (few, many))
        plan = {row.action: row for row in before.plan}
        now, twice = plan["the ladder as it is"], plan["twice as many seeds"]
        assert twice.expected_width < plan["one more seed at every size"].expected_width < now.expected_width
        assert twice.runs == len(few)
        assert twice.compute == pytest.approx(sum(c.horizon_compute for c in few))
        widths.append(now.width / (before.high - before.low)[-1])
        planned.append(twice.expected_width / now.expected_width)
        measured.append(
            (after.expected_high - after.expected_low)[-1] / (before.expected_high - before.expected_low)[-1]
        )
    # The band has what is unknown about the scatter itself, too: the plan takes it as known.
    assert 0.7 < np.mean(widths) < 1.0
    assert np.mean(planned) == pytest.approx(np.mean(measured), rel=0.5)


def test_a_next_size_helps_far_away():
    few, held = without_largest(law_ladder(seeds=2, noise=5e-3, rng=3))
    far = extrapolate(few, 20 * held[0].params, draws=500).plan
    assert next(r for r in far if r.action.startswith("the next size")).expected_width < far[0].expected_width
