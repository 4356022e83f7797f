"""Figure B3, after Bergsma et al.: collapsed curves are predictable, so a sweep can stop early."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from .figure_page import PAGE, plain_log, run_script, shades, write_page
from .toy_family import X, described, observed, train

__all__ = ["make"]

PEAKS, TAUS, BATCH = (0.1, 0.2, 0.4, 0.8), (0.1, 0.3), 4


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """A sweep at the largest size: final losses read off partial runs, and what stopping early costs."""
    small, large = (64, 256) if fast else (256, 1024)
    settings = list(product(PEAKS, TAUS))
    shapes, runs = [], []
    for seed, (peak, tau) in enumerate(settings):
        loss = train(small, peak=peak, tau=tau, batch=BATCH)
        shapes.append(loss / loss[-1])
        runs.append(observed(train(large, peak=peak, tau=tau, batch=BATCH), seed=seed))
    L, f = np.stack(runs), np.stack(shapes)
    true = np.array([train(large, peak=peak, tau=tau, batch=BATCH)[-1] for peak, tau in settings])
    predicted = L / f

    def regret(guess: Any) -> Any:
        """How much worse than the best the setting with the lowest guess ends, at every x."""
        return 100 * (true[guess.argmin(axis=0)] / true.min() - 1)

    def draw(figure: Any) -> None:
        left, centre, right = figure.subplots(1, 3)
        for i, (loss, color) in enumerate(zip(L, shades(len(L)), strict=True)):
            peak, tau = settings[i]
            line = ("-", "--")[TAUS.index(tau)]
            left.semilogy(X, loss, line, color=color, linewidth=0.9, label=f"{peak:g}, {tau:g}")
        left.set(xlabel="fraction of training $x$", ylabel="loss", xlim=(0, 1), title=f"sweep at {large} parameters")
        plain_log(left.yaxis)
        left.set_ylim(0.9 * true.min(), 8 * true.min())
        left.legend(title="peak LR, timescale", ncols=2, fontsize=5.2, loc="upper right")
        for name, guess, color, line in (
            ("read off the family's curve", predicted, "#0072B2", "-"),
            ("loss so far", L, "#D55E00", "--"),
        ):
            error = 100 * np.abs(guess / true[:, None] - 1)
            mark = "o" if line == "-" else "^"
            centre.semilogy(X, error.mean(axis=0), line, color=color, marker=mark, markevery=(10, 30), label=name)
            right.plot(X, regret(guess), line, color=color, marker=mark, markevery=(10, 30), label=name)
        given_away = max(float(np.max(regret(guess))) for guess in (predicted, L))
        right.set_ylim(-0.07 * given_away - 0.01, 1.5 * given_away + 0.1)
        right.legend(loc="upper right")
        centre.set(xlabel="runs stopped at $x$", ylabel="mean error of the final loss (%)", xlim=(0, 1))
        centre.set_title("predicted final loss")
        right.set(xlabel="runs stopped at $x$", ylabel="loss given away (%)", xlim=(0, 1))
        right.set_title("chosen setting against the best")
        low, high = centre.get_ylim()
        centre.set_ylim(low, 8 * high)
        centre.legend(loc="upper right")

    note = (
        f"{described((small, large))}; 0.2 % scatter added to each loss, batch {BATCH}. The curve of every setting "
        f"comes from the {small}-parameter model at the same tokens per parameter, timescale and peak"
    )
    return write_page(Path(out), "figb3_early_stopping", draw, width=PAGE, height=2.2, data=note, fast=fast)


if __name__ == "__main__":
    run_script(make)
