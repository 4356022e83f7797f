"""Training a ladder: all seeds of a width in one batched pass, every width on the same stream of examples.

Parameters `p`, examples (tokens) `t`, compute `C = 6 p t` FLOPs, horizon `t* = kappa p^gamma`. Adam with betas
(0.9, 0.95) and eps 1e-20; muP: relative to the base width, the learning rate of every matrix whose fan-in grows with
the width is divided by that growth, the embedding keeps it (Qiu et al. 2025, arXiv 2507.02119).

Widths train side by side, each on one CPU thread: at these sizes a second thread inside a product gains little, and
a curve depends neither on how many cores there are nor on what else they do. torch is loaded when training starts.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ...sgd_noise_model import schedules
from ...theory import Finding, InputError, IntegrityReport, Ladder, LossCurve
from .ladders import LadderConfig

__all__ = ["Progress", "evaluation_steps", "train_ladder"]

Progress = Callable[[float, str], None]
Array = NDArray[np.float64]

TRAIN, TEST, INIT = 0, 1, 2  # second entry of every random seed: what it draws
STREAM_BATCHES = 64  # batches drawn at a time; does not change the stream
STEP_COST = 10_000  # what a step costs besides its products, in parameters: shares of progress only


def train_ladder(config: LadderConfig, *, progress: Progress | None = None, workers: int | None = None) -> Ladder:
    """Train every width and seed of a configuration and return their test losses.

    Equal configurations give equal curves, to the last bit on one machine, whatever `workers` is.

    Parameters
    ----------
    config
        What to train, e.g. `load_preset("demo")`.
    progress
        Called as `progress(done_fraction, message)` at evaluation points, from worker threads, one call at a time.
    workers
        Widths trained at a time, >= 1; default one per CPU core.

    Returns
    -------
    Ladder
        One curve per seed of each width, `L(t)` half the mean squared error on the fixed test set, with `seed`, `lr`
        (peak value included), `schedule`, `horizon_tokens`, and `width` and `batch_size` in `extra`. A run whose loss
        stops being finite is left out and named in `integrity`; the others go on.

    Raises
    ------
    InputError
        If torch is missing, `workers` is not positive, or every run diverges.

    Examples
    --------
    >>> from scaling_collapse.empirical.trainer.fourier import FourierTask
    >>> task = FourierTask(dimensions=2, modes=10)
    >>> config = LadderConfig(name="tiny", task=task, widths=(4, 8), kappa=2000.0, gamma=0.0, seeds=2)
    >>> train_ladder(config)
    Ladder(2 sizes, 4 runs, 32 points)
    """
    _require_torch()
    workers = (os.cpu_count() or 1) if workers is None else workers
    if workers < 1:
        raise InputError(f"train_ladder needs `workers` >= 1; got {workers}. Leave it out for one per core.")
    shares = _Shares(config, progress)
    curves: list[LossCurve] = []
    findings: list[Finding] = []
    with _one_thread() as set_threads, ThreadPoolExecutor(workers, initializer=set_threads, initargs=(1,)) as pool:
        largest_first = sorted(config.widths, reverse=True)  # the long jobs must not start last
        jobs = [pool.submit(_train_width, config, width, shares.report) for width in largest_first]
        try:
            for width, job in zip(largest_first, jobs, strict=True):
                for run in _runs(config, width, *job.result()):
                    (curves if isinstance(run, LossCurve) else findings).append(run)  # type: ignore[arg-type]
        except BaseException:
            shares.stop.set()  # Ctrl-C, or a failed width: the others end at their next evaluation
            pool.shutdown(cancel_futures=True)
            raise
    if not curves:
        raise InputError(f"train_ladder needs a run that stays finite; got {findings[0].detail} Lower `lr`.")
    rows = sum(map(len, curves))
    return Ladder(curves, IntegrityReport((config.name,), rows, rows, tuple(findings)))


def _train_width(
    config: LadderConfig, width: int, report: Callable[[int, float, str], None]
) -> tuple[NDArray[np.int64], Array]:
    """Steps after which the test loss was taken, shape (n,), and the losses, shape (n, seeds)."""
    import torch

    from .mlp import ResidualMLP

    task, steps = config.task, config.steps(width)
    lr = config.lr * schedules.parse(config.schedule).s(np.arange(steps) / steps)
    at = evaluation_steps(steps, config.linear_points, config.log_points)
    losses = np.full((len(at), config.seeds), np.nan)
    test_x, test_y = map(
        torch.from_numpy, task.sample(np.random.default_rng([config.seed, TEST]), config.test_examples)
    )
    with torch.no_grad():
        model = ResidualMLP(
            task.dimensions, width, config.depth, [[config.seed, INIT, width, s] for s in range(config.seeds)]
        )
        groups = [
            {"params": [model.embed], "growth": 1.0},
            {"params": [*model.up, *model.down, model.readout], "growth": width / config.base_width},
        ]
        adam = torch.optim.Adam(groups, betas=(0.9, 0.95), eps=1e-20, fused=True)
        row = 0
        for step, (x, y) in enumerate(_stream(config, steps)):
            for group in adam.param_groups:
                group["lr"] = lr[step] / group["growth"]
            model.backward(torch.from_numpy(x), torch.from_numpy(y))
            adam.step()
            if step + 1 == at[row]:
                losses[row] = model.loss(test_x, test_y)
                if not np.isfinite(losses[row]).any():
                    break
                report(width, at[row] / steps, f"width {width}, loss {losses[row].mean():.3g}")
                row += 1
    return at, losses


def evaluation_steps(steps: int, linear: int, log: int) -> NDArray[np.int64]:
    """Steps after which to evaluate: `linear` evenly and `log` geometrically spaced ones, the last included.

    >>> evaluation_steps(100, 4, 3)
    array([  1,  10,  25,  50,  75, 100])
    """
    even = np.linspace(0, steps, linear + 1)[1:]
    geometric = np.geomspace(1, steps, log) if log else []
    return np.unique(np.rint(np.concatenate([even, geometric])).astype(np.int64).clip(1, steps))


def _stream(config: LadderConfig, steps: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The training batches: inputs (batch, d) and targets (batch,), the same for every width and seed."""
    rng = np.random.default_rng([config.seed, TRAIN])
    for first in range(0, steps, STREAM_BATCHES):
        batches = min(STREAM_BATCHES, steps - first)
        x, y = config.task.sample(rng, batches * config.batch_size)
        yield from zip(x.reshape(batches, config.batch_size, -1), y.reshape(batches, -1), strict=True)


def _runs(config: LadderConfig, width: int, at: NDArray[np.int64], losses: Array) -> Iterator[LossCurve | Finding]:
    """A curve for each seed that stayed finite, a finding for each that did not."""
    relative_lr = schedules.parse(config.schedule).s(at / config.steps(width))
    for seed, loss in enumerate(losses.T):
        run = f"{config.name}-w{width}-s{seed}"
        if not np.isfinite(loss).all():
            bad = int(np.flatnonzero(~np.isfinite(loss))[0])
            detail = f"the loss of {run} became {loss[bad]} at step {at[bad]}: left out, the other runs went on."
            yield Finding("diverged run", "dropped", run, detail, len(loss))
            continue
        yield LossCurve(
            run=run,
            params=config.params(width),
            seed=seed,
            tokens=(at * config.batch_size).astype(np.float64),
            loss=loss,
            lr=config.lr * relative_lr,
            schedule=config.schedule,
            extra={"width": width, "batch_size": config.batch_size},
        )


class _Shares:
    """Adds the progress of the widths up, one call of the user's function at a time."""

    def __init__(self, config: LadderConfig, progress: Progress | None) -> None:
        self.progress = progress
        self.cost = {w: config.steps(w) * (config.params(w) + STEP_COST) for w in config.widths}
        self.done = dict.fromkeys(config.widths, 0.0)
        self.lock = threading.Lock()
        self.stop = threading.Event()

    def report(self, width: int, share: float, message: str) -> None:
        if self.stop.is_set():
            raise InterruptedError("training was stopped")
        with self.lock:
            self.done[width] = share * self.cost[width]
            if self.progress is not None:
                self.progress(sum(self.done.values()) / sum(self.cost.values()), message)


def _require_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise InputError("train_ladder needs PyTorch; got none. Run: pip install 'scaling-collapse[train]'") from None


@contextmanager
def _one_thread() -> Iterator[Callable[[int], None]]:
    """One torch thread inside, the caller's number after; yields the setter, which every worker must call too."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield torch.set_num_threads
    finally:
        torch.set_num_threads(before)
