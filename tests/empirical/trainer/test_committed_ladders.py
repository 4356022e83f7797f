"""The committed ladders: every file reads, every table is what its file plans, and what docs/ladders.md claims holds."""

from pathlib import Path

import numpy as np
import pytest

import scaling_collapse as sc
from scaling_collapse.empirical.trainer.ladder_file import load_ladder

LADDERS = Path(__file__).resolve().parents[3] / "ladders"
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
        step = file.batch_size * file.task.get("context", 1)
        assert abs(curve.tokens[-1] - file.horizon(curve.params)) <= step / 2 + 1
        assert curve.seed in range(file.seeds)


def test_small():
    assert sum(p.stat().st_size for p in TABLES) < LIMIT
