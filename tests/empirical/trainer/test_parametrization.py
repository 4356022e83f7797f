"""Learning-rate factors, and the coordinate checks that say whether they are right."""

import json
from dataclasses import replace

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.parametrization import Parametrization, TensorSpec
from scaling_collapse.empirical.trainer.tasks import make_task

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.coordinate_check import CoordinateCheck, coordinate_check  # noqa: E402
from scaling_collapse.empirical.trainer.models.decoder import Decoder  # noqa: E402
from scaling_collapse.empirical.trainer.models.residual_mlp import ResidualMLP  # noqa: E402

EMBED = TensorSpec("embed", "embedding", (8, 512), 8)
HIDDEN = TensorSpec("up0", "hidden", (512, 512), 512)
READOUT = TensorSpec("readout", "readout", (512, 1), 512, zero=True)
WIDTHS = (32, 64, 128, 256)
SEEDS = [[0], [1], [2]]


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    """Six batches of each task."""
    fourier = make_task("fourier", {"dimensions": 4, "exponent": 1.5, "modes": 300})
    path = tmp_path_factory.mktemp("tokens") / "t.npy"
    rng = np.random.default_rng(0)
    np.save(path, np.cumsum(rng.integers(0, 3, 5000)) % 64)  # a random walk: something to learn
    tokens = make_task("tokens", {"file": path, "vocabulary_size": 64, "context": 16, "test_examples": 10})
    return {
        "mlp": [fourier.batch(64 * k, 64) for k in range(6)],
        "decoder": [tokens.batch(8 * k, 8) for k in range(6)],
    }


def check(kind, batches, rule, lr, optimizer="adam", widths=WIDTHS):
    def make(width):
        if kind == "mlp":
            return ResidualMLP(4, width, 3, seeds=SEEDS, parametrization=rule)
        return Decoder(64, 16, width, 2, seeds=SEEDS, parametrization=rule)

    return coordinate_check(make, widths, batches[kind], lr=lr, optimizer=optimizer)


@pytest.mark.parametrize(("kind", "lr"), [("mlp", 1e-3), ("decoder", 2e-3)])
class TestCoordinateCheck:
    def test_mup_is_flat_over_8x_in_width(self, batches, kind, lr):
        result = check(kind, batches, Parametrization(base_width=64), lr)
        assert result.flat
        assert max(map(abs, result.slopes)) < 0.15
        for change in (result.hidden, result.output):
            assert (change[:, -1].max() / change[:, -1].min()) < 1.4
            assert (change[:, -1] > 1.5 * change[:, 0]).all()  # it learns, and is not flat because nothing moves

    def test_standard_is_visibly_not_flat(self, batches, kind, lr):
        result = check(kind, batches, Parametrization(kind="standard"), lr)
        assert not result.flat
        assert result.slopes[0] > 0.5
        assert result.hidden[-1, -1] > 2.5 * result.hidden[0, -1]

    def test_constant_rates_grow_in_proportion_to_the_width(self, batches, kind, lr):
        # At a twentieth of the rate, where the change is still linear in it.
        result = check(kind, batches, Parametrization(kind="constant", base_width=64), lr / 20)
        assert not result.flat
        assert min(result.slopes) > 0.75

    def test_sgd_has_factors_of_its_own(self, batches, kind, lr):
        rate = {"mlp": 0.02, "decoder": 0.1}[kind]
        flat = check(kind, batches, Parametrization(base_width=64), rate, "sgd")
        steep = check(kind, batches, Parametrization(kind="constant", base_width=64), rate / 20, "sgd")
        assert max(map(abs, flat.slopes)) < 0.25 < max(map(abs, steep.slopes))


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_branches_and_rates_make_features_change_alike_at_every_depth(batches, alpha):
    """With 18 steps, so that the blocks' share of the change is large; leaving either factor out gives 3 or more."""
    rule = Parametrization(base_width=32, depth_exponent=alpha)
    changes = []
    for depth in (3, 24):

        def make(width, depth=depth):
            return ResidualMLP(4, width, depth, seeds=SEEDS, parametrization=rule)

        result = coordinate_check(make, (32, 33), batches["mlp"] * 3, lr=4e-3)
        changes.append(result.hidden[0, -1])
    assert 0.8 < changes[1] / changes[0] < 1.25


def test_gradients_shrink_as_epsilon_does(batches):
    """Epsilon grows with the width as the gradient does that it is added to."""
    rms, eps = {}, {}
    for width in (64, 512):
        model = ResidualMLP(4, width, 3, seeds=SEEDS)
        rng = torch.Generator().manual_seed(0)
        with torch.no_grad():  # as training makes them: the readout of order 1/width, along features
            hidden = model.features(torch.from_numpy(batches["mlp"][0].inputs)).hidden
            model.weights["readout"].copy_(hidden[:, :1].mT / width)
            for n in range(3):
                model.weights[f"down{n}"].copy_(torch.randn(3, width, width, generator=rng) * width**-0.5)
        model.backward(*map(torch.from_numpy, batches["mlp"][0]))
        rms[width] = {name: w.grad.square().mean().sqrt().item() for name, w in model.weights.items()}
        eps[width] = {name: scale.eps for name, scale in model.scales("adam").items()}
    for name in ("embed", "up1", "down1", "readout"):
        growth = eps[512][name] / eps[64][name]
        assert growth == (1 if name == "readout" else 1 / 8)
        assert rms[512][name] / rms[64][name] == pytest.approx(growth, rel=0.3), name


class TestScale:
    def test_mup_by_hand(self):
        rule = Parametrization(embedding=10.0, readout=2.0)
        embed, hidden, readout = (rule.scale(s, width=512, depth_growth=4.0) for s in (EMBED, HIDDEN, READOUT))
        assert (embed.lr, hidden.lr, readout.lr) == (10.0, 0.25, 0.5)
        assert (embed.sd, hidden.sd, readout.sd) == (8**-0.5, 512**-0.5, 0.0)
        assert (embed.weight_decay, hidden.weight_decay, readout.weight_decay) == (1.0, 4.0, 4.0)
        assert (embed.eps, hidden.eps, readout.eps) == (0.25, 1 / 16, 1.0)
        sgd = [rule.scale(s, width=512, depth_growth=4.0, optimizer="sgd").lr for s in (EMBED, HIDDEN, READOUT)]
        assert sgd == [40.0, 4.0, 0.5]

    def test_depth_exponent(self):
        half = Parametrization(depth_exponent=0.5)
        assert half.scale(HIDDEN, width=128, depth_growth=4.0).lr == 0.5
        assert half.branch(4.0) == 0.5
        assert Parametrization(depth_exponent=0.0).branch(9.0) == 1.0

    def test_standard(self):
        rule = Parametrization(kind="standard")
        for spec, sd in ((EMBED, 8**-0.5), (HIDDEN, 512**-0.5), (READOUT, 512**-0.5)):
            scale = rule.scale(spec, width=512)
            assert (scale.sd, scale.lr, scale.weight_decay, scale.eps) == (sd, 1.0, 1.0, 1.0)
        assert rule.scale(replace(EMBED, sd=0.1), width=512).sd == 0.1

    def test_constant_is_mup_at_384_for_every_width(self):
        constant, mup = Parametrization(kind="constant"), Parametrization()
        for spec in (EMBED, HIDDEN, READOUT):
            assert constant.scale(spec, width=2048) == constant.scale(spec, width=64) == mup.scale(spec, width=384)
        assert constant.scale(HIDDEN, width=64).lr == 1 / 3

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"kind": "ntk"}, "needs a `kind` of mup, standard, constant; got 'ntk'"),
            ({"base_width": 0}, "needs `base_width` >= 1; got 0"),
            ({"embedding": 0.0}, "needs a positive multiplier `embedding`; got 0.0"),
            ({"readout": float("nan")}, "needs a positive multiplier `readout`; got nan"),
            ({"depth_exponent": 2.0}, r"needs a `depth_exponent` in \[0, 1\]; got 2.0"),
        ],
    )
    def test_bad_fields(self, change, message):
        with pytest.raises(InputError, match=message):
            Parametrization(**change)


class TestResult:
    def test_slopes(self):
        widths = np.array([1.0, 2.0, 4.0])
        hidden, output = np.stack([widths, widths**2], 1), np.stack([widths, 3 * widths**0.1], 1)
        result = CoordinateCheck(widths=widths, hidden=hidden, output=output)
        assert result.slopes == pytest.approx((2.0, 0.1))
        assert not result.flat
        assert json.loads(json.dumps(result.to_json()))["hidden_slope"] == pytest.approx(2.0)

    def test_bad_input(self, batches):
        with pytest.raises(InputError, match="coordinate_check needs at least 2 widths and 1 batch; got 1 and 6"):
            check("mlp", batches, None, 1e-3, widths=(8,))
        with pytest.raises(InputError, match="coordinate_check needs changes that are finite and not zero"):
            check("mlp", batches, None, 0.0)
