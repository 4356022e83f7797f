"""Training a ladder: every size through the loop, side by side where they are small; curves, manifest, resuming.

On a CPU small sizes train next to each other, each on one torch thread: a second thread inside a small product gains
little, and a curve depends neither on how many cores there are nor on what else they do. torch is loaded on use.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ...common import InputError, require
from ...theory import Finding, IntegrityReport, Ladder, LossCurve
from .ladder_file import LadderFile, task_of
from .ladder_parsing import load_ladder
from .size_plan import SizePlan, plan_sizes
from .tasks import Task

if TYPE_CHECKING:
    from .machine import Machine
    from .run_folder import RunFolder
    from .training_log import TrainingLog
    from .training_progress import Progress

__all__ = ["train_ladder"]


def train_ladder(
    ladder: str | os.PathLike[str] | LadderFile, out: str | os.PathLike[str] | None = None, *,
    resume: bool = False, force_resume: bool = False, overwrite: bool = False, progress: Progress | None = None,
    device: str | None = None, threads: int | None = None, workers: int | None = None, checkpoint_seconds: float = 30.0,
) -> Ladder:  # fmt: skip
    """Train every width and seed of a ladder and return their test losses.

    Equal ladders give equal curves, to the last bit on one machine with one thread count and one set of versions,
    whatever `workers` is and however often the run was resumed.

    Parameters
    ----------
    ladder
        A preset's name, a TOML file, or what `load_ladder` returns.
    out
        Folder for `curves.parquet`, `manifest.json` and the checkpoints; none keeps everything in memory.
    resume, force_resume
        Go on with the run in `out`, or start one; forced although versions, device or threads differ, and recorded.
        A finished run is left as it is.
    overwrite
        Replace files of these names in `out` that belong to no run.
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
        One curve per seed of each width, as `TrainingLog.runs` says; `integrity` names runs that became infinite.

    Raises
    ------
    InputError
        If something does not fit, `out` is in use, full, damaged or of another run, or every run diverges.

    Examples
    --------
    >>> train_ladder(load_ladder("demo", changes=["widths=[4, 8]", "seeds=2", "horizon={tokens=5000}"]))
    Ladder: 2 sizes, 4 runs, 20 points...
    """
    ladder = load_ladder(ladder)
    require("torch", "train_ladder")
    if workers is not None and workers < 1:
        raise InputError(f"train_ladder needs `workers` >= 1; got {workers}. Leave it out for the default.")
    from .run_folder import open_run

    sizes = plan_sizes(ladder, task := task_of(ladder))
    resume = resume or force_resume
    with open_run(out, ladder, sizes, task, resume=resume, force=force_resume, overwrite=overwrite) as folder:
        machine = _start(folder, task, device, threads)
        with machine.in_use():
            logs = _train_sizes(folder, task, machine, progress, workers, checkpoint_seconds)
            result = _ladder(folder, logs)
            folder.finish(result)
    return result


def _start(folder: RunFolder, task: Task, device: str | None, threads: int | None) -> Machine:
    """The machine of the run, which starts, or goes on, on it."""
    from .ladder_machine import check_shares, machine_of

    ladder, recorded = folder.ladder, folder.recorded
    threads = threads or recorded.get("threads")
    machine = machine_of(ladder, folder.sizes[0], task, device=device, threads=threads, recorded=recorded)
    check_shares(ladder, machine)
    folder.start(machine)
    return machine


def _train_sizes(
    folder: RunFolder, task: Task, machine: Machine, progress: Progress | None, workers: int | None, seconds: float
) -> list[TrainingLog]:
    import torch

    from .loop import train_size
    from .size_hooks import SizeHooks
    from .training_progress import TrainingProgress

    sizes, stop = folder.sizes, threading.Event()
    together = TrainingProgress(sizes, progress, machine)

    def train(size: SizePlan) -> TrainingLog:
        hooks = SizeHooks(size, folder, together, stop=stop, checkpoint_seconds=seconds)
        return train_size(folder.ladder, size, task, machine, hooks)

    workers = machine.default_workers if workers is None else workers
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(machine.threads,)) as pool:
        jobs = {size.name: pool.submit(train, size) for size in reversed(sizes)}  # long jobs first
        try:
            return [jobs[size.name].result() for size in sizes]
        except BaseException:
            stop.set()  # Ctrl-C, or a failed size: the others end at their next step
            pool.shutdown(cancel_futures=True)
            raise


def _ladder(folder: RunFolder, logs: Sequence[TrainingLog]) -> Ladder:
    """The curves of the runs that stayed finite; the others are named in the integrity report."""
    ladder = folder.ladder
    runs = [r for size, log in zip(folder.sizes, logs, strict=True) for r in log.runs(ladder, size)]
    curves = [r for r in runs if isinstance(r, LossCurve)]
    findings = tuple(r for r in runs if isinstance(r, Finding))
    if not curves:
        raise InputError(f"train_ladder needs a run that stays finite; got {findings[0].detail} Lower `lr`.")
    rows, lost = sum(map(len, curves)), sum(f.count for f in findings if f.action == "dropped")
    return Ladder(curves, IntegrityReport((ladder.name,), rows + lost, rows, findings))
