"""`scaling-collapse train`: train the ladder of a preset or a file and write its curve table and manifest.

Besides: what it will cost (`--plan`), whether its parametrization is right (`--coord-check`), and the over-trained runs
that give its horizon (`--horizon`). Each of these is one function here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..common import InputError, duration
from ..output import announce, print_table, progress_bar, write_files, write_json
from ._options import JsonTarget

if TYPE_CHECKING:
    from ..empirical.trainer import LadderFile
    from ..theory import Ladder

__all__ = ["train"]


def train(
    ladder: Annotated[str, Parameter(help="A preset (demo, demo-horizon, qiu-mlp, ...) or a ladder file (.toml).")],
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="Write curves.parquet, manifest.json and checkpoints into this folder.")
    ] = None,
    plan: Annotated[
        bool, Parameter(negative="", help="Print sizes, tokens, FLOPs and estimated time; train nothing.")
    ] = False,
    coord_check: Annotated[
        bool,
        Parameter(negative="", help="Check the parametrization over 8x in width; exit code 1 if it is not flat."),
    ] = False,
    horizon: Annotated[
        bool, Parameter(negative="", help="Train over-trained constant-LR runs and fit the horizon kappa p^gamma.")
    ] = False,
    overtrain: Annotated[float, Parameter(help="With --horizon: times the ladder's own horizon.")] = 3.0,
    resume: Annotated[bool, Parameter(negative="", help="Go on with the run in --out.")] = False,
    force_resume: Annotated[
        bool, Parameter(negative="", help="Resume although versions, device or threads differ; recorded.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        Parameter(name="--set", negative="", help="KEY=VALUE over the file's, e.g. lr=0.01 or horizon.kappa=500."),
    ] = None,
    device: Annotated[str | None, Parameter(help="cpu, cuda, ...; default the first GPU if there is one.")] = None,
    threads: Annotated[int | None, Parameter(help="torch threads of one size.")] = None,
    checkpoint_seconds: Annotated[float, Parameter(help="Time between checkpoints of a size.")] = 30.0,
    json: JsonTarget = None,
) -> int:
    """Train the ladder of a preset or a file and write its curve table and manifest."""
    from ..empirical.trainer import horizon_ladder, load_ladder

    config = load_ladder(ladder, changes=set_ or ())
    if sum((plan, coord_check, horizon and not plan)) > 1:
        raise InputError("train needs at most one of --plan, --coord-check and --horizon; got several. Choose one.")
    if horizon:
        config = horizon_ladder(config, times=overtrain)
    if plan:
        return _plan(config, device, threads, json)
    if coord_check:
        return _coord_check(config, out, json)
    if out is None:
        raise InputError("train needs a folder for its results; got none. Add --out DIR, or --plan to see the cost.")
    options = {"resume": resume, "force_resume": force_resume, "device": device, "threads": threads}
    curves = _train(config, out, json, **options, checkpoint_seconds=checkpoint_seconds)
    if not _speaks():
        return 0
    if horizon:
        return _fit_horizon(curves, out, json)
    write_json(_manifest(out), json)
    return 0


def _speaks() -> bool:
    """Under torchrun the first process speaks."""
    return os.environ.get("RANK", "0") == "0"


def _train(config: LadderFile, out: Path, json: str | None, **options: Any) -> Ladder:
    from ..empirical.trainer import train_ladder

    with progress_bar(f"training {config.name}") as progress:
        curves = train_ladder(config, out, progress=progress, **options)
    if _speaks():
        announce(f"{curves}; {curves.integrity.summary()}", json)
        for finding in curves.integrity.findings:
            announce(finding.detail, json)
        announce(f"wrote {out / 'curves.parquet'}", json)
        announce(f"wrote {out / 'manifest.json'}", json)
    return curves


def _plan(config: LadderFile, device: str | None, threads: int | None, json: str | None) -> int:
    from ..empirical.trainer import plan_ladder

    plan = plan_ladder(config, device=device, threads=threads)
    rows, sizes = [], []
    for size, seconds, measured in zip(plan.sizes, plan.seconds, plan.measured, strict=True):
        rows.append([
            f"{size.width}", f"{size.depth}", f"{size.params}", f"{size.tokens:.3g}", f"{size.steps}",
            f"{size.train_flops:.3g}", f"{size.evaluation_share:.1%}", ("" if measured else "~") + duration(seconds),
        ])  # fmt: skip
        names = ("width", "depth", "params", "seeds", "tokens", "steps", "train_flops", "evaluation_share")
        more = {"test_examples": size.test_examples, "noise_batches": size.noise_batches}
        sizes.append({name: getattr(size, name) for name in names} | more | {"seconds": seconds, "measured": measured})
    columns = ["width", "depth", "params", "tokens", "steps", "FLOPs", "eval.", "time"]
    print_table(
        f"{config.name}: {config.seeds} seeds of each size (FLOPs of all; eval.: evaluation and probes on top)",
        columns,
        rows,
        json,
    )
    flops = sum(size.train_flops for size in plan.sizes)
    share = sum(size.evaluation_share * size.train_flops for size in plan.sizes) / flops
    announce(f"{flops:.3g} FLOPs of training; evaluation and probes cost {share:.1%} on top", json)
    over = [size.width for size in plan.sizes if size.evaluation_share > config.evaluation.budget]
    if over:
        told = ", ".join(map(str, over))
        announce(f"over the budget of {config.evaluation.budget:.0%} at widths {told}: fewer points or examples", json)
    took = duration(plan.total_seconds)
    announce(f"estimated time: {took}, {plan.workers} sizes at a time; nothing was trained", json)
    result = {"ladder": config.to_json(), "sizes": sizes, "flops": flops, "seconds": plan.total_seconds}
    write_json(result | {"workers": plan.workers}, json)
    return 0


def _coord_check(config: LadderFile, out: Path | None, json: str | None) -> int:
    from ..empirical.pictures.coordinate_picture import draw_coordinates
    from ..empirical.trainer import check_ladder

    check = check_ladder(config)
    title = f"{config.name}: {config.parametrization.kind}, {config.optimizer.kind}, lr {config.lr:g}"
    written = write_files(out, {"coordinates.png": lambda: draw_coordinates(check, title)})
    rows = [
        [f"{width:.0f}", f"{hidden[-1]:.4g}", f"{output[-1]:.4g}"]
        for width, hidden, output in zip(check.widths, check.hidden, check.output, strict=True)
    ]
    print_table("Change after the last step", ["width", "features", "outputs"], rows, json)
    hidden, output = check.slopes
    verdict = "flat" if check.flat else "not flat"
    announce(f"exponents of the width: features {hidden:+.3f}, outputs {output:+.3f}: {verdict}", json)
    for path in written:
        announce(f"wrote {path}", json)
    write_json(check.to_json(), json)
    return 0 if check.flat else 1


def _fit_horizon(curves: Ladder, out: Path, json: str | None) -> int:
    from ..empirical import fit_horizon
    from ..empirical.pictures.horizon_picture import draw_horizon
    from ..empirical.trainer import horizon_table

    fit = fit_horizon(curves)
    written = write_files(out, {"horizon.png": lambda: draw_horizon(fit)})
    write_json(fit.to_json(), str(out / "horizon.json"))
    low, high = fit.gamma_interval
    announce(
        f"gamma = {fit.gamma:.4f} ({fit.level:.0%} interval {low:.3f} to {high:.3f}), kappa = {fit.kappa:.5g}", json
    )
    announce("In a ladder file:\n" + horizon_table(fit.kappa, fit.gamma), json)
    for path in [out / "horizon.json", *written]:
        announce(f"wrote {path}", json)
    write_json(fit.to_json(), json)
    return 0


def _manifest(out: Path) -> dict[str, Any]:
    import json

    return json.loads((out / "manifest.json").read_text())
