"""`scaling-collapse train`: train the ladder of a preset and write its curve table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..output import announce, progress_bar

__all__ = ["train"]


def train(
    ladder: Annotated[str, Parameter(help="Name of a preset: demo, demo-horizon.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Write curves.parquet into this folder.")],
) -> int:
    """Train the ladder of a preset and write its curve table."""
    from ..empirical import write_curves
    from ..empirical.files import ensure_folder
    from ..empirical.trainer import load_preset, train_ladder

    config = load_preset(ladder)
    ensure_folder(out)
    with progress_bar(f"training {ladder}") as progress:
        curves = train_ladder(config, progress=progress)
    path = write_curves(curves, out / "curves.parquet")
    announce(f"{curves}; {curves.integrity.summary()}", None)
    announce(f"wrote {path}", None)
    return 0
