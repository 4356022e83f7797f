"""Figure 4: the collapse breaks when the learning rate or the horizon is scaled wrongly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..theory import Ladder, admitted_errors
from .curve_tables import SAY_WHERE, Family, MissingCurvesError, Tables
from .figure_page import PAGE, STROKES, legend_above, plain_log, run_script, write_page
from .panels import collapse_of, collapse_panel, middle_deviation

__all__ = ["make", "recut"]

ROLES = {"same_lr": "one LR for all widths", "short": "$\\gamma$ - 20 %", "long": "$\\gamma$ + 20 %"}
WORDS = ("healthy", *ROLES.values())
"""Each of them has one stroke in every row."""


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Normalized curves of the healthy ladder and of every ablation, and Delta(x) of all."""
    tables = Tables.at(curves)
    sets = (*(("decay", role) for role in ROLES), ("constant", "decay"))
    families, left_out = tables.with_offset("fig04_ablations", *sets, fast=fast)
    rows = [(f, found) for f in families if len(found := _ladders(tables, f)) > 1]
    if not rows:
        raise MissingCurvesError(
            f"fig04_ablations needs tables of ablations, or constant-rate runs that go on past their horizon; got "
            f"neither in {tables.folder}. {SAY_WHERE}"
        )
    columns = max(len(found) for _, found in rows) + 1

    def draw(figure: Any) -> None:
        grid = figure.add_gridspec(len(rows), columns)
        deviations = []
        for i, (family, found) in enumerate(rows):
            panels = [figure.add_subplot(grid[i, k]) for k in range(len(found))]
            deviations.append(figure.add_subplot(grid[i, len(found) :]))  # as wide as the row has room
            _row(panels, deviations[-1], found, tables.offset(family, fast=fast), family.title)
        legend_above(figure, deviations)

    notes = []
    for family, _ in rows:
        own = any(tables.has(family, role) for role in ROLES)
        how = tables.name(family, "decay", *ROLES) if own else f"{tables.name(family, 'constant')}, cut anew"
        missing = [words for role, words in ROLES.items() if own and not tables.has(family, role)]
        lack = f" (no table: {', '.join(missing)})" if missing else ""
        notes.append(how + lack + ("" if own else " at the wrong horizons (no table: one LR for all widths)"))
    note = (
        f"{'; '.join(notes)}. Offset: the healthy ladder's $L_0$ everywhere; wrong $\\gamma$ about the middle size"
        f"; $\\Delta(0.5)$: mean over [0.45, 0.55], in brackets over the healthy one's; last line: the error "
        f"of $\\gamma$ by the inverse sensitivity, if the offset is right{left_out}"
    )
    return write_page(
        Path(out), "fig04_ablations", draw, width=PAGE, height=1.85 * len(rows) + 0.25, data=note, fast=fast
    )


def recut(ladder: Ladder, factor: float) -> Ladder:
    """Runs that go on past their horizon, ended at `t* (p / p_ref)^((factor - 1) gamma)`, as far as their logs reach.

    gamma is the ladder's own, p_ref the geometric mean of its sizes.
    """
    ln_p = np.log([c.params for c in ladder])
    gamma = float(np.polyfit(ln_p, np.log([c.horizon_tokens for c in ladder]), 1)[0])
    shift = np.exp((factor - 1) * gamma * (ln_p - np.log(ladder.sizes).mean()))
    kept = [
        replace(c, horizon_tokens=float(s) * c.horizon_tokens)
        for c, s in zip(ladder, shift, strict=True)
        if s * c.horizon_tokens <= c.tokens[-1]
    ]
    return Ladder(kept)


def _ladders(tables: Tables, family: Family) -> list[tuple[str, Ladder]]:
    """The healthy ladder and its ablations; where none was trained, constant-rate runs are cut anew."""
    decay, constant = tables.ladder(family, "decay"), tables.ladder(family, "constant")
    trained = [(words, ladder) for role, words in ROLES.items() if (ladder := tables.ladder(family, role)) is not None]
    if decay is None:
        return []
    if trained:
        return [("healthy", decay), *trained]
    if constant is None:
        return []
    past = min(c.tokens[-1] / c.horizon_tokens for c in constant)
    if past < 1.05:  # nothing was trained past its horizon
        return []
    cuts = [(words, recut(constant, factor)) for words, factor in ((ROLES["short"], 0.8), (ROLES["long"], 1.2))]
    return [("healthy, constant LR", constant), *((w, ladder) for w, ladder in cuts if len(ladder.sizes) > 2)]


def _row(panels: Any, right: Any, found: list[tuple[str, Ladder]], offset: float, title: str) -> None:
    healthy = 0.0
    for i, (axes, (words, ladder)) in enumerate(zip(panels, found, strict=True)):
        head = f"{title if i == 0 else ''}\n{words}\n"
        finals = min(c.horizon_loss for c in ladder)
        if offset >= finals:  # cannot be normalized with the healthy offset
            why = f"not normalized:\nends at {finals:.4g},\nbelow $L_0$ = {offset:.4g}"
            axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", fontsize=6)
            axes.set_title(f"{head}\n", fontsize=6)
            continue
        x, delta, _ = collapse_of(ladder, offset)
        middle = middle_deviation(x, delta)
        healthy = healthy or middle
        told = f"$\\Delta(0.5)$ = {100 * middle:.2g} %"
        told += f" ({middle / healthy:.1f} x)\n{_explained(ladder, offset)}" if i else "\n"
        collapse_panel(axes, ladder, offset, title="", legend=False)
        axes.set_title(head + told, fontsize=6)
        axes.set(ylabel="$\\ell(x)$" if i == 0 else "", xlabel="$x = t/t^*$")
        stroke = STROKES[WORDS.index(words)] if words in WORDS else STROKES[0]
        right.plot(x, 100 * delta, **stroke, markevery=(8, 40), label=words)
    right.set(xlim=(0, 1), yscale="log", xlabel="$x = t/t^*$", ylabel="$\\Delta(x)$ (%)")
    right.set_title("deviation of all", fontsize=6)
    plain_log(right.yaxis)


def _explained(ladder: Ladder, offset: float) -> str:
    """The error of gamma that would explain the curves, by the inverse sensitivity, if the offset is right."""
    found = admitted_errors(ladder, offset, shape="common")
    if not found.gamma_alone_is_inside:
        return "no error of $\\gamma$ explains it"
    return f"as if $\\gamma$ {100 * found.gamma_alone.estimate / found.gamma:+.0f} %"


if __name__ == "__main__":
    run_script(make)
