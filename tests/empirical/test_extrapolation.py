import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from synthetic import law_ladder

import scaling_collapse as sc
from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical import extrapolate, read_curves, write_curves
from scaling_collapse.empirical.extrapolation.curve_noise import (
    cell_grid,
    relative_kernel,
    relative_level,
    seed_noise,
)
from scaling_collapse.empirical.extrapolation.joint_law import (
    KERNEL_LENGTH,
    Hypotheses,
    JointPosterior,
    LadderCurves,
    _solve,
    fit_joint_law,
)
from scaling_collapse.empirical.pictures.extrapolation_picture import draw_extrapolation
from scaling_collapse.theory import Ladder, LossCurve, default_grid, losses_on_grid


def without_largest(ladder):
    """The ladder without its largest size, and that size's curves."""
    top = max(ladder.sizes)
    return ladder.select(lambda c: c.params < top), ladder.by_size[top]


def arrays(ladder):
    L, index = losses_on_grid(ladder, default_grid()), ladder.size_index
    C = np.array([curves[0].horizon_compute for curves in ladder.by_size.values()]) / 1e15
    runs = [L[index == i] for i in range(len(ladder.sizes))]
    return LadderCurves(np.array(ladder.sizes), C, runs, cell_grid(default_grid()))


# --- the likelihood against a dense, obviously right version ---


def one_hypothesis(curves, **values):
    default = {"L0": 1.9, "misfit": 2e-3, "drift": 3e-3, "zeta": 2.0, "noise": 1.3} | values
    return Hypotheses(**{k: np.array([v]) for k, v in default.items()}, ln_prior=np.zeros(1))


def dense(curves, noise, h):
    """Data, covariance and regressors of all sizes and cells at once: y, V, F."""
    v, k = curves.grid.v, len(curves.runs)
    K, m = relative_kernel(v, KERNEL_LENGTH), curves.grid.v.size
    z = curves.drift_size(curves.params, h.zeta)[0]
    V = np.kron(np.diag(h.misfit**2 * np.ones(k)) + h.drift**2 * np.outer(z, z), K)
    V += np.kron(np.diag(h.noise / curves.seeds), noise.Q)
    y = (np.log(curves.means - h.L0) @ curves.grid.average.T).ravel()
    F = np.hstack([np.tile(np.eye(m), (k, 1)), -np.repeat(curves.ln_C, m)[:, None]])
    return y, V, F


def test_the_likelihood_is_that_of_the_dense_model():
    curves = arrays(law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3))
    noise = seed_noise(curves.runs, 1.9, curves.grid)

    def dense_value(h):
        y, V, F = dense(curves, noise, h)
        inverse = np.linalg.inv(V)
        normal = F.T @ inverse @ F
        r = y - F @ np.linalg.solve(normal, F.T @ inverse @ y)
        ln_R = y.reshape(4, -1)
        prior_and_jacobian = ln_R.mean(axis=0).sum() - ln_R.sum()
        determinants = np.linalg.slogdet(V)[1] + np.linalg.slogdet(normal)[1]
        return -0.5 * (r @ inverse @ r + determinants) + prior_and_jacobian

    tries = [{}, {"L0": 1.7}, {"misfit": 2e-2}, {"drift": 1e-4}, {"zeta": 0.5}, {"noise": 0.4}]
    hypotheses = [one_hypothesis(curves, **t) for t in tries]
    ours = np.array([_solve(curves, noise, h)[0][0] for h in hypotheses])
    theirs = np.array([dense_value(h) for h in hypotheses])
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-6, atol=1e-6)


def test_prediction_and_its_error_are_those_of_dense_kriging():
    ladder = law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3)
    curves = arrays(ladder)
    noise = seed_noise(curves.runs, 1.9, curves.grid)
    h = one_hypothesis(curves)
    found = JointPosterior(curves, noise, h, _solve(curves, noise, h)[1], np.ones(1), np.log(curves.means.min() - h.L0))
    params, C = 5e7, 40.0
    expected, sample = found.predict(params, C, draws=4000, rng=np.random.default_rng(0))

    y, V, F = dense(curves, noise, h)
    m, K = curves.grid.v.size, relative_kernel(curves.grid.v, KERNEL_LENGTH)
    z, z_new = curves.drift_size(curves.params, h.zeta)[0], curves.drift_size(params, h.zeta)[0]
    k = np.kron((h.drift**2 * z * z_new)[:, None], K)  # (data, cells)
    f = np.hstack([np.eye(m), np.full((m, 1), -(math.log(C) - np.log(curves.C).mean()))]).T
    inverse = np.linalg.inv(V)
    normal = F.T @ inverse @ F
    beta = np.linalg.solve(normal, F.T @ inverse @ y)
    mean = f.T @ beta + k.T @ inverse @ (y - F @ beta)
    left = f - F.T @ inverse @ k
    variance = (h.misfit**2 + h.drift**2 * z_new**2) * K - k.T @ inverse @ k + left.T @ np.linalg.solve(normal, left)
    ln_R = np.log(curves.means - h.L0).mean(axis=0)
    on_grid = ln_R + (mean - ln_R @ curves.grid.average.T) @ curves.grid.spread
    np.testing.assert_allclose(expected, h.L0 + np.exp(on_grid), rtol=1e-9)
    drawn = np.log(sample.expected - h.L0) @ curves.grid.average.T
    inside = slice(1, -1)  # at the ends the interpolation is flat over half a cell
    np.testing.assert_allclose(drawn.std(axis=0)[inside], np.sqrt(np.diag(variance))[inside], rtol=0.06)
    np.testing.assert_allclose(sample.b.std(), np.sqrt(np.linalg.inv(normal)[-1, -1]), rtol=0.05)


def test_seed_noise_finds_a_persistent_and_a_fast_part():
    rng = np.random.default_rng(0)
    x = default_grid()
    mean = 1 + (x**-0.5 + 1) / 2
    runs = [
        1 + (mean - 1) * (1 + 0.02 * rng.standard_normal((40, 1)) + 0.03 * rng.standard_normal((40, x.size)))
        for _ in range(5)
    ]
    grid = cell_grid(x)
    noise = seed_noise(runs, 1.0, grid)
    assert noise.dof == 195
    assert math.sqrt(noise.fast) == pytest.approx(0.03, rel=0.1)
    assert math.sqrt(noise.Q[0, -1]) == pytest.approx(0.02, rel=0.15)  # what the ends of a run share
    assert noise.level == pytest.approx(0.02**2 + 0.03**2, rel=0.1)
    assert relative_level(runs, 0.0) < noise.level / 2  # relative to more loss there is less of it
    alone = seed_noise([r[:1] for r in runs], 1.0, grid)
    assert alone.dof == 0
    assert math.sqrt(alone.fast) == pytest.approx(0.03, rel=0.15)
    assert math.isnan(alone.level)


# --- truth ---


@pytest.mark.parametrize(("L0", "a", "b"), [(2.0, 0.5, 0.2), (0.0, 0.1, 0.15), (0.5, 1.0, 0.1)])
def test_a_made_up_law_comes_back(L0, a, b):
    rest, held = without_largest(law_ladder(L0=L0, a=a, b=b, noise=3e-3, rng=4))
    found = extrapolate(rest, held[0].params)
    C = held[0].horizon_compute / 1e15
    assert found.status == "ok"
    for name, truth in (("L0", L0), ("a", a), ("b", b)):
        low, high = getattr(found.law, f"{name}_interval")
        slack = 0.6 * (high - low)  # a 90 % interval misses now and then, but not by this much
        assert low - slack <= truth <= high + slack, name
    truth = L0 + a * C**-b * (found.x**-0.5 + 1) / 2
    late = found.x >= 0.1
    assert np.abs(found.loss - truth)[late].max() < 3e-3 * (truth[-1] - L0) * 2
    assert found.horizon_tokens == pytest.approx(held[0].horizon_tokens)
    assert found.compute[-1] == pytest.approx(held[0].horizon_compute)
    assert found.run_noise == pytest.approx(3e-3, rel=0.4)
    # The early part was never logged before x = 0.02.
    assert found.x[0] >= 0.02
    assert (np.diff(found.x) > 0).all()


@pytest.mark.parametrize("seeds", [1, 3])
def test_bands_cover_runs_of_the_new_size(seeds):
    inside, widths = [], []
    for rng in range(12):
        rest, held = without_largest(law_ladder(sizes=5, seeds=seeds, noise=5e-3, fast=2e-3, points=30, rng=rng))
        found = extrapolate(rest, held[0].params, draws=500)
        L = np.stack([c.loss_at(found.x * c.horizon_tokens) for c in held])
        inside.append(((found.low <= L) & (found.high >= L)).mean())
        widths.append((found.high[-1] - found.low[-1]) / (found.loss[-1] - 2.0))
    assert 0.75 < np.mean(inside) < 0.99
    # With 3 seeds a band is hardly wider than the noise of one run makes it: 3.29 times 5.4e-3.
    assert np.median(widths) < {1: 0.08, 3: 0.05}[seeds]


def test_whole_curves_know_more_than_end_points():
    rest, held = without_largest(law_ladder(noise=2e-3, fast=2e-4, rng=1))
    curves, ends = (extrapolate(rest, held[0].params, method=method, draws=500) for method in ("curves", "ends"))
    assert ends.law.L0 == sc.fit_scaling_law(rest).L0
    assert ends.plan == ()
    assert ends.loss.shape == curves.loss.shape
    assert np.ptp(curves.law.L0_interval) < 0.5 * np.ptp(ends.law.L0_interval)
    assert curves.expected_high[-1] - curves.expected_low[-1] < ends.expected_high[-1] - ends.expected_low[-1]


def test_seeds_may_differ_between_sizes():
    full = law_ladder(noise=5e-3, rng=2)
    mixed = full.select(lambda c: c.seed == 0 or c.params < 3e6)
    assert len({len(g) for g in mixed.by_size.values()}) == 2
    rest, held = without_largest(mixed)
    found = extrapolate(rest, held[0].params)
    assert found.status == "ok"
    truth = 2 + 0.5 * (held[0].horizon_compute / 1e15) ** -0.2
    assert found.low[-1] < truth < found.high[-1]


def test_more_runs_narrow_the_band_as_the_plan_says():
    few, held = without_largest(law_ladder(seeds=2, noise=5e-3, rng=3))
    many, _ = without_largest(law_ladder(seeds=4, noise=5e-3, rng=3))
    before, after = extrapolate(few, held[0].params), extrapolate(many, held[0].params)
    plan = {row.action: row for row in before.plan}
    now, twice = plan["the ladder as it is"], plan["twice as many seeds"]
    assert now.width == pytest.approx(before.final_interval[1] - before.final_interval[0], rel=0.25)
    assert twice.expected_width < plan["one more seed at every size"].expected_width < now.expected_width
    assert twice.runs == len(few)
    assert twice.compute == pytest.approx(sum(c.horizon_compute for c in few))
    measured = (after.expected_high - after.expected_low)[-1] / (before.expected_high - before.expected_low)[-1]
    assert twice.expected_width / now.expected_width == pytest.approx(measured, rel=0.5)
    far = extrapolate(few, 20 * held[0].params, draws=500).plan
    assert next(r for r in far if r.action.startswith("the next size")).expected_width < far[0].expected_width


def test_the_answer_hardly_depends_on_the_draws():
    rest, held = without_largest(law_ladder(sizes=5, seeds=2))
    one, two = (extrapolate(rest, held[0].params, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(one.loss[-181:], two.loss[-181:])
    assert one.final_interval == pytest.approx(two.final_interval, abs=0.1 * (one.high[-1] - one.low[-1]))
    again = extrapolate(rest, held[0].params)
    np.testing.assert_array_equal(one.low, again.low)


# --- statuses, horizons, refusals ---


def test_an_unidentified_L0_is_said():
    noisy = law_ladder(sizes=3, seeds=2, noise=0.02, fast=0.05, b=0.05, span=3.0)
    found = extrapolate(noisy, 1e8)
    assert found.status == "L0 not identified"
    low, high = found.law.L0_interval
    assert high - low > min(c.horizon_loss for c in noisy) - found.law.L0
    assert found.low[-1] < found.loss[-1] < found.high[-1]


def changed(ladder, loss):
    return Ladder(LossCurve(run=c.run, params=c.params, tokens=c.tokens, loss=loss(c), seed=c.seed) for c in ladder)


@pytest.mark.parametrize("method", ["curves", "ends"])
def test_nothing_is_claimed_where_nothing_is_known(method):
    ladder = law_ladder(sizes=4, seeds=2)
    growing = changed(ladder, lambda c: c.loss + 1e-6 * c.params)
    negative = changed(ladder, lambda c: c.loss - 2.5)
    for bad, status in ((growing, "not a decreasing law"), (negative, "losses not positive")):
        found = extrapolate(bad, 1e8, method=method)
        assert found.status == status
        assert np.isnan([*found.loss, *found.low, found.law.L0, found.final_loss]).all()
        assert found.plan == ()
        with pytest.raises(InputError, match=f"needs a predicted curve; got status '{status}'"):
            found.curve()


def test_three_sizes_of_one_seed():
    ladder = law_ladder(sizes=3, seeds=1)
    ends = extrapolate(ladder, 1e8, method="ends")
    assert ends.status == "no intervals"
    assert np.isfinite(ends.loss).all()
    assert np.isnan(ends.low).all()
    curves = extrapolate(ladder, 1e8)
    assert any("No size has two seeds" in note for note in curves.notes)
    assert curves.low[-1] < curves.loss[-1] < curves.high[-1]


def test_copies_of_a_run_are_not_a_noise_floor_of_zero():
    ladder = law_ladder(sizes=4, seeds=1)
    twins = [
        LossCurve(run=c.run + "-twin", params=c.params, tokens=c.tokens, loss=c.loss * (1 + 1e-13), seed=1)
        for c in ladder
    ]
    for both in (Ladder([*ladder, *changed(Ladder(twins), lambda c: c.loss)]), Ladder([*ladder, *twins])):
        found = extrapolate(both, 1e8)
        assert np.isfinite(found.high).all()
        assert found.high[-1] > found.low[-1]


def test_the_horizon():
    rest, held = without_largest(law_ladder(sizes=5, seeds=1, gamma=0.8))
    p, rule = held[0].params, held[0].horizon_tokens
    by_rule = extrapolate(rest, p)
    assert not by_rule.tokens_given
    assert by_rule.horizon_tokens == pytest.approx(rule)
    assert any("was extrapolated from the ladder's own" in n and "gamma = 0.8000" in n for n in by_rule.notes)
    same, longer = extrapolate(rest, p, tokens=rule), extrapolate(rest, p, tokens=2 * rule)
    assert same.tokens_given
    assert same.final_loss == pytest.approx(by_rule.final_loss)
    assert longer.final_loss < same.final_loss
    assert any("is 2 times what the ladder's own rule gives" in n for n in longer.notes)


def test_late_logs_are_said_and_too_late_ones_refused():
    ladder = law_ladder(sizes=4, seeds=1)

    def cut(start):
        return Ladder(
            LossCurve(run=c.run, params=c.params, tokens=c.tokens[k:], loss=c.loss[k:])
            for c in ladder
            for k in [int(np.searchsorted(c.tokens, start * c.tokens[-1]))]
        )

    found = extrapolate(cut(0.3), 1e8)
    assert found.x[0] >= 0.3
    assert any("cover only x from" in n for n in found.notes)
    with pytest.raises(InputError, match="logged from the first half of training on; got run"):
        extrapolate(cut(0.6), 1e8)


def test_compute_is_the_tables_own():
    ladder = law_ladder(sizes=4, seeds=1)
    heavy = Ladder(
        LossCurve(run=c.run, params=c.params, tokens=c.tokens, loss=c.loss, compute=9 * c.params**1.1 * c.tokens)
        for c in ladder
    )
    found = extrapolate(heavy, 1e8)
    assert found.compute[-1] == pytest.approx(9 * 1e8**1.1 * found.horizon_tokens)
    assert any("FLOPs per token and parameter change" in n for n in found.notes)


def test_bad_input_is_refused_by_name():
    ladder = law_ladder(sizes=4, seeds=1)
    two = law_ladder(sizes=2, seeds=1)
    with pytest.raises(InputError, match=r"at least 3 sizes; got 2 \(params=1000000, 16000000\)"):
        extrapolate(two, 1e8)
    for options, words in (
        ({"params": 0.0}, "`params` > 0; got 0.0"),
        ({"params": 1e8, "tokens": -1.0}, "`tokens` > 0; got -1.0"),
        ({"params": 1e8, "method": "guess"}, "'curves' or 'ends'; got 'guess'"),
        ({"params": 1e8, "level": 1.5}, "`level` between 0 and 1; got 1.5"),
        ({"params": 1e8, "draws": 10}, "at least 500 `draws`; got 10"),
    ):
        with pytest.raises(InputError, match=words):
            extrapolate(ladder, **options)
    first = ladder.curves[0]
    other = {"params": first.params, "tokens": first.tokens, "loss": first.loss * 1.01}
    two_schedules = [LossCurve(run="x", schedule="a", **other), LossCurve(run="y", schedule="b", **other)]
    with pytest.raises(InputError, match="one schedule; got a, b"):
        extrapolate(Ladder([*ladder.curves[1:], *two_schedules]), 1e8)
    short = LossCurve(run="short", params=first.params, tokens=first.tokens / 2, loss=first.loss)
    with pytest.raises(InputError, match="one horizon per size"):
        extrapolate(Ladder([*ladder, short]), 1e8)


# --- the command line ---


def test_the_verb_writes_table_json_and_picture(capsys, tmp_path):
    rest, held = without_largest(law_ladder(sizes=4, seeds=2))
    source, params = str(write_curves(rest, tmp_path / "ladder.parquet")), str(held[0].params)
    out, picture = tmp_path / "p.parquet", tmp_path / "p.png"
    code = main(
        ["extrapolate", "--from", source, "--params", params, "--out", str(out), "--picture", str(picture),
         "--json", str(tmp_path / "p.json")]
    )  # fmt: skip
    text, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert "the ladder as it is" in text
    assert "was extrapolated from the ladder's own" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    table = pq.read_table(out)
    assert {"run", "params", "tokens", "compute", "loss", "loss_low", "loss_high"} <= set(table.column_names)
    curve = read_curves(out).curves[0]
    assert curve.params == held[0].params
    assert (curve.extra["loss_low"] < curve.loss).all()
    assert (curve.extra["loss_high"] > curve.loss).all()
    report = json.loads((tmp_path / "p.json").read_text())
    assert report["final_loss"] == pytest.approx(curve.loss[-1])
    assert len(report["x"]) == len(report["loss_low"]) == len(curve)
    assert set(report["law"]) == {"L0", "a", "b", "L0_interval", "a_interval", "b_interval"}
    assert report["plan"][0]["runs"] == 0


def test_the_verb_refuses_and_says_when_nothing_is_predicted(capsys, tmp_path):
    ladder = law_ladder(sizes=4, seeds=1)
    source = str(write_curves(ladder, tmp_path / "ladder.csv"))
    assert main(["extrapolate", "--from", source, "--params", "1e8", "--out", str(tmp_path / "p.txt")]) == 2
    assert "--out as a name ending in .parquet, .csv or .jsonl; got p.txt" in capsys.readouterr().err
    assert main(["extrapolate", "--from", source, "--params", "1e8", "--method", "x"]) == 2
    assert "'curves' or 'ends'; got 'x'" in capsys.readouterr().err
    growing = str(write_curves(changed(ladder, lambda c: c.loss + 1e-6 * c.params), tmp_path / "growing.csv"))
    out = tmp_path / "none.csv"
    assert main(["extrapolate", "--from", growing, "--params", "1e8", "--out", str(out), "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["status"] == "not a decreasing law"
    assert report["final_loss"] is None
    assert not out.exists()


def test_the_picture_is_a_png():
    ladder = law_ladder(sizes=3, seeds=1)
    assert draw_extrapolation(extrapolate(ladder, 1e8, draws=500)).startswith(b"\x89PNG")
    assert draw_extrapolation(extrapolate(ladder, 1e8, method="ends", draws=500)).startswith(b"\x89PNG")


# --- published ladders ---


@pytest.mark.published
@pytest.mark.parametrize(
    ("name", "largest", "from_five"),
    [("qiu_cifar5m_linear", 0.5, 2.0), ("qiu_chess_linear", 0.5, 2.0), ("qiu_mlp_linear", 1.5, 4.0)],
)
def test_the_largest_published_size_is_predicted(published, name, largest, from_five):
    ladder = read_curves(published(name))
    top = max(ladder.sizes)
    for keep, limit in ((7, largest), (5, from_five)):
        small = ladder.sizes[:keep]
        found = extrapolate(ladder.select(lambda c, small=small: c.params in small), top)
        late = found.x >= 0.2 - 1e-9
        L = np.stack([c.loss_at(found.x * c.horizon_tokens) for c in ladder.by_size[top]])[:, late]
        error = np.abs(found.loss[late] - L.mean(axis=0)) / L.std(axis=0, ddof=1)
        assert error.mean() < limit, keep
        inside = (found.low[late] <= L) & (found.high[late] >= L)
        assert inside.mean() > 0.7


def test_the_posterior_of_L0_is_not_cut_off():
    found = fit_joint_law(arrays(law_ladder(sizes=5, seeds=3)))
    weights = found.L0_weights[1]
    assert weights.sum() == pytest.approx(1.0)
    assert max(weights[0], weights[-1]) < 1e-3 * weights.max()
    assert np.count_nonzero(weights > 0.01 * weights.max()) >= 7
