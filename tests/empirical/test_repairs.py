"""What is done about the faults of one run's rows, fault by fault, at the limits and word by word."""

import math

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical import read_curves
from scaling_collapse.empirical.tables.repairs import (
    EXPORT_SIZES,
    known_horizon,
    reached_horizon,
    rows_in_order,
    rows_with_a_loss,
    rows_with_a_step,
    sound_compute,
    thinned_export,
    whole_run,
)
from scaling_collapse.empirical.tables.run_rows import RunRows, curve_from_rows
from scaling_collapse.theory import Finding


def finding(kind, action, detail, count=1):
    return Finding(kind, action, "a", detail, count)


def test_rows_without_a_step_are_counted():
    t = np.array([math.nan, 0.0, 1.0, math.inf, math.nan, 4.0])
    kept, found = rows_with_a_step(t, run="a", clock="steps")
    assert kept.tolist() == [1, 2, 5]
    assert found == [finding("missing step", "dropped", "3 rows without a number of steps", 3)]
    kept, found = rows_with_a_step(np.array([1.0, 2.0]), run="a", clock="steps")
    assert (kept.tolist(), found) == ([0, 1], [])
    assert rows_with_a_step(np.array([math.nan, 2.0]), run="a", clock="steps")[1][0].count == 1


def test_rows_without_a_loss_are_counted():
    loss = np.array([math.nan, 1.0, 2.0, -math.inf, math.inf, 0.0])
    kept, found = rows_with_a_loss(loss, np.array([1, 2, 3, 4, 5]), run="a")
    assert kept.tolist() == [1, 2, 5]
    detail = "2 points whose loss is missing, NaN or infinite"
    assert found == [finding("non-finite loss", "dropped", detail, 2)]
    kept, found = rows_with_a_loss(loss, np.array([1, 2]), run="a")
    assert (kept.tolist(), found) == ([1, 2], [])
    assert rows_with_a_loss(loss, np.array([0, 1]), run="a")[1][0].count == 1


@pytest.mark.parametrize(
    ("t", "loss", "kept", "repeats", "words"),
    [
        ([1, 1, 2, 3], [4, 4, 3, 2], [1, 2, 3], 1, "equal"),
        ([1, 1, 2, 3], [4, 5, 3, 2], [1, 2, 3], 1, "different"),
        ([1, 2, 2, 3], [4, 3, 3, 2], [0, 2, 3], 1, "equal"),
        ([1, 2, 2, 3], [4, 3, 4, 2], [0, 2, 3], 1, "different"),
        ([1, 2, 3, 3], [4, 3, 2, 2], [0, 1, 3], 1, "equal"),
        ([1, 2, 3, 3], [4, 3, 2, 1], [0, 1, 3], 1, "different"),
        ([1, 1, 2, 3, 3], [4, 4, 3, 2, 2], [1, 2, 4], 2, "equal"),
        ([1, 1, 2, 3, 3], [4, 4, 3, 2, 1], [1, 2, 4], 2, "different"),
        ([1, 1, 2, 3, 3], [4, 5, 3, 2, 2], [1, 2, 4], 2, "different"),
        ([1, 2, 2, 2, 3], [4, 3, 3, 3, 2], [0, 3, 4], 2, "equal"),
        ([1, 2, 2, 2, 3], [4, 3, 3, 5, 2], [0, 3, 4], 2, "different"),
        ([1, 1], [4, 4], [1], 1, "equal"),
    ],
)
def test_of_a_repeated_step_the_last_stays(t, loss, kept, repeats, words):
    t, loss = np.array(t, dtype=float), np.array(loss, dtype=float)
    found, findings = rows_in_order(t, loss, np.arange(t.size), run="a")
    assert found.tolist() == kept
    detail = f"{repeats} points repeat a step with {words} losses: the last stays"
    assert findings == [finding("repeated step", "merged", detail, repeats)]


@pytest.mark.parametrize(
    ("t", "kept", "kind", "action", "count", "detail"),
    [
        ([3, 1, 2], [1, 2, 0], "steps out of order", "repaired", 1, "steps go back 1 times: sorted"),
        ([4, 3, 1, 2], [2, 3, 1, 0], "steps out of order", "repaired", 2, "steps go back 2 times: sorted"),
        ([1, 2, 3, 2, 3, 4], [0, 3, 4, 5], "restart", "merged", 2,
         "steps go back 1 times and 2 repeat: the later rows replace the earlier ones"),
        ([1, 2, 1, 2, 1, 2], [4, 5], "restart", "merged", 4,
         "steps go back 2 times and 4 repeat: the later rows replace the earlier ones"),
        ([2, 2, 1], [2, 1], "restart", "merged", 1,
         "steps go back 1 times and 1 repeat: the later rows replace the earlier ones"),
    ],
)  # fmt: skip
def test_steps_that_go_back(t, kept, kind, action, count, detail):
    t = np.array(t, dtype=float)
    found, findings = rows_in_order(t, np.arange(t.size, dtype=float), np.arange(t.size), run="a")
    assert found.tolist() == kept
    assert findings == [finding(kind, action, detail, count)]


def test_rows_in_order_stay_as_they_are():
    t = np.array([9.0, 1, 2, 9, 3])
    rows = np.array([1, 2, 4])  # what lies between them was dropped before
    found, findings = rows_in_order(t, t, rows, run="a")
    assert (found.tolist(), findings) == ([1, 2, 4], [])
    found, _ = rows_in_order(t, t, np.array([4, 2, 1]), run="a")
    assert found.tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("compute", "kind", "detail"),
    [
        ([1, math.nan, 3], "compute gaps", "compute missing at some points: 6 x params x tokens is used instead"),
        ([1, 2, math.inf], "compute gaps", "compute missing at some points: 6 x params x tokens is used instead"),
        ([1, 2, 2], "compute order", "compute does not increase: 6 x params x tokens is used instead"),
        ([1, 3, 2], "compute order", "compute does not increase: 6 x params x tokens is used instead"),
    ],
)
def test_compute_with_faults_is_left_out(compute, kind, detail):
    assert sound_compute(np.array(compute), run="a") == (None, [finding(kind, "repaired", detail)])


def test_sound_compute_is_used():
    compute = np.array([1.0, 2.0, 2.5])
    assert sound_compute(None, run="a") == (None, [])
    kept, found = sound_compute(compute, run="a")
    assert (kept.tolist(), found) == (compute.tolist(), [])


def test_a_horizon_that_no_column_gives():
    t = np.array([1.0, math.nan, 3.0, 2.0])
    detail = "neither horizon_tokens nor optimal_compute: it ends at the last point"
    assert known_horizon(None, t, run="a") == (3.0, [finding("missing horizon", "noted", detail)])
    assert known_horizon(7.0, t, run="a") == (7.0, [])


def log(*steps):
    """Tokens of a log whose intervals are these."""
    return np.cumsum([0.0, *steps])


@pytest.mark.parametrize(
    ("tokens", "horizon", "found"),
    [
        (log(50, 49), 99, 99),  # at its last point
        (log(50, 49), 98, 98),  # past its horizon
        (log(50, 49), 100, 99),  # 1 % before it
        (log(50, 49), 100.1, None),
        (log(50, 48.9), 100, None),
        (log(*[1] * 300), 301, 300),  # an interval before it, within 1 %
        (log(*[1] * 300), 301.01, None),
        (log(*[1] * 290, 3, *[1] * 7), 302, None),  # a wider interval long ago does not count
        (log(*[1] * 290, 3, *[1] * 6), 302, 299),  # one of the last seven does
        (log(*[1] * 299, 3), 305, 302),
    ],
)
def test_a_log_may_end_an_interval_and_a_hundredth_before_its_horizon(tokens, horizon, found):
    if found is None:
        detail = f"the whole run: its losses end at {tokens[-1] / horizon:.1%} of its horizon of {horizon:g} steps"
        expected = (None, [finding("stopped early", "dropped", detail)])
    else:
        expected = (found, [])
    assert reached_horizon(horizon, tokens, run="a", clock="steps") == expected


@pytest.mark.parametrize("size", [500, 1000, 1500, 10000])
def test_every_size_of_a_thinned_export_is_noted(size):
    uneven = np.cumsum(np.arange(1.0, size + 1))
    detail = f"{size} unevenly spaced points: the history looks thinned"
    assert thinned_export(uneven, run="a") == [finding("sampled export", "noted", detail)]
    assert thinned_export(uneven[1:], run="a") == []
    assert thinned_export(np.append(uneven, 1e9), run="a") == []
    assert thinned_export(np.arange(float(size)), run="a") == []
    assert size in EXPORT_SIZES
    assert len(EXPORT_SIZES) == 4


@pytest.mark.parametrize(("different", "noted"), [(100, False), (101, True)])
def test_points_are_uneven_where_over_a_fifth_of_their_distances_differ(different, noted):
    steps = np.ones(499)
    steps[:different] = np.arange(1.0, different + 1)
    assert bool(thinned_export(log(*steps), run="a")) == noted


def test_the_finding_that_ends_a_run():
    assert whole_run("one point", "a", "why") == finding("one point", "dropped", "the whole run: why")


def rows(first_row=1, **columns):
    """Four rows of a run of 10 parameters, some columns changed, added or (None) left out."""
    default = {"params": [10.0] * 4, "tokens": [1.0, 2.0, 3.0, 4.0], "loss": [4.0, 3.0, 2.5, 2.25]}
    made = {k: np.array(v) for k, v in (default | columns).items() if v is not None}
    n = first_row + np.arange(len(made["loss"]))
    return RunRows(name="a", source="t.csv", numbers=n, columns=made)


def kinds(found):
    return [(f.kind, f.action, f.count) for f in found if f.kind != "missing horizon"]


def test_faults_are_found_in_their_order():
    nan = math.nan
    curve, found = curve_from_rows(
        rows(
            params=[10.0] * 7,
            tokens=[nan, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0],
            loss=[9.0, 4.0, 3.5, 3.0, nan, 2.25, 2.0],
            compute=[1.0, 2, 3, 4, 5, nan, 7],
            horizon_tokens=[4.0] * 7,
        )
    )
    assert curve.tokens.tolist() == [1, 2, 4, 5]
    assert curve.loss.tolist() == [4, 3, 2.25, 2]
    assert curve.compute.tolist() == [60, 120, 240, 300]
    assert curve.horizon_tokens == 4
    assert kinds(found) == [
        ("missing step", "dropped", 1),
        ("non-finite loss", "dropped", 1),
        ("repeated step", "merged", 1),
        ("compute gaps", "repaired", 1),
    ]


def test_runs_that_cannot_be_used_say_why():
    for changes, kind, detail in (
        ({"loss": [math.nan] * 4}, "no finite loss", "the whole run: no point with a finite loss"),
        ({"tokens": [math.nan] * 4}, "no finite loss", "the whole run: no point with a finite loss"),
        ({"tokens": [2.0] * 4}, "one point", "the whole run: a curve needs at least 2 points"),
        ({"loss": [1.0, *[math.nan] * 3]}, "one point", "the whole run: a curve needs at least 2 points"),
        ({"horizon_tokens": [8.0] * 4}, "stopped early",
         "the whole run: its losses end at 50.0% of its horizon of 8 tokens"),
    ):  # fmt: skip
        curve, found = curve_from_rows(rows(**changes))
        assert curve is None
        assert (found[-1].kind, found[-1].detail, found[-1].action) == (kind, detail, "dropped")
    curve, _ = curve_from_rows(rows(loss=[2.0, 1.0, math.nan, math.nan]), use_horizon=False)
    assert curve.tokens.tolist() == [1, 2]


def test_without_its_horizon_a_run_ends_at_its_last_point():
    curve, found = curve_from_rows(rows(horizon_tokens=[8.0] * 4), use_horizon=False)
    assert curve.horizon_tokens == 4
    assert found == []


@pytest.mark.parametrize(
    ("changes", "horizon"),
    [
        ({"horizon_tokens": [math.nan, 3.0, 3.0, math.nan]}, 3),
        ({"horizon_tokens": [math.nan] * 4}, 4),
        ({"optimal_compute": [60 * 2.5] * 4}, 2.5),
        ({"optimal_compute": [60 * 2.5] * 4, "horizon_tokens": [3.0] * 4}, 2.5),
        ({"optimal_compute": [math.nan] * 4, "horizon_tokens": [3.0] * 4}, 3),
        ({"optimal_compute": [25.0] * 4, "compute": [10.0, 20, 30, 40]}, 2.5),
        ({"optimal_compute": [25.0] * 4, "compute": [10.0, 20, 50, 60]}, 2 + 1 / 6),  # between its own points
        ({"optimal_compute": [40.0] * 4, "compute": [1.0, 2, 3, 40]}, 4),
        ({"optimal_compute": [40.2] * 4, "compute": [1.0, 2, 3, 40]}, 4),  # a little past its end: at the last rate
        ({"optimal_compute": [180.0] * 4, "compute": [10.0, 20, 20, 40]}, 3),  # compute without order: 6 p t
    ],
)
def test_which_column_gives_the_horizon(changes, horizon):
    curve, _ = curve_from_rows(rows(**changes))
    assert curve.horizon_tokens == pytest.approx(horizon, rel=1e-12)


def test_optimal_compute_past_the_log_is_reached_at_the_rate_of_the_last_point():
    _, found = curve_from_rows(rows(optimal_compute=[80.0] * 4, compute=[1.0, 2, 3, 40]))
    assert found[-1].detail == "the whole run: its losses end at 50.0% of its horizon of 8 tokens"


def test_what_a_run_counts_by():
    steps = {"tokens": None, "step": [0.0, 1, 2, 3]}
    for more, tokens, clock in (
        ({}, [0, 1, 2, 3], "steps"),
        ({"batch_size": [2.0] * 4}, [0, 2, 4, 6], "tokens"),
        ({"batch_size": [2.0] * 4, "sequence_length": [5.0] * 4}, [0, 10, 20, 30], "tokens"),
        ({"batch_size": [math.nan, 2, 2, 2], "sequence_length": [math.nan] * 4}, [0, 2, 4, 6], "tokens"),
        ({"sequence_length": [5.0] * 4}, [0, 1, 2, 3], "steps"),
        ({"tokens": [1.0, 2, 3, 4], "batch_size": [2.0] * 4}, [1, 2, 3, 4], "tokens"),
    ):
        curve, _ = curve_from_rows(rows(**(steps | more)))
        assert (curve.tokens.tolist(), curve.clock) == (tokens, clock)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": [0.0, -2.0, -3.0, 4.0]}, r"needs `tokens` >= 0; got -2 at row 8 of t.csv \(run 'a'\). Mend or"),
        ({"tokens": None, "step": [0.5, 2, 3, -4]}, r"needs `steps` >= 0; got -4 at row 10 of t.csv \(run 'a'\)"),
        ({"params": [math.nan] * 4}, "needs a positive `params` for every run; got None for run 'a' of t.csv"),
        ({"params": None}, "needs a positive `params` for every run; got None for run 'a' of t.csv"),
        ({"params": [0.0] * 4}, "needs a positive `params` for every run; got 0.0 for run 'a' of t.csv"),
        ({"params": [math.inf] * 4}, "needs a positive `params` for every run; got inf for run 'a' of t.csv"),
        ({"params": [10.0, 12, 10, 11]}, "needs one value of 'params' per run; got 10 and 12 in run 'a' of t.csv"),
        ({"seed": [1.0, 1, 2, 1]}, "needs one value of 'seed' per run; got 1 and 2 in run 'a' of t.csv"),
        ({"schedule": ["b", "", "a", "b"]}, "needs one `schedule` per run; got a, b in run 'a'"),
    ],
)
def test_what_no_repair_mends_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        curve_from_rows(rows(first_row=7, **changes))


def test_every_field_of_a_curve_is_filled():
    nan = math.nan
    curve, found = curve_from_rows(
        rows(
            seed=[nan, 3.0, 3.0, nan],
            lr=[nan, 0.1, 0.2, nan],
            noise_trace=[nan] * 4,
            schedule=["", "linear", "linear", ""],
            step=[1.0, 2, 3, 4],
            batch_size=[8.0] * 4,
            width=np.array([4, 4, 4, 4]),
            depth=[2.0, 2.0, nan, 2.0],
            grad=[1.0, 2.0, 3.0, 4.0],
            note=np.array(["x", "x", "x", "x"], dtype=object),
            horizon_tokens=[4.0] * 4,
        )
    )
    assert found == []
    assert (curve.run, curve.params, curve.seed, curve.schedule) == ("a", 10, 3, "linear")
    assert curve.lr[1:3].tolist() == [0.1, 0.2]
    assert curve.noise_trace is None
    extra = dict(curve.extra)
    assert set(extra) == {"step", "batch_size", "width", "depth", "grad", "note"}
    assert (extra["batch_size"], extra["width"], extra["note"]) == (8, 4, "x")
    assert extra["step"].tolist() == [1, 2, 3, 4]
    assert extra["grad"].tolist() == [1, 2, 3, 4]
    assert extra["depth"].shape == (4,)
    bare, _ = curve_from_rows(rows(seed=[nan] * 4, lr=[nan] * 4))
    assert (bare.seed, bare.lr, bare.schedule) == (None, None, None)


def test_a_thinned_history_is_noted_of_the_rows_that_count():
    t = np.cumsum(np.arange(501.0))
    columns = {"params": [10] * 501, "run": ["a"] * 501, "tokens": t, "loss": np.append(5 - t[1:] / t[-1], math.nan)}
    found = read_curves(columns | {"horizon_tokens": [t[499]] * 501}).integrity.of_kind("sampled export")
    assert [f.detail for f in found] == ["500 unevenly spaced points: the history looks thinned"]
