"""Optimizers against the textbook updates in float64 numpy, tensor by tensor, seed by seed."""

import itertools

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.parametrization import Parametrization

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.models.decoder import Decoder  # noqa: E402
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


def orthogonalized(u):
    """Five Newton-Schulz steps in float64, on the smaller side, as the post that introduced Muon writes them."""
    x = u / np.linalg.norm(u)
    x = x if x.shape[0] <= x.shape[1] else x.T
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x if u.shape[0] <= u.shape[1] else x.T


class TestMuon:
    LRS = (0.1, 0.2, 0.05)

    def test_hidden_matrices_against_the_textbook(self):
        m = model()
        hidden = [spec.name for spec in m.specs if spec.kind == "hidden"]
        start = {name: m.weights[name].detach().numpy().copy() for name in hidden}
        train(m, make_optimizer(m, "muon", weight_decay=0.3, momentum=0.8), self.LRS)
        for name, seed in itertools.product(hidden, range(2)):
            w, buffer = start[name][seed], 0.0
            for k, lr in enumerate(self.LRS):
                g = m.views(gradients(k, m.flat_grad))[name][seed].numpy()
                buffer = 0.8 * buffer + 0.2 * g
                # At the base width 4 the entries move as far as AdamW's, 0.2 of the rate, at every width by as much.
                w = w - lr * 0.3 * w - lr * 0.2 * 4**0.5 * orthogonalized(0.8 * buffer + 0.2 * g)
            moved = np.linalg.norm(w - start[name][seed])
            assert np.linalg.norm(m.weights[name][seed].detach().numpy() - w) < 0.02 * moved  # torch's are bfloat16

    def test_the_rest_is_adamw(self):
        m, twin = model(), model()
        train(m, make_optimizer(m, "muon", weight_decay=0.3), self.LRS)
        train(twin, make_optimizer(twin, "adamw", weight_decay=0.3), self.LRS)
        for spec in m.specs:
            assert (m.weights[spec.name] == twin.weights[spec.name]).all() == (spec.kind != "hidden")

    def test_the_step_has_the_same_spectral_norm_at_every_width(self):
        norms = []
        for width in (16, 64, 256):
            m = ResidualMLP(2, width, 1, seeds=((0,),), parametrization=Parametrization(base_width=16))
            before = m.weights["up0"].detach().clone()
            train(m, make_optimizer(m, "muon"), (0.1,))
            norms.append(torch.linalg.matrix_norm(m.weights["up0"][0].detach() - before[0], ord=2).item())
        assert max(norms) < 1.3 * min(norms)  # five steps leave singular values between .7 and 1.2
        assert norms[0] == pytest.approx(0.1 * 0.2 * 16**0.5, rel=0.35)

    def test_wide_matrices_move_further_as_mup_asks(self):
        decoder = Decoder(8, 4, 8, 1, seeds=((0,),), parametrization=RULE)
        before = {name: w.detach().clone() for name, w in decoder.weights.items()}
        train(decoder, make_optimizer(decoder, "muon"), (0.1,))
        spectral = {
            name: torch.linalg.matrix_norm(decoder.weights[name][0].detach() - before[name][0], ord=2).item()
            for name in ("qkv0", "up0")
        }
        assert spectral["qkv0"] / spectral["up0"] == pytest.approx(3**0.5, rel=0.35)  # (outputs / inputs)^(1/2)

    def test_a_seed_that_breaks_spoils_no_other(self):
        m, twin = model(torch.float32), model(torch.float32)
        with torch.no_grad():
            m.weights["up0"][1, 0, 0] = float("nan")
        x, y = torch.randn(16, 2), torch.randn(16)
        for run in (m, twin):
            optimizer = make_optimizer(run, "muon")
            set_lr(optimizer, 0.01)
            for _ in range(3):
                run.backward(x, y)
                optimizer.step()
        for name, w in m.weights.items():
            assert (w[0] == twin.weights[name][0]).all()
        assert m.weights["up0"][1].isnan().all()

    def test_its_step_is_no_multiple_of_the_gradient(self):
        m = model()
        with pytest.raises(InputError, match=r"needs Adam, AdamW or SGD; got Muon\. Set noise_points = 0"):
            step_per_gradient(make_optimizer(m, "muon"), m, 0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "lion"}, "needs a `kind` of adam, adamw, sgd, muon; got 'lion'"),
        ({"betas": (0.9, 1.0)}, r"needs `betas` and `momentum` in \[0, 1\); got \(0.9, 1.0\) and 0.9"),
        ({"momentum": -0.1}, r"in \[0, 1\); got \(0.9, 0.95\) and -0.1"),
        ({"eps": -1.0}, "needs `eps` and `weight_decay` >= 0; got -1.0 and 0.0"),
        ({"weight_decay": 0.1}, "needs `kind` adamw or muon for a `weight_decay`; got adam"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        make_optimizer(model(), **options)
