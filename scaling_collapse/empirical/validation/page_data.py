"""What the page draws: every ladder's losses on the grid, or its raw curves where it can be cut anew."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...common import packed
from ...theory import ScalingLaw, default_grid, phase_law
from .case import Case, laws_of

__all__ = ["gamma_range", "ladder_panel", "offset_range", "recut_horizons", "theory_panels"]

ROOM = 1e-3
"""Share of its run by which the longest horizon of the slider stays within the data."""
LEAST_RANGE = 0.02
"""Ladders whose horizons can be turned by less than this share of gamma have no slider for it."""
WIDEST = 0.3
FIGURE_SIZES = (1e1, 1e3, 1e5, 1e7, 1e9)


def offset_range(case: Case) -> tuple[float, float]:
    """From one smallest reducible loss below the offset in use to nine tenths of it above; holds the law's interval."""
    report = case.report
    assert report is not None
    room = float(report.losses[:, -1].min()) - report.offset
    low, high = report.offset - room, report.offset + 0.9 * room
    ends = [e for e in report.law.L0_interval if math.isfinite(e) and e < report.offset + 0.98 * room]
    return min([low, *ends]), max([high, *ends])


def recut_horizons(case: Case, gamma: float) -> np.ndarray:
    """`t*(p) (p / p_ref)^(gamma - gamma_0)` of every run: horizons turned about the geometric mean size."""
    ln_p = np.log([c.params for c in case.ladder])
    middle = float(np.log(case.ladder.sizes).mean())
    horizons = np.array([c.horizon_tokens for c in case.ladder])
    return horizons * np.exp((gamma - case.horizon_exponent) * (ln_p - middle))


def gamma_range(case: Case) -> tuple[float, float] | None:
    """The exponents for which every horizon lies within its run and every grid point after its first loss.

    None where that leaves no room: the runs stop at their horizons.
    """
    if not case.constant or case.report is None:
        return None
    x = case.report.x
    ln_p = np.log([c.params for c in case.ladder]) - float(np.log(case.ladder.sizes).mean())
    up = np.log([c.tokens[-1] / c.horizon_tokens for c in case.ladder]) - ROOM
    down = np.log([c.tokens[0] / (x[0] * c.horizon_tokens) if c.tokens[0] > 0 else 1e-12 for c in case.ladder]) + ROOM
    low, high = -WIDEST, WIDEST
    for k, top, bottom in zip(ln_p, up, down, strict=True):
        if abs(k) > 1e-9:
            ends = sorted((top / k, bottom / k))
            low, high = max(low, ends[0]), min(high, ends[1])
        elif top < 0 or bottom > 0:
            return None
    gamma = case.horizon_exponent
    wide = max(high, -low) >= LEAST_RANGE * abs(gamma) and low <= 0 <= high
    return (gamma + low, gamma + high) if wide else None


def ladder_panel(case: Case) -> dict[str, Any]:
    """The data of one ladder's panel; its curves can be normalized."""
    report, ladder = case.report, case.ladder
    assert report is not None
    low, high = offset_range(case)
    turn = gamma_range(case)
    panel: dict[str, Any] = {
        "kind": "ladder",
        "name": case.name,
        "about": _about(case, turn is not None),
        "sizes": list(ladder.sizes),
        "size_index": ladder.size_index.tolist(),
        "x": packed(report.x),
        "offset": {"value": report.offset, "low": low, "high": high, "interval": report.law.L0_interval},
        "gamma": None,
    }
    if turn is None:
        return panel | {"losses": packed(report.losses)}
    clocks = list({c.tokens.tobytes(): c.tokens for c in ladder}.values())
    which = {t.tobytes(): i for i, t in enumerate(clocks)}
    return panel | {
        "gamma": {
            "value": case.horizon_exponent, "low": turn[0], "high": turn[1],
            "log_middle": float(np.log(ladder.sizes).mean()),
        },
        "horizons": [c.horizon_tokens for c in ladder],
        "clocks": [packed(t) for t in clocks],
        "runs": [{"clock": which[c.tokens.tobytes()], "loss": packed(c.loss)} for c in ladder],
    }  # fmt: skip


def _about(case: Case, turns: bool) -> str:
    """A line under the panel's title."""
    report = case.report
    assert report is not None
    rate = {True: "constant learning rate", False: f"learning rate: {case.schedule}", None: "learning rate unknown"}
    words = [f"{len(case.ladder.sizes)} sizes, {len(case.ladder)} runs", rate[case.constant]]
    if case.ablation:
        words.append("ablation" if case.twin is None else f"ablation, found beside {case.twin.healthy}")
    if turns:
        how = "marked in the table" if case.marked else "from the Pareto frontier"
        words.append(f"trained at least {case.past:.2g} times as far as its horizons ({how})")
    return ", ".join([*words, f"verdict of measure: {report.verdict}"])


def theory_panels(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """Sums of power laws: the two of the paper's figure 5, and those fitted to the tables."""
    found = []
    for name, about, law in (
        ("t^-0.5 + p^-0.5", "two terms: collapse is exact at gamma* = 1", ScalingLaw("t**-0.5 + p**-0.5")),
        ("phase II", "alpha = 0.6, beta = 0.52: collapse is asymptotic at gamma* = 15/13", phase_law(0.6, 0.52)),
    ):
        best, (_, a, mu, nu) = law.compute_optimal().only, law.arrays
        gamma, kappa = float(best.gamma), float(best.kappa)
        found.append(_theory(f"Theory: {name}", about, (a, mu, nu), gamma, kappa, FIGURE_SIZES))
    for case, law in laws_of(cases):
        about = f"a t^-{law.mu:.3f} + b p^-{law.nu:.3f} at the ladder's sizes, gamma* = nu/mu = {law.gamma:.3f}"
        terms = (np.array([law.a, law.b]), np.array([law.mu, 0.0]), np.array([0.0, law.nu]))
        name = f"Theory: law of {case.name}"
        found.append(_theory(name, about, terms, law.gamma, law.kappa, case.ladder.sizes))
    return found


def _theory(
    name: str, about: str, terms: tuple[np.ndarray, ...], gamma: float, kappa: float, sizes: tuple[float, ...]
) -> dict[str, Any]:
    """A law `sum a t^-mu p^-nu` at horizons `kappa p^gamma*`, to be turned about the geometric mean size."""
    a, mu, nu = terms
    middle = float(np.log(sizes).mean())
    return {
        "kind": "theory", "name": name, "about": about, "sizes": list(sizes), "size_index": list(range(len(sizes))),
        "x": packed(default_grid()), "a": a.tolist(), "mu": mu.tolist(), "nu": nu.tolist(), "log_middle": middle,
        "log_horizon": math.log(kappa) + gamma * middle, "offset": None,
        "gamma": {"value": gamma, "low": gamma - WIDEST, "high": gamma + WIDEST},
    }  # fmt: skip
