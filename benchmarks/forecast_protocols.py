"""How forecasts are judged on the published tables: what is left out, and how a forecast is scored.

A case is a set of calibration runs and the runs left out; a run's score counts only points that no calibration run
shares to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling_collapse import LossCurve, read_curves
from scaling_collapse.common import exponential_average
from scaling_collapse.sgd_noise_model import power_law, schedules, simulate
from scaling_collapse.sgd_noise_model.solvers.stability import stability_limit

__all__ = [
    "CURVES", "OLMO", "TABLES", "Case", "Score", "cases", "load", "luo_score", "olmo_cases", "score", "simulated_cases",
    "unshared",
]  # fmt: skip

Array = NDArray[np.float64]
CURVES = Path(__file__).resolve().parents[2] / "shared" / "curves"
TABLES = (
    "qiu_cifar5m_schedules",
    "qiu_mlp_schedules",
    "luo_llama_25m",
    "luo_llama_100m",
    "schaipp_slimpajama_val",
)
OLMO = "olmo_ladder_c4"
LUO_FIT = ("cosine_24000", "constant_24000", "wsdcon_9")
LUO_OTHERS = (
    ("cosine_24000", "constant_24000", "wsdcon_3"),
    ("cosine_24000", "constant_24000", "wsdcon_18"),
    ("cosine_72000", "constant_24000", "wsdcon_9"),
    ("wsd_20000_24000", "constant_24000", "cosine_24000"),
    ("wsdld_20000_24000", "constant_72000", "wsdcon_9"),
)


@dataclass(frozen=True)
class Case:
    """Runs to calibrate on, and runs left out."""

    table: str
    name: str
    calibration: tuple[LossCurve, ...]
    left_out: tuple[LossCurve, ...]


@dataclass(frozen=True)
class Score:
    """Relative errors of one forecast: mean as logged, mean smoothed, final; and the share of points in the band."""

    run: str
    mean: float
    smoothed: float
    final: float
    covered: float
    points: int


def load(table: str, folder: Path = CURVES) -> list[LossCurve]:
    """The runs of a published table."""
    return list(read_curves(folder / f"{table}.parquet", use_horizon=False))


def cases(table: str, curves: list[LossCurve]) -> Iterator[Case]:
    """What is left out of a table, in turn."""
    if table.startswith("qiu"):
        decayed = [c for c in curves if c.schedule != "const"]
        kinds: tuple[tuple[str, Callable[[LossCurve], Any]], ...] = (
            ("size", lambda c: c.params),
            ("horizon", lambda c: c.horizon_tokens),
            ("family", lambda c: c.schedule),
            ("schedule", lambda c: (c.schedule, fraction(c))),
        )
        for kind, key in kinds:
            for value in sorted({key(c) for c in decayed}, key=str):
                out = [c for c in decayed if key(c) == value]
                yield Case(table, f"{kind} {value}", tuple(c for c in curves if c not in out), tuple(out))
    elif table.startswith("luo"):
        by_name = {c.run.split("-")[1]: c for c in curves}
        for fit in (LUO_FIT, *LUO_OTHERS):
            yield Case(
                table,
                ", ".join(fit),
                tuple(by_name[n] for n in fit),
                tuple(c for n, c in by_name.items() if n not in fit),
            )
    else:
        for peak in (0.0005, 0.001):
            one = [c for c in curves if abs(peak_of(c) / peak - 1) < 0.01]
            for schedule in ("wsd", "cosine", None):
                fit = [c for c in one if steps_of(c) <= 25000 and schedule in (None, c.schedule)]
                yield Case(
                    table, f"peak {peak}, {schedule or 'all'} <= 25k", tuple(fit), tuple(c for c in one if c not in fit)
                )
        low = [c for c in curves if peak_of(c) < 0.00075]
        high = [c for c in curves if c not in low]
        for name, known, new in (("0.0005 -> 0.001", low, high), ("0.001 -> 0.0005", high, low)):
            short = [c for c in new if steps_of(c) <= 15000]
            yield Case(table, f"peak {name}", tuple(known), tuple(new))
            yield Case(
                table, f"peak {name}, short runs known", (*known, *short), tuple(c for c in new if c not in short)
            )


def olmo_cases(curves: list[LossCurve]) -> Iterator[Case]:
    """Every size's longest run (2 times 20 tokens a parameter) from the shorter ones, all of them cosines."""
    known = [c for c in curves if c.lr is not None]
    for params in sorted({c.params for c in known}):
        one = [c for c in known if c.params == params]
        short = tuple(c for c in one if _multiple(c) < 2)
        if len(short) < len(one):
            yield Case(OLMO, f"{params:.0f}, 2xC", short, tuple(c for c in one if _multiple(c) == 2))


def _multiple(curve: LossCurve) -> float:
    return float(np.ravel(curve.extra["multiple"])[0])


PROBLEMS = (
    {"alpha": 1.0, "beta": 0.4, "batch": 16, "share": 0.3, "steps": 8000, "floor": 1.0},
    {"alpha": 0.8, "beta": 0.7, "batch": 16, "share": 0.3, "steps": 8000, "floor": 1.0},
    {"alpha": 1.0, "beta": 0.6, "batch": 4, "share": 0.3, "steps": 30000, "floor": 0.3},
    {"alpha": 0.8, "beta": 0.5, "batch": 4, "share": 0.6, "steps": 30000, "floor": 3.0},
)
"""Plain SGD on power-law random features: `share` of the highest stable rate, `floor` the irreducible loss as a
multiple of the reducible one that a linear decay ends at."""
SCHEDULES = {
    "constant": schedules.constant(),
    "cosine": schedules.cosine(),
    "linear": schedules.linear(),
    "wsd": schedules.wsd(decay=0.2),
    "1-sqrt": schedules.wsd(decay=0.4, shape="1-sqrt"),
    "step": schedules.step(at_progress=(0.4,), factor=0.3),
    "multi-cosine": schedules.multi_cosine(),
}
SIMULATED_FITS = (("constant", "cosine", "wsd"), ("constant", "cosine", "step"))


def simulated_cases() -> Iterator[Case]:
    """Plain SGD, exactly solved: other schedules at the same horizon and at three times it, with noise of .1 %."""
    for number, problem in enumerate(PROBLEMS):
        runs = {horizon: _simulated(problem, horizon, number) for horizon in (1, 3)}
        for fit in SIMULATED_FITS:
            for horizon, found in runs.items():
                left_out = tuple(c for name, c in found.items() if horizon > 1 or name not in fit)
                name = f"{', '.join(fit)} -> {horizon}x"
                yield Case(f"simulated SGD {number}", name, tuple(runs[1][n] for n in fit), left_out)


def _simulated(problem: dict[str, float], horizon: int, seed: int) -> dict[str, LossCurve]:
    """One run per schedule."""
    features, batch = power_law(256, alpha=problem["alpha"], beta=problem["beta"]), int(problem["batch"])
    once = int(problem["steps"])
    steps = once * horizon
    peak = problem["share"] * stability_limit(features, batch)
    end = simulate(features, schedules.linear().at(peak=peak, steps=once), batch=batch, record=[once])
    floor = problem["floor"] * end.final_loss
    rows = np.unique(np.round(np.r_[np.geomspace(10, steps, 60), np.linspace(steps / 200, steps, 200)]).astype(int))
    rng = np.random.default_rng([seed, horizon])
    runs = {}
    for name, schedule in SCHEDULES.items():
        curve = simulate(features, schedule.at(peak=peak, steps=steps), batch=batch, record=rows).curve(name)
        loss = (curve.loss + floor) * np.exp(1e-3 * rng.standard_normal(len(curve)))
        runs[name] = replace(curve, loss=loss, noise_trace=None, extra={"optimizer": "sgd"})
    return runs


def fraction(curve: LossCurve) -> float:
    """The decay fraction of a run of the Qiu tables."""
    return float(np.ravel(curve.extra["decay_fraction"])[0])


def peak_of(curve: LossCurve) -> float:
    """The peak learning rate of a run."""
    assert curve.lr is not None
    return float(np.nanmax(curve.lr))


def steps_of(curve: LossCurve) -> int:
    """The horizon in steps of a run of Schaipp's, from its name."""
    return int(curve.run.split("-T")[1].split("-")[0])


def unshared(curve: LossCurve, calibration: tuple[LossCurve, ...]) -> NDArray[np.bool_]:
    """The points of a run that no calibration run shares to the last bit."""
    seen = {point for c in calibration for point in zip(c.tokens.tolist(), c.loss.tolist(), strict=True)}
    return np.array([point not in seen for point in zip(curve.tokens.tolist(), curve.loss.tolist(), strict=True)])


def score(curve: LossCurve, forecast: Any, calibration: tuple[LossCurve, ...], table: str) -> Score | None:
    """Errors on the unshared points after decay begins (every unshared point after 5 % where the rate never decays)."""
    loss = forecast.loss
    late = curve.tokens >= (0.02 if table.startswith("qiu") else 0.05) * curve.tokens[-1]
    after = forecast.rates.decayed
    count = unshared(curve, calibration) & late & (after if after.any() and not forecast.rates.constant else True)
    if not count.any():
        return None
    error = np.abs(loss - curve.loss)[count] / curve.loss[count]
    half_life = 0.01 * curve.tokens[-1]
    # Smoothing starts late: an average over the steep beginning says nothing of what follows.
    smooth_true = np.r_[
        curve.loss[~late], exponential_average(curve.tokens[late], curve.loss[late], half_life=half_life)
    ]
    smooth_loss = np.r_[loss[~late], exponential_average(curve.tokens[late], loss[late], half_life=half_life)]
    smoothed = (np.abs(smooth_loss - smooth_true) / smooth_true)[count]
    inside = ((forecast.low <= curve.loss) & (curve.loss <= forecast.high))[count]
    return Score(
        curve.run, float(error.mean()), float(smoothed.mean()), float(error[-1]), float(inside.mean()), int(count.sum())
    )


def luo_score(curve: LossCurve, forecast: Any, calibration: tuple[LossCurve, ...]) -> tuple[float, float, float, float]:
    """R2, MAE and worst relative error on all points, as published, and MAE on unshared points."""
    error = forecast.loss - curve.loss
    r2 = 1 - float((error**2).sum() / ((curve.loss - curve.loss.mean()) ** 2).sum())
    count = unshared(curve, calibration)
    return (
        r2,
        float(np.abs(error).mean()),
        float((np.abs(error) / curve.loss).max()),
        float(np.abs(error[count]).mean()),
    )
