"""Noise traces against covariance matrices of gradients taken one batch, and one example, at a time."""

import numpy as np
import pytest

from scaling_collapse import InputError

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.models.decoder import Decoder  # noqa: E402
from scaling_collapse.empirical.trainer.models.residual_mlp import ResidualMLP  # noqa: E402
from scaling_collapse.empirical.trainer.optimizers import make_optimizer, set_lr, step_per_gradient  # noqa: E402
from scaling_collapse.empirical.trainer.probes import feature_scales, noise_trace  # noqa: E402


def trained(kind, dtype=torch.float64):
    """A model of two seeds after some steps, its P, and twelve examples."""
    rng = torch.Generator().manual_seed(0)
    if kind == "mlp":
        model = ResidualMLP(3, 8, 2, seeds=[[0], [1]], dtype=dtype)
        x, y = torch.randn(12, 3, generator=rng).to(dtype), torch.randn(12, generator=rng).to(dtype)
    else:
        model = Decoder(7, 4, 8, 2, seeds=[[0], [1]], dtype=dtype)
        x, y = torch.randint(0, 7, (2, 12, 4), generator=rng)
    optimizer = make_optimizer(model)
    set_lr(optimizer, 0.02)
    for k in range(5):
        model.backward(x[k : k + 4], y[k : k + 4])
        optimizer.step()
    return model, step_per_gradient(optimizer, model, 0.02), x, y


def gradient_rows(model, seed, batches):
    """Gradient of one seed's loss on each batch by autograd, shape (batches, params), float64."""
    rows = []
    for x, y in batches:
        loss = model.loss(x, y)[seed]
        gradients = torch.autograd.grad(loss, list(model.weights.values()))
        rows.append(torch.cat([g[seed].reshape(-1) for g in gradients]).double().numpy())
    return np.stack(rows)


def of_seed(model, flat, seed):
    return torch.cat([view[seed].reshape(-1) for view in model.views(flat).values()]).double().numpy()


@pytest.mark.parametrize("kind", ["mlp", "decoder"])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_against_covariance_matrices(kind, size, dtype):
    model, P, x, y = trained(kind, dtype)
    batches = list(zip(x.split(size), y.split(size), strict=True))
    for published in (False, True):
        probe = noise_trace(model, batches, P, published=published)
        assert probe.batches == len(batches) == 12 // size
        for seed in range(2):
            rows = gradient_rows(model, seed, batches)
            u = rows * np.sqrt(of_seed(model, P, seed))
            rel = 1e-10 if dtype == torch.float64 else 1e-4
            assert probe.raw[seed].item() == pytest.approx(np.trace(np.cov(rows.T, bias=published)), rel=rel)
            assert probe.preconditioned[seed].item() == pytest.approx(np.trace(np.cov(u.T, bias=published)), rel=rel)


def test_the_published_estimate_is_the_mean_squared_distance_from_the_mean():
    model, P, x, y = trained("mlp")
    batches = list(zip(x.split(3), y.split(3), strict=True))
    u = gradient_rows(model, 0, batches) * np.sqrt(of_seed(model, P, 0))
    distance = ((u - u.mean(0)) ** 2).sum(1).mean()
    assert noise_trace(model, batches, P, published=True).preconditioned[0].item() == pytest.approx(distance)


def test_minibatches_have_the_noise_of_their_examples_over_their_number():
    """Over all batches of 2 drawn with replacement, the trace is exactly half the one over single examples."""
    model, P, x, y = trained("mlp")
    examples = noise_trace(model, zip(x.split(1), y.split(1), strict=True), P, published=True)
    pairs = [torch.tensor(pair) for pair in np.ndindex(12, 12)]
    batches = noise_trace(model, ((x[pair], y[pair]) for pair in pairs), P, published=True)
    np.testing.assert_allclose(batches.raw, examples.raw / 2, rtol=1e-10)
    np.testing.assert_allclose(batches.preconditioned, examples.preconditioned / 2, rtol=1e-10)


def test_weights_stay_as_they_are():
    model, P, x, y = trained("mlp")
    before = model.flat.clone()
    noise_trace(model, [(x[:6], y[:6]), (x[6:], y[6:])], P)
    assert (model.flat == before).all()


def test_equal_batches_have_no_noise():
    model, P, x, y = trained("decoder", torch.float32)
    probe = noise_trace(model, [(x, y)] * 5, P)
    assert probe.raw.abs().max() < 1e-12


def test_one_batch_is_refused():
    model, P, x, y = trained("mlp")
    with pytest.raises(InputError, match="noise_trace needs at least 2 batches; got 1"):
        noise_trace(model, [(x, y)], P)


def test_feature_scales():
    model, _, x, _ = trained("mlp")
    hidden, output = model.features(x)
    scales = feature_scales(model, x)
    for seed in range(2):
        assert scales.hidden[seed].item() == pytest.approx(np.sqrt((hidden[seed].detach().numpy() ** 2).mean()))
        assert scales.output[seed].item() == pytest.approx(np.sqrt((output[seed].detach().numpy() ** 2).mean()))
    assert not scales.hidden.requires_grad
