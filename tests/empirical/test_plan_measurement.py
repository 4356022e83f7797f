"""`plan`: predicted power and widths against simulated ones, cheapest designs against a search, and the verb."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import stdtrit
from synthetic import law_ladder

import scaling_collapse as sc
from scaling_collapse.cli import main
from scaling_collapse.common import InputError
from scaling_collapse.empirical import write_curves
from scaling_collapse.empirical.collapse.curves_on_grid import CurvesOnGrid
from scaling_collapse.empirical.collapse.evidence import evidence_at
from scaling_collapse.empirical.collapse.ladder_designs import (
    SIZES,
    SPANS,
    Recipe,
    cheapest_designs,
    design_of,
    predicted_power,
)
from scaling_collapse.empirical.collapse.ladder_model import ladder_model
from scaling_collapse.empirical.collapse.power import power_of

X = np.geomspace(0.1, 1.0, 40)
RECIPE = Recipe(noise=0.05, exponent=0.2, gamma=0.8, smallest=1e15)


def drawn(rng, *, sizes, seeds, span, effect, noise, end_noise=0.0):
    """Curves of two power laws, mu = nu = 1/2, at horizons off by `effect`; offset 0; b = 1/4."""
    log_p = np.linspace(0.0, np.log(span), sizes)
    log_t = log_p * (1 + effect)
    late = 0.5 * np.exp(-0.5 * (log_t + effect * log_p[-1] / -2))[:, None] * X**-0.5
    L = np.repeat(late + 0.5 * np.exp(-0.5 * log_p)[:, None], seeds, axis=0)
    end = L[:, -1:]
    L = end + (L - end) * np.exp(noise * rng.standard_normal(end.shape))
    L = L * np.exp(end_noise * rng.standard_normal(end.shape))
    index = np.repeat(np.arange(sizes), seeds)
    return CurvesOnGrid(x=X, L=L, size_index=index, log_p=log_p, log_horizon=log_t, starts_late=False)


def significant(curves):
    trend = evidence_at(curves, 0.0).trend
    return abs(trend.t) > stdtrit(trend.dof, 0.975)


@pytest.mark.parametrize(
    "setting",
    [
        {"sizes": 4, "seeds": 2, "span": 30, "effect": 0.2, "noise": 0.06},
        {"sizes": 6, "seeds": 5, "span": 6, "effect": 0.2, "noise": 0.07},
        {"sizes": 10, "seeds": 2, "span": 300, "effect": 0.1, "noise": 0.08},
        {"sizes": 6, "seeds": 3, "span": 30, "effect": 0.0, "noise": 0.05},
    ],
)
def test_predicted_power_is_what_ladders_show(setting):
    rng = np.random.default_rng(0)
    seen = np.mean([significant(drawn(rng, **setting)) for _ in range(200)])
    assert seen == pytest.approx(predicted_power(setting.pop("effect"), exponent=0.25, **setting), abs=0.08)


@pytest.mark.parametrize(("sizes", "seeds"), [(4, 2), (6, 5)])
def test_a_ladder_shows_the_error_that_it_says_it_would_show(sizes, seeds):
    rng, seen = np.random.default_rng(1), []
    setting = {"sizes": sizes, "seeds": seeds, "span": 30, "noise": 0.02}
    for _ in range(200):
        said = power_of(evidence_at(drawn(rng, effect=0.0, **setting), 0.0), (), np.empty(0)).gamma_error_at_offset
        seen.append(significant(drawn(rng, effect=-said, **setting)))
    assert np.mean(seen) == pytest.approx(0.9, abs=0.07)


def test_the_price_is_that_of_all_runs():
    design = design_of(RECIPE, 0.2, 0.9, sizes=4, seeds=3, span=27.0)
    assert design.compute == pytest.approx(3 * sum(1e15 * p**1.8 for p in (1, 3, 9, 27)))
    assert design.runs == 12
    again = predicted_power(design.smallest_effect, exponent=0.2, sizes=4, seeds=3, span=27.0, noise=0.05)
    assert again == pytest.approx(0.9, abs=1e-6)


def test_cheapest_designs_are_those_of_an_exhaustive_search():
    shapes = itertools.product(SIZES, range(2, 21), SPANS)
    every = [design_of(RECIPE, 0.2, 0.9, sizes=N, seeds=n, span=s) for N, n, s in shapes]
    enough = [d for d in every if d.power >= 0.9]
    found = cheapest_designs(RECIPE, 0.2, 0.9)
    assert found[0].compute == min(d.compute for d in enough)
    assert found[-1].runs == min(d.runs for d in enough)
    for design in found:
        assert not [d for d in enough if d.runs <= design.runs and d.compute < design.compute * (1 - 1e-9)]


def test_what_is_settled_stays():
    plan = sc.plan_measurement(sizes=6, span=30, noise=0.05)
    assert {(d.sizes, d.span) for d in plan.designs} == {(6, 30)}
    (all_settled,) = sc.plan_measurement(sizes=6, span=30, seeds=2, noise=0.5).designs
    assert all_settled.seeds == 2
    assert all_settled.power < 0.3
    assert sc.plan_measurement(effect=0.01, noise=0.9).recommended is None


def ladder_as_model(curves):
    """Its numbers, the offset fitted, at the true offset of 3."""
    C = 6 * np.exp(curves.log_p + curves.log_horizon)
    return ladder_model(replace(curves, L=curves.L + 3.0), C, 3.0, fitted=True, ends=())


def test_predicted_errors_are_those_of_refitted_ladders():
    from scaling_collapse.empirical.fits.final_loss_solution import solve

    rng, setting = np.random.default_rng(2), {"sizes": 7, "seeds": 4, "span": 100, "effect": 0.0}
    L0, gamma, halves = [], [], []
    for k in range(150):
        curves = drawn(rng, **setting, noise=0.01, end_noise=0.01)
        moved = replace(curves, L=curves.L + 3.0)
        means = moved.finals.reshape(7, 4).mean(axis=1)
        C = 6 * np.exp(curves.log_p + curves.log_horizon)
        L0.append(float(solve(C, means).L0[0]))
        gamma.append(evidence_at(moved, L0[-1]).trend.gamma_error)
        if k < 20:
            model = ladder_as_model(curves)
            halves.append(model.half_widths(model.log_p, model.seeds)[:2])
    t = stdtrit(21, 0.95)
    predicted = np.mean(halves, axis=0) / t
    assert predicted == pytest.approx([np.std(L0), np.std(gamma)], rel=0.2)


def test_the_model_agrees_with_measure_where_the_offset_is_known():
    ladder = law_ladder(sizes=6, fast=0.02, L0=0.0, a=1.0)
    plan, report = sc.plan_measurement(ladder, offset=0), sc.measure_collapse(ladder, offset=0, draws=100)
    assert plan.now is not None
    assert report.trend is not None
    assert plan.smallest_effect == pytest.approx(report.power.gamma_error, rel=0.02)
    assert plan.now.gamma_half == pytest.approx(np.diff(report.trend.gamma_interval)[0] / 2, rel=0.02)
    assert plan.now.deviation_half > 0
    assert math.isnan(plan.now.L0_half)
    assert [best.aim for best in plan.best] == ["gamma", "verdict"]


def test_single_runs_of_a_measured_ladder():
    ladder = law_ladder(sizes=6, fast=0.02)
    plan = sc.plan_measurement(ladder, effect=0.01)
    assert plan.now is not None
    # One seed of each of 6 sizes, a smaller one, five between, two above.
    assert len(plan.runs) == 6 + 1 + 5 + 2
    assert all(run.runs == 1 for run in plan.runs)
    sizes, gamma = np.array(ladder.sizes), 1.0
    cost = 120 * sizes ** (1 + gamma)
    assert [run.compute for run in plan.runs[:6]] == pytest.approx(cost, rel=1e-6)
    assert plan.runs[-1].compute == pytest.approx(cost[-1] * 16, rel=1e-6)
    of_L0 = plan.best[0]
    assert of_L0.aim == "L0"
    assert of_L0.most is not None
    assert of_L0.most == min(plan.runs, key=lambda run: run.L0_half)
    assert of_L0.most.L0_half < plan.now.L0_half
    rates = [(plan.now.L0_half - run.L0_half) / run.compute for run in plan.runs]
    assert of_L0.per_flop == plan.runs[int(np.argmax(rates))]
    assert all(runs.power >= 0.9 for runs in plan.reaching)
    assert plan.now.power < 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"effect": 20}, "`effect` between 0.001 and 1; got 20"),
        ({"probability": 1.0}, "`probability` between 0.1 and 0.999; got 1"),
        ({"noise": 0.0}, "`noise` between"),
        ({"noise": math.nan}, "`noise` between"),
        ({"seeds": 1}, "`seeds` between 2 and 1000; got 1"),
        ({"span": 1.0}, "`span` between"),
        ({"offset": 1.0}, "needs a ladder for its `offset`; got none"),
    ],
)
def test_bad_numbers_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        sc.plan_measurement(**arguments)


@pytest.mark.parametrize(
    ("ladder", "arguments", "words"),
    [
        (law_ladder(), {"noise": 0.1}, "reads `noise` off a ladder; got both"),
        (law_ladder(sizes=2), {"offset": 2.0}, "at least 3 sizes; got 2"),
        (law_ladder(seeds=1), {}, "one seed of each"),
        (law_ladder(b=-0.2), {"offset": 2.0}, "final losses that fall with compute"),
    ],
)
def test_ladders_that_cannot_be_planned_from_are_refused(ladder, arguments, words):
    with pytest.raises(InputError, match=words):
        sc.plan_measurement(ladder, **arguments)


def test_the_verb_answers_first_and_says_what_it_assumed(capsys, tmp_path):
    assert main(["plan", "--effect", "20%", "--noise", "5%", "--json", str(tmp_path / "p.json")]) == 0
    out = capsys.readouterr().out
    assert "sizes over a factor of" in out.splitlines()[0]
    assert "Assumed: ln S of a run scatters by 5.00%" in out
    written = json.loads((tmp_path / "p.json").read_text())
    assert written["effect"] == 0.2
    assert written["designs"][0]["power"] >= 0.9
    assert written["now"] is None


def test_the_verb_starts_from_a_ladder(capsys, tmp_path):
    table = str(write_curves(law_ladder(sizes=6, fast=0.02), tmp_path / "t.parquet"))
    assert main(["plan", table, "--effect", "1%", "--out", str(tmp_path / "plan")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("This ladder shows a horizon exponent that is off by 1%")
    assert "The single run that narrows the 90 % interval most" in out
    written = json.loads((tmp_path / "plan" / "report.json").read_text())
    assert [best["aim"] for best in written["best"]] == ["L0", "gamma", "verdict"]
    assert written["best"][0]["most"]["compute"] > 0


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["--effect", "20"], "`effect` between 0.001 and 1; got 20"),
        (["--noise", "-3%"], "`noise` between 1e-06 and 1; got -0.03"),
        (["--effect", "much"], "plan needs --effect to be a number"),
        (["--sizes", "2.5"], "needs `sizes` to be a whole number; got 2.5"),
        (["--where", "a=b"], "plan --where needs SOURCE"),
    ],
)
def test_bad_options_are_one_sentence(capsys, tokens, words):
    assert main(["plan", *tokens]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
