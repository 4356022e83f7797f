"""Both models against slow, obviously right ones: one seed at a time, float64, autograd."""

import sys

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.models import MODELS, model_class
from scaling_collapse.empirical.trainer.parametrization import Parametrization

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.models.decoder import Decoder  # noqa: E402
from scaling_collapse.empirical.trainer.models.model import initial_draw  # noqa: E402
from scaling_collapse.empirical.trainer.models.residual_mlp import ResidualMLP  # noqa: E402


def rms(h):
    return h / torch.sqrt((h**2).mean(-1, keepdim=True) + 1e-6)


def gelu(z):
    return z / 2 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (z + 0.044715 * z**3)))


def naive_mlp(w, depth, x, y):
    h = x @ w["embed"]
    for n in range(depth):
        h = h + 6 / depth * gelu(rms(h) @ w[f"up{n}"]) @ w[f"down{n}"]
    f = (rms(h) @ w["readout"])[:, 0]
    return h, f, ((f - y) ** 2).mean() / 2


def naive_decoder(w, depth, heads, tokens, targets):
    """One sequence, one head, one query at a time."""
    total, hs, outs = 0.0, [], []
    for row, wanted in zip(tokens, targets, strict=True):
        h = torch.stack([w["token"][t] + w["position"][i] for i, t in enumerate(row)])
        T, D = h.shape
        K = D // heads
        for n in range(depth):
            q, k, v = (rms(h) @ w[f"qkv{n}"]).split(D, dim=1)
            mixed = []
            for i in range(T):
                parts = []
                for a in range(heads):
                    cut = slice(a * K, (a + 1) * K)
                    scores = torch.stack([rms(q[i, cut]) @ rms(k[j, cut]) / K**0.5 for j in range(i + 1)])
                    p = torch.exp(scores) / torch.exp(scores).sum()
                    parts.append(sum(p[j] * v[j, cut] for j in range(i + 1)))
                mixed.append(torch.cat(parts))
            h = h + 3 / depth * torch.stack(mixed) @ w[f"out{n}"]
            h = h + 3 / depth * gelu(rms(h) @ w[f"up{n}"]) @ w[f"down{n}"]
        z = rms(h) @ w["readout"]
        hs.append(h)
        outs.append(z)
        total = total - sum(z[i, t] - torch.log(torch.exp(z[i]).sum()) for i, t in enumerate(wanted))
    return torch.cat(hs), torch.cat(outs), total / targets.numel()


def mlp(dtype=torch.float64, seeds=((0,), (7,)), **options):
    return ResidualMLP(3, 12, 2, seeds=seeds, dtype=dtype, **options)


def decoder(dtype=torch.float64, seeds=((0,), (7,)), **options):
    return Decoder(11, 5, 128, 2, seeds=seeds, dtype=dtype, **options)


def small_decoder(dtype=torch.float64, seeds=((0,), (7,)), **options):
    return Decoder(11, 5, 20, 3, seeds=seeds, dtype=dtype, **options)


def data(model):
    rng = torch.Generator().manual_seed(0)
    if isinstance(model, ResidualMLP):
        x = torch.rand(7, 3, generator=rng, dtype=torch.float64) - 0.5
        return x.to(model.flat.dtype), torch.randn(7, generator=rng, dtype=torch.float64).to(model.flat.dtype)
    return torch.randint(0, 11, (2, 2, 5), generator=rng).unbind(0)


def naive(model, seed, x, y):
    """Features, outputs, loss and gradients of one seed, by the naive models."""
    w = {name: t[seed].detach().double().requires_grad_() for name, t in model.weights.items()}
    if isinstance(model, ResidualMLP):
        h, f, loss = naive_mlp(w, model.depth, x.double(), y.double())
    else:
        h, f, loss = naive_decoder(w, model.depth, max(1, model.width // 64), x, y)
    loss.backward()
    return h, f, loss, {name: t.grad for name, t in w.items()}


def away_from_zero(model):
    """The zeros of the initialization would leave most gradients zero."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        noise = torch.randn(model.flat.shape, generator=rng, dtype=torch.float64)
        model.flat += 0.2 * noise.to(model.flat.dtype)
    return model


@pytest.mark.parametrize("make", [mlp, decoder, small_decoder])
class TestBoth:
    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
    def test_features_loss_and_gradients_of_every_seed(self, make, dtype):
        model = away_from_zero(make(dtype))
        x, y = data(model)
        tight = {"rtol": 1e-9, "atol": 1e-11} if dtype == torch.float64 else {"rtol": 1e-3, "atol": 2e-5}
        loss = model.backward(x, y)
        hidden, output = model.features(x)
        torch.testing.assert_close(model.loss(x, y), loss)
        assert not loss.requires_grad
        for seed in range(2):
            h, f, reference, gradients = naive(model, seed, x, y)
            torch.testing.assert_close(hidden[seed].double(), h, **tight)
            torch.testing.assert_close(output[seed].double(), f, **tight)
            assert loss[seed].item() == pytest.approx(reference.item(), rel=tight["rtol"])
            for name, gradient in gradients.items():
                assert gradient.abs().max() > 1e-4
                torch.testing.assert_close(model.weights[name].grad[seed].double(), gradient, **tight)

    def test_accumulated_halves_are_the_whole(self, make):
        model = away_from_zero(make())
        x, y = data(model)
        model.backward(x, y)
        whole = model.flat_grad.clone()
        n = len(x) // 2
        for part, accumulate in ((slice(0, n), False), (slice(n, 2 * n), True)):
            model.backward(x[part], y[part], accumulate=accumulate, weight=0.5)
        halves = model.flat_grad.clone()
        model.backward(x[: 2 * n], y[: 2 * n])
        torch.testing.assert_close(halves, model.flat_grad)
        assert len(x) == 2 * n or not torch.allclose(whole, halves)

    def test_a_seed_starts_alike_alone_and_with_others(self, make):
        both, alone = make(), make(seeds=((7,),))
        for name, tensor in alone.weights.items():
            assert (tensor[0] == both.weights[name][1]).all()
        assert (both.weights["up0"][0] != both.weights["up0"][1]).all()
        x, y = data(both)
        torch.testing.assert_close(alone.loss(x, y)[0], both.loss(x, y)[1])

    def test_weights_and_gradients_are_views_of_the_flat_buffers(self, make):
        model = make()
        assert model.flat.numel() == 2 * model.params == sum(w.numel() for w in model.weights.values())
        model.backward(*data(model))
        with torch.no_grad():
            model.flat.fill_(2.0)
            model.flat_grad.fill_(3.0)
        assert all((w == 2).all() and (w.grad == 3).all() for w in model.weights.values())
        assert list(model.views(model.flat)) == [spec.name for spec in model.specs] == list(model.weights)

    def test_autocast_keeps_the_loss_close(self, make):
        model = away_from_zero(make(torch.float32))
        x, y = data(model)
        exact = model.loss(x, y)
        with torch.autocast("cpu", torch.bfloat16):
            rough = model.loss(x, y)
        assert (rough != exact).any()
        torch.testing.assert_close(rough, exact, rtol=0.1, atol=0.02)


class TestInitialization:
    def test_mlp(self):
        model = ResidualMLP(8, 256, 2, seeds=[[0], [1]])
        w = model.weights
        assert model.params == 8 * 256 + 2 * 2 * 256**2 + 256
        assert not any(w[name].any() for name in ("down0", "down1", "readout"))
        assert w["embed"].var().item() == pytest.approx(1 / 8, rel=0.1)
        assert w["up1"].var().item() == pytest.approx(1 / 256, rel=0.05)
        assert abs(np.corrcoef(w["up0"][0].detach().flatten(), w["up1"][0].detach().flatten())[0, 1]) < 0.02

    def test_decoder(self):
        model = Decoder(64, 32, 128, 3, seeds=[[0]])
        w, D = model.weights, 128
        assert model.params == 64 * D + 32 * D + 3 * 6 * D**2 + 64 * D
        zero = {name for name, t in w.items() if not t.any()}
        assert zero == {"readout", *(f"{kind}{n}" for kind in ("out", "down") for n in range(3))}
        assert w["token"].std().item() == pytest.approx(0.1, rel=0.03)
        assert w["position"].std().item() == pytest.approx(0.1, rel=0.03)
        assert w["qkv2"].std().item() == pytest.approx(D**-0.5, rel=0.02)
        # Nothing is learned yet: every id is as likely as any other.
        x = torch.randint(0, 64, (3, 32))
        assert model.loss(x, x).item() == pytest.approx(np.log(64))

    def test_the_standard_parametrization_draws_what_starts_at_zero(self):
        model = ResidualMLP(8, 64, 2, seeds=[[0]], parametrization=Parametrization(kind="standard"))
        assert model.weights["readout"].std().item() == pytest.approx(1 / 8, rel=0.3)
        assert model.weights["down1"].std().item() == pytest.approx(1 / 8, rel=0.05)

    def test_depth_sets_the_branch(self):
        assert ResidualMLP(2, 4, 3, seeds=[[0]]).branch == 2
        assert Decoder(4, 4, 4, 12, seeds=[[0]]).branch == 1 / 4
        half = Parametrization(depth_exponent=0.5)
        assert Decoder(4, 4, 4, 12, seeds=[[0]], parametrization=half).branch == 1 / 2

    def test_draws_depend_on_name_and_seed_alone(self):
        deep, shallow = (ResidualMLP(2, 8, n, seeds=[[3, 1]]).weights for n in (4, 2))
        assert (deep["up1"] == shallow["up1"]).all()
        spec = ResidualMLP.tensors(2, 8, 2)[1]
        assert spec.name == "up0"
        np.testing.assert_array_equal(deep["up0"][0].detach(), initial_draw([3, 1], spec) * np.float32(8**-0.5))


class TestDecoder:
    def test_no_position_sees_the_future(self):
        model = away_from_zero(decoder())
        x, _ = data(model)
        changed = x.clone()
        changed[:, 3:] = (changed[:, 3:] + 1) % 11
        a, b = (model.features(t).output.view(2, 2, 5, 11) for t in (x, changed))
        torch.testing.assert_close(a[:, :, :3], b[:, :, :3])
        assert not torch.allclose(a[:, :, 3:], b[:, :, 3:])

    def test_shorter_sequences(self):
        model = away_from_zero(decoder())
        x, _ = data(model)
        whole = model.features(x).output.view(2, 2, 5, 11)
        torch.testing.assert_close(model.features(x[:, :2]).output.view(2, 2, 2, 11), whole[:, :, :2])

    def test_heads(self):
        assert [Decoder(4, 4, d, 1, seeds=[[0]]).heads for d in (16, 64, 192)] == [1, 1, 3]


class TestErrors:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: ResidualMLP(0, 4, 2, seeds=[[0]]), "needs inputs, width and depth >= 1; got 0, 4, 2"),
            (lambda: ResidualMLP(2, 4, 2, seeds=[]), "ResidualMLP needs at least 1 seed; got none"),
            (lambda: Decoder(1, 4, 4, seeds=[[0]]), "needs a vocabulary >= 2 and context, width.* got 1, 4, 4, 3"),
            (lambda: Decoder(4, 4, 96, seeds=[[0]]), "width of at most 64 or a multiple of it; got 96"),
            (lambda: model_class("cnn"), "model_class needs a model of mlp, decoder; got 'cnn'"),
        ],
    )
    def test_bad_shapes(self, make, message):
        with pytest.raises(InputError, match=message):
            make()

    def test_registry(self):
        assert {kind: model_class(kind) for kind in MODELS} == {"mlp": ResidualMLP, "decoder": Decoder}

    def test_missing_torch(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(InputError, match=r"needs PyTorch; got none. Run: pip install 'scaling-collapse\[train\]'"):
            model_class("mlp")
