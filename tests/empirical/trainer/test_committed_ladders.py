"""The committed ladders: every file reads, every table is what its file plans, docs/results/own-ladders.md is true."""

from pathlib import Path

import numpy as np
import pytest

import scaling_collapse as sc
from scaling_collapse.empirical.trainer import load_ladder

LADDERS = Path(__file__).resolve().parents[3] / "scaling_collapse" / "ladders"
FILES = sorted(LADDERS.glob("*.toml"))
TABLES = sorted((LADDERS / "curves").glob("*.parquet"))
LIMIT = 3_000_000  # bytes of all tables together


def table(name):
    return sc.read_curves(LADDERS / "curves" / f"{name}.parquet")


def measure(name, offset=None):
    return sc.measure_collapse(table(name), offset=offset)


def late_ratio(report):
    """Mean of Delta / sigma over x in [0.8, 1)."""
    late = (report.x > 0.8 - 1e-9) & (report.x < 1 - 1e-9)
    return float(np.mean(report.delta[late] / report.sigma[late]))


def delta_half(report):
    return float(report.delta[np.argmin(np.abs(report.x - 0.5))])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_file_reads(path):
    assert load_ladder(path).name == path.stem


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.stem)
def test_table_is_what_the_file_plans(path):
    ladder, file = sc.read_curves(path), load_ladder(LADDERS / f"{path.stem}.toml")
    assert not [f for f in ladder.integrity.findings if f.action != "noted"]
    assert len(ladder) == len(file.widths) * file.seeds
    assert sorted({int(c.extra["width"]) for c in ladder}) == list(file.widths)
    for curve in ladder:
        # Steps are whole, so the horizon is met within half a step.
        step = dict(zip(file.widths, file.batch_sizes, strict=True))[curve.extra["width"]] * file.task.get("context", 1)
        assert abs(curve.tokens[-1] - file.horizon(curve.params)) <= step / 2 + 1
        assert curve.seed in range(file.seeds)


def test_small():
    assert sum(p.stat().st_size for p in TABLES) < LIMIT


@pytest.mark.parametrize(
    ("name", "offset"),
    # The Fourier target is noise-free; text is measured with its fitted L0; 0.504 nats is the policy's own entropy.
    [("mlp", 0.0), ("text", None), ("chess", 0.504)],
)
def test_decay_takes_the_end_of_the_curves_below_the_noise(name, offset):
    decayed, constant = (late_ratio(measure(n, offset)) for n in (name, f"{name}-constant"))
    assert decayed <= 0.4
    assert constant >= 2 * decayed


@pytest.mark.parametrize("name", ["mlp-horizon-high", "mlp-horizon-low", "mlp-lr-constant-across-widths"])
def test_ablations_stay_below_detection_at_the_middle(name):
    # What docs/results/own-ladders.md says: at this size an ablation hides in the seeds' noise. A table that shows it
    # changes that.
    healthy, ablated = (delta_half(measure(n, 0.0)) for n in ("mlp", name))
    assert 0.5 < ablated / healthy < 3


def test_rates_frozen_at_a_small_proxy_show():
    healthy, far, further = (
        delta_half(measure(f"fourier3{n}", 0.0)) for n in ("", "-lr-of-width-12", "-lr-of-width-8")
    )
    assert 1.5 * healthy < far < 3 * healthy < further


def test_the_horizon_of_the_mlps_lies_within_what_the_over_trained_runs_say():
    fit = sc.fit_horizon(sc.read_curves(LADDERS / "curves" / "mlp-overtrained.parquet", use_horizon=False))
    assert sum(size.status == "used" for size in fit.sizes) == 4
    assert fit.gamma_interval[0] < 1 < fit.gamma_interval[1]
    sizes = np.array(table("mlp").sizes)
    assert np.allclose(fit.horizon_tokens(sizes), 147 * sizes, rtol=0.25)


def test_noise_rises_as_the_rate_falls():
    last = {}
    for kind in ("constant", "linear", "cosine", "wsd", "multi-cosine"):
        traces = np.array([c.noise_trace[np.isfinite(c.noise_trace)] for c in table(f"mlp-schedule-{kind}")])
        assert traces.shape[0] == 5
        last[kind] = traces[:, -1].mean()
    assert last["constant"] < 0.8 * min(value for kind, value in last.items() if kind != "constant")
