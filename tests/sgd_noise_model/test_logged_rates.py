"""Rates as they are logged: glitches and gaps bridged, late beginnings filled, all of it said; or refused by name."""

import dataclasses

import numpy as np
import pytest

from scaling_collapse import InputError, LossCurve
from scaling_collapse.sgd_noise_model import Target, calibrate, forecast
from scaling_collapse.sgd_noise_model.laws.glitches import without_glitches
from scaling_collapse.sgd_noise_model.laws.logged_rates import as_late, completed, logged
from scaling_collapse.sgd_noise_model.laws.shares import optimizer_of

T = np.arange(10.0, 1001.0, 10.0)
LINEAR = 1e-3 * np.minimum(1.0, (1001 - T) / 500)
COSINE = 1e-3 * (0.55 + 0.45 * np.cos(np.pi * T / 1000))
CONSTANT = np.full(T.size, 1e-3)


def curve(run, lr, tokens=T, **extra):
    """A run whose loss knows its true rates: a warm-up over 50, then `lr`, which is all that its log has."""
    t = np.arange(1.0, tokens[-1] + 1)
    s = np.interp(t, T, lr) * np.minimum(t / 50, 1.0) / 1e-3
    tau = np.cumsum(s)
    loss = 2.0 + 0.5 * (tau / 1000) ** -0.4 - 0.1 * (1 - s)
    return LossCurve(
        run=run, params=1e6, tokens=tokens, loss=np.interp(tokens, t, loss), lr=np.interp(tokens, T, lr), extra=extra
    )


def begins_at(run, start):
    keep = run.tokens >= start
    cut = {name: getattr(run, name)[keep] for name in ("tokens", "loss", "lr")}
    return dataclasses.replace(run, **cut, compute=None, horizon_tokens=np.nan)


RUNS = [curve("constant", CONSTANT), curve("linear", LINEAR)]


def with_row(run, i, rate):
    return dataclasses.replace(run, lr=np.where(np.arange(len(run)) == i, rate, run.lr))


@pytest.mark.parametrize("rate", [0.0, 1e-5, 1e-1])
@pytest.mark.parametrize("i", [1, 30, 98])
def test_one_row_that_is_far_off_changes_no_forecast_and_is_told(rate, i):
    clean, target = RUNS, Target("t", 1e6, T, COSINE)
    [want] = forecast(clean, [target])
    [found] = forecast([with_row(RUNS[0], i, rate), RUNS[1]], [target])
    np.testing.assert_allclose(found.loss, want.loss, rtol=1e-9)
    assert any("run 'constant': the learning rate of 1 row" in w and "bridged" in w for w in found.warnings)
    assert not any("bridged" in w for w in want.warnings)
    if i == 30:
        [found] = forecast(clean, [dataclasses.replace(target, lr=np.where(np.arange(T.size) == i, rate, COSINE))])
        np.testing.assert_allclose(found.loss, want.loss, rtol=1e-4)  # a straight line for a bit of a cosine


@pytest.mark.parametrize(
    ("rates", "bad"),
    [
        ([1, 1, 0, 1, 1, 1], [2]),
        ([1, 1, 100, 1, 1, 1], [2]),
        ([100, 1, 1, 1, 1, 1], [0]),
        ([1, 1, 1, 1, 1, 100], [5]),
        ([0.8, 0.75, 0, 0.65, 0.6, 0.55], [2]),
        ([1, np.nan, 0, 1, 1, 1], [2]),
        ([0, 1, 1, 1, 1, 1], []),  # a warm-up
        ([1, 1, 1, 1, 1, 0], []),  # the end of a decay: it has not acted yet
        ([1, 1, 1, 0.1, 0.1, 0.1], []),  # a step
        ([1, 1, 0.1, 0.1, 1, 1], []),
        ([0.1, 0.2, 0.4, 0.8, 0.4, 0.2], []),
    ],
)
def test_what_is_a_glitch(rates, bad):
    mended, note = without_glitches("a", np.arange(6.0), rates)
    assert np.flatnonzero(np.isnan(mended) & np.isfinite(rates)).tolist() == bad
    assert (note is None) == (not bad)


def test_a_rate_that_jumps_to_and_fro_all_the_time_is_refused():
    with pytest.raises(InputError, match=r"told from glitches; got \d+ of 100 rows of run 'a' far off both"):
        without_glitches("a", T, np.where(np.arange(100) % 4 == 2, 0.0, 1.0))


def test_stretches_without_a_rate_are_told():
    lr = np.where((T > 300) & (T < 500), np.nan, 1.0)
    assert logged("a", 1.0, T, lr).notes == (
        "run 'a': no learning rate was logged from 300 to 500: taken as a straight line",
    )
    lr = np.where(T < 300, np.nan, 1.0)
    assert logged("a", 1.0, T, lr).notes == (
        "run 'a': no learning rate was logged from 10 to 300: taken as the first one logged",
    )
    assert not logged("a", 1.0, T, np.where(T == 300, np.nan, 1.0)).notes


def test_a_branch_takes_the_beginning_of_its_trunk():
    branch = begins_at(RUNS[1], 400)
    whole, cut = (calibrate([RUNS[0], run]) for run in (RUNS[1], branch))
    assert cut.rates[1].tau[-1] == pytest.approx(whole.rates[1].tau[-1], rel=1e-3)
    assert cut.rates[1].z[cut.rates[1].first :].size == len(branch)
    assert cut.notes == (
        "the log of run 'linear' begins at 400: its learning rate before that is taken from run 'constant'",
    )
    target = Target("t", 1e6, T, COSINE)
    [want], [found] = (forecast([RUNS[0], run], [target]) for run in (RUNS[1], branch))
    assert np.abs(found.loss / want.loss - 1)[T > 100].max() < 5e-3


def test_a_late_target_takes_the_beginning_of_a_calibration_run():
    [found] = forecast(RUNS, [begins_at(RUNS[1], 400)])
    assert np.abs(found.loss / begins_at(RUNS[1], 400).loss - 1).max() < 2e-3
    assert "the log of run 'linear' begins at 400: its learning rate before that is taken" in found.warnings[0]


def test_another_peak_takes_the_warm_up_in_proportion():
    slow = begins_at(dataclasses.replace(RUNS[0], run="slow", lr=RUNS[0].lr / 2), 100)
    logs = [logged(r.run, 1e6, r.tokens, r.lr) for r in (curve("w", 1e-3 * np.minimum(T / 60, 1.0)), slow)]
    _, filled = completed(logs)
    np.testing.assert_allclose(filled.eta[: filled.added], 0.5e-3 * np.minimum(T[T < 100] / 60, 1.0))
    assert "its warm-up is taken from run 'w', in proportion" in filled.notes[0]


@pytest.mark.parametrize("warm", [0, 50])
def test_a_target_from_step_0_where_all_logs_begin_late_is_forecast_alike_and_told(warm):
    """Nobody knows what the calibration runs did before: a beginning of the target's own would make a difference."""
    late = [begins_at(run, 90) for run in RUNS]
    truth = curve("t", COSINE)
    t = np.r_[0.0, T]
    lr = np.interp(t, T, COSINE) * np.minimum(t / max(warm, 1e-9), 1.0)
    [found] = forecast(late, [Target("t", 1e6, t, lr)])
    inside = (found.low[1:] <= truth.loss) & (truth.loss <= found.high[1:])
    assert inside[T >= 150].mean() > 0.9
    assert np.abs(found.loss[1:] / truth.loss - 1)[T >= 150].max() < 0.01
    assert any("the logs of the calibration runs begin at 90" in w for w in found.warnings)
    early = (found.high / found.loss)[1:]
    assert early[0] > 1.5  # before anything was logged
    assert early[0] > early[5] > early[-1]


def test_a_target_that_begins_as_the_runs_do_is_left_alone():
    logs = [logged(r.run, 1e6, r.tokens, r.lr) for r in RUNS]
    assert as_late(logs[1], logs) is logs[1]
    late = [logged(r.run, 1e6, r.tokens, r.lr) for r in (begins_at(run, 90) for run in RUNS)]
    assert as_late(late[1], late) is late[1]


@pytest.mark.parametrize(
    ("runs", "target", "message"),
    [
        ([begins_at(r, 300) for r in RUNS], COSINE, "the beginning of training; got logs that begin at 300 of 1k"),
        (
            [RUNS[0], dataclasses.replace(RUNS[1], lr=LINEAR * 1e3)],
            COSINE,
            "in one unit; got a peak of 1 in run 'linear'",
        ),
        (RUNS, COSINE * 1e3, "forecast needs learning rates in one unit; got a peak of 1 in run 't'"),
        (
            [dataclasses.replace(r, extra={"optimizer": o}) for r, o in zip(RUNS, ("sgd", "AdamW"), strict=True)],
            COSINE,
            "runs of one kind of optimizer; got AdamW and sgd",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(runs, target, message):
    with pytest.raises(InputError, match=message):
        forecast(runs, [Target("t", 1e6, T, target)])


def test_the_optimizer_tells_the_priors():
    for name, kind, b in (("SGD", "plain", -0.4), ("adamw", "adaptive", 0.4), ("homemade", None, 0.4)):
        fit = calibrate([dataclasses.replace(run, extra={"optimizer": name}) for run in RUNS])
        assert fit.optimizer == kind
        assert {p.name: p.prior for p in fit.model.parameters}["b"].mean == b
    assert optimizer_of([{"optimizer": np.array(["adam", "adam"])}]) == "adaptive"
