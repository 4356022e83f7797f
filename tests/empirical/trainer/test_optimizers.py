"""Optimizers against the textbook updates in float64 numpy, tensor by tensor, seed by seed."""

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.parametrization import Parametrization

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.models.residual_mlp import ResidualMLP  # noqa: E402
from scaling_collapse.empirical.trainer.optimizers import make_optimizer, set_lr, step_per_gradient  # noqa: E402

RULE = Parametrization(base_width=4, embedding=3.0)


def model(dtype=torch.float64, seeds=((0,), (1,))):
    return ResidualMLP(2, 8, 2, seeds=seeds, parametrization=RULE, dtype=dtype)


def gradients(k, like):
    return torch.from_numpy(np.random.default_rng(k).standard_normal(like.shape)).to(like.dtype)


def train(m, optimizer, lrs):
    for k, lr in enumerate(lrs):
        set_lr(optimizer, lr)
        m.flat_grad.copy_(gradients(k, m.flat_grad))
        optimizer.step()


def textbook(kind, w, g, lr, scale, decay, eps, state):
    if kind == "sgd":
        state["u"] = 0.8 * state.get("u", 0.0) + g
        return w - lr * scale.lr * state["u"]
    state["k"] = state.get("k", 0) + 1
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * g
    state["v"] = 0.95 * state.get("v", 0.0) + 0.05 * g**2
    m_hat, v_hat = state["m"] / (1 - 0.9 ** state["k"]), state["v"] / (1 - 0.95 ** state["k"])
    w = w - lr * scale.lr * decay * scale.weight_decay * w
    return w - lr * scale.lr * m_hat / (np.sqrt(v_hat) + eps * scale.eps)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("kind", "decay"), [("adam", 0.0), ("adamw", 0.3), ("sgd", 0.0)])
def test_against_the_textbook(kind, decay, fused):
    m, eps, lrs = model(), 0.05, (0.1, 0.2, 0.05, 0.0, 0.1)
    start = {name: w.detach().numpy().copy() for name, w in m.weights.items()}
    optimizer = make_optimizer(m, kind, eps=eps, weight_decay=decay, momentum=0.8, fused=fused)
    train(m, optimizer, lrs)
    for name, w in start.items():
        state = {}
        for k, lr in enumerate(lrs):
            g = m.views(gradients(k, m.flat_grad))[name].numpy()
            w = textbook(kind, w, g, lr, m.scales(kind)[name], decay, eps, state)
        np.testing.assert_allclose(m.weights[name].detach(), w, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_float32_against_torch_one_tensor_at_a_time(kind):
    """The same rates given to torch's unfused optimizer by hand, one group a tensor."""
    m, twin = model(torch.float32), model(torch.float32)
    train(m, make_optimizer(m, kind), (0.01,) * 4)
    groups = [{"params": [w], "lr": 0.01 * twin.scales(kind)[name].lr} for name, w in twin.weights.items()]
    reference = {
        "adam": lambda: torch.optim.Adam(groups, betas=(0.9, 0.95), eps=1e-20, foreach=False),
        "adamw": lambda: torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-20, weight_decay=0.0, foreach=False),
        "sgd": lambda: torch.optim.SGD(groups, momentum=0.9, foreach=False),
    }[kind]()
    for k in range(4):
        twin.flat_grad.copy_(gradients(k, twin.flat_grad))
        reference.step()
    torch.testing.assert_close(m.flat, twin.flat, rtol=1e-5, atol=1e-7)


def test_a_zero_gradient_moves_nothing_under_the_published_epsilon():
    m = model(torch.float32)
    optimizer = make_optimizer(m)
    set_lr(optimizer, 0.1)
    before = m.flat.clone()
    m.flat_grad.zero_()
    optimizer.step()
    assert (m.flat == before).all()


def test_a_seed_that_breaks_spoils_no_other():
    m, twin = model(), model()
    x, y = gradients(0, torch.empty(16, 2, dtype=torch.float64)), gradients(1, torch.empty(16, dtype=torch.float64))
    with torch.no_grad():
        m.weights["embed"][1, 0, 0] = float("nan")
    for run in (m, twin):
        optimizer = make_optimizer(run)
        set_lr(optimizer, 0.01)
        for _ in range(3):
            loss = run.backward(x, y)
            optimizer.step()
    assert loss[0].isfinite()
    assert m.loss(x, y)[1].isnan()
    for name, w in m.weights.items():
        assert (w[0] == twin.weights[name][0]).all()


class TestStepPerGradient:
    @pytest.mark.parametrize("kind", ["adam", "adamw"])
    def test_adam(self, kind):
        m = model()
        optimizer = make_optimizer(m, kind, eps=1e-3)
        train(m, optimizer, (0.1, 0.0))
        P = m.views(step_per_gradient(optimizer, m, 0.1))
        for name, scale in m.scales(kind).items():
            first, second = (m.views(gradients(k, m.flat_grad))[name] ** 2 for k in (0, 1))
            v_hat = (0.95 * 0.05 * first + 0.05 * second) / (1 - 0.95**2)
            torch.testing.assert_close(P[name], 0.1 * scale.lr / (v_hat.sqrt() + 1e-3 * scale.eps))

    def test_the_state_stays(self):
        m, twin = model(), model()
        for run in (m, twin):
            optimizer = make_optimizer(run)
            train(run, optimizer, (0.1,))
            if run is m:
                step_per_gradient(optimizer, m, 0.1)
            train(run, optimizer, (0.1,))
        assert (m.flat == twin.flat).all()

    def test_sgd(self):
        m = model()
        P = m.views(step_per_gradient(make_optimizer(m, "sgd", momentum=0.75), m, 0.1))
        for name, scale in m.scales("sgd").items():
            assert P[name].unique().item() == pytest.approx(0.4 * scale.lr)

    def test_before_the_first_step(self):
        m = model()
        with pytest.raises(InputError, match="step_per_gradient needs an optimizer after its first step"):
            step_per_gradient(make_optimizer(m), m, 0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "lion"}, "needs a `kind` of adam, adamw, sgd; got 'lion'"),
        ({"betas": (0.9, 1.0)}, r"needs `betas` and `momentum` in \[0, 1\); got \(0.9, 1.0\) and 0.9"),
        ({"momentum": -0.1}, r"in \[0, 1\); got \(0.9, 0.95\) and -0.1"),
        ({"eps": -1.0}, "needs `eps` and `weight_decay` >= 0; got -1.0 and 0.0"),
        ({"weight_decay": 0.1}, "needs `kind` adamw for a `weight_decay`; got adam"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        make_optimizer(model(), **options)
