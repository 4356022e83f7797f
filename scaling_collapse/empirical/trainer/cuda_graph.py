"""A gradient recorded once as a CUDA graph and replayed: one launch instead of a hundred small kernels.

A graph reads and writes the same memory at every replay. So a batch is copied into fixed inputs, the gradient lands in
the model's own buffer, which never moves, and the losses are copied out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["GraphedGradient", "record_graph"]

Gradient = Callable[..., Tensor]
Recorder = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
WARM_UP = 3  # calls before recording, in which libraries choose algorithms and allocate workspaces


def record_graph(function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Record what a function launches on the GPU: how to replay it, and where its result then lies.

    The warm-up and the recording run on one side stream, as PyTorch's notes on CUDA semantics ask.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        result = function()
    return graph.replay, result


class GraphedGradient:
    """`Model.backward` by replay; batches of every shape get a graph of their own.

    Parameters
    ----------
    gradient
        The method, eager or compiled; the same launches at every call with one shape.
    flat_grad
        Where it writes: the buffer of all gradients.
    record
        How to record; tests replace it.
    """

    def __init__(self, gradient: Gradient, flat_grad: Tensor, record: Recorder = record_graph) -> None:
        self.gradient, self.flat_grad, self.record = gradient, flat_grad, record
        self.recorded: dict[tuple, tuple[Tensor, Tensor, Callable[[], None], Tensor]] = {}

    def __call__(self, inputs: Tensor, targets: Tensor, *, accumulate: bool = False, weight: float = 1.0) -> Tensor:
        """As `Model.backward`."""
        key = (inputs.shape, targets.shape, inputs.dtype, accumulate, weight)
        if key not in self.recorded:
            x, y = inputs.clone(), targets.clone()
            so_far = self.flat_grad.clone()  # recording calls the function several times; accumulate adds each time
            replay, loss = self.record(lambda: self.gradient(x, y, accumulate=accumulate, weight=weight))
            self.flat_grad.copy_(so_far)
            self.recorded[key] = x, y, replay, loss
        x, y, replay, loss = self.recorded[key]
        x.copy_(inputs)
        y.copy_(targets)
        replay()
        return loss.clone()
