"""Figure 12: one number predicts the loss of MLPs under every schedule, at every size and horizon."""

from __future__ import annotations

from pathlib import Path

from .figure_page import run_script
from .noise_law_page import draw_noise_law_page

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """MLPs: loss against tokens from where decay begins, observed and predicted."""
    return draw_noise_law_page(Path(out), "fig12_mlp_forecasts", "mlp", curves, fast)


if __name__ == "__main__":
    run_script(make)
