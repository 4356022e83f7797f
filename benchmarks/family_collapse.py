"""A family at one AdamW timescale against the same with one weight decay, and which curves lie closer together.

    python benchmarks/family_collapse.py [KEPT FIXED]

KEPT and FIXED are the curve tables of `ladders/text-family.toml` and `ladders/text-family-fixed-decay.toml`
(`scaling-collapse train ladders/text-family.toml --out DIR` writes `DIR/curves.parquet`); by default those in
`ladders/curves`. For each normalization (none, one offset for both, each its own fitted one) it prints two deviations:
`measure`'s, as a share of the curve's fall without what seed noise explains; and the plain one, the standard deviation
over sizes of `l(x) - 1`, seeds averaged, over its mean, averaged over x in [0.1, 0.9]. The plain one's interval is 90 %
of resamples of the seeds within sizes; the ratio's comes from the same resamples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaling_collapse import Ladder, check_family, measure_collapse, read_curves

OWN = Path(__file__).resolve().parents[1] / "scaling_collapse" / "ladders" / "curves"
X = np.linspace(0.1, 0.9, 81)
DRAWS = 1000


def normalized(ladder: Ladder, offset: float) -> list[NDArray[np.float64]]:
    """`l(x)` of every run, one array (seeds, points) for each size."""
    return [
        np.array([(c.loss_at(X * c.horizon_tokens) - offset) / (c.horizon_loss - offset) for c in curves])
        for curves in ladder.by_size.values()
    ]


def spread(runs: list[NDArray[np.float64]]) -> float:
    """Standard deviation over sizes of `l - 1`, seeds averaged, over its mean; averaged over x."""
    means = np.array([curves.mean(axis=0) for curves in runs]) - 1
    return float(np.mean(means.std(axis=0, ddof=1) / means.mean(axis=0)))


def resampled(runs: list[NDArray[np.float64]], seed: int) -> NDArray[np.float64]:
    """The spread of families whose seeds are drawn anew."""
    rng = np.random.default_rng(seed)
    return np.array([spread([r[rng.integers(0, len(r), len(r))] for r in runs]) for _ in range(DRAWS)])


def ends(values: NDArray[np.float64]) -> str:
    low, high = np.quantile(values, [0.05, 0.95])
    return f"{low:.3f} to {high:.3f}"


def compare(name: str, kept: Ladder, fixed: Ladder, offsets: tuple[float, float]) -> None:
    """One normalization: both families, and the ratio."""
    draws = []
    for family, ladder, offset in zip(("one timescale", "one decay"), (kept, fixed), offsets, strict=True):
        runs, found = normalized(ladder, offset), measure_collapse(ladder, offset=offset).deviation
        draws.append(resampled(runs, len(draws)))
        low, high = found.interval
        print(
            f"{name}, {family} (offset {offset:.3f}): {spread(runs):.3f} ({ends(draws[-1])}); measure "
            f"{found.value:.1%} ({low:.1%} to {high:.1%})"
        )
    print(f"{name}: ratio {np.median(draws[1] / draws[0]):.2f} ({ends(draws[1] / draws[0])})")


def main() -> None:
    paths = [Path(word) for word in sys.argv[1:]] or [OWN / f"text-family{n}.parquet" for n in ("", "-fixed-decay")]
    kept, fixed = (read_curves(path) for path in paths)
    for ladder in (kept, fixed):
        check = check_family(ladder)
        print(check.headline(), *(f"  tau {size.timescale:.3g} at {size.params:.0f}" for size in check.sizes), sep="\n")
    own = [measure_collapse(ladder).offset for ladder in (kept, fixed)]
    compare("no offset", kept, fixed, (0.0, 0.0))
    compare("one offset", kept, fixed, (min(own), min(own)))
    compare("each its own offset", kept, fixed, (own[0], own[1]))


if __name__ == "__main__":
    main()
