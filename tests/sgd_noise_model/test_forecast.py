"""Forecasts: what they may read, what they recover, how far they are off on published runs, what they refuse."""

import dataclasses
import json

import forecast_protocols as protocols
import numpy as np
import pytest
from synthetic import table_of

from scaling_collapse import InputError, LossCurve, read_targets
from scaling_collapse.sgd_noise_model import Target, calibrate, forecast, plan_cooldown, schedules
from scaling_collapse.sgd_noise_model.laws import LAWS
from scaling_collapse.sgd_noise_model.laws.calibration import LeftOut, Status
from scaling_collapse.sgd_noise_model.laws.law_solution import solve_law
from scaling_collapse.sgd_noise_model.laws.rates import Units, rates_of
from scaling_collapse.sgd_noise_model.laws.trunk import build_trunk

T = 1e9
TOKENS = np.unique(np.r_[np.geomspace(1e-3, 1, 120), np.linspace(0.005, 1, 200)]) * T
TRUTH = {"L0": 2.5, "A": 0.3, "a": 0.45, "C": 0.09, "q": 0.1, "b": 0.5, "f": 0.35, "lag": 0.01, "memory": 0.2}
TRUTH |= {"kappa": 0.3, "nu": -0.4}  # of account only at another peak


def rates(schedule, tokens=TOKENS, peak=1e-3):
    return peak * schedule.s(tokens / tokens[-1])


def truth(run, lr, tokens=TOKENS, noise=0.0, rng=0, run_noise=0.0, params=1e6):
    """A run that obeys the response law, at the units of the longest constant run."""
    law = LAWS["response"](Units(1e-3, T))
    theta = np.array([_coordinate(p, TRUTH[p.name]) for p in law.parameters])
    loss, _ = law.losses(theta, law.prepare(rates_of(run, params, tokens, lr, law.units)))
    draw = np.random.default_rng(rng)
    loss = loss * np.exp(run_noise * draw.standard_normal() + noise * draw.standard_normal(loss.size))
    return LossCurve(run=run, params=params, tokens=tokens, loss=loss, lr=lr)


def _coordinate(parameter, value):
    if parameter.link == "log":
        return np.log(value)
    return np.log(value / (1 - value)) if parameter.link == "logit" else value


def calibration(noise=0.0, run_noise=0.0, rng=0):
    kinds = [
        schedules.constant(),
        schedules.cosine(),
        schedules.wsd(decay=0.2),
        schedules.step(at_progress=(0.4,), factor=0.3),
    ]
    return [truth(f"cal{i}", rates(s), noise=noise, run_noise=run_noise, rng=10 * rng + i) for i, s in enumerate(kinds)]


@pytest.mark.parametrize(
    "schedule", [schedules.linear(), schedules.wsd(decay=0.4, shape="1-sqrt"), schedules.multi_cosine()]
)
def test_the_response_law_forecasts_its_own_curves(schedule):
    lr = rates(schedule)
    [found] = forecast(calibration(), [Target("t", 1e6, TOKENS, lr)])
    want = truth("t", lr).loss
    late = TOKENS > 0.06 * T
    assert np.abs(found.loss / want - 1)[late].max() < 2e-4
    assert found.calibration.law == "response"


def test_a_forecast_does_not_depend_on_the_unit_of_time():
    lr = rates(schedules.linear())
    [tokens] = forecast(calibration(1e-3), [Target("t", 1e6, TOKENS, lr)])
    scaled = [
        dataclasses.replace(c, tokens=c.tokens / 4096, compute=None, horizon_tokens=np.nan) for c in calibration(1e-3)
    ]
    [steps] = forecast(scaled, [Target("t", 1e6, TOKENS / 4096, lr)])
    np.testing.assert_allclose(steps.loss, tokens.loss, rtol=1e-6)
    np.testing.assert_allclose(steps.high, tokens.high, rtol=1e-4)


def test_bands_cover_runs_with_their_own_noise():
    lr = rates(schedules.linear())
    inside = []
    for rng in range(25):
        [found] = forecast(calibration(1e-3, 3e-4, rng), [Target("t", 1e6, TOKENS, lr)])
        run = truth("t", lr, noise=1e-3, run_noise=3e-4, rng=10_000 + rng)
        late = TOKENS > 0.05 * T
        inside.append(((found.low < run.loss) & (run.loss < found.high))[late].mean())
    assert 0.85 < np.mean(inside) < 0.99


def test_the_targets_loss_and_noise_are_never_read():
    runs = calibration(1e-3)
    lr = rates(schedules.linear())
    clean = truth("t", lr)
    poisoned = dataclasses.replace(clean, loss=np.full(TOKENS.size, 1e50), noise_trace=np.full(TOKENS.size, np.nan))
    [a], [b] = forecast(runs, [clean]), forecast(runs, [poisoned])
    for name in ("loss", "low", "high"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def test_the_target_is_not_read_from_tables_either():
    lr = rates(schedules.linear())
    clean, poison = ({**table_of([truth("t", lr)]), "lr": lr} for _ in range(2))
    poison["loss"] = [float("nan")] * len(poison["run"])
    poison["noise_trace"] = [-1.0] * len(poison["run"])
    without = {k: v for k, v in clean.items() if k != "loss"}
    runs = calibration(1e-3)
    found = [forecast(runs, read_targets(frame))[0] for frame in (clean, poison, without)]
    assert found[0].loss.tobytes() == found[1].loss.tobytes() == found[2].loss.tobytes()
    assert len(found[0].loss) == TOKENS.size


def test_the_traced_law_recovers_its_coefficient_and_pools_sizes():
    runs = traced_runs()
    fit = calibrate(runs)
    assert fit.law == "traced-response"
    assert fit.solution.values["c"] == pytest.approx(0.25, rel=0.02)
    lr = rates(schedules.cosine())
    [found] = forecast(runs, [Target("t", 2e6, TOKENS, lr)])
    want = traced("t", lr, 2e6).loss
    assert np.abs(found.loss / want - 1)[TOKENS > 0.05 * T].max() < 1e-3


def test_a_size_without_a_trunk_lies_between_its_neighbours_and_is_warned_of():
    runs = traced_runs(sizes=(1e6, 4e6))
    lr = rates(schedules.cosine())
    [found] = forecast(runs, [Target("t", 2e6, TOKENS, lr)])
    assert any("no constant-rate run of this size" in w for w in found.warnings)
    want = traced("t", lr, 2e6).loss
    assert np.abs(found.loss / want - 1)[TOKENS > 0.05 * T].max() < 0.01


def test_decayed_runs_of_a_size_without_trunk_are_left_out_by_name():
    runs = [*traced_runs(sizes=(1e6,)), traced("stray", rates(schedules.linear()), 2e6)]
    fit = calibrate(runs, params=1e6)
    assert ("stray", LeftOut.NO_TRUNK) in fit.left_out
    assert np.isfinite(forecast(runs, [Target("t", 1e6, TOKENS, rates(schedules.cosine()))])[0].high).all()


def traced(run, lr, params):
    """Losses and noise of an Adam-like run: noise rises with the deficit, and takes a quarter of itself off."""
    s = lr / 1e-3
    tau = np.r_[TOKENS[0], TOKENS[0] + np.cumsum(np.diff(TOKENS) * (s[1:] + s[:-1]) / 2)] / T
    trunk, level = 2.0 + 0.5 * (params / 1e6) ** -0.1 * tau**-0.3, 0.4 * tau**-0.2
    loss = trunk - 0.25 * level * (1 - s)
    return LossCurve(run=run, params=params, tokens=TOKENS, loss=loss, lr=lr, noise_trace=level)


def traced_runs(sizes=(1e6, 2e6)):
    kinds = {"const": schedules.constant(), "linear": schedules.linear(), "wsd": schedules.wsd(decay=0.2)}
    return [traced(f"{name}-{p:g}", rates(s), p) for p in sizes for name, s in kinds.items()]


@pytest.mark.parametrize(
    ("target", "words", "status"),
    [
        (Target("t", 1e6, TOKENS, 2 * rates(schedules.linear())), "a factor 2 above the highest", "peak rate not cal"),
        (Target("t", 1e6, 3 * TOKENS, rates(schedules.constant())), "training goes 3 times further", ""),
        (Target("t", 1e6, 4 * TOKENS, rates(schedules.constant())), "training goes 4 times further", "more than 3"),
        (Target("t", 1e6, TOKENS, rates(schedules.step(at_progress=(0.1,), factor=0.05))), "lower for longer", ""),
    ],
)
def test_leaving_what_is_calibrated_is_warned_of_and_widens_the_band(target, words, status):
    runs = calibration(1e-3)
    [inside] = forecast(runs, [Target("t", 1e6, TOKENS, rates(schedules.linear()))])
    [outside] = forecast(runs, [target])
    assert any(words in w for w in outside.warnings), outside.warnings
    assert outside.status.startswith(status or inside.status[:2])
    assert outside.to_json()["status"] == outside.status
    assert not inside.warnings or all("before what was fitted" in w for w in inside.warnings)
    assert (outside.high - outside.low)[-1] > 1.1 * (inside.high - inside.low)[-1]


def test_a_size_without_decayed_runs_takes_the_response_of_another_and_is_warned_of():
    lr = rates(schedules.linear())
    trunk = dataclasses.replace(calibration()[0], run="big", params=3e6, compute=None, horizon_tokens=np.nan)
    [found] = forecast([*calibration(), trunk], [Target("t", 3e6, TOKENS, lr)], law="response")
    assert found.calibration.donor == 1e6
    assert any("the response is that of the size with params=1000000" in w for w in found.warnings)
    late = TOKENS > 0.06 * T
    assert np.abs(found.loss / truth("t", lr).loss - 1)[late].max() < 5e-4
    [own] = forecast(calibration(), [Target("t", 1e6, TOKENS, lr)], law="response")
    assert (found.high - found.low)[-1] > (own.high - own.low)[-1]


def test_only_constant_runs_say_nothing_of_the_response():
    [found] = forecast(calibration()[:1], [Target("t", 1e6, TOKENS, rates(schedules.linear()))])
    assert found.calibration.status is Status.NO_DECAYED_RUN
    assert any("only the prior's" in w for w in found.warnings)


def test_too_few_points_are_a_status_not_a_number():
    tokens = np.linspace(0.2, 1, 5) * T
    [found] = forecast(
        [truth("a", rates(schedules.linear(), tokens), tokens)], [Target("t", 1e6, TOKENS, TOKENS * 0 + 1e-3)]
    )
    assert found.calibration.status is Status.TOO_FEW_POINTS
    assert np.isnan(found.loss).all()
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert (told["status"], told["final_loss"], told["final_interval"]) == ("too few points", None, [None, None])


def test_numbers_that_the_runs_leave_open_are_named():
    fit = calibrate([truth("a", rates(schedules.linear()), noise=1e-2)])
    assert fit.status is Status.NOT_IDENTIFIED
    assert "lag" in fit.unidentified
    assert fit.status_in_words == f"not identified: {', '.join(fit.unidentified)}"
    sure = calibrate(calibration(), law="one-power")
    assert (sure.status, sure.unidentified, sure.status_in_words) == (Status.OK, (), "ok")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: forecast([], []), "forecast needs at least one target; got none"),
        (lambda r: calibrate([]), "calibrate needs at least one calibration run; got none"),
        (lambda r: forecast(r, [Target("t", 5e6, TOKENS, TOKENS)]), "needs a calibration run of the target's size"),
        (lambda r: forecast(r, r, law="magic"), "calibrate needs a law of .*; got 'magic'"),
        (lambda r: forecast(r, r, level=1.5), "forecast needs a `level` between 0 and 1; got 1.5"),
        (lambda r: forecast(r, r, law="noise"), "law 'noise' needs a decayed run that carries `noise_trace`; got none"),
        (
            lambda r: forecast(r, [Target("t", 1e6, TOKENS, TOKENS, clock="steps")]),
            "with one clock; got steps in run 't'",
        ),
        (lambda r: forecast(r, [Target("t", 1e6, TOKENS[::-1], TOKENS)]), "needs increasing tokens"),
        (lambda r: calibrate([dataclasses.replace(r[0], lr=None)]), "needs learning rates in column `lr`"),
        (lambda r: plan_cooldown(r, -1), "plan_cooldown needs a `budget` of tokens > 0; got -1"),
        (lambda r: plan_cooldown(r, T, fractions=[2]), "plan_cooldown needs `fractions` in"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call(calibration())


def test_the_best_cooldown_is_the_best_of_the_true_curves():
    plan = plan_cooldown(calibration(), T, shapes=("linear", "cosine"), fractions=(0.05, 0.2, 0.5, 1.0))

    def final(p):
        tokens = p.forecast.target.tokens
        return truth("t", p.forecast.target.lr, tokens).loss[-1]

    assert json.loads(json.dumps(plan.to_json(), allow_nan=False))["best"]["loss"] == plan.best.loss
    true_order = sorted(plan.plans, key=final)
    assert plan.best is true_order[0]
    assert plan.best.gain == pytest.approx(final(plan.constant) - final(plan.best), rel=0.02)
    assert plan.shortest.fraction <= plan.best.fraction


def test_every_start_is_reported_and_a_refit_from_the_minimum_stays():
    fit = calibrate(calibration(1e-3))
    assert len(fit.solution.starts) == fit.model.starts_per_fit
    again = solve_law(
        fit.model, fit.prepared, [np.log(c.loss) for c in fit.curves], fit.masks,
        start=fit.solution.theta, weights=fit.weights,
    )  # fmt: skip
    assert again.objective <= fit.solution.objective * (1 + 1e-9)


def test_the_trunk_is_what_the_constant_runs_say():
    runs = traced_runs()
    units = Units(1e-3, T)
    trunk = build_trunk(runs, [rates_of(r.run, r.params, r.tokens, r.lr, units) for r in runs])
    z = np.linspace(0.05, 1, 50)
    np.testing.assert_allclose(trunk.loss(1e6, z), 2.0 + 0.5 * z**-0.3, rtol=2e-3)
    np.testing.assert_allclose(trunk.noise(1e6, z), 0.4 * z**-0.2, rtol=5e-3)


def two_peaks(high):
    """Short runs at another peak beside the full ones at the first: truth with its own kappa and nu."""
    t = TOKENS[TOKENS <= 0.31 * T]
    kinds = (schedules.constant(), schedules.linear(), schedules.wsd(decay=0.2))
    return [truth(f"short{i}", rates(s, t, high), t) for i, s in enumerate(kinds)]


def test_short_runs_at_a_new_peak_tell_what_it_changes():
    """Progress and noise at half the peak: without them off by a band that covers it, with them right."""
    lr = rates(schedules.cosine(), peak=5e-4)
    want = truth("t", lr).loss
    [blind] = forecast(calibration(), [Target("t", 1e6, TOKENS, lr)])
    [told] = forecast(calibration() + two_peaks(5e-4), [Target("t", 1e6, TOKENS, lr)])
    late = TOKENS > 0.1 * T
    assert blind.status == "peak rate not calibrated"
    assert told.status != blind.status
    assert ((blind.low < want) & (want < blind.high))[late].all()
    assert np.abs(told.loss / want - 1)[late].max() < 1e-3 < np.abs(blind.loss / want - 1)[late].max()
    values = told.calibration.solution.values
    assert (values["kappa"], values["nu"]) == pytest.approx((TRUTH["kappa"], TRUTH["nu"]), abs=0.1)


# Published runs. The figures are those that the project promises; benchmarks/forecasts.py prints them all.


@pytest.mark.published
@pytest.mark.parametrize(
    ("table", "mean", "final"), [("qiu_cifar5m_schedules", 1.4e-4, 5e-4), ("qiu_mlp_schedules", 5.8e-3, 1.5e-2)]
)
def test_traced_forecasts_beat_the_published_law_in_hindsight(published, table, mean, final):
    published(table)
    curves = protocols.load(table)
    blind, hindsight = [], []
    for case in protocols.cases(table, curves):
        for law, scores in ((None, blind), ("noise", hindsight)):
            for curve, found in zip(case.left_out, forecast(case.calibration, case.left_out, law=law), strict=True):
                scores.append(protocols.score(curve, found, case.calibration, table))
    assert np.mean([s.mean for s in blind]) <= mean
    assert np.mean([s.mean for s in blind]) <= np.mean([s.mean for s in hindsight])
    assert np.mean([s.smoothed for s in blind]) <= np.mean([s.smoothed for s in hindsight])
    assert max(s.final for s in blind) <= final
    assert 0.85 <= np.mean([s.covered for s in blind]) <= 0.95


@pytest.mark.published
@pytest.mark.parametrize(("table", "c"), [("qiu_cifar5m_schedules", 0.21), ("qiu_mlp_schedules", 0.26)])
def test_the_hindsight_law_has_its_published_coefficient(published, table, c):
    published(table)
    assert calibrate(protocols.load(table), law="noise").solution.values["c"] == pytest.approx(c, abs=0.02)


@pytest.mark.published
@pytest.mark.parametrize(
    ("table", "r2", "mae", "worst", "alone"),
    [("luo_llama_25m", 0.9988, 0.0038, 0.0041, 0.0040), ("luo_llama_100m", 0.9983, 0.0044, 0.0058, 0.0065)],
)
def test_luos_protocol(published, table, r2, mae, worst, alone):
    published(table)
    curves = protocols.load(table)
    case = next(iter(protocols.cases(table, curves)))
    assert case.name == "cosine_24000, constant_24000, wsdcon_9"
    assert calibrate(case.calibration).law == "response"
    found = forecast(case.calibration, case.left_out)
    rows = [protocols.luo_score(c, f, case.calibration) for c, f in zip(case.left_out, found, strict=True)]
    means = np.mean(rows, axis=0)
    assert means[0] >= r2
    assert (means[1:] <= [mae, worst, alone]).all(), means


@pytest.mark.published
def test_bands_cover_left_out_runs_of_schaipp(published):
    table = "schaipp_slimpajama_val"
    published(table)
    covered = []
    for case in protocols.cases(table, protocols.load(table)):
        for curve, found in zip(case.left_out, forecast(case.calibration, case.left_out), strict=True):
            scored = protocols.score(curve, found, case.calibration, table)
            covered += [] if scored is None else [scored.covered]
    assert 0.85 <= np.mean(covered) <= 0.95
