"""What the page of a collapse draws and computes with: losses on the grid, and what Python found in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common import PFLOP, Array, count, packed
from ..collapse.collapse_report import CollapseReport
from ..collapse.curves_on_grid import CurvesOnGrid
from ..collapse.evidence import Evidence
from ..collapse.scale_deviation import ScaleDeviation, chance_ceiling, scale_deviation
from ..collapse.steepness import median_share
from ..collapse.suspect_runs import SuspectRun
from ..fits.intervals import Interval

__all__ = ["PageData", "clean", "page_data"]

MOST_VALUES = 120_000
"""Losses that a page carries, 1.3 MB; of more runs every second point of the grid is left out, or more."""
NEAREST = 0.05
"""The slider ends where the smallest reducible loss is this share of what it is at the offset in use."""
LAW_POINTS = 80


@dataclass(frozen=True, eq=False, kw_only=True)
class PageData:
    """A report, and what only the page shows.

    Parameters
    ----------
    report
        The report.
    places
        Of the sizes that have a kept run: their indices in the ladder's sizes.
    without
        The deviation between sizes without each of them, in the order of the kept sizes; none for two sizes.
    """

    report: CollapseReport
    places: tuple[int, ...]
    without: tuple[ScaleDeviation, ...]

    @property
    def kept(self) -> CurvesOnGrid:
        """Its runs on the grid without the suspect ones."""
        return self.report.kept

    @property
    def suspects(self) -> tuple[SuspectRun, ...]:
        """The runs that were set aside."""
        return self.report.suspects

    @property
    def evidence(self) -> Evidence | None:
        """What the kept runs say at the offset in use; None where nothing is normalized."""
        return self.report.evidence

    @property
    def stride(self) -> int:
        """Every how many-th point of the grid is on the page."""
        return max(1, math.ceil(self.report.losses.size / MOST_VALUES))

    @property
    def offset_interval(self) -> Interval | None:
        """90 % interval of the offset in use, where the report has it."""
        found = self.report.offset_interval
        return found if found is not None and math.isfinite(found[0]) else None

    def to_json(self) -> dict[str, Any]:
        """What the page's script reads."""
        report = self.report
        points = np.arange(report.x.size - 1, -1, -self.stride)[::-1]  # the end is among them
        return {
            "x": packed(report.x[points]),
            "losses": packed(report.losses[:, points]),
            "stride": self.stride,
            "runs": self._runs(),
            "sizes": [count(p) for p in report.ladder.sizes],
            "chance": self._chance(),
            "offset": self._offset(),
            "low": packed(report.delta_low[points]),
            "high": packed(report.delta_high[points]),
            "law": self._law(),
            "deviation": vars(report.deviation),
            "trend": self._trend(points),
            "clock": report.ladder.curves[0].clock,
        }

    def _runs(self) -> list[dict[str, Any]]:
        ladder, why = self.report.ladder, {s.index: s.cause for s in self.suspects}
        return [
            {
                "name": clean(curve.run), "size": int(size), "seed": curve.seed, "suspect": why.get(i, ""),
                "compute": curve.horizon_compute / PFLOP,
            }
            for i, (curve, size) in enumerate(zip(ladder, ladder.size_index, strict=True))
        ]  # fmt: skip

    def _chance(self) -> dict[int, tuple[float, float]]:
        """By degrees of freedom: the median of a sample variance over its mean (`usual_variance`), and what it exceeds
        once in a thousand over its median (`noise_of_curves`).
        """
        freedom = {int(n) - 1 for n in np.bincount(self.kept.size_index) if n > 1}
        return {f: (float(median_share(np.array(f))), chance_ceiling(f)) for f in freedom}

    def _offset(self) -> dict[str, Any]:
        """The offset in use, others to compare with, and the slider's range: distances below the final losses."""
        report, top = self.report, float(self.kept.finals.min())
        others = [report.curve_offset.value, *(self.offset_interval or ()), *([0.0] if top > 0 else [])]
        below = [top - v for v in others if math.isfinite(v) and v < top]
        spread = float(np.ptp(self.kept.finals)) or abs(top) or 1.0
        room = top - report.offset if math.isfinite(report.offset) else spread
        return {
            "value": report.offset, "interval": self.offset_interval, "top": top, "near": NEAREST * room,
            "far": 1.3 * max([2.0 * room, *below]), "best": report.curve_offset.value,
            "best_interval": report.curve_offset.interval,
        }  # fmt: skip

    def _law(self) -> dict[str, Any]:
        law = self.report.law
        C = np.geomspace(law.C.min() / 1.5, law.C.max() * 1.5, LAW_POINTS)
        return {"C": law.C, "L": law.L, "known": math.isfinite(law.L0), "at": C, "loss": law(C), "L0": law.L0}

    def _trend(self, points: Any) -> dict[str, Any] | None:
        trend, found = self.report.trend, self.evidence
        if trend is None or found is None:
            return None
        steep, p = found.steepness.slope, np.exp(found.log_p)
        line = steep.mean.mean() + trend.slope * (found.log_p - found.log_p.mean())
        return {
            "slope": packed(trend.slope_of_curve[points]), "error": packed(trend.error_of_curve[points]),
            "p": p, "steepness": steep.mean, "steepness_error": steep.error, "line": line,
        }  # fmt: skip


def page_data(report: CollapseReport) -> PageData:
    """The numbers of the page."""
    left_out = {suspect.index for suspect in report.suspects}
    places = tuple(sorted({int(size) for i, size in enumerate(report.ladder.size_index) if i not in left_out}))
    found = report.evidence
    without = () if found is None else _leave_one_out(report.kept, found.collapse.normalized)
    return PageData(report=report, places=places, without=without)


def _leave_one_out(kept: CurvesOnGrid, l: Array) -> tuple[ScaleDeviation, ...]:
    """The deviation between the other sizes, for each size."""
    sizes = range(kept.log_p.size)
    if len(sizes) < 3:
        return ()
    rest = [kept.size_index != s for s in sizes]
    return tuple(scale_deviation(l[keep], np.unique(kept.size_index[keep], return_inverse=True)[1]) for keep in rest)


def clean(text: object) -> str:
    r"""Text without characters that steer a terminal, a page or the direction of writing.

    >>> clean("run\u202e\n1")
    'run  1'
    """
    return "".join(c if c.isprintable() else " " for c in str(text))
