"""Where a run in progress ends: the model against its definition, families with a known answer, statuses, the verb."""

import json
from unittest.mock import patch

import numpy as np
import pytest
from scipy.stats import chi2, norm

import scaling_collapse as sc
from scaling_collapse.cli import main
from scaling_collapse.common import InputError
from scaling_collapse.empirical.running import family_model, shape_prior
from scaling_collapse.empirical.running.cell_noise import noise_profile, noise_ratio
from scaling_collapse.empirical.running.family_model import family_prior
from scaling_collapse.empirical.running.multiple_rule import MultipleRule
from scaling_collapse.empirical.running.normal_mixture import mixture_quantiles
from scaling_collapse.empirical.running.progress_grid import ProgressGrid
from scaling_collapse.empirical.running.reference_shapes import ReferenceRun, ReferenceShapes
from scaling_collapse.empirical.running.running_status import RunningStatus

X = np.arange(1, 121) / 120
HALF = 60


def run(p, *, drift=0.0, seed=0, noise=0.0, tokens_per_param=20.0, name="", **more):
    """`L = p^-0.1 (2 + x^-(0.5 + drift ln(p / 1e6)))`, longer runs are steeper, noise on the logarithm."""
    steep = 0.5 + drift * np.log(p / 1e6) + 0.05 * np.log(tokens_per_param / 20)
    rng = np.random.default_rng((int(p), seed))
    loss = p**-0.1 * (2 + X**-steep) * np.exp(noise * rng.normal(size=X.size))
    return sc.LossCurve(
        run=name or f"{p:g}-{tokens_per_param:g}-{seed}", params=p, tokens=tokens_per_param * p * X, loss=loss,
        seed=seed, **more,
    )  # fmt: skip


def begun(curve, points=HALF):
    more = {"schedule": curve.schedule, "clock": curve.clock}
    return sc.LossCurve(
        run=curve.run, params=curve.params, tokens=curve.tokens[:points], loss=curve.loss[:points], **more
    )


def family(*sizes, **options):
    return sc.Ladder(run(p, **options) for p in sizes)


# --- the model


def shapes_of(ladder, grid):
    runs = [ReferenceRun(c.tokens / c.horizon_tokens, np.log(c.loss), np.log(c.params), 0.0) for c in ladder]
    return ReferenceShapes.of(runs, grid)


@pytest.mark.parametrize("p", [8e6, 4e6])
def test_the_posterior_is_that_of_the_joint_gaussian(p):
    """One hypothesis, by brute force: all shapes and the run's cells in one covariance, conditioned at once."""
    grid = ProgressGrid(0.1, 8)
    ladder = sc.Ladder(run(q, drift=0.02, seed=s, noise=3e-3) for q in (1e6, 2e6, 4e6) for s in (0, 1))
    shapes, size = shapes_of(ladder, grid), float(np.log(p))
    whole = run(p, drift=0.02, noise=3e-3, seed=7)
    seen = grid.cells(X[:HALF], np.log(whole.loss[:HALF]))
    with (
        patch.multiple(family_model, DRIFTS=(0.05,), GROUPS=(0.02,), SEEDS=(0.01,), ROUGHNESS=(0.5,), WOBBLES=(1.0,)),
        patch.object(shape_prior, "UNLIKE", np.inf),
    ):
        found = family_prior(shapes, size=size, multiple=0.0).outlook(seen, np.array([0.7, 1.0]))

    u, K, n = shapes.size - size, 7, 3
    near = np.exp(-0.5 * u**2)
    q = near @ shapes.shape / near.sum()
    S, B = np.outer(q, q), q[0] * np.minimum.outer(q, q)
    own = 0.5 * S + 0.5 * B

    def less_last(variance):
        return np.diag(variance[:-1]) + variance[-1]

    shaken = less_last(shapes.noise**2)
    of_run = 0.01**2 * own + shaken + less_last(shapes.noise**2 / shapes.knot_cells)
    wide = 1e2 * np.eye(K)  # the free shape
    places = np.append(u, 0.0)
    total = np.kron(np.ones((n + 1, n + 1)), wide)
    total += 0.05**2 * np.kron(np.outer(places, places), 0.9 * S + 0.1 * B)
    for i in range(n + 1):
        block = slice(i * K, (i + 1) * K)
        total[block, block] += 0.02**2 * own + (of_run / 2 if i < n else 0.01**2 * own + shaken)
    if p == 4e6:  # other seeds of its own size share the group's effect
        for a, b in ((2, 3), (3, 2)):
            total[a * K : (a + 1) * K, b * K : (b + 1) * K] += 0.02**2 * own
    H = np.zeros((len(seen), (n + 1) * K))
    H[:, n * K :] = grid.weights(seen.x)[:, :-1]
    ahead = np.zeros((2, (n + 1) * K))
    ahead[:, n * K :] = grid.weights(np.array([0.7, 1.0]))[:, :-1]
    read = np.vstack([np.eye(n * K, (n + 1) * K), H])
    noise = np.interp(seen.x, grid.knots, shapes.noise) * noise_ratio(seen, grid, shapes.noise)
    level = 1e3 * np.append(np.zeros(n * K), np.ones(len(seen)))
    covariance = read @ total @ read.T + np.outer(level, level) + np.diag(np.append(np.zeros(n * K), noise**2))
    cross = ahead @ total @ read.T + np.outer(np.full(2, 1e3), level)
    y = np.append((shapes.shape + 0.015 * u[:, None] * q).ravel(), seen.z)
    mean = cross @ np.linalg.solve(covariance, y)
    variance = np.diag(ahead @ total @ ahead.T + 1e6 - cross @ np.linalg.solve(covariance, cross.T))
    ratio = noise_ratio(seen, grid, shapes.noise) * shapes.point
    last = np.array([np.interp(0.7, grid.knots, shapes.noise) * ratio, shapes.last[1]])
    np.testing.assert_allclose(found.median, mean + np.array([0.0, shapes.last[0]]), atol=2e-5)
    half = norm.ppf(0.95) * np.sqrt(variance + last**2)
    np.testing.assert_allclose((found.high - found.low) / 2, half, rtol=2e-2)


def test_other_seeds_of_the_own_size_say_most():
    """With seeds of its own size among the references the band is narrower, and the answer right."""
    smaller = [run(p, drift=0.03, noise=1e-3) for p in (1e6, 2e6, 4e6)]
    whole = run(8e6, drift=0.03, noise=1e-3, seed=5)
    own = [run(8e6, drift=0.03, noise=1e-3, seed=s) for s in (1, 2, 3)]
    without, with_own = (
        sc.forecast_running(begun(whole, 30), refs, horizon=1.6e8) for refs in (smaller, [*smaller, *own])
    )
    assert with_own.high - with_own.low < without.high - without.low
    assert with_own.low < whole.loss[-1] < with_own.high


def test_the_drift_of_the_shape_is_followed():
    """Aligning with the next smaller size is off by ten times as much."""
    ladder = family(1e6, 2e6, 4e6, 8e6, drift=0.03, noise=2e-4)
    whole = run(1.6e7, drift=0.03)
    found = sc.forecast_running(begun(whole, 40), ladder, horizon=20 * 1.6e7)
    nearest = ladder.curves[-1]
    aligned = whole.loss[39] / nearest.loss[39] * nearest.loss[-1]
    final = whole.loss[-1]
    assert abs(found.final / final - 1) < 1e-3
    assert abs(aligned / final - 1) > 10 * abs(found.final / final - 1)
    assert found.low < final < found.high
    assert found.left_out is not None
    assert found.left_out.params == 8e6
    assert found.left_out.error < 2e-3
    assert found.left_out.inside == found.left_out.runs == 1


def test_the_whole_rest_lies_in_the_band():
    ladder = sc.Ladder(run(p, noise=2e-3, seed=s) for p in (1e6, 2e6, 4e6) for s in (0, 1))
    whole = run(8e6, noise=2e-3)
    found = sc.forecast_running(begun(whole), ladder, horizon=1.6e8)
    rest = found.curve
    assert rest is not None
    assert rest.tokens[0] == whole.tokens[HALF - 1]
    assert rest.horizon_tokens == 1.6e8
    low, high = (np.interp(whole.tokens[HALF:], rest.tokens, rest.extra[k]) for k in ("loss_low", "loss_high"))
    inside = ((low < whole.loss[HALF:]) & (whole.loss[HALF:] < high)).mean()
    assert inside > 0.85
    assert (found.final, found.low, found.high) == (rest.loss[-1], rest.extra["loss_low"][-1], found.high)


@pytest.mark.parametrize("change", ["units", "order", "steps"])
def test_what_must_not_matter_does_not(change):
    smaller = [run(p, noise=1e-3) for p in (1e6, 2e6, 4e6)]
    part, factor, clock, stretch = begun(run(8e6, noise=1e-3)), 1.0, "tokens", 1.0
    if change == "units":
        factor = 0.3
    if change == "steps":
        clock, stretch = "steps", 1e-4

    def other(c):
        return sc.LossCurve(
            run=c.run, params=c.params, tokens=stretch * c.tokens, loss=factor * c.loss, clock=clock, seed=c.seed
        )

    plain = sc.forecast_running(part, smaller, horizon=1.6e8)
    refs = [other(c) for c in smaller]
    found = sc.forecast_running(other(part), refs[::-1] if change == "order" else refs, horizon=stretch * 1.6e8)
    ends = [found.final, found.low, found.high]
    np.testing.assert_allclose(ends, factor * np.array([plain.final, plain.low, plain.high]), rtol=1e-9)


def test_with_the_offset_given_its_drift_is_gone():
    """`L - L0` of one shape: with the offset no drift is left, and the band is narrower."""
    smaller = [run(p, noise=3e-4) for p in (1e6, 2e6, 4e6)]
    lifted = [sc.LossCurve(run=c.run, params=c.params, tokens=c.tokens, loss=c.loss + 1.0) for c in smaller]
    whole = run(8e6, noise=3e-4)
    part = sc.LossCurve(run="now", params=8e6, tokens=whole.tokens[:40], loss=whole.loss[:40] + 1.0)
    plain, known = (sc.forecast_running(part, lifted, horizon=1.6e8, offset=c) for c in (0.0, 1.0))
    final = whole.loss[-1] + 1.0
    assert known.high - known.low < plain.high - plain.low
    assert abs(known.final - final) < 2e-3
    assert plain.low < final < plain.high


# --- its parts


def test_cells_average_a_log():
    grid = ProgressGrid(0.1, 16)
    x = np.sort(np.random.default_rng(0).uniform(0, 1, 5000))
    cells = grid.cells(x, 3 * x)
    np.testing.assert_allclose(cells.z, 3 * cells.x)
    assert len(cells) == 45
    assert cells.x[0] > 0.1


def test_a_smooth_curve_goes_through_the_knots():
    grid = ProgressGrid(0.1, 16)
    x = np.linspace(0.1, 1, 400)
    values, cells = grid.through(grid.cells(x, x**-0.5))
    np.testing.assert_allclose(values, grid.knots**-0.5, atol=2e-3)
    assert (cells > 0.5).all()


def test_noise_of_cells_is_found_whatever_the_curve():
    grid, x = ProgressGrid(0.1, 16), np.linspace(0.1, 1, 46)
    rng = np.random.default_rng(0)
    logs = [grid.cells(x, x**-0.3 + 0.01 * rng.normal(size=46)) for _ in range(20)]
    profile = noise_profile(logs, grid)
    np.testing.assert_allclose(profile, 0.01, rtol=0.3)
    loud = grid.cells(x, x**-0.3 + 0.1 * rng.normal(size=46))
    assert 4 < noise_ratio(loud, grid, profile) < 12
    assert noise_ratio(grid.cells(x[:2], x[:2]), grid, profile) == 1.0


def test_quantiles_of_a_mixture():
    weight, mean, sd = np.array([0.3, 0.7]), np.array([[0.0], [1.0]]), np.array([[1.0], [0.2]])
    shares = np.array([0.05, 0.5, 0.95])
    at = mixture_quantiles(shares, weight, mean, sd)
    np.testing.assert_allclose((weight[:, None] * norm.cdf(at.ravel(), mean, sd)).sum(axis=0), shares, atol=1e-6)


def test_surprise_is_a_normal_quantile():
    for freedom in (5, 40):
        for tail in (1e-3, 0.5):
            exact = float(chi2.isf(tail, freedom))
            assert shape_prior.as_normal(exact, freedom) == pytest.approx(norm.isf(tail), abs=0.05)


# --- multiples and statuses


def test_the_rule_of_horizons():
    one_each = sc.Ladder(run(p, tokens_per_param=20 * (p / 1e6) ** 0.2) for p in (1e6, 2e6, 4e6))
    rule = MultipleRule(one_each)
    assert rule.gamma == pytest.approx(1.2)
    assert rule.multiple(8e6, 20 * 8e6 * 8**0.2) == pytest.approx(rule.multiple(1e6, 2e7))
    several = sc.Ladder(run(p, tokens_per_param=t) for p in (1e6, 2e6) for t in (10, 20))
    assert MultipleRule(several).gamma == 1.0
    assert not MultipleRule(family(1e6)).known


def test_references_of_the_own_multiple_are_enough():
    several = [run(p, tokens_per_param=t) for p in (1e6, 2e6, 4e6) for t in (10, 20, 40)]
    found = sc.forecast_running(begun(run(8e6)), several, horizon=1.6e8)
    assert set(found.references) == {"1e+06-20-0", "2e+06-20-0", "4e+06-20-0"}
    assert found.status == "ok"
    assert found.final == pytest.approx(run(8e6).loss[-1], rel=1e-4)


@pytest.mark.parametrize("others", [(10, 20), (20,)])
def test_another_multiple_is_said_and_the_band_is_wide(others):
    several = [run(p, tokens_per_param=t) for p in (1e6, 2e6, 4e6) for t in others]
    whole = run(8e6, tokens_per_param=40)
    found = sc.forecast_running(begun(whole), several, horizon=40 * 8e6)
    same = sc.forecast_running(begun(run(8e6)), several, horizon=1.6e8)
    assert found.status == RunningStatus.OTHER_MULTIPLE
    assert "no reference is trained as long" in found.warnings[0]
    assert found.high - found.low > 3 * (same.high - same.low)
    assert found.low < whole.loss[-1] < found.high


def test_one_reference_size_is_said():
    found = sc.forecast_running(begun(run(2e6)), family(1e6), horizon=4e7)
    assert found.status == RunningStatus.ONE_SIZE
    assert "one size does not show the rule" in found.assumed[-1]
    assert found.left_out is None
    seeds = [run(2e6, seed=s, noise=1e-3) for s in (1, 2)]
    assert sc.forecast_running(begun(run(2e6)), seeds, horizon=4e7).status == "ok"


def test_far_from_the_references():
    found = sc.forecast_running(begun(run(1e8)), family(1e6, 2e6, 4e6), horizon=2e9)
    assert found.status == RunningStatus.FAR
    assert "by a factor 25" in found.warnings[0]


def test_too_early_claims_nothing():
    found = sc.forecast_running(begun(run(8e6), 12), family(1e6, 2e6, 4e6), horizon=1.6e8)
    assert found.status == RunningStatus.TOO_EARLY
    assert not found.claimed
    assert found.curve is None
    assert (found.png() or b"").startswith(b"\x89PNG")  # what was seen of it
    assert found.to_json()["final"] == [{"run": "8e+06-20-0", "params": 8e6, "loss": None, "interval": [None, None]}]


def test_a_finished_run_has_its_loss():
    whole = run(8e6)
    found = sc.forecast_running(whole, family(1e6, 2e6, 4e6), horizon=1.6e8)
    assert found.status == RunningStatus.FINISHED
    assert (found.final, found.interval, found.curve) == (whole.loss[-1], (whole.loss[-1],) * 2, None)
    other = sc.forecast_running(run(8e6, tokens_per_param=40), family(1e6, 2e6, 4e6), horizon=3.2e8)
    assert len(other.warnings) == 1  # whatever its references, its loss is known


def test_a_run_that_goes_astray_is_said_and_its_band_is_wider():
    smaller = [run(p, noise=5e-4, seed=s) for p in (1e6, 2e6, 4e6) for s in (0, 1)]
    whole = run(8e6, noise=5e-4)
    astray = whole.loss * np.exp(0.08 * np.sin(25 * X))
    part = sc.LossCurve(run="now", params=8e6, tokens=whole.tokens[:HALF], loss=astray[:HALF])
    found = sc.forecast_running(part, smaller, horizon=1.6e8)
    healthy = sc.forecast_running(begun(whole), smaller, horizon=1.6e8)
    assert found.status == RunningStatus.UNLIKE
    assert healthy.status == "ok"
    assert found.high - found.low > 3 * (healthy.high - healthy.low)


def test_references_of_another_schedule_do_not_count():
    part = begun(run(8e6, schedule="cosine"))
    mixed = [run(p, schedule="cosine") for p in (1e6, 2e6)] + [run(4e6, schedule="constant")]
    assert len(sc.forecast_running(part, mixed, horizon=1.6e8).references) == 2
    with pytest.raises(InputError, match=r"finished runs of the family of schedule 'cosine'; got none"):
        sc.forecast_running(part, mixed[2:], horizon=1.6e8)
    with pytest.raises(InputError, match="needs runs of one schedule; got constant, cosine"):
        sc.forecast_running(begun(run(8e6)), mixed, horizon=1.6e8)


def test_what_it_refuses():
    smaller, part = family(1e6, 2e6, 4e6), begun(run(8e6))
    with pytest.raises(InputError, match=r"needs the horizon of run '8e\+06-20-0', the tokens at which .* got none"):
        sc.forecast_running(part, smaller)
    with pytest.raises(InputError, match="a level between 0 and 1; got 90"):
        sc.forecast_running(part, smaller, horizon=1.6e8, level=90)
    with pytest.raises(InputError, match=r"losses above the offset 0\.8; got"):
        sc.forecast_running(part, smaller, horizon=1.6e8, offset=0.8)
    with pytest.raises(InputError, match="got none besides '8e"):
        sc.forecast_running(part, [part], horizon=1.6e8)
    with pytest.raises(InputError, match="on one clock; got steps"):
        sc.forecast_running(begun(run(8e6, clock="steps")), smaller, horizon=1.6e8)
    with pytest.raises(InputError, match="one run in progress; got 3"):
        sc.forecast_running(smaller, smaller, horizon=1.6e8)
    late = [sc.LossCurve(run=c.run, params=c.params, tokens=c.tokens[60:], loss=c.loss[60:]) for c in smaller]
    with pytest.raises(InputError, match="logged from 30% of their horizons on; got 3 that begin later"):
        sc.forecast_running(part, late, horizon=1.6e8)


# --- tables and the verb


def rows(*curves, horizon=None):
    columns = {"run": [], "params": [], "tokens": [], "loss": [], "horizon_tokens": []}
    for c in curves:
        end = c.horizon_tokens if horizon is None else horizon
        for name, value in zip(
            columns, ([c.run] * len(c), [c.params] * len(c), c.tokens, c.loss, [end] * len(c)), strict=True
        ):
            columns[name] += list(value)
    return columns


def test_a_table_says_the_horizon():
    smaller, part = family(1e6, 2e6, 4e6), begun(run(8e6))
    found = sc.forecast_running(rows(part, horizon=1.6e8), rows(*smaller))
    given = sc.forecast_running(part, smaller, horizon=1.6e8)
    assert (found.final, found.low) == (given.final, given.low)
    assert found.assumed == ("it will end after 160M tokens, as its table says",)
    assert given.assumed == ()
    with pytest.raises(InputError, match="whose horizon in the table is its last logged point"):
        sc.forecast_running(rows(part), smaller)


@pytest.fixture
def tables(tmp_path):
    both = sc.Ladder([*family(1e6, 2e6, 4e6, noise=1e-3), begun(run(8e6, name="now"))])
    sc.write_curves(family(1e6, 2e6, 4e6, noise=1e-3), tmp_path / "family.parquet")
    frame = sc.Ladder([begun(run(8e6, name="now"))]).to_frame().drop_columns(["horizon_tokens"])
    sc.write_curves(frame, tmp_path / "now.csv")
    sc.write_curves(both, tmp_path / "both.parquet")
    return tmp_path


def test_the_verb_writes_everything(capsys, tables):
    words = ["forecast", str(tables / "family.parquet"), "--running", str(tables / "now.csv"), "--horizon", "160M"]
    assert main([*words, "--out", str(tables / "all")]) == 0
    text, err = capsys.readouterr()
    assert err == ""
    assert text.startswith("now (8M parameters, 50% of 160M tokens) will end at a loss of ")
    assert "status: ok" in text
    assert "leaving out the largest of these (4M)" in text
    report = json.loads((tables / "all" / "report.json").read_text())
    whole = run(8e6)
    (final,) = report["final"]
    assert report["status"] == "ok"
    assert final["interval"][0] < whole.loss[-1] < final["interval"][1]
    assert (tables / "all" / "running.png").read_bytes().startswith(b"\x89PNG")
    rest = sc.read_curves(tables / "all" / "running.parquet").curves[0]
    assert rest.run == "now"
    assert rest.loss[-1] == pytest.approx(final["loss"])
    assert (rest.extra["loss_low"] < rest.loss).all()


def test_one_table_may_hold_both(capsys, tables):
    both = str(tables / "both.parquet")
    words = ["forecast", both, "--running", "now", "--horizon", "160M", "--json", "-"]
    assert main(words) == 0
    one = json.loads(capsys.readouterr().out)
    family_table = str(tables / "family.parquet")
    assert main(["forecast", family_table, "--running", str(tables / "now.csv"), *words[4:]]) == 0
    assert json.loads(capsys.readouterr().out)["final"] == one["final"]
    assert main(["forecast", both, "--running", "then", "--horizon", "160M"]) == 2
    assert "the name of a run in RUNS (1e+06-20-0, 2e+06-20-0, 4e+06-20-0, now); got then" in capsys.readouterr().err
    assert main(["forecast", both, "--running", "now", "--plan"]) == 2
    assert "needs one of --running, --target and --plan; got two" in capsys.readouterr().err


def test_the_verb_says_when_nothing_is_forecast(capsys, tables):
    words = ["forecast", str(tables / "family.parquet"), "--running", str(tables / "now.csv"), "--horizon", "1.6B"]
    assert main([*words, "--table", str(tables / "rest.csv")]) == 0
    text = capsys.readouterr().out
    assert "Nothing is forecast for now (8M parameters, 5% of 1.6B tokens): too early" in text
    assert not (tables / "rest.csv").exists()


# --- published


@pytest.mark.published
def test_olmo_ends_are_forecast_from_smaller_sizes(published):
    """Seed 0 of every size and multiple; all runs: benchmarks/running_forecasts.py."""
    ladder = sc.read_curves(published("olmo_ladder_c4"))
    errors = {0.2: [], 0.5: []}
    inside = []
    for curve in (c for c in ladder if c.seed == 0):
        multiple = curve.extra["multiple"]
        smaller = [c for c in ladder if c.params < curve.params and c.extra["multiple"] == multiple]
        for share, found in errors.items() if smaller else ():
            seen = int((curve.tokens <= share * curve.horizon_tokens).sum())
            one = sc.forecast_running(begun(curve, seen), smaller, horizon=curve.horizon_tokens, check=False)
            found.append(one.final / curve.horizon_loss - 1)
            inside.append(one.low <= curve.horizon_loss <= one.high)
    assert len(inside) == 20
    assert np.mean(inside) >= 0.85
    assert np.abs(errors[0.2]).mean() < 0.0025
    assert np.abs(errors[0.5]).mean() < 0.0015
    assert abs(np.mean(errors[0.2])) < np.abs(errors[0.2]).mean()
