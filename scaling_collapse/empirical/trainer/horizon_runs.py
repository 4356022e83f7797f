"""The compute-optimal horizon of a ladder, end to end: over-trained constant-LR runs, Pareto frontier, kappa and gamma.

The runs are the ladder's own with three changes: the rate stays at its peak, every size trains `times` its horizon, and
there is one more size at either end, because the ends of a ladder say nothing about their optimum.
"""

from __future__ import annotations

from dataclasses import replace

from ...common import InputError
from .ladder_file import LadderFile

__all__ = ["horizon_ladder", "horizon_table"]

HEAD = 64


def horizon_ladder(ladder: LadderFile, *, times: float = 3.0) -> LadderFile:
    """The over-trained ladder from which `fit_horizon` finds a ladder's horizon.

    Parameters
    ----------
    ladder
        At least 3 widths of one depth and one batch size; its own horizon is the first guess.
    times
        Over-training, > 1.

    Raises
    ------
    InputError
        If there are fewer than 3 widths, several depths or batch sizes, or `times` is not above 1.

    Examples
    --------
    >>> from scaling_collapse.empirical.trainer import load_ladder
    >>> over = horizon_ladder(load_ladder("demo"))
    >>> over.widths, over.schedule, over.horizon.times
    ((23, 28, 34, 42, 52, 64, 79), 'constant', 3.0)
    """
    if len(ladder.widths) < 3 or len(set(ladder.depths)) > 1:
        raise InputError(
            f"train --horizon needs at least 3 widths of one depth; got {len(ladder.widths)} of "
            f"{len(set(ladder.depths))}. Add widths."
        )
    if isinstance(ladder.batch_size, tuple):
        raise InputError(f"train --horizon needs one `batch_size`; got {list(ladder.batch_size)}. Use one of them.")
    if not times > 1:
        raise InputError(f"train --horizon needs over-training `times` > 1; got {times}. Use 3, for example.")
    w = ladder.widths
    low, high = w[0] * w[0] / w[1], w[-1] * w[-1] / w[-2]
    if ladder.model.kind == "decoder":  # above a head's size widths are multiples of it
        low = min(_whole_heads(low), w[0] - (HEAD if w[0] > HEAD else 1))
        high = max(_whole_heads(high), w[-1] + 1 if w[-1] < HEAD else w[-1] // HEAD * HEAD + HEAD)
    widths = (max(1, min(round(low), w[0] - 1)), *w, max(round(high), w[-1] + 1))
    return replace(
        ladder,
        name=f"{ladder.name}-horizon",
        widths=tuple(sorted(set(widths))),
        model=replace(ladder.model, depth=ladder.depths[0]),
        schedule="constant",
        horizon=replace(ladder.horizon, times=ladder.horizon.times * times),
    )


def _whole_heads(width: float) -> float:
    return width if width <= HEAD else round(width / HEAD) * HEAD


def horizon_table(kappa: float, gamma: float) -> str:
    """The lines of a ladder file that say a fitted horizon.

    >>> print(horizon_table(516.86, 0.9023))
    [horizon]
    kappa = 516.86
    gamma = 0.9023
    """
    return f"[horizon]\nkappa = {kappa:.6g}\ngamma = {gamma:.5g}"
