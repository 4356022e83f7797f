"""Inputs that look harmless and were misread once: each is read right, or refused by name."""

import itertools
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic import law_ladder, table_of

from scaling_collapse import InputError, fit_horizon, measure_collapse, read_curves, write_curves
from scaling_collapse.cli import main
from scaling_collapse.empirical.tables import passes


def curve(n=300, start=1, p=1e6, seed=0, noise=0.01, end=2.0):
    """Steps and losses of a run."""
    rng = np.random.default_rng(seed)
    step = np.arange(start, start + n, dtype=float)
    return step, end + 8 * step**-0.5 + noise * rng.standard_normal(n)


def run(step, loss, name="a", p=1e6, **more):
    n = len(step)
    return {"run": [name] * n, "params": [p] * n, "step": step, "loss": loss} | {k: [v] * n for k, v in more.items()}


def together(*tables):
    return {k: np.concatenate([t[k] for t in tables]) for k in tables[0]}


def of_kind(ladder, kind):
    return [f.action for f in ladder.integrity.of_kind(kind)]


# Seeds that share a name -----------------------------------------------------------------------------------------


def test_seeds_that_share_a_name_one_after_the_other_are_refused():
    shared = together(*(run(*curve(seed=s)) for s in range(3)))
    with pytest.raises(
        InputError, match=r"second pass from step 1 on under 'a' of frame \(loss 2.46.* give them names"
    ):
        read_curves(shared)


def test_seeds_that_share_a_name_row_by_row_are_refused():
    shared = together(*(run(*curve(seed=s)) for s in range(3)))
    for order in (np.argsort(shared["step"], kind="stable"), np.random.default_rng(0).permutation(900)):
        with pytest.raises(InputError, match=r"got 600 of 300 steps again with other losses under 'a' of frame"):
            read_curves({k: v[order] for k, v in shared.items()})


def test_seeds_that_share_a_name_are_told_apart_by_their_seed():
    shared = together(*(run(*curve(seed=s), seed=s) for s in range(3)))
    ladder = read_curves(shared)
    assert [(c.run, c.seed, len(c)) for c in ladder] == [(f"a seed {s}", s, 300) for s in range(3)]
    assert of_kind(ladder, "seeds of one name") == ["repaired"]
    mixed = np.random.default_rng(0).permutation(900)
    again = read_curves({k: v[mixed] for k, v in shared.items()})
    for one, two in zip(ladder, again, strict=True):
        np.testing.assert_array_equal(one.loss, two.loss)


def test_a_run_resumed_with_another_seed_is_no_two_runs():
    step, loss = curve()
    table = run(step, loss) | {"seed": np.repeat([0, 1], 150)}
    with pytest.raises(InputError, match="one value of 'seed' per run"):
        read_curves(table)


# Counters --------------------------------------------------------------------------------------------------------


def test_a_counter_that_starts_over_after_a_resume_is_counted_on():
    step, loss = curve(1000)
    over = np.r_[step[:600], step[:400]]
    ladder = read_curves(run(over, loss))
    np.testing.assert_array_equal(ladder.curves[0].tokens, step)
    np.testing.assert_array_equal(ladder.curves[0].loss, loss)
    (found,) = ladder.integrity.of_kind("counter starts over")
    assert found.action == "repaired"
    assert "at 1 after 600; the run goes on (loss 2.3" in found.detail
    thrice = np.r_[step[:500], step[:300], step[:200]]
    np.testing.assert_array_equal(read_curves(run(thrice, loss)).curves[0].tokens, step)


def test_a_ladder_with_a_resumed_counter_reads_as_it_does_without():
    ladder = law_ladder(sizes=3, seeds=2, fast=1e-3, points=100)
    table = table_of(ladder)
    name = ladder.curves[4].run
    at = np.flatnonzero(np.array(table["run"]) == name)
    tokens = table["tokens"].copy()
    tokens[at[50:]] -= tokens[at[49]]
    resumed = read_curves(table | {"tokens": tokens})
    assert len(resumed.integrity.of_kind("counter starts over")) == 1
    for one, two in zip(resumed, read_curves(table), strict=True):
        np.testing.assert_allclose(one.tokens, two.tokens)
        np.testing.assert_array_equal(one.loss, two.loss)


@pytest.mark.parametrize("bits", [32, 31])
def test_a_counter_of_32_bits_that_wraps_is_counted_on(bits):
    tokens = np.arange(1, 101) * 1.2e8
    wrapped = tokens % 2**32 if bits == 32 else (tokens + 2**31) % 2**32 - 2**31
    _, loss = curve(100)
    table = {k: v for k, v in run(tokens, loss).items() if k != "step"} | {"tokens": wrapped}
    ladder = read_curves(table)
    np.testing.assert_allclose(ladder.curves[0].tokens, tokens)
    assert of_kind(ladder, "counter wrapped") == ["repaired"]


def test_a_restart_is_no_wrap():
    t = np.array([1e9, 2e9, 3e9, 4.2e9, 2e9, 3e9, 4.2e9])
    fixed, found = passes.unwrapped(t, run="a", clock="tokens")
    assert fixed is t
    assert found == []


def test_a_restart_from_a_checkpoint_replaces_what_it_repeats():
    step, loss = curve(400)
    rows = np.r_[np.arange(300), np.arange(250, 400)]
    other = loss[rows] + np.r_[np.zeros(300), np.full(150, 1e-3)]
    ladder = read_curves(run(step[rows], other))
    assert of_kind(ladder, "restart") == ["merged"]
    np.testing.assert_allclose(ladder.curves[0].loss[250:], loss[250:] + 1e-3)


# Batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_ramp_is_summed_up():
    step, loss = curve(100)
    batch = np.where(step <= 40, 32.0, 128.0)
    table = run(step, loss) | {"batch_size": batch, "sequence_length": [10.0] * 100}
    shuffled = np.random.default_rng(0).permutation(100)
    for order in (np.arange(100), shuffled):
        ladder = read_curves({k: np.asarray(v)[order] for k, v in table.items()})
        np.testing.assert_array_equal(ladder.curves[0].tokens, 10 * np.cumsum(batch))
        assert ladder.curves[0].clock == "tokens"
        assert of_kind(ladder, "batch ramp") == ["repaired"]
    thinned = read_curves({k: np.asarray(v)[[4, 9, 59, 99]] for k, v in table.items()})
    np.testing.assert_array_equal(thinned.curves[0].tokens, 10 * np.array([160, 320, 320 + 50 * 128, 320 + 90 * 128]))


# Copies ----------------------------------------------------------------------------------------------------------


def test_one_history_sampled_twice_is_one_run():
    step, loss = curve(5000)
    rng = np.random.default_rng(1)
    picks = [np.sort(rng.choice(5000, 500, replace=False)) for _ in range(2)]
    two = together(*(run(step[at], loss[at], name=f"export {i}") for i, at in enumerate(picks)))
    ladder = read_curves(two)
    assert len(ladder) == 1
    np.testing.assert_array_equal(ladder.curves[0].tokens, step[np.union1d(*picks)])
    assert of_kind(ladder, "same history") == ["merged"]
    assert of_kind(ladder, "sampled export") == ["noted", "noted"]


def test_seeds_and_runs_with_a_common_trunk_are_two():
    step, loss = curve(1000)
    branch = loss.copy()
    branch[800:] -= 0.1
    other = curve(1000, seed=1)[1]
    for second in (branch, other):
        assert len(read_curves(together(run(step, loss), run(step, second, name="b")))) == 2
    late = step.copy()
    late[800:] += 0.5  # logged at other steps after the trunk
    assert len(read_curves(together(run(step, loss), run(late, branch, name="b")))) == 2


def test_parts_that_spark_wrote_are_one_table(tmp_path):
    folder = tmp_path / "runs.parquet"
    folder.mkdir()
    (folder / "_SUCCESS").write_text("")
    whole = pa.table(together(*(run(*curve(seed=s), name=f"s{s}", seed=s) for s in range(3))))
    order = np.random.default_rng(0).permutation(900)
    for i, at in enumerate(np.array_split(order, 4)):
        pq.write_table(whole.take(at), folder / f"part-0000{i}-c0ffee.snappy.parquet")
    for source in (folder, tmp_path):
        ladder = read_curves(source)
        assert [(c.run, len(c)) for c in ladder] == [("s0", 300), ("s1", 300), ("s2", 300)]
        assert of_kind(ladder, "parts") == ["merged"]


def test_folders_of_a_partitioned_table_say_what_their_names_say(tmp_path):
    for seed, p in itertools.product((0, 1), (1e6, 2e6)):
        folder = tmp_path / "t" / f"seed={seed}" / f"run=p{p:.0f}"
        folder.mkdir(parents=True)
        table = {k: v for k, v in run(*curve(50, seed=seed), p=p).items() if k != "run"}
        pq.write_table(pa.table(table), folder / "part-0.parquet")
    ladder = read_curves(tmp_path / "t")
    assert [(c.params, c.seed) for c in ladder] == [(1e6, 0), (1e6, 1), (2e6, 0), (2e6, 1)]


def test_a_run_split_in_files_is_joined_and_two_runs_are_not(tmp_path):
    step, loss = curve(400)
    pq.write_table(pa.table(run(step[:250], loss[:250])), tmp_path / "1.parquet")
    pq.write_table(pa.table(run(step[240:], loss[240:])), tmp_path / "2.parquet")
    ladder = read_curves(tmp_path)
    assert [(c.run, len(c)) for c in ladder] == [("a", 400)]
    (join,) = ladder.integrity.of_kind("split files")
    assert "goes on at 241 after 250 (loss 2.5" in join.detail
    pq.write_table(pa.table(run(step[:200], curve(200, seed=1)[1])), tmp_path / "2.parquet")
    assert len(read_curves(tmp_path)) == 2
    pq.write_table(pa.table(run(step[240:] + 20, loss[240:] + 5)), tmp_path / "2.parquet")  # starts where nothing ended
    assert len(read_curves(tmp_path)) == 2


# The clock of steps ----------------------------------------------------------------------------------------------


def ramped():
    """A ladder whose batch grows with size, logged by steps alone."""
    ladder = law_ladder(sizes=5, seeds=2, noise=1e-4)
    table = table_of(ladder)
    batch = np.array(table["params"]) ** 1.0
    return ladder, {k: v for k, v in table.items() if k != "tokens"} | {"step": table["tokens"] / batch}


def test_without_tokens_no_coefficient_and_no_exponent_is_given(capsys, tmp_path):
    ladder, table = ramped()
    report = measure_collapse(table)
    found = report.to_json()
    assert (found["law"]["a"], found["law"]["b"], found["law"]["b_interval"]) == (None, None, [None, None])
    assert (found["trend"]["gamma_error"], found["trend"]["exponent"]) == (None, None)
    assert found["law"]["L0"] == pytest.approx(2.0, abs=0.05)
    assert any("logged by steps, without tokens" in reason for reason in report.reasons)
    assert "unknown: steps were logged" in repr(report.law)
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    assert main(["measure", str(tmp_path / "t.parquet"), "--json", str(tmp_path / "r.json")]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["law"]["a"] is None
    assert "unknown: no tokens" in capsys.readouterr().out
    with pytest.raises(InputError, match="fit_horizon needs tokens; got steps alone"):
        fit_horizon(table)
    known = measure_collapse(ladder).to_json()["law"]
    assert known["b"] == pytest.approx(0.2, abs=0.02)


def test_steps_with_a_compute_of_their_own_have_a_law():
    ladder, table = ramped()
    compute = np.concatenate([c.compute for c in ladder])
    assert measure_collapse(table | {"compute": compute}).to_json()["law"]["b"] == pytest.approx(0.2, abs=0.02)


# Units -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "action", "words"),
    [
        (1e-15, "repaired", "read as PFLOPs"),
        (1e-12, "repaired", "read as TFLOPs"),
        (1 / (3600 * 1e14), "repaired", "GPU hours"),
        (1 / 20, "noted", "is it in FLOPs?"),
    ],
)
def test_compute_in_another_unit(factor, action, words):
    ladder = law_ladder(sizes=3, seeds=2)
    compute = np.concatenate([c.compute for c in ladder])
    found = read_curves(table_of(ladder) | {"compute": compute * factor})
    notes = found.integrity.of_kind("compute unit")
    assert {f.action for f in notes} == {action}
    assert all(words in f.detail for f in notes)
    if action == "repaired":
        for one, two in zip(ladder, found, strict=True):
            np.testing.assert_allclose(two.compute, one.compute)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"params": 1e-6}, "unit of params"),
        ({"params": 1e-9}, "unit of params"),
        ({"tokens": 1e-9}, "unit of tokens"),
        ({"tokens": 1e-6}, "unit of tokens"),
    ],
)
def test_sizes_in_millions_and_tokens_in_billions_are_noted(change, kind):
    table = table_of(law_ladder(sizes=3, seeds=2))
    ((name, factor),) = change.items()
    ladder = read_curves(table | {name: np.round(np.asarray(table[name]) * factor, 3)})
    assert of_kind(ladder, kind)
    assert not any(f.kind.startswith("unit") for f in read_curves(table).integrity.findings)


@pytest.mark.parametrize(
    ("loss", "words"),
    [(lambda l: np.exp(l), "perplexities"), (lambda l: l / math.log(2), "bits")],
)
def test_perplexities_and_bits_are_noted(loss, words):
    step = np.geomspace(1, 1000, 60)
    nats = 3 + 7.8 * step**-0.4
    ladder = read_curves(run(step, loss(nats)))
    (note,) = ladder.integrity.of_kind("unit of loss")
    assert words in note.detail
    assert not read_curves(run(step, nats)).integrity.of_kind("unit of loss")


# The rest --------------------------------------------------------------------------------------------------------


def test_own_predictions_in_a_folder_are_no_runs(tmp_path):
    ladder = law_ladder(sizes=3, seeds=1)
    write_curves(ladder, tmp_path / "runs.parquet")
    table = pq.read_table(tmp_path / "runs.parquet")
    one = table.append_column("loss_low", table["loss"]).append_column("loss_high", table["loss"])
    one = one.set_column(one.column_names.index("loss"), "loss", pa.array(table["loss"].to_numpy() + 0.125))
    pq.write_table(one, tmp_path / "predicted.parquet")
    found = read_curves(tmp_path)
    assert len(found) == 3
    assert [f.subject for f in found.integrity.of_kind("prediction")] == [str(tmp_path / "predicted.parquet")]
    assert of_kind(read_curves(tmp_path / "predicted.parquet"), "prediction") == ["noted"]


def test_a_bad_cell_is_named_in_its_row_where_runs_are_mixed():
    table = {"run": ["a", "b", "a", "b"], "params": [10, 20, 10, 20], "loss": [3.0, 3, 2, 2], "tokens": [1.0, 1, 2, -2]}
    with pytest.raises(InputError, match=r"got -2 at row 4 of frame \(run 'b'\)"):
        read_curves(table)
    with pytest.raises(InputError, match=r"got -2 at row 4 of frame \(run 'b'\)"):
        read_curves(table, where={"run": "b"})


@pytest.mark.parametrize("name", ["NA", "None", "null", "nan", "N/A"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_run_may_be_called_as_missing_values_are(tmp_path, name, ending):
    table = pa.table(together(run(*curve(20), name=name), run(*curve(20), name="b", p=2e6)))
    ladder = read_curves(write_curves(read_curves(table), tmp_path / f"t{ending}"))
    assert {c.run for c in ladder} == {name, "b"}


@pytest.mark.parametrize("seed", [0.5, math.inf, -math.inf, 1e-3])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(
        InputError, match=rf"whole numbers in column 'seed'; got {seed:g} at row 21 of frame \(run 'b'\)"
    ):
        read_curves(together(run(*curve(20), seed=0), run(*curve(20), name="b", seed=seed)))


def test_sparse_evaluations_that_end_early_can_be_ended_together(tmp_path, capsys):
    ladder = law_ladder(sizes=4, seeds=2, points=101)
    table = table_of(ladder)
    loss = np.where(np.tile(np.arange(101) % 8 == 0, 8), table["loss"], np.nan)
    path = tmp_path / "sparse.parquet"
    pq.write_table(pa.table(table | {"loss": loss}), path)
    with pytest.raises(InputError, match=r"losses up to 96.1% of their horizons.* convert SOURCE --common-end"):
        read_curves(path)
    found = read_curves(path, common_end=True)
    assert len(found) == 8
    assert all(c.horizon_tokens == c.tokens[-1] for c in found)
    (note,) = found.integrity.of_kind("common end")
    assert "96.1%" in note.detail


def test_a_column_that_no_curve_needs_may_be_of_any_kind():
    table = pa.table(run(*curve(20)) | {"tags": [[1, 2]] * 20, "when": [{"a": 1}] * 20, "note": ["x"] * 20})
    ladder = read_curves(table)
    assert ladder.curves[0].extra["note"] == "x"
    assert sorted(f.detail.split()[1] for f in ladder.integrity.of_kind("column left out")) == ["tags", "when"]


def test_frames_of_categories_are_read(optional):
    pl = optional("polars")
    frame = pl.DataFrame(run(*curve(20))).with_columns(pl.col("run").cast(pl.Categorical))
    assert [c.run for c in read_curves(frame)] == ["a"]
    frame = frame.with_columns(pl.col("run").cast(pl.Enum(["a"])))
    assert [c.run for c in read_curves(frame)] == ["a"]
