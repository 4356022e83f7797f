"""`scaling-collapse fit`: the compute-optimal horizon from over-trained constant-LR runs."""

from __future__ import annotations

from ..output import announce, print_table, write_files, write_json
from ._options import JsonTarget, OutFolder, Tables, Where, parse_where

__all__ = ["fit"]


def fit(
    tables: Tables,
    /,
    *,
    where: Where = None,
    json: JsonTarget = None,
    out: OutFolder = None,
) -> int:
    """Fit the compute-optimal horizon t* = kappa p^gamma from over-trained constant-LR runs."""
    from ..empirical import fit_horizon, read_curves
    from ..empirical.pictures.horizon_picture import draw_horizon

    ladder = read_curves(tables, where=parse_where(where), use_horizon=False)
    result = fit_horizon(ladder)
    written = write_files(out, {"horizon.png": lambda: draw_horizon(result)})
    write_json(result.to_json() | {"integrity": ladder.integrity.summary()}, json)

    announce(f"Integrity: {ladder.integrity.summary()}", json)
    rows = [
        [f"{s.params:.0f}", s.status, f"{s.low:.3g} to {s.high:.3g}" if s.low == s.low else "-",
         f"{s.optimal_compute:.4g}" if s.status == "used" else "-"]
        for s in result.sizes
    ]  # fmt: skip
    print_table("Pareto frontier", ["parameters", "status", "best for C (FLOPs)", "C* (FLOPs)"], rows, json)
    low, high = result.gamma_interval
    announce(f"Data exponent gamma = {result.gamma:.4f} ({result.level:.0%} interval {low:.4f} to {high:.4f})", json)
    low, high = result.kappa_interval
    announce(f"t* = kappa p^gamma tokens, kappa = {result.kappa:.5g} ({low:.3g} to {high:.3g})", json)
    announce(f"C*(p) = 1e15 (p / {result.scale:.8g})^{result.exponent:.4f} FLOPs", json)
    for path in written:
        announce(f"wrote {path}", json)
    return 0
