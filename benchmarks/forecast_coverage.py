"""Do the bands hold on a table that they know nothing of? The shares of the law's own error, estimated without it.

python benchmarks/forecast_coverage.py [CURVES]

Runs are left out as in forecasts.py. For every table, the shares are those that give the other tables of its kind of
optimizer the lowest interval score of a 90 % band (width, and 20 times what lies outside, over the table's best), times
the factor that covers those tables by 90 % on average; then the share of the table's own points in its bands is
counted. The last lines are the shares from all tables: those of `laws/shares.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from forecast_protocols import CURVES, OLMO, TABLES, Case, cases, load, olmo_cases, simulated_cases, unshared
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

from scaling_collapse.sgd_noise_model import forecast
from scaling_collapse.sgd_noise_model.laws.band_spread import parts_of, spread_of
from scaling_collapse.sgd_noise_model.laws.shares import ADAPTIVE, PLAIN, Shares

Array = NDArray[np.float64]
SCALE = 1.6449
ESTIMATED = ("law", "trunk", "size")
"""Of the others no table can tell: `peak` has a prior in the law, `donor` would need sizes without decayed runs."""


@dataclass(frozen=True)
class Errors:
    """Of one table: squared parts, error and weight of every scored point; the runs weigh the same."""

    table: str
    optimizer: str
    error: Array
    known: Array
    parts: Array
    weight: Array


def errors_of(found: list[Case], optimizer: str) -> Errors:
    """Forecasts of the runs left out, against what came."""
    rows = []
    for case in found:
        for curve, f in zip(case.left_out, forecast(case.calibration, case.left_out), strict=True):
            fit, rates = f.calibration, f.rates
            loss, gradient = fit.model.losses(fit.solution.theta, fit.model.prepare(rates))
            p = parts_of(fit, spread_of(fit), rates, loss, gradient)
            late = curve.tokens >= (0.02 if case.table.startswith("qiu") else 0.05) * curve.tokens[-1]
            after = rates.decayed if rates.decayed.any() and not rates.constant else True
            count = unshared(curve, case.calibration) & late & after & (np.arange(len(curve)) >= f.early)
            if not count.any():
                continue
            one = np.ones(len(curve))
            parts = np.stack([np.square(p.law * one), np.square(p.trunk * one), np.square(p.size * one)], axis=1)
            rows.append(
                (np.log(curve.loss / f.loss)[count], (p.known * one)[count], parts[count], one[count] / count.sum())
            )
    error, known, parts, weight = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Errors(found[0].table, optimizer, error, known, parts, weight / weight.sum())


def half_width(errors: Errors, ln_shares: Array) -> Array:
    """Of the 90 % band of `ln L` at every point."""
    return SCALE * np.sqrt(errors.known + errors.parts @ np.exp(2 * ln_shares))


def score(ln_shares: Array, one: Errors) -> float:
    """The interval score of a table."""
    half = half_width(one, ln_shares)
    points = 2 * half + 20 * np.maximum(np.abs(one.error) - half, 0)
    return float((points * one.weight).sum())


def estimated(tables: list[Errors], start: Shares) -> Array:
    """Logarithms of the shares with the lowest score, each table's over its own best: no table's scale counts."""
    if len(tables) == 1:
        return _lowest(lambda v: score(v, tables[0]), tables, start)
    best = [score(estimated([one], start), one) for one in tables]
    return _lowest(lambda v: sum(score(v, one) / b for one, b in zip(tables, best, strict=True)), tables, start)


def covered(ln_shares: Array, one: Errors) -> float:
    """The share of a table's points in its bands."""
    return float(((np.abs(one.error) <= half_width(one, ln_shares)) * one.weight).sum())


def calibrated(tables: list[Errors], start: Shares) -> Array:
    """The shares of the lowest score, all times one factor, with which tables are covered by 90 % on average."""
    ln_shares = estimated(tables, start)

    def missing(ln_factor: float) -> float:
        return float(np.mean([covered(ln_shares + ln_factor, one) for one in tables])) - 0.9

    inside = missing(-1.0) < 0 < missing(1.0)
    return ln_shares + (float(brentq(missing, -1.0, 1.0, xtol=1e-3)) if inside else 0.0)  # type: ignore[arg-type]


def _lowest(function: Callable[[Array], float], tables: list[Errors], start: Shares) -> Array:
    """Where a function of the logarithms is lowest; shares that the tables say nothing of stay where they start."""
    first = np.log([getattr(start, name) for name in ESTIMATED])
    told = np.array([any((t.parts[:, j] > 0).any() for t in tables) for j in range(first.size)])

    def whole(free: Array) -> Array:
        ln_shares = first.copy()
        ln_shares[told] = np.clip(free, -7, 1)
        return ln_shares

    options = {"xatol": 1e-3, "fatol": 1e-5}
    return whole(minimize(lambda v: function(whole(v)), first[told], method="Nelder-Mead", options=options).x)


def tables_of(folder: Path) -> list[Errors]:
    """Every table, adaptive ones first."""
    found = [errors_of(list(cases(t, load(t, folder))), "adaptive") for t in TABLES]
    found.append(errors_of(list(olmo_cases(load(OLMO, folder))), "adaptive"))
    simulated = list(simulated_cases())
    names = sorted({case.table for case in simulated})
    return found + [errors_of([case for case in simulated if case.table == name], "plain") for name in names]


def main(folder: Path) -> None:
    """Print the coverage of every table with the others' shares, and the shares of all."""
    found = tables_of(folder)
    print("points in the 90 % band, shares estimated without the table; median half-width")
    for one in found:
        others = [t for t in found if t.optimizer == one.optimizer and t is not one]
        shares = calibrated(others, ADAPTIVE if one.optimizer == "adaptive" else PLAIN)
        half = half_width(one, shares)
        words = ", ".join(f"{name} {value:.3f}" for name, value in zip(ESTIMATED, np.exp(shares), strict=True))
        share, width = covered(shares, one), 100 * np.median(half)
        print(f"{one.table:24s} {one.optimizer:9s} {share:.3f}  +- {width:.3f} %   ({words})")
    for optimizer, start in (("adaptive", ADAPTIVE), ("plain", PLAIN)):
        shares = np.exp(calibrated([t for t in found if t.optimizer == optimizer], start))
        print(f"all {optimizer}: " + ", ".join(f"{n} {v:.3f}" for n, v in zip(ESTIMATED, shares, strict=True)))


if __name__ == "__main__":
    source = Path(sys.argv[1]) if sys.argv[1:] else CURVES
    if not source.is_dir():
        print(f"no published curves at {source}: nothing to judge")
    else:
        main(source)
