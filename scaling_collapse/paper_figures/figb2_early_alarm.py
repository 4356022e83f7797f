"""Figure B2, after Bergsma et al.: the residual against the family's curve gives the alarm before the loss does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..common import Array
from .figure_page import plain_log, run_script, write_page
from .toy_family import X, described, observed, train

__all__ = ["alarm", "make", "residual"]

CALM = (0.1, 0.3)
"""Stretch of training over which a run is taken to be healthy: it sets level and scatter of the residual."""
SIGMAS, RUN = 4.0, 3
"""The alarm: so many standard deviations, at so many points one after another."""
FAULT, GROWTH = 0.4, 6.0
"""From this fraction of training on, the gradient's variance grows linearly, by this factor until the end."""


def residual(loss: Array, family: Array) -> Array:
    """`ln L(x) - ln f(x)`, its median over the calm stretch taken off: neither needs the end of training."""
    r = np.log(loss) - np.log(family)
    return r - np.median(r[(CALM[0] <= X) & (CALM[1] > X)])


def alarm(r: Array) -> float:
    """The first x after the calm stretch at which the residual has left its scatter for good measure; NaN if never."""
    calm = r[(CALM[0] <= X) & (CALM[1] > X)]
    out = (np.abs(r) > SIGMAS * calm.std(ddof=1)) & (CALM[1] <= X)
    for i in range(RUN - 1, r.size):
        if out[i - RUN + 1 : i + 1].all():
            return float(X[i])
    return float("nan")


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """A healthy and a faulty run of the largest size: their loss, and their residual with the alarm."""
    sizes = (128, 256, 512, 1024) if fast else (128, 256, 512, 1024, 2048)
    smaller = [train(s) for s in sizes[:-1]]
    family = np.exp(np.mean([np.log(loss / loss[-1]) for loss in smaller], axis=0))
    runs = {
        "healthy": observed(train(sizes[-1]), seed=1),
        "faulty": observed(train(sizes[-1], noise=lambda x: 1.0 + GROWTH * max(x - FAULT, 0.0) / (1 - FAULT)), seed=2),
    }

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for (name, loss), line, color, mark in zip(runs.items(), ("-", "--"), ("black", "#D55E00"), "o^", strict=True):
            style: dict[str, Any] = {"color": color, "linestyle": line, "marker": mark, "markevery": (10, 30)}
            r, risen = residual(loss, family), _risen(loss)
            at = alarm(r)
            rise = "never rises" if np.isnan(risen) else f"has risen at x = {risen:.2f}"
            left.plot(X, loss, label=f"{name}: {rise}", **style)
            told = "no alarm" if np.isnan(at) else f"alarm at x = {at:.2f}"
            right.plot(X, 100 * r, label=f"{name}: {told}", **style)
            if np.isfinite(at):
                right.axvline(at, ymax=0.6, color=color, linewidth=0.8, linestyle=":")
        for axes in (left, right):
            axes.axvspan(FAULT, 1.0, color="0.94", zorder=0)
            axes.set(xlabel="fraction of training $x$", xlim=(0, 1))
        calm = residual(runs["healthy"], family)
        reach = 100 * SIGMAS * calm[(CALM[0] <= X) & (CALM[1] > X)].std(ddof=1)
        right.axhspan(-reach, reach, color="#56B4E9", alpha=0.3, zorder=0, label=f"{SIGMAS:g} standard deviations")
        left.set(yscale="log", ylabel="loss", title=f"loss of the {sizes[-1]}-parameter run")
        right.set(ylabel="residual (%)", title="residual against the family's curve")
        right.set_ylim(-2 * reach, 5 * reach)
        plain_log(left.yaxis)
        left.legend()
        right.legend(loc="upper left")

    note = (
        f"{described(sizes)}; 0.2 % scatter added to each logged loss. The family's curve comes from the smaller sizes."
        f" Gray: gradient noise grows up to {GROWTH + 1:.0f}-fold in variance from x = {FAULT}. Level and scatter of a "
        f"residual are set on x in [{CALM[0]}, {CALM[1]}); alarm: {RUN} points in a row beyond the band"
    )
    return write_page(Path(out), "figb2_early_alarm", draw, width=5.4, height=2.2, data=note, fast=fast)


def _risen(loss: Array) -> float:
    """The first x at which the loss has been 1 % above its lowest value so far, three points in a row; NaN if never."""
    high = loss > 1.01 * np.minimum.accumulate(loss)
    for i in range(RUN - 1, loss.size):
        if high[i - RUN + 1 : i + 1].all():
            return float(X[i])
    return float("nan")


if __name__ == "__main__":
    run_script(make)
