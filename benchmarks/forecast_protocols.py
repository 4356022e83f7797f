"""How forecasts are judged on the published tables: what is left out, and how a forecast is scored.

A case is a set of calibration runs and the runs left out; a run's score counts only points that no calibration run
shares to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling_collapse import LossCurve, read_curves
from scaling_collapse.common import exponential_average

__all__ = ["CURVES", "TABLES", "Case", "Score", "cases", "load", "luo_score", "score", "unshared"]

Array = NDArray[np.float64]
CURVES = Path(__file__).resolve().parents[2] / "shared" / "curves"
TABLES = (
    "qiu_cifar5m_schedules",
    "qiu_mlp_schedules",
    "luo_llama_25m",
    "luo_llama_100m",
    "schaipp_slimpajama_val",
)
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
        yield Case(table, "peak 0.0005 -> 0.001", tuple(low), tuple(high))
        yield Case(table, "peak 0.001 -> 0.0005", tuple(high), tuple(low))


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
