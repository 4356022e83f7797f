"""Files that the real libraries wrote, here and now: every value comes out as it was logged."""

import math
import random

import numpy as np
import pytest

from scaling_collapse import read_curves
from scaling_collapse.empirical.tables.log_mapping import LogMapping
from scaling_collapse.empirical.tables.understanding import understand

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # what other libraries warn of is theirs

LOSS = [3 + 5 * (i + 1) ** -0.5 for i in range(40)]
ODD = [math.nan if i == 5 else math.inf if i == 6 else v for i, v in enumerate(LOSS)]


@pytest.fixture(autouse=True)
def _at_home_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def logged(path, name="train_loss"):
    """The values of a column by run, as they were logged."""
    found = {}
    for log in understand(path, LogMapping()).logs:
        table = log.log.table
        runs = table["run"].to_pylist() if "run" in table.column_names else [log.run] * table.num_rows
        for run, value in zip(runs, table[name].to_pylist(), strict=True):
            if value is not None:
                found.setdefault(run, []).append(value)
    return found


def test_wandb(tmp_path, optional):
    wandb = optional("wandb")
    for seed in (0, 1):
        config = {"seed": seed, "model": {"n_params": 125_000}}
        with wandb.init(project="p", name=f"small-{seed}", dir=str(tmp_path), config=config) as run:
            for i, loss in enumerate(ODD):
                run.log(
                    {"train_loss": loss + seed, "tokens": 1024 * i} | ({"val_loss": loss + seed} if i % 13 == 0 else {})
                )
    for run, values in logged(tmp_path).items():
        np.testing.assert_array_equal(values, np.array(ODD) + int(run[-1]))
    ladder = read_curves(tmp_path)
    assert [(c.run, c.params, c.seed, c.tokens.tolist()) for c in ladder] == [
        (f"small-{s}", 125_000, s, [0, 1024 * 13, 1024 * 26, 1024 * 39]) for s in (0, 1)
    ]


def test_tensorboard_with_a_restart(tmp_path, optional):
    accumulator = optional("tensorboard.backend.event_processing.event_accumulator")
    writer = optional("torch.utils.tensorboard").SummaryWriter
    for purge, steps in ((None, range(3000)), (2500, range(2500, 2800))):
        with writer(str(tmp_path / "run"), purge_step=purge, filename_suffix=f".{purge}") as log:
            for step in steps:
                log.add_scalar("train_loss", random.Random(f"{step}{purge}").random(), step)
            log.add_text("notes", "x")
            log.add_histogram("weights", np.arange(9.0), 0)
    (found,) = understand(tmp_path, LogMapping()).logs
    known = accumulator.EventAccumulator(str(tmp_path / "run"), size_guidance={"scalars": 0})
    known.Reload()
    table = found.log.table
    assert list(zip(table["step"].to_pylist(), table["train_loss"].to_pylist(), strict=True)) == [
        (event.step, event.value) for event in known.Scalars("train_loss")
    ]
    assert table.num_rows == 2800


def test_hugging_face(tmp_path, optional):
    torch, transformers = optional("torch"), optional("transformers")
    optional("accelerate")
    data = [{"input_ids": torch.arange(i, i + 8) % 50, "labels": torch.arange(i, i + 8) % 50} for i in range(16)]
    states = {}
    for width in (8, 16):
        config = transformers.GPT2Config(vocab_size=50, n_positions=8, n_embd=width, n_layer=1, n_head=2)
        model = transformers.GPT2LMHeadModel(config)
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path / f"width-{width}"), max_steps=6, per_device_train_batch_size=4, logging_steps=1,
            eval_strategy="steps", eval_steps=2, save_steps=3, report_to=[], use_cpu=True, disable_tqdm=True,
            include_num_input_tokens_seen="all",
        )  # fmt: skip
        trainer = transformers.Trainer(model=model, args=arguments, train_dataset=data, eval_dataset=data)
        trainer.train()
        states[width] = trainer.state.log_history, sum(p.numel() for p in model.parameters())
    for curve in read_curves(tmp_path):
        history, params = states[int(curve.run[-2:].strip("-"))]
        known = [(row["num_input_tokens_seen"], row["eval_loss"]) for row in history if "eval_loss" in row]
        assert list(zip(curve.tokens, curve.loss, strict=True)) == known
        assert curve.params == params


def test_lightning(tmp_path, optional):
    torch, lightning = optional("torch"), optional("lightning")
    loggers = optional("lightning.pytorch.loggers")

    class Model(lightning.LightningModule):
        def __init__(self, n_params):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch, index):
            loss = self.layer(batch[0]).pow(2).mean()
            self.log("train_loss", loss)
            seen.append(loss.item())
            return loss

        def validation_step(self, batch, index):
            self.log("val_loss", self.layer(batch[0]).pow(2).mean())

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.01)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(32, 4)), batch_size=8)
    values = {}
    for version in ("version_0", "version_1"):
        seen = []
        trainer = lightning.Trainer(
            max_epochs=3, logger=loggers.CSVLogger(str(tmp_path)), log_every_n_steps=1, accelerator="cpu",
            enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Model(n_params=5), data, data)
        values[version] = seen
    found = logged(tmp_path)
    assert found.keys() == values.keys()
    for version, known in values.items():
        np.testing.assert_allclose(found[version], known, rtol=1e-6)
    assert [(c.run, c.params, c.tokens.tolist()) for c in read_curves(tmp_path)] == [
        (version, 5, [3, 7, 11]) for version in values
    ]


@pytest.mark.parametrize("store", ["sqlite:///mlflow.db", "files"])
def test_mlflow(tmp_path, optional, store):
    mlflow = optional("mlflow")
    mlflow.set_tracking_uri(store if store != "files" else f"file://{tmp_path}/mlruns")
    try:
        mlflow.set_experiment("ladder")
    except mlflow.exceptions.MlflowException as error:
        pytest.skip(f"this MLflow writes no files: {str(error)[:60]}")
    for seed in (0, 1):
        with mlflow.start_run(run_name=f"small-{seed}"):
            mlflow.log_params({"seed": seed, "n_params": 125_000})
            for i, loss in enumerate(ODD):
                mlflow.log_metric("train_loss", loss + seed, step=i)
                if i % 13 == 0:
                    mlflow.log_metric("val_loss", loss + seed, step=i)
    for run, values in logged(tmp_path).items():
        np.testing.assert_array_equal(values, np.array(ODD) + int(run[-1]))
    assert [(c.run, c.params, c.seed, c.tokens.tolist()) for c in read_curves(tmp_path)] == [
        (f"small-{s}", 125_000, s, [0, 13, 26, 39]) for s in (0, 1)
    ]


def test_trackio(tmp_path, optional):
    trackio = optional("trackio")
    for seed in (0, 1):
        trackio.init(project="proj", name=f"small-{seed}", config={"seed": seed, "n_params": 125_000})
        for i, loss in enumerate(ODD):
            trackio.log({"train_loss": loss + seed, "tokens": 1024 * i})
        trackio.finish()
    found = logged(tmp_path)
    assert found.keys() == {"small-0", "small-1"}
    for run, values in found.items():
        np.testing.assert_array_equal(values, np.array(ODD) + int(run[-1]))
    assert [(c.run, c.params, c.seed, len(c)) for c in read_curves(tmp_path)] == [
        (f"small-{s}", 125_000, s, 38) for s in (0, 1)
    ]
