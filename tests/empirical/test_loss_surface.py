import json
import math

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_grids import SIZES, grid_ladder, true_law
from validation_ladders import overtrained

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical import compare_allocations, fit_horizon, fit_loss_surface, read_curves, write_curves
from scaling_collapse.empirical.fits.surface_fit import task_of
from scaling_collapse.empirical.fits.surface_law import FORMS, SurfaceLaw, log_surface
from scaling_collapse.empirical.fits.surface_points import surface_points
from scaling_collapse.empirical.fits.surface_scatter import surface_scatter
from scaling_collapse.empirical.fits.surface_solution import as_law, search
from scaling_collapse.theory import Ladder, LossCurve

LAWS = {"sum": true_law(), "coupled": true_law(k=0.3)}


def end(name, N, D, loss, **more):
    return LossCurve(run=name, params=N, tokens=[D / 2, D], loss=[9.0, loss], **({"schedule": "linear"} | more))


# --- the law


@pytest.mark.parametrize("law", [*LAWS.values(), true_law(k=2.0)], ids=["sum", "bottleneck", "hindered"])
def test_the_optimum_is_the_lowest_loss_of_its_budget(law):
    for C in (1e18, 1e21):
        N = np.geomspace(1e6, 1e12, 60001)
        best = N[law.loss(N, C / (6 * N)).argmin()]
        assert law.optimal_params(C) == pytest.approx(best, rel=1e-3)
        assert law.optimal_tokens(best) == pytest.approx(C / (6 * best), rel=1e-2)


def test_the_limits_of_the_coupling():
    U, V = 400 * 1e8**-0.34, 410 * 1e9**-0.28
    assert true_law(k=1.0).loss(1e8, 1e9) == pytest.approx(1.7 + U + V)
    assert true_law(k=0.01).loss(1e8, 1e9) == pytest.approx(1.7 + max(U, V), rel=1e-4)
    assert true_law(k=2.0).loss(1e8, 1e9) == pytest.approx(1.7 + (U**0.5 + V**0.5) ** 2)
    kaplan = SurfaceLaw(*np.array([0.0, (8.8e13) ** 0.076, 0.076, (5.4e13) ** 0.095, 0.095, 0.095]))
    published = ((8.8e13 / 1e8) ** (0.076 / 0.095) + 5.4e13 / 1e9) ** 0.095  # arXiv 2001.08361, eq. 1.5
    assert kaplan.loss(1e8, 1e9) == pytest.approx(published)
    for k in (0.1, 1.0, 3.0):  # with one resource without limit the other's term is left alone
        assert true_law(k=k).loss(1e8, 1e300) == pytest.approx(1.7 + U, rel=1e-3)


@settings(max_examples=25)
@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_the_slopes_are_those_of_the_law(numbers):
    q, n, d = np.add([numbers], [1.5, 0, -1, 0, -1, 0]), np.array([-1.0, 0.2, 2.0]), np.array([0.5, -2.0, 1.0])
    _, slopes = log_surface(q, n, d)
    for j in range(6):
        step = np.zeros(6)
        step[j] = 1e-6
        numeric = (log_surface(q + step, n, d)[0] - log_surface(q - step, n, d)[0]) / 2e-6
        np.testing.assert_allclose(slopes[..., j], numeric, atol=1e-7)


# --- the fit


@pytest.mark.parametrize("form", FORMS)
def test_the_law_comes_back_without_noise(form):
    points = surface_points(grid_ladder(LAWS[form]))
    task = task_of(points)
    found = search(task, form)
    assert found.objective[0] < 1e-12
    for value, truth in zip(as_law(found.q[0], task.centre), LAWS[form], strict=True):
        assert value == pytest.approx(truth, rel=1e-3)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("form", FORMS)
def test_the_objective_is_at_most_that_of_many_starts(form, seed):
    points = surface_points(grid_ladder(LAWS[form], point=2e-3, level=1e-3, rng=seed))
    task = task_of(points)
    assert search(task, form).objective[0] <= naive.fit_surface(points.N, points.D, points.loss, form) * (1 + 1e-6)


def test_the_scatter_tells_levels_from_points():
    rng, size = np.random.default_rng(0), np.repeat(np.arange(20), 5)
    slopes = np.stack([np.ones(100), rng.standard_normal(100)], axis=1)
    for point, level in ((1e-3, 0.0), (1e-3, 3e-3)):
        r = point * rng.standard_normal(100) + level * rng.standard_normal(20)[size]
        spread = surface_scatter(r, slopes, size).draw(4000, rng)
        low, high = np.quantile(spread.point, (0.005, 0.995))
        assert low < point < high < 1.5 * point
        low, high = np.quantile(spread.level, (0.005, 0.995))
        assert low <= max(level, 1e-3)
        assert high >= level
        assert (low > 1e-3) == (level > 0)


def test_intervals_hold_the_truth():
    hits = []
    for seed in range(8):
        found = fit_loss_surface(grid_ladder(LAWS["sum"], point=1e-3, level=1e-3, rng=seed), draws=200)
        low, high = found.predict(4e9, 8e10).interval
        hits += [low < LAWS["sum"].loss(4e9, 8e10) < high]
        if found.form == "sum":
            for name in ("L0", "a", "b"):
                truth = float(getattr(LAWS["sum"], name))
                hits += [i[0] < truth < i[1] for i in (found.intervals[name], found.profile[name])]
    assert np.mean(hits) > 0.75  # 90 %, of 8 grids


def test_the_form_that_predicts_left_out_sizes_is_chosen():
    for form, law in LAWS.items():
        found = fit_loss_surface(grid_ladder(law, point=5e-4, level=5e-4, rng=1), draws=200)
        assert found.status == "ok"
        assert found.form == found.scores[0].form == form
        assert found.scores[0].weight > 0.5
        assert f"the form '{form}' misses it by" in found.notes[0]
        assert sum(score.weight for score in found.scores) == pytest.approx(1)


def test_a_size_of_the_ladder_is_predicted_with_its_own_level():
    ladder = grid_ladder(LAWS["sum"], point=1e-4)
    off = Ladder(
        LossCurve(run=c.run, params=c.params, tokens=c.tokens, loss=c.loss * 1.01, schedule="linear")
        if c.params == SIZES[2]
        else c
        for c in ladder
    )
    found = fit_loss_surface(off, draws=400)
    truth = 1.01 * LAWS["sum"].loss(SIZES[2], 40 * SIZES[2])
    known, law = found.predict(SIZES[2], 40 * SIZES[2]), float(found(SIZES[2], 40 * SIZES[2]))
    assert abs(known.loss / truth - 1) < 0.003 < abs(law / truth - 1)
    assert np.diff(known.interval) < np.diff(found.predict(SIZES[2] * 1.2, 40 * SIZES[2]).interval)


# --- what counts as a point


def test_only_ends_of_decaying_runs_are_points():
    ladder = grid_ladder(LAWS["sum"], seeds=3, point=1e-3)
    points = surface_points(ladder)
    assert points.N.size == 15
    assert set(points.runs) == {3}
    assert points.seed_dof == 30
    assert points.seed_scatter == pytest.approx(1e-3, rel=0.4)
    ends = {(c.params, round(c.tokens[-1])) for c in ladder}
    assert {(N, round(D)) for N, D in zip(points.N, points.D, strict=True)} == ends


def test_at_a_constant_rate_points_on_the_way_count():
    law = LAWS["sum"]
    runs = list(grid_ladder(law, multiples=(80.0,), schedule="constant"))
    points = surface_points(Ladder(runs))
    assert points.N.size == 20
    np.testing.assert_allclose(points.loss, law.loss(points.N, points.D), rtol=2e-3)
    found = fit_loss_surface(runs, draws=200)
    assert "The rate is constant" in found.notes[-1]
    by_rates = [
        LossCurve(run=c.run, params=c.params, tokens=c.tokens, loss=c.loss, lr=np.full(60, 0.1)) for c in runs[:1]
    ]
    assert surface_points(Ladder(by_rates)).N.size == 4
    decayed = LossCurve(run="d", params=1, tokens=[1, 2, 3], loss=[3, 2, 1], lr=[1.0, 0.5, 0.1], schedule="constant")
    assert surface_points(Ladder([decayed])).N.size == 1


# --- what cannot be known


def status_of(runs):
    found = fit_loss_surface(runs, draws=200)
    if not found.claimed:
        assert all(math.isnan(v) for v in found.law)
        assert found.to_json()["L0"] is found.to_json()["gamma"] is None
        with pytest.raises(InputError, match=rf"needs a fitted law to predict; got status '{found.status}'"):
            found.predict(1e9, 1e10)
    return found.status, found.notes[0]


def test_one_multiple_does_not_separate_sizes_from_data():
    status, note = status_of(grid_ladder(LAWS["sum"], multiples=(20.0,), point=1e-3))
    assert status == "N and D not separated"
    assert "one power of parameters throughout (D ~ N^1.00)" in note
    law = LAWS["sum"]
    runs = [end(f"{N}", N, 3.0 * N**1.2, float(law.loss(N, 3.0 * N**1.2))) for N in np.geomspace(1e6, 1e9, 9)]
    assert status_of(runs)[0] == "N and D not separated"


def test_too_few_points_and_losses_without_logarithm_and_growing():
    law = LAWS["sum"]
    few = grid_ladder(law, sizes=SIZES[:2])
    assert status_of(few)[0] == "too few points"
    assert status_of(grid_ladder(law, sizes=SIZES[:1]))[0] == "too few points"
    negative = [end(f"{c.run}", c.params, c.tokens[-1], c.loss[-1] - 4.0) for c in grid_ladder(law)]
    assert status_of(negative)[0] == "losses not positive"
    growing = [end(f"{c.run}", c.params, c.tokens[-1], 8 - c.loss[-1]) for c in grid_ladder(law)]
    assert status_of(growing)[0] == "not a decreasing law"


def test_a_term_that_is_not_there_has_no_exponent():
    rng = np.random.default_rng(3)
    runs = [
        end(f"{N}x{D}", N, D, (1.7 + 410 * D**-0.28) * np.exp(1e-3 * rng.standard_normal()))
        for N in SIZES
        for D in (1e9, 4e9, 2e10)
    ]
    status, note = status_of(runs)
    assert status == "exponents not identified"
    assert "add sizes, or horizons further apart" in note


def test_an_irreducible_loss_that_is_not_known_is_said():
    runs = grid_ladder(true_law(L0=20.0), sizes=np.geomspace(1e7, 3e8, 6), point=5e-3, rng=2)
    assert fit_loss_surface(runs, draws=200).status in ("L0 not identified", "exponents not identified")


def test_arguments_are_checked():
    ladder = grid_ladder(LAWS["sum"])
    with pytest.raises(InputError, match=r"fit_loss_surface needs a `level` between 0 and 1; got 2"):
        fit_loss_surface(ladder, level=2)
    with pytest.raises(InputError, match=r"fit_loss_surface needs at least 200 `draws`; got 10"):
        fit_loss_surface(ladder, draws=10)
    two = [*ladder, *(end(f"x{c.run}", c.params, c.tokens[-1], 3.0, schedule="cosine") for c in ladder)]
    with pytest.raises(InputError, match="fit_loss_surface needs runs of one schedule"):
        fit_loss_surface(two)
    found = fit_loss_surface(ladder, draws=200)
    with pytest.raises(InputError, match=r"LossSurface needs `tokens` > 0; got -1"):
        found.predict(1e9, -1)
    with pytest.raises(InputError, match=r"LossSurface.plot needs `what` 'loss' or 'allocation'; got 'x'"):
        found.plot(what="x")


# --- beside the frontier, and on the command line


def test_law_and_frontier_agree_where_both_hold():
    runs = past_their_horizon()
    found = fit_loss_surface(runs, draws=200)
    beside = compare_allocations(found, fit_horizon(runs))
    assert not beside.disagree
    assert beside.ratio == pytest.approx(1, abs=0.15)
    assert compare_allocations(found, fit_horizon(past_their_horizon(longer=4.0))).disagree


def past_their_horizon(longer=1.0):
    """Runs of two terms at a constant rate; with `longer` their losses are reached after so many times the tokens."""
    return Ladder(
        LossCurve(run=c.run, params=c.params, tokens=longer * c.tokens, loss=c.loss, schedule="constant")
        for c in overtrained(noise=1e-4)
    )


def test_the_verb_fits_the_law(capsys, tmp_path):
    source = write_curves(grid_ladder(LAWS["sum"], point=1e-3), tmp_path / "grid.parquet")
    folder = tmp_path / "law"
    assert main(["fit", str(source), "--law", "--out", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Loss over N parameters and D tokens: L0 + A N^-a + B D^-b; status: ")
    assert "Not compared with the Pareto frontier: the frontier of curves needs runs at a constant rate." in text
    assert (folder / "surface.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((folder / "report.json").read_text())
    assert report["L0_interval"][0] < report["L0"] < report["L0_interval"][1]
    assert [round(a["compute"] / report["allocations"][0]["compute"]) for a in report["allocations"]] == [1, 3, 10]
    one = write_curves(grid_ladder(LAWS["sum"], multiples=(20.0,)), tmp_path / "one.parquet")
    assert main(["fit", str(one), "--law", "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["status"], report["L0"], report["frontier"]) == ("N and D not separated", None, None)


def test_the_verb_shows_the_frontier_at_a_constant_rate(capsys, tmp_path):
    source = write_curves(past_their_horizon(), tmp_path / "past.parquet")
    assert main(["fit", str(source), "--law"]) == 0
    assert "The two agree." in capsys.readouterr().out


@pytest.mark.published
def test_olmo_needs_the_coupling_and_holds_its_largest_size(published):
    ladder = read_curves(published("olmo_ladder_c4"))
    below = fit_loss_surface(ladder.select(lambda c: c.params < 2e9))
    assert (below.status, below.form) == ("ok", "coupled")
    assert float(below.law.k) < 0.5
    for run in ladder.by_size[ladder.sizes[-1]]:
        found = below.predict(run.params, run.horizon_tokens)
        assert found.interval[0] < run.horizon_loss < found.interval[1]
        assert abs(found.loss / run.horizon_loss - 1) < 0.01
        assert np.diff(found.interval) / 2 < 0.015 * run.horizon_loss
