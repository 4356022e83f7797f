"""Targets: runs without a loss, mended as curves are, and what was mended is told."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scaling_collapse import InputError, LossCurve, read_targets
from scaling_collapse.sgd_noise_model import Target, Targets
from scaling_collapse.verbs.forecast import forecast

CLEAN = {"run": ["clean"] * 3, "params": [10.0] * 3, "tokens": [1.0, 2.0, 3.0], "lr": [1.0, 0.5, 0.0]}
RESTARTED = {"run": ["again"] * 5, "params": [10.0] * 5, "tokens": [1.0, 2.0, 3.0, 2.0, 3.0], "lr": [1, 1, 1, 0.5, 0.0]}


@pytest.fixture
def two_tables(tmp_path):
    for name, columns in (("clean", CLEAN), ("restarted", RESTARTED)):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    return [tmp_path / "clean.parquet", tmp_path / "restarted.parquet"]


def test_what_was_mended_in_any_table_is_told(two_tables):
    targets = read_targets(two_tables)
    report = targets.integrity
    assert report.sources == tuple(str(p) for p in two_tables)
    assert (report.rows_read, report.rows_used) == (8, 6)
    (restart,) = report.of_kind("restart")
    assert (restart.subject, restart.action, restart.count) == ("again", "merged", 2)
    assert report.summary() == "6 of 8 rows used; 1 x missing seed noted, 1 x restart merged"
    again = next(t for t in targets if t.run == "again")
    np.testing.assert_array_equal(again.tokens, [1, 2, 3])
    np.testing.assert_array_equal(again.lr, [1, 0.5, 0])


def test_the_command_tells_it_too(two_tables, tmp_path, capsys):
    t = np.geomspace(0.01, 3.0, 60)
    runs = {
        "run": np.repeat(["constant", "decayed"], t.size), "params": np.full(2 * t.size, 10.0), "tokens": np.tile(t, 2),
        "lr": np.r_[np.ones(t.size), 1 - t / 3], "loss": np.r_[2 + t**-0.4, 2 + t**-0.4 - 0.1 * t / 3],
    }  # fmt: skip
    pq.write_table(pa.table(runs), tmp_path / "runs.parquet")
    assert forecast([tmp_path / "runs.parquet"], target=two_tables, law="one-power") == 0
    assert "Read to forecast: 6 of 8 rows used; 1 x missing seed noted, 1 x restart merged" in (capsys.readouterr().out)


def test_files_of_a_folder_that_are_no_tables_are_told(two_tables):
    (two_tables[0].parent / "notes.md").write_text("mine")
    (other,) = read_targets(two_tables[0].parent).integrity.of_kind("other file")
    assert other.subject.endswith("notes.md")


def test_a_target_has_no_loss_and_becomes_a_curve_when_it_is_given_one():
    assert "loss" not in {f.name for f in dataclasses.fields(Target)}
    n = {"seed": [3] * 3, "schedule": ["linear"] * 3, "compute": [7.0, 8.0, 9.0], "color": ["red"] * 3}
    (target,) = read_targets(CLEAN | n | {"loss": [9.0] * 3, "noise_trace": [1.0] * 3})
    assert target.noise_trace is None
    curve = target.with_loss(np.array([3.0, 2.0, 1.0]), loss_low=np.array([2.0, 1.0, 0.0]))
    assert isinstance(curve, LossCurve)
    assert (curve.run, curve.params, curve.seed, curve.schedule, curve.clock) == ("clean", 10.0, 3, "linear", "tokens")
    assert curve.horizon_tokens == 3
    np.testing.assert_array_equal(curve.loss, [3, 2, 1])
    np.testing.assert_array_equal(curve.compute, [7, 8, 9])
    assert curve.extra["color"] == "red"
    np.testing.assert_array_equal(curve.extra["loss_low"], [2, 1, 0])
    (seen,) = read_targets(CLEAN | {"noise_trace": [1.0] * 3}, hindsight=True)
    np.testing.assert_array_equal(seen.noise_trace, [1, 1, 1])


def test_bare_steps_stay_steps():
    columns = {("step" if name == "tokens" else name): values for name, values in CLEAN.items()}
    (target,) = read_targets(columns)
    assert target.clock == "steps"
    assert target.with_loss(np.ones(3)).clock == "steps"


def test_targets_come_by_size_then_seed_then_name():
    def target(run, params, seed=None):
        return Target(run, params, np.array([1.0]), np.array([1.0]), seed=seed)

    targets = Targets([target("d", 2.0), target("b", 1.0), target("c", 1.0, 2), target("a", 1.0)])
    assert [t.run for t in targets] == ["c", "a", "b", "d"]
    assert targets.headline() == "Targets: 2 sizes, 4 runs, 4 points"
    assert len(targets) == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Targets([]), "Targets needs at least 1 target; got none"),
        (lambda: Targets(2 * list(read_targets(CLEAN))), "Targets needs run names that differ; got 'clean' twice"),
        (lambda: read_targets([]), "forecast needs at least one target table; got none"),
        (lambda: read_targets(CLEAN | {"lr": [np.nan] * 3}), "needs learning rates in column `lr`; got none for run"),
        (lambda: read_targets({k: v for k, v in CLEAN.items() if k != "lr"}), "the learning rates in column `lr` of"),
        (lambda: read_targets({k: v for k, v in CLEAN.items() if k != "run"}), "the runs' names in column `run` of"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_one_name_in_two_tables_is_refused(two_tables):
    with pytest.raises(InputError, match="targets with different names; got 'clean' in two files"):
        read_targets([two_tables[0], two_tables[0]])
