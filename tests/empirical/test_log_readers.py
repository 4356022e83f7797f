"""Logs of trackers and trainers: every value comes out as it was logged, damaged files are refused in a sentence."""

import json
import math
import os
import pickle
import random
import struct

import log_files as made
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scaling_collapse import InputError, read_curves
from scaling_collapse.empirical.tables.log_mapping import LogMapping
from scaling_collapse.empirical.tables.understanding import understand

STEPS = np.arange(0, 200, 10)
LOSS = [3 + 5 * (i + 1) ** -0.5 for i in range(20)]


def log_of(path):
    """The rows as they were logged, and the settings."""
    (log,) = understand(path, LogMapping()).logs
    return log.log


def kinds(ladder):
    return {(f.kind, f.action) for f in ladder.integrity.findings}


# Weights & Biases -------------------------------------------------------------------------------------------------


def rows_of_a_run(seed=0):
    rows = []
    for i, loss in enumerate(LOSS):
        row = {"train/loss": loss + seed, "tokens": i * 1024, "lr": 0.5 - 0.01 * i, "iter": i}
        if i % 4 == 3:
            row["val/loss"] = loss + 0.25 + seed
        rows.append(row)
    return rows


def test_wandb_offline_files_are_read_whole(tmp_path):
    rows = rows_of_a_run()
    rows[5]["train/loss"] = math.nan
    rows[6]["train/loss"] = math.inf
    rows[7]["note"] = "x" * 70_000  # a record over three blocks
    path = made.wandb_file(tmp_path / "run-a.wandb", rows, config={"seed": 3, "model": {"n_params": 125_000}})
    log = log_of(path)
    assert log.table.num_rows == 20
    found = log.table["train/loss"].to_pylist()
    assert math.isnan(found[5])
    assert found[6] == math.inf
    assert [v for i, v in enumerate(found) if i not in (5, 6)] == [v for i, v in enumerate(LOSS) if i not in (5, 6)]
    assert log.table["val/loss"].to_pylist()[:4] == [None, None, None, LOSS[3] + 0.25]
    assert log.table["_step"].to_pylist() == list(range(20))
    assert log.settings == {"small-0": {"seed": 3, "model.n_params": 125_000}}


def test_a_folder_of_wandb_runs_is_a_ladder(tmp_path):
    for seed, p in ((0, 125_000), (1, 125_000), (0, 500_000)):
        folder = tmp_path / "wandb" / f"offline-run-{p}-{seed}"
        made.wandb_file(
            folder / f"run-{p}{seed}.wandb",
            rows_of_a_run(seed),
            name=f"p{p}-{seed}",
            config={"seed": seed, "n_params": p},
        )
        (folder / "files").mkdir()
        (folder / "files" / "output.log").write_text("".join(f"iter {i}: loss {9 - i}, time 1ms\n" for i in range(5)))
    ladder = read_curves(tmp_path)
    assert [(c.params, c.seed, len(c), c.clock) for c in ladder] == [
        (125_000, 0, 5, "tokens"), (125_000, 1, 5, "tokens"), (500_000, 0, 5, "tokens"),
    ]  # fmt: skip
    np.testing.assert_allclose(ladder.curves[0].loss, [LOSS[i] + 0.25 for i in (3, 7, 11, 15, 19)])
    np.testing.assert_allclose(ladder.curves[0].lr, [0.5 - 0.01 * i for i in (3, 7, 11, 15, 19)])
    assert {("which loss", "noted"), ("logged twice", "noted")} <= kinds(ladder)


def test_a_resumed_wandb_run_is_one_run(tmp_path):
    rows = [{"loss": 3 + 5 * (i + 1) ** -0.5, "iter": i} for i in range(60)]
    for part, at in (("1", slice(0, 40)), ("2", slice(40, 60))):
        made.wandb_file(tmp_path / f"offline-run-{part}" / "run-abc.wandb", rows[at], config={"n_params": 1000})
    ladder = read_curves(tmp_path)
    assert [(c.run, len(c), c.tokens[-1]) for c in ladder] == [("small-0", 60, 59)]
    assert ("split files", "merged") in kinds(ladder)


def test_a_history_of_wandb_exported_as_parquet(tmp_path):
    for seed in (0, 1):
        table = {
            "_step": range(20),
            "val/loss": [v + seed for v in LOSS],
            "_timestamp": [1.7e9] * 20,
            "system/gpu": ["x"] * 20,
        }
        pq.write_table(pa.table(table), tmp_path / f"small-{seed}.parquet")
    ladder = read_curves(tmp_path, mapping={"params": {"small-*": 1e6}, "columns": {"tokens": "[_step] * 1k"}})
    assert [(c.run, c.tokens[-1], c.loss[0]) for c in ladder] == [
        ("small-0", 19000, LOSS[0]),
        ("small-1", 19000, LOSS[0] + 1),
    ]


def test_parameters_from_a_setting_that_is_named(tmp_path):
    config = {"arch": {"weights": "1.5B", "n_params": 3}}
    made.wandb_file(tmp_path / "a.wandb", rows_of_a_run(), config=config)
    assert read_curves(tmp_path, mapping={"params_from_config": "arch.weights"}).sizes == (1.5e9,)
    assert read_curves(tmp_path).sizes == (3,)
    tokens = read_curves(tmp_path, mapping={"columns": {"tokens": "iter * [arch.n_params]"}})
    assert tokens.curves[0].tokens[-1] == 19 * 3


def test_wandb_files_that_are_damaged_or_cut(tmp_path):
    path = made.wandb_file(tmp_path / "a.wandb", rows_of_a_run())
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    log = log_of(path)
    assert log.table.num_rows == 19
    assert [f.kind for f in log.findings] == ["cut short"]
    path.write_bytes(whole[:300] + bytes([whole[300] ^ 1]) + whole[301:])
    with pytest.raises(InputError, match=r"cannot read .*a.wandb as wandb: the checksum at byte \d+ is wrong"):
        read_curves(path)
    path.write_bytes(whole[:7])
    with pytest.raises(InputError, match=r"got no history in .*a.wandb"):
        read_curves(path)


def test_the_wide_csv_of_the_wandb_page(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        '"Step","small - 0 - val/loss","small - 0 - val/loss__MIN","small - 0 - val/loss__MAX","large - val/loss",'
        '"large - val/loss__MIN","large - val/loss__MAX"\n'
        '"0","4.5","4.5","4.5","","",""\n"10","3.5","3.25","3.75","3.0","3.0","3.0"\n"20","3.25","3.25","3.25","2.5","2.5","2.5"\n'
    )
    ladder = read_curves(path, mapping={"params": {"small*": "125M", "large": "1.5B"}})
    small, large = ladder
    assert (small.run, small.tokens.tolist(), small.loss.tolist()) == ("small - 0", [0, 10, 20], [4.5, 3.5, 3.25])
    assert (large.params, large.tokens.tolist(), large.loss.tolist()) == (1.5e9, [10, 20], [3.0, 2.5])
    assert ("sampled export", "noted") in kinds(ladder)
    path.write_text(path.read_text().replace('"Step"', '"Relative Time (Process)"'))
    with pytest.raises(InputError, match=r"needs a column of steps in an export .*got 'Relative Time \(Process\)'"):
        read_curves(path)


# TensorBoard ------------------------------------------------------------------------------------------------------


def events(steps, offset=0.0, **more):
    return [made.event(int(s), [("train/loss", 4.0 + offset - s / 4096)], **more) for s in steps]


@pytest.mark.parametrize("tensor", [False, True])
def test_all_points_of_event_files_and_of_a_restart(tmp_path, tensor):
    head = [made.event(0), struct.pack("<Bd", 9, 1.5) + made.field(3, "brain.Event:2")]
    made.event_file(tmp_path / "run" / "events.out.tfevents.100.host.0", [*head, *events(range(3000), tensor=tensor)])
    second = [made.event(2500, start=True), *events(range(2500, 2800), offset=0.5, tensor=tensor)]
    made.event_file(tmp_path / "run" / "events.out.tfevents.200.host.1", [*head, *second])
    log = log_of(tmp_path)
    assert log.table["step"].to_pylist() == list(range(2800))
    expected = [np.float32(4.0 + (0.5 if s >= 2500 else 0) - s / 4096) for s in range(2800)]
    assert log.table["train/loss"].to_pylist() == expected


def test_event_files_that_are_damaged_or_cut(tmp_path):
    path = made.event_file(tmp_path / "events.out.tfevents.1.host", events(range(50)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    log = log_of(path)
    assert (log.table.num_rows, [f.kind for f in log.findings]) == (49, ["cut short"])
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 4]) + whole[201:])
    with pytest.raises(InputError, match=r"cannot read .*tfevents.* as tensorboard: the checksum at byte \d+ is wrong"):
        read_curves(path)


def test_the_csv_of_the_tensorboard_page(tmp_path):
    for run, p in (("small", 0.0), ("large", 1.0)):
        lines = [f"1.7e9,{s},{4 - p - s / 400}" for s in STEPS]
        (tmp_path / f"run-{run}-tag-eval_loss.csv").write_text("\n".join(["Wall time,Step,Value", *lines]) + "\n")
    ladder = read_curves(tmp_path, mapping={"params": {"small": "1M", "large": "4M"}})
    assert [(c.run, len(c), c.loss[1]) for c in ladder] == [("small", 20, 4 - 10 / 400), ("large", 20, 3 - 10 / 400)]


# Hugging Face, Lightning ------------------------------------------------------------------------------------------


def trainer_state(steps=40, seed=0):
    history = []
    for s in range(2, steps + 1, 2):
        history.append({"epoch": s / 8, "learning_rate": 1e-3 * (1 - s / 40), "loss": 5 - s / 20 + seed, "step": s})
        if s % 10 == 0:
            history.append({"epoch": s / 8, "eval_loss": 5.5 - s / 20 + seed, "eval_runtime": 1.0, "step": s})
    history.append({"epoch": 5.0, "step": steps, "total_flos": 1e9, "train_loss": 3.5, "train_runtime": 9.0})
    return {"global_step": steps, "log_history": history, "max_steps": 40}


def weights_file(path, shapes):
    header = json.dumps({n: {"dtype": "F32", "shape": s, "data_offsets": [0, 0]} for n, s in shapes.items()}).encode()
    made.written(path, struct.pack("<Q", len(header)) + header)


def test_trainer_states_of_checkpoints_are_one_run(tmp_path):
    for seed in (0, 1):
        for steps in (20, 40):
            folder = tmp_path / f"small-{seed}" / f"checkpoint-{steps}"
            made.written(folder / "trainer_state.json", json.dumps(trainer_state(steps, seed)).encode())
            weights_file(folder / "model.safetensors", {"a": [100, 30], "b": [30]})
            made.event_file(tmp_path / f"small-{seed}" / "runs" / "x" / "events.out.tfevents.1", events(range(5)))
    ladder = read_curves(tmp_path)
    assert [(c.run, c.params, c.tokens.tolist()) for c in ladder] == [
        (f"small-{s}", 3030, [10, 20, 30, 40]) for s in (0, 1)
    ]
    assert ladder.curves[0].loss.tolist() == [5.0, 4.5, 4.0, 3.5]
    np.testing.assert_allclose(ladder.curves[0].lr, [7.5e-4, 5e-4, 2.5e-4, 0], atol=1e-12)
    assert {("mean loss", "noted"), ("latest checkpoint", "noted"), ("logged twice", "noted")} <= kinds(ladder)
    training = read_curves(tmp_path, mapping={"columns": {"loss": "train_loss"}})
    assert training.curves[0].loss.tolist() == [5 - s / 20 for s in range(2, 41, 2)]


@pytest.mark.parametrize(
    "content", [b"{", b'{"log_history": 3}', b'{"log_history": []}', b'{"log_history": [[1]]}', b"\xff"]
)
def test_trainer_states_that_hold_nothing(tmp_path, content):
    path = made.written(tmp_path / "trainer_state.json", content)
    with pytest.raises(InputError, match=r"read_curves .*trainer_state.json"):
        read_curves(path)


def test_metrics_of_lightning(tmp_path):
    for version, n in (("version_0", 3000), ("version_1", 9000)):
        folder = tmp_path / "lightning_logs" / version
        folder.mkdir(parents=True)
        lines = ["epoch,step,train_loss_epoch,train_loss_step,val_loss"]
        for i, loss in enumerate(LOSS):
            lines.append(f"{i // 5},{i},,{loss},")
            if i % 5 == 4:
                lines += [f"{i // 5},{i},,,{loss + 0.5}", f"{i // 5},{i},{loss},,"]
        (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
        (folder / "hparams.yaml").write_text(
            f"lr: 0.1\nmodel:\n  n_params: {n}  # all of them\n  name: 'x'\nlist:\n- 1\n"
        )
    ladder = read_curves(tmp_path)
    assert [(c.run, c.params, c.tokens.tolist()) for c in ladder] == [
        ("version_0", 3000, [4, 9, 14, 19]), ("version_1", 9000, [4, 9, 14, 19]),
    ]  # fmt: skip
    np.testing.assert_allclose(ladder.curves[0].loss, [LOSS[i] + 0.5 for i in (4, 9, 14, 19)])


# MLflow, trackio --------------------------------------------------------------------------------------------------

POINTS = [p for i, v in enumerate(LOSS) for p in ([("train_loss", i, v)] + [("val_loss", i, v + 0.5)] * (i % 5 == 4))]


def test_the_database_of_mlflow(tmp_path):
    odd = [("train_loss", 0, math.nan), ("train_loss", 1, math.inf), *POINTS[2:]]
    runs = {f"p{p}": ({"n_params": p, "seed": 2}, odd) for p in (1000, 4000)}
    ladder = read_curves(made.mlflow_database(tmp_path / "mlflow.db", runs))
    assert [(c.run, c.params, c.seed, c.tokens.tolist()) for c in ladder] == [
        (f"p{p}", p, 2, [4, 9, 14, 19]) for p in (1000, 4000)
    ]
    np.testing.assert_allclose(ladder.curves[0].loss, [LOSS[i] + 0.5 for i in (4, 9, 14, 19)])
    assert ("deleted runs", "noted") in kinds(ladder)
    raw = log_of(tmp_path / "mlflow.db").table["train_loss"].to_pylist()
    assert math.isnan(raw[0])
    assert raw[2] == math.inf  # one run after the other within a step


def test_the_folder_of_mlflow(tmp_path):
    for p in (1000, 4000):
        points = {"val/loss": [(i, v) for i, v in enumerate(LOSS)], "val_acc": [(0, 0.5)]}
        made.mlflow_files(tmp_path, f"p{p}", {"n_params": p}, points)
    ladder = read_curves(tmp_path)
    assert [(c.run, c.params) for c in ladder] == [("p1000", 1000), ("p4000", 4000)]
    np.testing.assert_array_equal(ladder.curves[0].loss, LOSS)
    (tmp_path / "mlruns" / "1" / "p1000-id" / "metrics" / "val" / "loss").write_text("1000 2.5\n")
    with pytest.raises(InputError, match=r"lines of time, value and step; got '1000 2.5' in line 1"):
        read_curves(tmp_path)


def test_the_database_of_trackio(tmp_path):
    rows = [{"loss": v, "tokens": 100 * i} for i, v in enumerate(LOSS)]
    rows[3]["loss"] = math.nan
    runs = {f"p{p}": ({"n_params": p, "seed": 1}, rows) for p in (1000, 4000)}
    ladder = read_curves(made.trackio_database(tmp_path / "project.db", runs))
    assert [(c.run, c.params, c.seed, len(c), c.clock) for c in ladder] == [
        (f"p{p}", p, 1, 19, "tokens") for p in (1000, 4000)
    ]
    assert ("non-finite loss", "dropped") in kinds(ladder)


def test_a_damaged_database_is_refused(tmp_path):
    path = made.mlflow_database(tmp_path / "mlflow.db", {"a": ({}, POINTS)})
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(InputError, match=r"mlflow.db"):
        read_curves(path)


# Pickles ----------------------------------------------------------------------------------------------------------


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("ran",))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_frames_and_arrays(tmp_path, optional, protocol):
    pd = optional("pandas")
    frame = pd.DataFrame({"step": STEPS, "loss": LOSS, "note": ["x"] * 20, "kind": pd.Categorical(["u"] * 20)})
    content = {"small": frame, "large": {"step": STEPS, "loss": np.array(LOSS) - 1}}
    path = made.written(tmp_path / "runs.pkl", pickle.dumps(content, protocol=protocol))
    ladder = read_curves(path, mapping={"params": {"small": "1k", "large": "4k"}})
    assert [(c.run, c.params, c.tokens.tolist()) for c in ladder] == [
        ("small", 1000, STEPS.tolist()), ("large", 4000, STEPS.tolist()),
    ]  # fmt: skip
    np.testing.assert_array_equal(ladder.curves[0].loss, LOSS)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Evil()),
        pickle.dumps({"run": Evil()}),
        b"\x80\x04cos\nsystem\n(X\x02\x00\x00\x00lstR.",
        b"\x80\x02cnumpy\nndarray\n(K\x05tR.",
        b"\x80\x02cnumpy\nload\n(X\x01\x00\x00\x00xtR.",
        b"\x80\x02cbuiltins\neval\n(X\x03\x00\x00\x001+1tR.",
        b"\x80\x02cpandas\nread_pickle\n(X\x01\x00\x00\x00xtR.",
        b"\x80\x02cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR.",
        b"\x80\x02cpandas\nSeries\n(K\x05cbuiltins\nrange\n(J\xff\xff\xff\x7ftRtR.",
        b"\x80\x02(cbuiltins\nslice\nK\x01o.",
        b"\x80\x02}q\x00.",
        b"\x80\x02.",
    ],
)
def test_pickles_that_would_run_something_are_refused(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = made.written(tmp_path / "runs.pkl", content)
    with pytest.raises(InputError, match=r"read_curves .*runs.pkl"):
        read_curves(path)
    assert not (tmp_path / "ran").exists()


# Any damage ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_of_each(tmp_path_factory):
    folder = tmp_path_factory.mktemp("each")
    frame = {"run": ["a"] * 20, "params": [10] * 20, "step": STEPS, "loss": LOSS}
    pq.write_table(pa.table(frame), folder / "t.parquet", compression="none")
    lines = "".join(f"a,10,{s},{v}\n" for s, v in zip(STEPS, LOSS, strict=True))
    made.written(folder / "t.csv", ("run,params,step,loss\n" + lines).encode())
    rows = [{"run": "a", "params": 10, "step": int(s), "loss": v} for s, v in zip(STEPS, LOSS, strict=True)]
    made.written(folder / "t.jsonl", "".join(json.dumps(r) + "\n" for r in rows).encode())
    made.wandb_file(folder / "a.wandb", rows_of_a_run(), config={"n_params": 10})
    made.event_file(folder / "events.out.tfevents.1", events(range(20)))
    made.mlflow_database(folder / "mlflow.db", {"a": ({"n_params": 10}, POINTS)})
    made.trackio_database(folder / "trackio.db", {"a": ({"n_params": 10}, [{"loss": v} for v in LOSS])})
    made.written(folder / "trainer_state.json", json.dumps(trainer_state()).encode())
    made.written(
        folder / "run.log", "".join(f"iter {i}: loss {v:.4f}, time 9ms, mfu 1%\n" for i, v in enumerate(LOSS)).encode()
    )
    made.written(folder / "a.pkl", pickle.dumps({"step": STEPS, "loss": np.array(LOSS)}))
    return sorted(folder.iterdir())


@pytest.mark.parametrize("index", range(10))
def test_changed_bytes_and_cut_files_end_in_a_sentence(one_of_each, tmp_path, index):
    """A small share of what was run once; each ends in a ladder or in one sentence."""
    source = one_of_each[index]
    whole = source.read_bytes()
    rng = random.Random(0)
    path = tmp_path / source.name
    damaged = [whole[: rng.randrange(len(whole))] for _ in range(25)]
    for _ in range(60):
        at = rng.randrange(len(whole))
        damaged.append(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :])
    for content in damaged:
        path.write_bytes(content)
        sentence = ended(path)
        assert "\n" not in sentence
        assert sentence.startswith(("read_curves", "--map", "LossCurve(run="))


def ended(path):
    """The sentence that refuses the file, or the name of who read it."""
    try:
        read_curves(path, mapping={"params": {"*": 10}})
    except InputError as error:
        return str(error)
    return "read_curves"
