"""`scaling-collapse train`: train the ladder of a preset or a file and write its curve table and manifest.

Besides: what it will cost (`--plan`), whether its parametrization is right (`--coord-check`), and the over-trained runs
that give its horizon (`--horizon`). Each of these is one function here.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..common import InputError, duration
from ..output import NOWHERE, Answer, Outputs, progress_bar

if TYPE_CHECKING:
    from ..empirical.trainer import LadderFile
    from ..theory import Ladder

__all__ = ["train"]

COORDINATES, HORIZON, MANIFEST = "coordinates.png", "horizon.png", "manifest.json"


def train(
    ladder: Annotated[str, Parameter(help="A preset (demo, demo-horizon, qiu-mlp, ...) or a ladder file (.toml).")],
    /,
    *,
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
    to: Outputs = NOWHERE,
) -> int:
    """Train the ladder of a preset or a file and write its curve table and manifest."""
    from ..empirical.trainer import horizon_ladder, load_ladder

    config = load_ladder(ladder, changes=set_ or ())
    if sum((plan, coord_check, horizon and not plan)) > 1:
        raise InputError("train needs at most one of --plan, --coord-check and --horizon; got several. Choose one.")
    if horizon:
        config = horizon_ladder(config, times=overtrain)
    if plan:
        return _plan(config, device, threads, Answer("train", to, inputs=_files_of(ladder, config)))
    if coord_check:
        return _coord_check(config, Answer("train", to, inputs=_files_of(ladder, config), files=[COORDINATES]))
    if to.out is None:
        raise InputError("train needs a folder for its results; got none. Add --out DIR, or --plan to see the cost.")
    inputs = _files_of(ladder, config)
    answer = Answer("train", replace(to, out=None), inputs=inputs)  # the trainer guards its folder: it may go on in it
    if horizon and not (to.out / MANIFEST).exists():
        Answer("train", replace(to, json=None), inputs=inputs, files=[HORIZON])
    options = {"resume": resume, "force_resume": force_resume, "overwrite": to.overwrite}
    options |= {"device": device, "threads": threads, "checkpoint_seconds": checkpoint_seconds}
    curves = _train(config, to.out, answer, **options)
    if not _speaks():
        return 0
    if horizon:
        return _fit_horizon(curves, to.out, answer)
    answer.write(_manifest(to.out))
    return 0


def _files_of(ladder: str, config: LadderFile) -> list[Path]:
    """What is read: the ladder file, and the files that its task names."""
    named = [one for value in config.task.values() for one in (value if isinstance(value, list) else [value])]
    return [Path(ladder), *(Path(one) for one in named if isinstance(one, str))]


def _speaks() -> bool:
    """Under torchrun the first process speaks."""
    return os.environ.get("RANK", "0") == "0"


def _train(config: LadderFile, out: Path, answer: Answer, **options: Any) -> Ladder:
    from ..empirical.trainer import train_ladder

    before = _manifest(out).get("finished")
    try:
        with progress_bar(f"training {config.name}") as progress:
            curves = train_ladder(config, out, progress=progress, **options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; the checkpoints in {out} stand: the same command with --resume goes on from them"
        ) from None
    if _speaks():
        answer.say(f"Trained {curves}; {curves.integrity.summary()}")
        answer.say(*(finding.detail for finding in curves.integrity.findings))
        if before is not None and before == _manifest(out)["finished"]:
            answer.say(f"The run in {out} was finished before; nothing in it was changed.")
        else:
            answer.say(f"wrote {out / 'curves.parquet'}", f"wrote {out / MANIFEST}")
    return curves


def _plan(config: LadderFile, device: str | None, threads: int | None, answer: Answer) -> int:
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
    title = f"{config.name}: {config.seeds} seeds of each size (FLOPs of all; eval.: evaluation and probes on top)"
    flops = sum(size.train_flops for size in plan.sizes)
    share = sum(size.evaluation_share * size.train_flops for size in plan.sizes) / flops
    answer.say(
        f"Training takes {flops:.3g} FLOPs, about {duration(plan.total_seconds)} with {plan.workers} sizes at a time; "
        f"evaluation and probes cost {share:.1%} on top. Nothing was trained."
    )
    over = [size.width for size in plan.sizes if size.evaluation_share > config.evaluation.budget]
    if over:
        told = ", ".join(map(str, over))
        answer.say(
            f"  at widths {told} that is over the budget of {config.evaluation.budget:.0%}: "
            "ask for fewer points or examples"
        )
    answer.show(title, columns, rows)
    result = {"ladder": config.to_json(), "sizes": sizes, "flops": flops, "seconds": plan.total_seconds}
    answer.write(result | {"workers": plan.workers})
    return 0


def _coord_check(config: LadderFile, answer: Answer) -> int:
    from ..empirical.pictures.coordinate_picture import draw_coordinates
    from ..empirical.trainer import check_ladder

    check = check_ladder(config)
    title = f"{config.name}: {config.parametrization.kind}, {config.optimizer.kind}, lr {config.lr:g}"
    hidden, output = check.slopes
    verdict = "flat" if check.flat else "not flat"
    answer.say(f"Changes against the width are {verdict}: exponents {hidden:+.3f} (features), {output:+.3f} (outputs)")
    rows = [
        [f"{width:.0f}", f"{hidden[-1]:.4g}", f"{output[-1]:.4g}"]
        for width, hidden, output in zip(check.widths, check.hidden, check.output, strict=True)
    ]
    answer.show("Change after the last step", ["width", "features", "outputs"], rows)
    answer.write(check.to_json(), files={COORDINATES: lambda: draw_coordinates(check, title)})
    return 0 if check.flat else 1


def _fit_horizon(curves: Ladder, out: Path, answer: Answer) -> int:
    from ..empirical import fit_horizon
    from ..empirical.pictures.horizon_picture import draw_horizon
    from ..empirical.trainer import horizon_table

    fit = fit_horizon(curves)
    low, high = fit.gamma_interval
    answer.say(
        f"gamma = {fit.gamma:.4f} ({fit.level:.0%} interval {low:.3f} to {high:.3f}), kappa = {fit.kappa:.5g}",
        "In a ladder file:\n" + horizon_table(fit.kappa, fit.gamma),
    )
    answer.write(fit.to_json())
    beside = Answer("train", replace(answer.to, out=out, json=None, overwrite=True), files=[HORIZON])
    beside.write(fit.to_json(), files={HORIZON: lambda: draw_horizon(fit)})
    return 0


def _manifest(out: Path) -> dict[str, Any]:
    from ..empirical.trainer.manifest import read_manifest

    return dict(read_manifest(out) or {})
