"""All figures by name, and `draw_figures`, which makes them one after another and says which ones had to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..common import InputError, Registry
from ..empirical.tables.files import ensure_folder
from .curve_tables import MissingCurvesError, Tables

__all__ = ["FIGURES", "SCRIPTS", "Drawn", "FigureScript", "chosen_figures", "draw_figures"]

FIGURES = {
    "fig01a_scaling_law": "scaling law: loss against compute",
    "fig01b_collapse": "the collapse",
    "fig01c_supercollapse": "Delta against sigma, decayed and constant LR",
    "fig01d_schedules_collapse": "one universal curve per schedule",
    "fig01e_blind_forecasts": "loss against schedule with blind prediction",
    "fig01f_predicted_quality": "predicted against measured collapse quality",
    "fig02_offset": "collapse and the offset",
    "fig03_schedules": "collapse under every schedule",
    "fig04_ablations": "ablations: muP and data exponent",
    "fig05_power_law_sums": "sums of power laws",
    "fig06_transformer_forecasts": "transformers: schedules, sizes, horizons",
    "fig12_mlp_forecasts": "MLPs: schedules, sizes, horizons",
    "figs1_simulated_decay": "simulator: constant LR against decay",
    "figb1_family_collapse": "family at fixed tokens per parameter and timescale",
    "figb2_early_alarm": "early alarm by the residual",
    "figb3_early_stopping": "early-stopping replay",
}
"""Name of each figure (and of its script) to what it shows."""


class FigureScript(Protocol):
    """A module that draws one figure."""

    def make(self, out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
        """Draw it into a folder and say which files were written."""
        ...


SCRIPTS: Registry[FigureScript] = Registry("figure", "scaling_collapse.paper_figures", {name: name for name in FIGURES})


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What became of one figure.

    Parameters
    ----------
    name
        Of the figure.
    files
        What was written; empty where it was skipped.
    seconds
        It took.
    skipped
        Why it was not drawn, one sentence; empty where it was.
    """

    name: str
    files: tuple[Path, ...]
    seconds: float
    skipped: str = ""


def chosen_figures(names: Sequence[str]) -> list[str]:
    """The figures that these names stand for: whole names, or their beginnings (`fig01`); all where there is none.

    Raises
    ------
    InputError
        If a name begins no figure's.

    Examples
    --------
    >>> chosen_figures(["fig05", "figb3_early_stopping"])
    ['fig05_power_law_sums', 'figb3_early_stopping']
    """
    for name in names:
        if not any(figure.startswith(name) for figure in FIGURES):
            raise InputError(f"figures needs names of {', '.join(FIGURES)}, or how they begin; got {name!r}. Mend it.")
    return [figure for figure in FIGURES if not names or any(figure.startswith(name) for name in names)]


def draw_figures(
    names: Sequence[str],
    out: Path,
    *,
    curves: Path | None = None,
    fast: bool = False,
    progress: Callable[[float, str], None] = lambda fraction, message: None,
) -> list[Drawn]:
    """Make figures; one that lacks its curve tables is skipped and says which.

    Parameters
    ----------
    names
        Of figures, as `chosen_figures` takes them; empty for all.
    out
        Folder for the pictures.
    curves
        Folder of curve tables; default the project's own.
    fast
        Smaller simulations, fewer resamples, PNG alone at 100 dots an inch.
    progress
        Called with the fraction done and the next figure's name.

    Raises
    ------
    InputError
        If a name is unknown, the folder `curves` is not there, or a table in it cannot be drawn; the figures before
        that one are written.
    """
    chosen, result = chosen_figures(names), []
    Tables.at(curves)
    ensure_folder(out)
    for i, name in enumerate(chosen):
        progress(i / len(chosen), name)
        begun = time.perf_counter()
        try:
            files, skipped = tuple(SCRIPTS[name].make(out, curves=curves, fast=fast)), ""
        except MissingCurvesError as reason:
            files, skipped = (), str(reason)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        result.append(Drawn(name=name, files=files, seconds=time.perf_counter() - begun, skipped=skipped))
    return result
