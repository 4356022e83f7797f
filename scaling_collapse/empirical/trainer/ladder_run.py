"""Training a ladder: every size through the loop, side by side where they are small; curves, manifest, resuming.

On a CPU small sizes train next to each other, each on one torch thread: a second thread inside a small product gains
little, and a curve depends neither on how many cores there are nor on what else they do. torch is loaded on use.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common import InputError
from ...common.extras import require
from ...theory import Finding, IntegrityReport, Ladder, LossCurve
from ..tables.curve_writer import write_curves
from . import manifest as manifests
from .ladder_file import LadderFile, load_ladder, task_of
from .size_plan import SizePlan, make_model, plan_sizes
from .tasks import Task

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from .machine import Machine
    from .models.model import Model
    from .training_log import TrainingLog

__all__ = ["Progress", "default_workers", "train_ladder"]

Progress = Callable[[float, str], None]
STEP_COST = 10_000  # what a step costs besides its products, in parameters: shares of progress only
REPORT_SECONDS = 0.5
WORTH_MEASURING = 1e12  # FLOPs of a ladder for which the machine's own rate is measured, half a second


def train_ladder(
    ladder: str | os.PathLike[str] | LadderFile,
    out: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
    force_resume: bool = False,
    progress: Progress | None = None,
    device: str | None = None,
    threads: int | None = None,
    workers: int | None = None,
    checkpoint_seconds: float = 30.0,
) -> Ladder:
    """Train every width and seed of a ladder and return their test losses.

    Equal ladders give equal curves, to the last bit on one machine with one thread count and one set of versions,
    whatever `workers` is and however often the run was interrupted and resumed.

    Parameters
    ----------
    ladder
        A preset's name, a TOML file, or what `load_ladder` returns.
    out
        Folder for `curves.parquet`, `manifest.json` and the checkpoints; none keeps everything in memory.
    resume
        Go on with the run in `out`; starts one where there is none.
    force_resume
        Resume although versions, device or thread count differ; the manifest records it.
    progress
        Called as `progress(done_fraction, message)`, from worker threads, one call at a time.
    device, threads
        See `machine.choose_machine`; a resumed run takes the thread count that it was started with.
    workers
        Sizes trained at a time, >= 1; default one for each group of `threads` cores, one on a GPU.
    checkpoint_seconds
        Time between checkpoints of a size, >= 0.

    Returns
    -------
    Ladder
        One curve per seed of each width, with `seed`, `lr` (peak value included), `schedule`, `horizon_tokens`,
        `noise_trace` where it was measured (NaN between), and `width`, `depth` and `batch_size` in `extra`. A run whose
        loss stops being finite is left out and named in `integrity`; the others go on.

    Raises
    ------
    InputError
        If torch is missing, an argument or the ladder does not fit, `out` holds another run or is in use, a checkpoint
        is damaged or from elsewhere, the disk is full, or every run diverges.

    Examples
    --------
    >>> from scaling_collapse.empirical.trainer import parse_ladder
    >>> ladder = parse_ladder({
    ...     "name": "tiny", "widths": [4, 8], "seeds": 2, "model": {"kind": "mlp"}, "horizon": {"tokens": 2000},
    ...     "task": {"kind": "fourier", "dimensions": 2, "modes": 10},
    ... })
    >>> train_ladder(ladder)
    Ladder(2 sizes, 4 runs, 32 points)
    """
    ladder = load_ladder(ladder)
    require("torch", "train_ladder")
    if workers is not None and workers < 1:
        raise InputError(f"train_ladder needs `workers` >= 1; got {workers}. Leave it out for the default.")
    task = task_of(ladder)
    sizes = plan_sizes(ladder, task)
    with ExitStack() as stack:
        run = _Run(ladder, sizes, task, None if out is None else Path(out), stack, resume or force_resume, force_resume)
        machine = run.choose(device, threads)
        stack.enter_context(machine.in_use())
        logs = _train_sizes(run, machine, progress, workers, checkpoint_seconds)
        result = _ladder(run, logs)
        run.finish(result)
    return result


def _train_sizes(
    run: _Run, machine: Machine, progress: Progress | None, workers: int | None, seconds: float
) -> list[TrainingLog]:
    import torch

    from .loop import train_size

    workers = default_workers(machine) if workers is None else workers
    shares = _Shares(run.sizes, progress, machine)
    stop = threading.Event()

    def train(size: SizePlan) -> TrainingLog:
        hooks = _SizeHooks(run, size, machine, shares, stop, seconds)
        log = train_size(run.ladder, size, run.task, machine, hooks)
        run.note_size(size, hooks)
        return log

    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(machine.threads,)) as pool:
        jobs = {size.name: pool.submit(train, size) for size in reversed(run.sizes)}  # long jobs first
        try:
            return [jobs[size.name].result() for size in run.sizes]
        except BaseException:
            stop.set()  # Ctrl-C, or a failed size: the others end at their next step
            pool.shutdown(cancel_futures=True)
            raise


def confirmed(machine: Machine, ladder: LadderFile, size: SizePlan, task: Task) -> Machine:
    """The machine without what of its fast gradient does not work on a ladder's model."""
    from .machine import confirm_fast

    if not (machine.compiled or machine.graphs):
        return machine
    model = make_model(ladder, task, size.width, size.depth, device=machine.device)
    inputs, targets = map(machine.tensor, task.batch(0, size.batch_size // ladder.accumulate))
    with machine.in_use():
        return confirm_fast(machine, model, inputs, targets)


def default_workers(machine: Machine) -> int:
    """Sizes trained at a time: one for each group of `threads` cores; one on a GPU, compiled, or under torchrun."""
    alone = machine.device != "cpu" or machine.compiled or machine.world > 1
    return 1 if alone else max(1, (os.cpu_count() or 1) // machine.threads)


def _ladder(run: _Run, logs: Sequence[TrainingLog]) -> Ladder:
    runs = [r for size, log in zip(run.sizes, logs, strict=True) for r in log.runs(run.ladder, size)]
    curves = [r for r in runs if isinstance(r, LossCurve)]
    findings = tuple(r for r in runs if isinstance(r, Finding))
    if not curves:
        raise InputError(f"train_ladder needs a run that stays finite; got {findings[0].detail} Lower `lr`.")
    rows = sum(map(len, curves))
    return Ladder(curves, IntegrityReport((run.ladder.name,), rows + sum(f.count for f in findings), rows, findings))


class _Run:
    """The folder of a run, its lock and its manifest; without a folder all of this does nothing."""

    def __init__(
        self,
        ladder: LadderFile,
        sizes: list[SizePlan],
        task: Task,
        folder: Path | None,
        stack: ExitStack,
        resume: bool,
        force: bool,
    ) -> None:
        from .checkpoints import locked

        self.ladder, self.sizes, self.task, self.folder, self.force = ladder, sizes, task, folder, force
        self.lock = threading.Lock()
        self.manifest: dict[str, Any] = {}
        self.writes = folder is not None and os.environ.get("RANK", "0") == "0"
        self.found: dict[str, Any] | None = None
        if folder is None:
            return
        data = task.describe()
        self.identity = hashlib.sha256(json.dumps([ladder.fingerprint, data], sort_keys=True).encode()).hexdigest()
        self.data = data
        if self.writes:
            stack.enter_context(locked(folder))
        found = manifests.read_manifest(folder)
        if found is not None and self.writes and not resume:
            raise InputError(
                f"train needs a folder without a run; got {folder}, which holds one ({found['status']}). Add --resume "
                "to go on with it, or choose another folder."
            )
        if found is not None and (found["fingerprint"] != ladder.fingerprint or found["data"] != _plain(data)):
            what = "data" if found["fingerprint"] == ladder.fingerprint else "ladder"
            raise InputError(
                f"train --resume needs the {what} that the run was started with; got another one than in {folder}. "
                "Choose another folder."
            )
        self.found = found

    def choose(self, device: str | None, threads: int | None) -> Machine:
        """The machine: for a resumed run as recorded, as far as it is here; then the manifest is written."""
        from .machine import choose_machine

        recorded = {} if self.found is None else self.found["environment"]
        machine = choose_machine(self.ladder, device=device, threads=threads or recorded.get("threads"))
        dropped = {name: False for name in ("compiled", "graphs") if recorded.get(name) is False}
        if dropped:  # chosen once, when the run was started
            machine = replace(machine, **dropped, note="")
        machine = confirmed(machine, self.ladder, self.sizes[0], self.task)
        if self.ladder.batch_size % (self.ladder.accumulate * machine.world):
            raise InputError(
                "train_ladder needs a `batch_size` that processes and `accumulate` divide; got "
                f"{self.ladder.batch_size} for {machine.world} processes x {self.ladder.accumulate}. Change one."
            )
        self.environment = machine.environment()
        if self.writes:
            fresh = manifests.new_manifest(self.ladder, self.data, self.sizes, self.environment)
            keep = ("started", "notes", "forced_resumes", "sizes")
            self.manifest = fresh | {k: self.found[k] for k in keep if self.found is not None}
            if machine.note:
                self.manifest["notes"].append(machine.note)
            self.write()
        return machine

    def checkpoint_path(self, size: SizePlan) -> Path | None:
        return None if self.folder is None else self.folder / "checkpoints" / f"{size.name}.safetensors"

    def restore(self, size: SizePlan, model: Model, optimizer: Optimizer, log: TrainingLog) -> int:
        """The checkpoint of a size, if there is one that belongs to this run."""
        from .checkpoints import load_checkpoint

        path = self.checkpoint_path(size)
        if path is None or self.found is None or not path.exists():
            return 0
        saved = load_checkpoint(path)
        if saved.identity != f"{self.identity}-{size.name}":
            raise InputError(
                f"train --resume needs a checkpoint of this ladder; got one of another in {path}. Remove it to train "
                "this size from its start."
            )
        unfinished = saved.step < size.steps
        differ = [k for k, v in self.environment.items() if unfinished and saved.environment.get(k) != v]
        if differ:
            was, now = ({k: e.get(k) for k in differ} for e in (saved.environment, self.environment))
            if not self.force:
                changes = ", ".join(f"{k} {now[k]} (was {was[k]})" for k in differ)
                raise InputError(
                    f"train --resume needs what the run was started with, or its last bits change; got {changes}. "
                    "Restore that, or go on with --force-resume."
                )
            self.record("forced_resumes", {"size": size.name, "step": saved.step, "was": was, "now": now})
        saved.restore(model, optimizer, log)
        return saved.step

    def record(self, name: str, value: Any) -> None:
        if self.writes:
            with self.lock:
                self.manifest[name].append(value)
                self.write()

    def note_size(self, size: SizePlan, hooks: _SizeHooks) -> None:
        """Write down how fast a size was, unless it was there already."""
        if self.writes and hooks.steps_made:
            with self.lock:
                rate = hooks.steps_made * size.step_tokens * size.seeds / hooks.seconds
                self.manifest["sizes"][self.sizes.index(size)]["tokens_per_second"] = rate
                self.write()

    def finish(self, ladder: Ladder) -> None:
        if self.writes and self.folder is not None:
            write_curves(ladder, self.folder / "curves.parquet")
            self.manifest["diverged"] = [f.detail for f in ladder.integrity.of_kind("diverged run")]
            manifests.finish(self.manifest)
            self.write()

    def write(self) -> None:
        if self.folder is not None:
            manifests.write_manifest(self.folder, self.manifest)


class _SizeHooks:
    """Progress and checkpoints of one size: what the loop calls."""

    def __init__(
        self, run: _Run, size: SizePlan, machine: Machine, shares: _Shares, stop: threading.Event, seconds: float
    ) -> None:
        self.run, self.size, self.machine, self.shares, self.stop = run, size, machine, shares, stop
        self.every = seconds
        self.path = run.checkpoint_path(size) if run.writes else None
        self.first, self.steps_made, self.seconds = 0, 0, 0.0

    def restore(self, model: Model, optimizer: Optimizer, log: TrainingLog) -> int:
        self.first = self.run.restore(self.size, model, optimizer, log)
        self.shares.report(self.size, self.first, 0, log)
        self.begin = time.monotonic()
        self.next_save, self.next_report = self.begin + self.every, self.begin
        return self.first

    def after_step(self, step: int, model: Model, optimizer: Optimizer, log: TrainingLog) -> None:
        if self.stop.is_set():
            raise InterruptedError("training was stopped")
        now = time.monotonic()
        if self.path is not None and now >= self.next_save and step < self.size.steps:
            self.save(step, model, optimizer, log)
            self.next_save = time.monotonic() + self.every
        if now >= self.next_report or step == self.size.steps:
            self.shares.report(self.size, step, step - self.first, log)
            self.next_report = now + REPORT_SECONDS

    def finish(self, step: int, model: Model, log: TrainingLog) -> None:
        self.steps_made, self.seconds = step - self.first, time.monotonic() - self.begin
        if self.path is not None and self.steps_made:
            self.save(self.size.steps, model, None, log)  # a size whose every seed diverged is done, too

    def save(self, step: int, model: Model, optimizer: Optimizer | None, log: TrainingLog) -> None:
        from ..tables.files import ensure_folder
        from .checkpoints import Checkpoint, save_checkpoint

        assert self.path is not None
        ensure_folder(self.path.parent)
        identity = f"{self.run.identity}-{self.size.name}"
        state = Checkpoint.of(step, model, optimizer, log, identity=identity, environment=self.run.environment)
        save_checkpoint(self.path, state)


class _Shares:
    """Adds the progress of the sizes up, one call of the user's function at a time."""

    def __init__(self, sizes: Sequence[SizePlan], progress: Progress | None, machine: Machine) -> None:
        self.progress = progress
        self.cost = {s.name: float(s.steps * (s.params * s.seeds + STEP_COST)) for s in sizes}
        self.done = dict.fromkeys(self.cost, 0.0)
        self.tokens = dict.fromkeys(self.cost, 0.0)
        self.flops = dict.fromkeys(self.cost, 0.0)
        self.lock = threading.Lock()
        self.begin = time.monotonic()
        self.peak = 0.0
        if progress is not None and sum(s.train_flops for s in sizes) > WORTH_MEASURING:
            self.peak = _whole_machine_rate(machine)

    def report(self, size: SizePlan, step: int, made: int, log: TrainingLog) -> None:
        if self.progress is None:
            return
        with self.lock:
            name = size.name
            self.done[name] = step / size.steps * self.cost[name]
            self.tokens[name] = float(made * size.step_tokens * size.seeds)
            self.flops[name] = 6.0 * size.params * self.tokens[name]
            seconds = max(time.monotonic() - self.begin, 1e-3)
            loss = log.last_loss
            parts = [f"width {size.width}" + (f", loss {loss:.4g}" if loss == loss else "")]
            parts.append(f"{sum(self.tokens.values()) / seconds:,.0f} tokens/s")
            if self.peak:
                parts.append(f"{sum(self.flops.values()) / seconds / self.peak:.0%} of the matmul rate")
            self.progress(sum(self.done.values()) / sum(self.cost.values()), ", ".join(parts))


def _whole_machine_rate(machine: Machine) -> float:
    import torch

    from .machine import matmul_rate

    torch.set_num_threads(os.cpu_count() or 1)
    try:
        return matmul_rate(machine.device)
    finally:
        torch.set_num_threads(machine.threads)


def _plain(data: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(data))
