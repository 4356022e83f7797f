"""The fused loops against torch's own operations in float64."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.models import fused  # noqa: E402
from scaling_collapse.empirical.trainer.models.activation import gelu, gelu_backward  # noqa: E402
from scaling_collapse.empirical.trainer.models.norm import EPSILON, rms, rms_and_factor, rms_backward  # noqa: E402

Z = torch.cat([torch.linspace(-40, 40, 4001), torch.randn(999, generator=torch.Generator().manual_seed(0))]).view(
    40, -1
)
G = torch.randn(Z.shape, generator=torch.Generator().manual_seed(1))


def test_gelu_and_its_gradient():
    exact = Z.double().requires_grad_()
    value = torch.nn.functional.gelu(exact, approximate="tanh")
    value.backward(G.double())
    np.testing.assert_allclose(fused.gelu_fused(Z), value.detach(), rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(fused.gelu_backward_fused(G, Z), exact.grad, rtol=2e-6, atol=1e-6)
    ours = Z.clone().requires_grad_()
    gelu(ours).backward(G)
    assert ours.grad is not None
    assert (ours.grad == fused.gelu_backward_fused(G, Z)).all()


def test_division_by_the_root_mean_square():
    r, factor = fused.rms_fused(Z, EPSILON)
    exact, exact_factor = rms_and_factor(Z.double())  # float64 goes through torch
    np.testing.assert_allclose(r, exact, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(factor, exact_factor, rtol=1e-6)
    np.testing.assert_allclose(
        fused.rms_backward_fused(G, r, factor), rms_backward(G.double(), exact, exact_factor), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_stays_so_in_its_row(bad):
    z = Z.clone()
    z[3, 5] = bad
    r, factor = fused.rms_fused(z, EPSILON)
    results = (fused.gelu_fused(z), fused.gelu_backward_fused(G, z), r, fused.rms_backward_fused(z, r, factor))
    assert not torch.isfinite(results[1][3, 5]) or bad == float("inf") or bad == float("-inf")
    for result in results:
        others = torch.arange(40) != 3
        assert torch.isfinite(result[others]).all()
    if bad != bad:
        assert all(torch.isnan(result[3, 5]) for result in results)


def test_other_types_and_layouts_go_through_torch():
    assert not fused.fusible(Z.double())
    assert not fused.fusible(Z.mT)
    z = Z.mT.clone(memory_format=torch.preserve_format)
    np.testing.assert_allclose(gelu_backward(G.mT, z), gelu_backward(G, Z).mT, atol=2e-6)
    np.testing.assert_allclose(rms(Z.mT), rms(Z.mT.contiguous()), atol=1e-6)
