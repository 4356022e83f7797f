"""A plan says what it assumes, refuses to go far, and its file is read by optax and torch as the guide has it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from scaling_collapse import InputError, LossCurve
from scaling_collapse.sgd_noise_model import plan_cooldown

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "forecast.md"
T = np.arange(10.0, 1001.0, 10.0)


def run(name, s, peak=1e-3):
    s = s * np.minimum(T / 50, 1.0)
    loss = 2.0 + 0.5 * (np.cumsum(s) / 100) ** -0.4 - 0.1 * (1 - s)
    return LossCurve(run=name, params=1e6, tokens=T, loss=loss, lr=peak * s, clock="steps")


LINEAR = np.minimum(1.0, (1001 - T) / 500)
RUNS = [run("held", np.ones(T.size)), run("linear", LINEAR), run("low", np.ones(T.size), 5e-4)]


@pytest.fixture(scope="module")
def plan():
    return plan_cooldown(RUNS, 2000, shapes=("linear", "1-sqrt"), fractions=(0.1, 0.3, 0.6))


def test_a_plan_says_what_it_assumes(plan):
    told = plan.to_json()
    numbers = {"params": 1e6, "peak": 1e-3, "warmup": 50, "final": 0}
    assert {name: told[name] for name in numbers} == pytest.approx(numbers)
    assert (told["unit"], told["peak_of_run"], told["far"]) == ("steps", "held", False)
    words = plan.recipe.words()
    assert words == (
        "1M parameters; peak rate 0.001, that of run 'held', after a warm-up over 50 steps; lengths in steps"
    )
    assert ("assumes", words) in plan.lines()


def test_a_glitch_is_no_peak():
    lr = np.where(np.arange(T.size) == 30, 0.1, RUNS[0].lr)
    wrong = LossCurve(run="held", params=1e6, tokens=T, loss=RUNS[0].loss, lr=lr, clock="steps")
    assert plan_cooldown([wrong, RUNS[1]], 1000, shapes=["linear"]).recipe.peak == 1e-3


def test_far_plans_are_refused_unless_asked_for():
    message = r"at most 3 times the longest calibration run \(1k steps\); got 3\.1k\. .*far=True \(--far\)"
    with pytest.raises(InputError, match=message):
        plan_cooldown(RUNS, 3100)
    far = plan_cooldown(RUNS, 3100, shapes=["linear"], fractions=[0.5], far=True)
    assert far.to_json()["far"]
    assert any("times further" in w for w in far.best.forecast.warnings)


def test_the_file_holds_the_schedule(plan, tmp_path):
    schedule = plan.schedule
    assert (schedule.tokens[0], schedule.tokens[-1], schedule.lr[0], schedule.lr[-1]) == (0, 2000, 0, 0)
    assert schedule.lr.max() == pytest.approx(1e-3)
    started = schedule.tokens[schedule.lr > 0.999e-3][-1]
    assert started == pytest.approx(plan.shortest.start, abs=20)
    (tmp_path / "schedule.csv").write_bytes(schedule.csv())
    assert (tmp_path / "schedule.csv").read_text().splitlines()[0] == "step,lr"
    rows = np.loadtxt(tmp_path / "schedule.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(rows, np.stack([schedule.tokens, schedule.lr], axis=1))
    told = json.loads(schedule.json())
    assert told["lr"] == rows[:, 1].tolist()
    assert told["peak_of_run"] == "held"
    assert list(schedule.to_columns()) == ["step", "lr"]


@pytest.mark.parametrize("library", ["optax", "torch"])
def test_the_guides_snippet_reads_it(plan, tmp_path, monkeypatch, optional, library):
    """Run as it stands, with a model of one number: the rate of every step is that of the file."""
    optional(library)
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "schedule.csv").write_bytes(plan.schedule.csv())
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    [code] = [c for c in snippets if c.splitlines()[0].endswith(library)]
    space = {}
    if library == "torch":
        import torch

        space["model"] = torch.nn.Linear(1, 1)
    exec(code, space)
    want = np.interp(np.arange(1000), plan.schedule.tokens, plan.schedule.lr)
    if library == "optax":
        np.testing.assert_allclose(space["schedule"](np.arange(1000)), want, rtol=1e-5, atol=1e-9)
        return
    got = []
    for _ in range(1000):
        got.append(space["optimizer"].param_groups[0]["lr"])
        space["optimizer"].step()
        space["scheduler"].step()
    np.testing.assert_allclose(got, want, rtol=1e-9)
