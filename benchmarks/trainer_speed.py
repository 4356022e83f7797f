"""Speed of the training loop on a CPU, as shares of the machine's own float32 matrix products.

    python benchmarks/trainer_speed.py [--threads 2] [--seconds 6] [--profile] [--compile]

The rate is the best of square products of 1024, 2048 and 4096, measured before and after each case, because a machine's
frequency and its neighbours change. A case is the whole loop of `train_size`, data generation included, without
evaluation and probes: 6 p FLOPs a token and seed, p every parameter, over wall time.
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch

from scaling_collapse.empirical.trainer import parse_ladder
from scaling_collapse.empirical.trainer.hooks import Hooks
from scaling_collapse.empirical.trainer.ladder_file import LadderFile, task_of
from scaling_collapse.empirical.trainer.loop import train_size
from scaling_collapse.empirical.trainer.machine import choose_machine, matmul_rate
from scaling_collapse.empirical.trainer.size_plan import plan_sizes

FOURIER = {"kind": "fourier", "dimensions": 8, "exponent": 2.0, "modes": 10_000, "published": True}
CASES = {
    "MLP 5 x 384, batch 4096, 1 seed": (0.50, {"kind": "mlp", "depth": 5}, FOURIER, 384, 4096, 1),
    "MLP 5 x 64, batch 512, 5 seeds": (0.25, {"kind": "mlp", "depth": 5}, FOURIER, 64, 512, 5),
    "decoder 3 x 128, context 128, batch 64, 1 seed": (
        0.35, {"kind": "decoder", "depth": 3}, {"kind": "text", "context": 128}, 128, 64, 1,
    ),
}  # fmt: skip
WARM_UP = 3


class Done(Exception):  # noqa: N818
    """Ends a measurement."""


class Watch(Hooks):
    """Hooks of the loop: the time after each step, until enough of it has passed."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.times = seconds, []

    def after_step(self, step, model, optimizer, log) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())
        if len(self.times) > WARM_UP + 2 and self.times[-1] - self.times[WARM_UP] > self.seconds:
            raise Done

    @property
    def seconds_per_step(self) -> float:
        """Mean after the warm-up: groups of batches are read at once, so single steps differ."""
        return (self.times[-1] - self.times[WARM_UP]) / (len(self.times) - 1 - WARM_UP)


def ladder_of(model: dict, task: dict, width: int, batch: int, seeds: int, compiled: str) -> LadderFile:
    """One size that trains for a million steps unless it is stopped."""
    steps = 20_000 if task["kind"] == "fourier" else 1_000
    tokens = steps * batch * task.get("context", 1)
    return parse_ladder({
        "name": "speed", "widths": [width], "seeds": seeds, "batch_size": batch, "model": model, "task": task,
        "horizon": {"tokens": tokens}, "compile": compiled, "evaluation": {"examples": 1},
    })  # fmt: skip


def measure(case: tuple, threads: int, seconds: float, compiled: str) -> tuple[float, float, float]:
    """FLOPs a second, seconds a step, tokens a second of one seed."""
    _, model, task_table, width, batch, seeds = case
    ladder = ladder_of(model, task_table, width, batch, seeds, compiled)
    task = task_of(ladder)
    (size,) = plan_sizes(ladder, task)
    size = replace(size, evaluate_at=np.array([size.steps]))
    machine = choose_machine(ladder, device="cpu", threads=threads)
    watch = Watch(seconds)
    with machine.in_use(), suppress(Done):
        train_size(ladder, size, task, machine, watch)
    step = watch.seconds_per_step
    return size.train_flops / size.steps / step, step, size.step_tokens / step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--repeats", type=int, default=1, help="best of so many")
    parser.add_argument("--compile", action="store_true", help="through torch.compile; its time is not counted")
    parser.add_argument("--profile", action="store_true", help="where the time goes, by operation")
    parser.add_argument("--case", type=int, help="only this one, from 0")
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    compiled = "on" if told.compile else "off"
    for i, (name, case) in enumerate(CASES.items()):
        if told.case not in (None, i):
            continue
        if told.profile:
            with torch.profiler.profile() as profile:
                measure(case, told.threads, told.seconds, compiled)
            print(name, profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25), sep="\n")
            continue
        rates = [_peak()]
        results = []
        for _ in range(told.repeats):
            results.append(measure(case, told.threads, told.seconds, compiled))
            rates.append(_peak())
        flops, step, tokens = max(results)
        peak = max(rates)
        print(
            f"{name}: {flops / peak:.1%} of {peak / 1e9:.0f} GFLOP/s (aim {case[0]:.0%}); {1 / step:.2f} steps/s, "
            f"{tokens:,.0f} tokens/s a seed; product rates {min(rates) / 1e9:.0f} to {max(rates) / 1e9:.0f}",
            flush=True,
        )


def _peak() -> float:
    return matmul_rate("cpu", (1024, 2048, 4096), 2)


if __name__ == "__main__":
    main()
