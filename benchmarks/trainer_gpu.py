"""Speed of the training loop on a GPU, as shares of the rate of its own matrix products, in one table.

    python benchmarks/trainer_gpu.py [--seconds 4] [--widths 384 812 2048] [--dtypes tf32 bf16]

Per width and type: seeds batched against one at a time (tokens a second over all seeds), and CUDA graphs on and off.
The rate is that of square products of 8192 in the same type and the same run. Says so and ends where there is no GPU;
`--device cpu` runs the same code, a check of the script.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch
from trainer_speed import FOURIER, Done, Watch, ladder_of

from scaling_collapse.empirical.trainer.ladder_file import task_of
from scaling_collapse.empirical.trainer.loop import train_size
from scaling_collapse.empirical.trainer.machine import Machine, choose_machine, matmul_rate
from scaling_collapse.empirical.trainer.size_plan import plan_sizes

MLP = {"kind": "mlp", "depth": 5}
SEEDS = 5


class GpuWatch(Watch):
    """Waits for the device at the first and at every 50th step: launches run ahead of it."""

    def after_step(self, step, model, optimizer, log) -> None:
        """Note the time."""
        if model.flat.is_cuda and (step <= 4 or step % 50 == 0):
            torch.cuda.synchronize()
        if not model.flat.is_cuda or step <= 4 or step % 50 == 0:
            super().after_step(step, model, optimizer, log)
            self.steps.append(step)

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.steps: list[int] = []

    @property
    def seconds_per_step(self) -> float:
        """Mean after the first steps, in which things are recorded and compiled."""
        n = min(len(self.steps), len(self.times))
        return (self.times[n - 1] - self.times[3]) / (self.steps[n - 1] - self.steps[3])


def measure(machine: Machine, width: int, batch: int, seeds: int, dtype: str, seconds: float) -> tuple[float, float]:
    """FLOPs a second, and tokens a second over all seeds."""
    ladder = replace(ladder_of(MLP, FOURIER, width, batch, seeds, "off"), dtype=dtype)
    task = task_of(ladder)
    (size,) = plan_sizes(ladder, task)
    size = replace(size, evaluate_at=np.array([size.steps]))
    watch = GpuWatch(seconds)
    with machine.in_use(), suppress(Done):
        train_size(ladder, size, task, machine, watch)
    step = watch.seconds_per_step
    return size.train_flops / size.steps / step, size.step_tokens * seeds / step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--widths", type=int, nargs="+", default=[384, 812, 2048])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "tf32", "bf16"])
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--device", default="cuda")
    told = parser.parse_args()
    if told.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here; nothing measured")
        return
    for dtype in told.dtypes:
        ladder = replace(ladder_of(MLP, FOURIER, told.widths[0], told.batch, 1, "auto"), dtype=dtype)
        chosen = choose_machine(ladder, device=told.device)
        with chosen.in_use():
            square = (8192,) if told.device == "cuda" else (1024,)
            peak = matmul_rate(told.device, square, dtype=torch.bfloat16 if dtype == "bf16" else torch.float32)
        print(f"{chosen.device_name}, {dtype}: {peak / 1e12:.2f} TFLOP/s {chosen.note}")
        for width in told.widths:
            for seeds in (SEEDS, 1):
                for graphs in sorted({chosen.graphs, False}, reverse=True):
                    machine = replace(chosen, graphs=graphs)
                    flops, tokens = measure(machine, width, told.batch, seeds, dtype, told.seconds)
                    print(
                        f"  width {width}, {seeds} seeds, graphs {'on' if graphs else 'off'}: {flops / peak:.1%}, "
                        f"{tokens:,.0f} tokens/s",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
