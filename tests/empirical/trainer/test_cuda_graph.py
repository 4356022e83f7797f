"""Recording and replaying a gradient: fixed memory, one graph a shape, and the run's curves on a real GPU."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scaling_collapse.empirical.trainer import machine as machines  # noqa: E402
from scaling_collapse.empirical.trainer import parse_ladder, train_ladder  # noqa: E402
from scaling_collapse.empirical.trainer.cuda_graph import GraphedGradient  # noqa: E402
from scaling_collapse.empirical.trainer.machine import Machine, confirm_fast  # noqa: E402
from scaling_collapse.empirical.trainer.models.decoder import Decoder  # noqa: E402
from scaling_collapse.empirical.trainer.models.residual_mlp import ResidualMLP  # noqa: E402

LADDER = parse_ladder({
    "name": "g", "widths": [8, 16], "seeds": 2, "batch_size": 64, "model": {"kind": "mlp", "depth": 2},
    "task": {"kind": "fourier", "dimensions": 2, "modes": 20}, "horizon": {"tokens": 6400},
    "evaluation": {"linear": 5, "log": 0},
})  # fmt: skip


class Recorder:
    """Stands for CUDA: calls the function as a recording does, and replays by calling it again."""

    def __init__(self):
        self.recordings = 0

    def __call__(self, function):
        self.recordings += 1
        for _ in range(2):
            function()
        result = function()  # replays write where this lies

        def replay():
            result.copy_(function())

        return replay, result


def batches():
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(n, 3, generator=generator), torch.randn(n, generator=generator)) for n in (16, 16, 8)]


@pytest.mark.parametrize("accumulate", [False, True])
def test_gradients_and_losses_are_the_eager_ones(accumulate):
    eager, graphed = (ResidualMLP(3, 8, 2, seeds=[[0], [1]]) for _ in range(2))
    record = Recorder()
    gradient = GraphedGradient(graphed.backward, graphed.flat_grad, record)
    earlier = None
    for inputs, targets in batches():
        want = eager.backward(inputs, targets, accumulate=accumulate, weight=0.5)
        got = gradient(inputs, targets, accumulate=accumulate, weight=0.5)
        torch.testing.assert_close(got, want, rtol=0, atol=0)
        torch.testing.assert_close(graphed.flat_grad, eager.flat_grad, rtol=0, atol=0)
        assert earlier is None or earlier is not got
        earlier = got
    assert record.recordings == 2  # one a shape


def test_a_decoder_too():
    eager, graphed = (Decoder(16, 4, 8, 1, seeds=[[0]]) for _ in range(2))
    ids = torch.arange(12).reshape(3, 4)
    gradient = GraphedGradient(graphed.backward, graphed.flat_grad, Recorder())
    for inputs in (ids, ids.flip(0)):
        assert float(gradient(inputs, inputs + 1)) == float(eager.backward(inputs, inputs + 1))
        assert (graphed.flat_grad == eager.flat_grad).all()


@pytest.mark.parametrize(("twist", "kept"), [(1.0, True), (1.1, False)])
def test_a_graph_with_another_gradient_is_not_used(monkeypatch, twist, kept):
    class Twisted(GraphedGradient):
        def __call__(self, *args, **kwargs):
            loss = super().__call__(*args, **kwargs)
            self.flat_grad.mul_(twist)
            return loss

    monkeypatch.setattr(machines, "GraphedGradient", lambda g, flat: Twisted(g, flat, Recorder()))
    machine = Machine(device="cpu", threads=1, dtype="float32", graphs=True)
    model = ResidualMLP(3, 8, 2, seeds=[[0]])
    found = confirm_fast(machine, model, *batches()[0])
    assert found.graphs is kept
    assert ("without CUDA graphs: it fails on this model (the gradient is off by 0.1)" in found.note) is not kept
    assert not {"backward", "loss"} & set(vars(model))


def test_without_cuda_a_graph_is_given_up_and_the_reason_said():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    machine = Machine(device="cpu", threads=1, dtype="float32", graphs=True)
    found = confirm_fast(machine, ResidualMLP(3, 8, 2, seeds=[[0]]), *batches()[0])
    assert not found.graphs
    assert found.note.startswith("without CUDA graphs: it fails on this model (")


@pytest.mark.gpu
def test_on_a_gpu_curves_are_those_of_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    there = train_ladder(replace(LADDER, compile="auto"), device="cuda")
    for a, b in zip(there, train_ladder(LADDER, device="cpu"), strict=True):
        np.testing.assert_allclose(a.loss, b.loss, rtol=5e-3)
