"""The pictures of `measure` and `fit`: scaling law, collapse, Delta against sigma, and the Pareto frontier.

Each function returns the PNG as bytes; nothing is shown, written or left behind in matplotlib's global state.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...theory import Ladder, LossCurve
from ..collapse.collapse_report import CollapseReport
from ..fits.horizon_fit import HorizonFit

__all__ = ["draw_collapse", "draw_curves", "draw_delta_vs_sigma", "draw_horizon", "draw_law"]

STYLE = Path(__file__).with_name("house.mplstyle")
PFLOP = 1e15


def _picture(draw: Callable[[Any, Any], None]) -> bytes:
    """A PNG of one pair of axes on which `draw(figure, axes)` has drawn."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(fname=STYLE):
        figure = Figure()
        FigureCanvasAgg(figure)
        draw(figure, figure.add_subplot())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _colors(n: int) -> list[Any]:
    import matplotlib

    return [matplotlib.colormaps["viridis"](v) for v in np.linspace(0.0, 0.88, n)]


def _count(p: float) -> str:
    """A parameter count for people: 11.8M."""
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if p >= unit:
            return f"{p / unit:.3g}{suffix}"
    return f"{p:g}"


def _size_legend(axes: Any, params: Sequence[float], **options: Any) -> None:
    axes.legend(title="parameters", title_fontsize=8, ncols=2 if len(params) > 4 else 1, **options)


def draw_law(report: CollapseReport) -> bytes:
    """Loss against compute for every size (seed range shaded) and the law through the marked ends."""
    ladder = report.ladder

    def draw(_: Any, axes: Any) -> None:
        top = -math.inf
        for (p, curves), color in zip(ladder.by_size.items(), _colors(len(ladder.sizes)), strict=True):
            horizon = min(c.horizon_tokens for c in curves)
            start = max(max(c.tokens[c.tokens > 0][0] for c in curves), 1e-3 * horizon)
            t = np.geomspace(start, horizon, 400)
            L = np.stack([c.loss_at(t) for c in curves])
            C = np.interp(t, curves[0].tokens, curves[0].compute) / PFLOP
            axes.plot(C, L.mean(axis=0), color=color, label=_count(p))
            axes.fill_between(C, L.min(axis=0), L.max(axis=0), color=color, alpha=0.25, linewidth=0)
            axes.plot(C[-1], L[:, -1].mean(), "o", color=color, markersize=5, markeredgecolor="white")
            top = max(top, float(np.interp(0.03 * horizon, t, L.mean(axis=0))))
        law = report.law
        ends = report.law.L
        bottom = ends.min() - 0.08 * (top - ends.min())
        if math.isfinite(law.L0):
            C = np.geomspace(law.C.min() / 3, law.C.max() * 3, 200)
            axes.plot(C, law(C), "--", color="black", linewidth=1.1)
            text = f"dashed: $L_0 + a\\,C^{{-b}}$\n$L_0$ = {law.L0:.4g}, $a$ = {law.a:.3g}, $b$ = {law.b:.3g}"
            axes.text(0.03, 0.04, text, transform=axes.transAxes, fontsize=8)
        left = 0.02 * law.C.min()
        axes.set(xscale="log", xlim=(left, 4 * law.C.max()), ylim=(bottom, top))
        axes.set(xlabel="training compute (PFLOPs)", ylabel="loss")
        axes.set_title("Loss against compute; dots are the ends of training", loc="left")
        _size_legend(axes, ladder.sizes, loc="upper right")

    return _picture(draw)


def draw_collapse(report: CollapseReport) -> bytes:
    """Normalized loss against normalized compute for every size, the range over seeds shaded."""
    ladder = report.ladder

    def draw(_: Any, axes: Any) -> None:
        for i, (p, color) in enumerate(zip(ladder.sizes, _colors(len(ladder.sizes)), strict=True)):
            l = report.normalized[ladder.size_index == i]
            axes.plot(report.x, l.mean(axis=0), color=color, label=_count(p))
            axes.fill_between(report.x, l.min(axis=0), l.max(axis=0), color=color, alpha=0.25, linewidth=0)
        axes.set(xlim=(0, 1), xlabel="normalized compute $x$", ylabel="normalized reducible loss $\\ell(x)$")
        if math.isfinite(report.offset):
            span = np.nanmax(report.normalized) - 1
            axes.set_ylim(1 - 0.03 * span, 1 + 1.05 * span)
            _size_legend(axes, ladder.sizes, loc="upper right")
        else:
            axes.text(0.5, 0.5, "no irreducible loss: nothing to normalize", ha="center", transform=axes.transAxes)
        axes.set_title(f"Verdict: {report.verdict}", loc="left")

    return _picture(draw)


def draw_delta_vs_sigma(report: CollapseReport) -> bytes:
    """Collapse deviation Delta(x), its range over the interval of L0, and the noise floor sigma(x)."""

    def draw(_: Any, axes: Any) -> None:
        x, inside = report.x, report.x < 1
        if np.isfinite(report.delta_low).any():
            axes.fill_between(
                x[inside], report.delta_low[inside], report.delta_high[inside], color="C0", alpha=0.2, linewidth=0,
                label="$\\Delta$ as $L_0$ moves in its interval",
            )  # fmt: skip
        axes.plot(x[inside], report.delta[inside], color="C0", label="collapse deviation $\\Delta(x)$")
        if np.isfinite(report.sigma).all():
            axes.plot(x, report.sigma, color="C3", linestyle="--", label="noise floor $\\sigma(x)$")
            part = report.supercollapse.fraction
            axes.set_title(f"$\\Delta < \\sigma$ on {part:.1%} of $x$", loc="left")
        else:
            axes.set_title("one seed a size: no noise floor", loc="left")
        axes.set(xlim=(0, 1), yscale="log", xlabel="normalized compute $x$", ylabel="relative spread")
        finite = report.delta[inside][np.isfinite(report.delta[inside]) & (report.delta[inside] > 0)]
        if finite.size:
            floor = np.nanmin([*finite, *report.sigma[np.isfinite(report.sigma) & (report.sigma > 0)]])
            axes.set_ylim(max(floor, 1e-2 * finite.max()) / 1.5, None)
        else:
            axes.set_yscale("linear")
        handles, labels = axes.get_legend_handles_labels()
        if labels:
            axes.legend(handles, labels, loc="lower left")

    return _picture(draw)


def draw_horizon(fit: HorizonFit) -> bytes:
    """Left the curves and their Pareto frontier, right `C*(p)` with the fitted line."""
    params = [s.params for s in fit.sizes]
    colors = _colors(len(params))

    def draw(figure: Any, axes: Any) -> None:
        figure.set_size_inches(9.0, 3.9)
        axes.remove()
        left, right = figure.subplots(1, 2)
        best = np.where(np.isnan(fit.loss), np.inf, fit.loss).argmin(axis=0)
        for i, (size, color) in enumerate(zip(fit.sizes, colors, strict=True)):
            left.plot(fit.C / PFLOP, fit.loss[i], color=color, linewidth=0.9, alpha=0.6)
            on = np.where(best == i, fit.loss[i], np.nan)
            left.plot(fit.C / PFLOP, on, color=color, linewidth=2.6, label=_count(size.params))
            if size.status == "used":
                right.plot(
                    [size.params] * 2, [size.low / PFLOP, size.high / PFLOP], color=color, linewidth=3, alpha=0.4
                )
                right.plot(size.params, size.optimal_compute / PFLOP, "o", color=color, markeredgecolor="white")
        lowest = [s.low for s in fit.sizes if s.status == "used"]
        window = 0.05 * min(lowest) <= fit.C
        inside = fit.loss[:, window]
        frontier = np.nanmin(inside, axis=0)
        left.set(
            xscale="log", xlim=(0.05 * min(lowest) / PFLOP, fit.C[-1] / PFLOP), xlabel="training compute (PFLOPs)",
            ylim=(frontier.min() - 0.03 * np.ptp(frontier), frontier.max() + 0.15 * np.ptp(frontier)), ylabel="loss",
        )  # fmt: skip
        left.set_title("Best size at each compute (thick)", loc="left")
        _size_legend(left, params, loc="upper right")
        p = np.geomspace(min(params), max(params), 50)
        text = (
            f"$t^* = {fit.kappa:.3g}\\,p^{{{fit.gamma:.3f}}}$\n"
            f"$\\gamma$ from {fit.gamma_interval[0]:.3f} to {fit.gamma_interval[1]:.3f} ({fit.level:.0%})"
        )
        right.plot(p, fit.optimal_compute(p) / PFLOP, "--", color="black", linewidth=1.1, label=text)
        right.set(xscale="log", yscale="log", xlabel="parameters $p$", ylabel="optimal compute $C^*$ (PFLOPs)")
        right.set_xticks(params, [_count(p) for p in params], minor=False)
        right.set_xticks([], minor=True)
        right.set_title("Compute-optimal horizon; bars: where a size is best", loc="left")
        right.legend(loc="upper left")

    return _picture(draw)


def draw_curves(ladder: Ladder, offset: float) -> bytes:
    """Mean reducible loss against tokens, a colour per size, a line style per schedule; the seeds' range shaded."""
    groups: dict[tuple[float, str], list[LossCurve]] = {}
    for curve in ladder:
        groups.setdefault((float(curve.params), str(curve.schedule)), []).append(curve)
    kinds = sorted({kind for _, kind in groups})
    color_of = dict(zip(ladder.sizes, _colors(len(ladder.sizes)), strict=True))

    def draw(_: Any, axes: Any) -> None:
        for (params, kind), curves in sorted(groups.items()):
            L = np.stack([c.loss for c in curves]) - offset
            tokens, style = curves[0].tokens, ("-", "--", ":", "-.")[kinds.index(kind) % 4]
            axes.loglog(tokens, L.mean(axis=0), style, color=color_of[params], label=f"{_count(params)}, {kind}")
            axes.fill_between(tokens, L.min(axis=0), L.max(axis=0), color=color_of[params], alpha=0.2, linewidth=0)
        axes.set(xlabel="tokens", ylabel="loss - $L_0$")
        if len(groups) <= 16:
            axes.legend(fontsize=6)

    return _picture(draw)
