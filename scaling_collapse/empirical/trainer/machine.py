"""What a run computes on: device, threads, precision, eager or compiled, one process or several.

All of it is decided once, before training, and recorded: under the same choice and versions a run gives the same bits.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor

from ...common import InputError
from .cuda_graph import GraphedGradient
from .ladder_file import LadderFile, Precision
from .models.model import Model

__all__ = ["Machine", "choose_machine", "confirm_fast", "matmul_rate"]

SMALL_WIDTH = 256
RECORDED = ("torch", "numpy", "numba")
GRADIENT_TOLERANCE: dict[Precision, float] = {"float32": 1e-3, "tf32": 1e-2, "bf16": 5e-2}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A choice of backend.

    Parameters
    ----------
    device
        `"cpu"`, `"cuda"` or another that torch knows.
    threads
        torch threads of one size.
    dtype
        As in the ladder.
    compiled
        Whether the loss or gradient goes through torch.compile.
    graphs
        Whether the gradient is replayed as a CUDA graph.
    rank, world
        Of this process among those of torchrun; 0 and 1 without.
    note
        Why something asked for was not chosen; empty if nothing.
    """

    device: str
    threads: int
    dtype: Precision
    compiled: bool = False
    graphs: bool = False
    rank: int = 0
    world: int = 1
    note: str = ""

    @property
    def device_name(self) -> str:
        """The device as people call it."""
        if self.device.startswith("cuda"):
            return torch.cuda.get_device_name(self.device)
        return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"

    @property
    def default_workers(self) -> int:
        """Sizes trained at a time: one for each group of `threads` cores; one on a GPU, compiled, or under torchrun."""
        alone = self.device != "cpu" or self.compiled or self.world > 1
        return 1 if alone else max(1, (os.cpu_count() or 1) // self.threads)

    def environment(self) -> dict[str, Any]:
        """All that the last bits of a curve depend on besides the ladder: what a resumed run compares."""
        names = ("device", "threads", "dtype", "compiled", "graphs", "world")
        chosen = {name: value for name, value in asdict(self).items() if name in names}
        versions = {name: version(name) for name in RECORDED}
        return {**chosen, "device_name": self.device_name, "python": platform.python_version(), **versions}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Threads, precision and determinism as chosen, and as they were afterwards."""
        before = torch.get_num_threads(), torch.get_float32_matmul_precision()
        deterministic = torch.are_deterministic_algorithms_enabled()
        torch.set_num_threads(self.threads)
        torch.set_float32_matmul_precision("high" if self.dtype == "tf32" else "highest")
        if self.device.startswith("cuda"):
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.set_float32_matmul_precision(before[1])
            torch.use_deterministic_algorithms(deterministic)

    def autocast(self) -> torch.autocast:
        """The context of forward and backward passes."""
        # A recorded graph must hold its own casts, not the results of earlier ones.
        return torch.autocast(
            self.device.split(":")[0], torch.bfloat16, enabled=self.dtype == "bf16", cache_enabled=not self.graphs
        )

    def prepare(self, model: Model) -> None:
        """Replace the model's gradient (or loss, where autograd makes the gradient) by a compiled one if chosen."""
        if self.compiled:
            name = "loss" if type(model).backward is Model.backward else "backward"
            setattr(model, name, torch.compile(getattr(model, name), dynamic=False))
        if self.graphs:
            model.backward = GraphedGradient(model.backward, model.flat_grad)

    def tensor(self, array: Any) -> Tensor:
        """A numpy array on the device."""
        tensor = torch.from_numpy(array)
        return tensor if self.device == "cpu" else tensor.to(self.device, non_blocking=True)

    def add_up(self, tensor: Tensor) -> Tensor:
        """The sum of all processes' tensors, in place; with one process, the tensor."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor


def choose_machine(ladder: LadderFile, *, device: str | None = None, threads: int | None = None) -> Machine:
    """The backend of a ladder on this machine.

    Parameters
    ----------
    ladder
        Its `dtype`, `compile` and widths matter.
    device
        Default: the first GPU if there is one, else the CPU; under torchrun the process's own GPU.
    threads
        torch threads of one size, >= 1; default 1 where every width is at most 256, so that curves do not depend on
        the number of cores, else one per core (under torchrun, this process's share).

    Raises
    ------
    InputError
        If the device is not there or `threads` is not positive.
    """
    rank, world = _join_processes(device)
    if device is None:
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"train_ladder needs a `device` that is here; got {device!r}: {reason}") from None
    if threads is None:
        share = max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
        threads = 1 if max(ladder.widths) <= SMALL_WIDTH or device != "cpu" else share
    if threads < 1:
        raise InputError(f"train_ladder needs `threads` >= 1; got {threads}. Leave it out for the default.")
    machine = Machine(device=device, threads=threads, dtype=ladder.dtype, rank=rank, world=world)
    on_gpu = device.startswith("cuda")
    wanted = ladder.compile == "on" or (ladder.compile == "auto" and on_gpu)
    return replace(_compiled(machine), graphs=on_gpu) if wanted else machine


def _compiled(machine: Machine) -> Machine:
    """The machine with compilation on if it works here: a small function is compiled and compared."""

    def probe(x: Tensor) -> Tensor:
        return torch.nn.functional.gelu(x @ x.mT, approximate="tanh").sum()

    try:
        x = torch.ones(8, 8, device=machine.device) / 8
        if not torch.allclose(torch.compile(probe, dynamic=False)(x), probe(x), rtol=1e-4):
            raise RuntimeError("a compiled function gives other numbers")
    except Exception as error:  # a missing compiler shows itself in many ways, as subclasses of nothing in common
        return _without(machine, "compiled", f"torch.compile does not work here ({_first_line(error)})")
    return replace(machine, compiled=True)


def confirm_fast(machine: Machine, model: Model, inputs: Tensor, targets: Tensor) -> Machine:
    """The machine without what of compilation and graphs does not give this model's gradient as the eager one does.

    The model's weights are moved off their start, where most gradients vanish; give one to throw away.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        model.flat.add_(torch.randn(model.flat.shape, generator=generator).to(model.flat.device), alpha=0.02)
    while machine.compiled or machine.graphs:
        try:
            off = _distance(machine, model, inputs, targets)
            if off < GRADIENT_TOLERANCE[machine.dtype]:
                break
            reason = f"the gradient is off by {off:.2g}"
        except Exception as error:  # whatever the compiler or the driver raises
            reason = _first_line(error)
        machine = _without(machine, "graphs" if machine.graphs else "compiled", f"it fails on this model ({reason})")
    return machine


def _without(machine: Machine, what: Literal["compiled", "graphs"], why: str) -> Machine:
    """The machine with one thing less, and a note of it beside the earlier ones."""
    said = {"compiled": "not compiled, the run is eager", "graphs": "without CUDA graphs"}[what]
    note = "; ".join(filter(None, [machine.note, f"{said}: {why}"]))
    return replace(machine, compiled=machine.compiled and what != "compiled", graphs=False, note=note)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _distance(machine: Machine, model: Model, inputs: Tensor, targets: Tensor) -> float:
    """How far the prepared gradient is from the eager one, relatively; the model is eager again afterwards."""
    try:
        with machine.autocast():
            model.backward(inputs, targets)
        eager = model.flat_grad.clone()
        machine.prepare(model)
        for x, y in ((inputs.flip(0), targets.flip(0)), (inputs, targets)):  # a graph is recorded, then replayed
            with machine.autocast():
                model.backward(x, y)
        return float((model.flat_grad - eager).norm() / eager.norm())
    finally:
        for name in ("loss", "backward"):
            vars(model).pop(name, None)


def _join_processes(device: str | None) -> tuple[int, int]:
    """Rank and number of processes under torchrun, joined into a group once; (0, 1) otherwise."""
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world == 1:
        return 0, 1
    if not dist.is_initialized():
        on_gpu = torch.cuda.is_available() and device != "cpu"
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if on_gpu else "gloo")
    return dist.get_rank(), dist.get_world_size()


def matmul_rate(
    device: str = "cpu", sizes: tuple[int, ...] = (1024, 2048), repeats: int = 3, dtype: torch.dtype = torch.float32
) -> float:
    """Best rate of square products, FLOPs a second, with torch's current threads and precision.

    >>> matmul_rate(sizes=(64,)) > 1e6
    True
    """
    best = 0.0
    for n in sizes:
        a = torch.ones(n, n, device=device, dtype=dtype)
        for _ in range(repeats):
            _wait(device)
            start = time.perf_counter()
            torch.mm(a, a)
            _wait(device)
            best = max(best, 2 * n**3 / (time.perf_counter() - start))
    return best


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
