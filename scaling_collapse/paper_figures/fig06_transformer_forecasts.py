"""Figure 6: one number predicts a transformer's loss under every schedule, at every size and horizon."""

from __future__ import annotations

from pathlib import Path

from .figure_page import run_script
from .noise_law_page import draw_noise_law_page

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Transformers: loss against tokens from where decay begins, observed and predicted."""
    return draw_noise_law_page(Path(out), "fig06_transformer_forecasts", "transformer", curves, fast)


if __name__ == "__main__":
    run_script(make)
