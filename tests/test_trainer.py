"""The demo's trainer: target, model, and the loop that turns them into a ladder."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from scaling_collapse.empirical.trainer.fourier import FourierTask
from scaling_collapse.empirical.trainer.ladders import PRESETS, LadderConfig, load_preset
from scaling_collapse.empirical.trainer.train import evaluation_steps, train_ladder
from scaling_collapse.theory import InputError

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.mlp import ResidualMLP, parameter_count  # noqa: E402

TASK = FourierTask(dimensions=2, exponent=1.5, modes=40, seed=3)
TINY = LadderConfig(
    name="tiny", task=TASK, widths=(4, 8), kappa=4000.0, gamma=0.0, seeds=3, depth=2, batch_size=32, test_examples=64
)


def naive_modes(task):
    """The draw of RECIPES without merging: k (modes, d), complex amplitudes (modes,), before scaling."""
    rng = np.random.default_rng(task.seed)
    radius = (1 - rng.random(task.modes)) ** (-1 / task.exponent)
    direction = rng.standard_normal((task.modes, task.dimensions))
    k = np.rint(radius[:, None] * direction / np.linalg.norm(direction, axis=1)[:, None])
    return k, rng.standard_normal(task.modes), rng.integers(0, 2, task.modes) * np.pi / 2


class TestFourierTask:
    @pytest.mark.parametrize("task", [TASK, FourierTask(dimensions=8, exponent=2.0, modes=3000)], ids=["2d", "8d"])
    def test_equals_the_unmerged_sum_up_to_scale_and_constant(self, task):
        x = np.random.default_rng(0).random((500, task.dimensions)).astype(np.float32) - np.float32(0.5)
        k, w, phase = naive_modes(task)
        varies = (k != 0).any(axis=1)
        naive = np.cos(2 * np.pi * x.astype(float) @ k[varies].T + phase[varies]) @ w[varies]
        y = task(x).astype(float)
        scale = (y @ naive) / (naive @ naive)
        assert np.abs(y - scale * naive).max() < 2e-5

    @pytest.mark.parametrize("seed", range(3))
    def test_unit_variance(self, seed):
        # A grid finer than twice the highest frequency integrates y and y^2 exactly.
        task = FourierTask(dimensions=2, exponent=1.5, modes=60, seed=seed)
        n = 4 * int(np.abs(task.frequencies).max()) + 1
        x = np.stack(np.meshgrid(*[np.arange(n) / n - 0.5] * 2), axis=-1).reshape(-1, 2)
        y = task(x).astype(float)
        assert y.mean() == pytest.approx(0, abs=1e-5)
        assert y.var() == pytest.approx(1, abs=1e-5)

    def test_modes_are_distinct_up_to_sign_and_not_zero(self):
        k = FourierTask(dimensions=3, exponent=1.5, modes=2000).frequencies
        both = np.concatenate([k, -k])
        assert len(np.unique(both, axis=0)) == 2 * len(k)

    def test_the_draw_is_fixed_by_the_seed(self):
        x, y = TASK.sample(np.random.default_rng(1), 5)
        assert (replace(TASK)(x) == y).all()
        assert (replace(TASK, seed=4)(x) != y).any()
        assert (np.abs(x) <= 0.5).all()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dimensions": 0}, "needs `dimensions` >= 1; got 0"),
            ({"modes": 0}, "needs `modes` >= 1; got 0"),
            ({"seed": -1}, "needs `seed` >= 0; got -1"),
            ({"exponent": 0.0}, "needs a positive `exponent`; got 0.0"),
        ],
    )
    def test_bad_parameters(self, change, message):
        with pytest.raises(InputError, match=message):
            replace(TASK, **change)

    def test_all_frequencies_zero(self):
        with pytest.raises(InputError, match="needs a frequency other than zero"):
            FourierTask(dimensions=50, exponent=50.0, modes=1).frequencies  # noqa: B018

    def test_bad_inputs(self):
        with pytest.raises(InputError, match=r"needs inputs of shape \(n, 2\); got \(5, 3\)"):
            TASK(np.zeros((5, 3)))


class TestResidualMLP:
    def test_gradient_against_float64_autograd(self):
        torch_rng = torch.Generator().manual_seed(0)
        model = ResidualMLP(2, 6, 3, seeds=[[0], [1]], dtype=torch.float64)
        for weight in model.parameters():  # leave the zeros of the initialization
            weight.add_(torch.randn(weight.shape, generator=torch_rng, dtype=torch.float64) * 0.3)
        x = torch.rand(7, 2, generator=torch_rng, dtype=torch.float64)
        y = torch.randn(7, generator=torch_rng, dtype=torch.float64)
        model.backward(x, y)
        written_out = [weight.grad.clone() for weight in model.parameters()]
        leaves = [weight.detach().requires_grad_() for weight in model.parameters()]
        model.embed, model.readout = leaves[0], leaves[-1]
        model.up, model.down = leaves[1:4], leaves[4:7]
        autograd = torch.autograd.grad(model.loss(x, y).sum(), leaves)
        for ours, reference in zip(written_out, autograd, strict=True):
            torch.testing.assert_close(ours, reference, rtol=1e-12, atol=1e-14)

    def test_one_model_by_hand(self):
        model = ResidualMLP(2, 4, 2, seeds=[[0], [7]], dtype=torch.float64)
        rng = np.random.default_rng(0)
        for weight in model.parameters():
            weight.copy_(torch.from_numpy(rng.standard_normal(weight.shape)))
        E, *blocks, r = [weight[1].numpy() for weight in model.parameters()]
        x = rng.standard_normal((5, 2))

        def rms(h):
            return h / np.sqrt((h**2).mean(axis=1, keepdims=True) + 1e-6)

        def gelu(z):
            return z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))

        h = x @ E
        for U, V in zip(blocks[:2], blocks[2:], strict=True):
            h = h + (6 / 2) * gelu(rms(h) @ U) @ V
        np.testing.assert_allclose(model.predict(torch.from_numpy(x))[1], (rms(h) @ r)[:, 0], rtol=1e-12)

    def test_initialization(self):
        model = ResidualMLP(8, 256, 2, seeds=[[0], [1]])
        assert sum(w.numel() for w in model.parameters()) == 2 * parameter_count(8, 256, 2)
        assert not any(w.any() for w in (*model.down, model.readout))
        assert model.embed.var().item() == pytest.approx(1 / 8, rel=0.1)
        assert model.up[0].var().item() == pytest.approx(1 / 256, rel=0.05)
        alone = ResidualMLP(8, 256, 2, seeds=[[1]])
        assert (alone.up[1][0] == model.up[1][1]).all()


class TestTrainLadder:
    def test_curves_and_columns(self):
        ladder = train_ladder(TINY)
        assert ladder.sizes == (TINY.params(4), TINY.params(8)) == (76, 280)
        curve = ladder.curves[-1]
        assert (curve.run, curve.seed, curve.schedule) == ("tiny-w8-s2", 2, "linear")
        assert dict(curve.extra) == {"width": 8, "batch_size": 32}
        assert curve.horizon_tokens == curve.tokens[-1] == 125 * 32
        np.testing.assert_allclose(curve.lr, 1e-3 * (1 - curve.tokens / 4000))
        assert curve.horizon_loss < 0.9 * curve.loss[0]
        assert ladder.integrity.findings == ()

    def test_twice_the_same_bits_whatever_the_workers(self):
        state, threads = torch.random.get_rng_state(), torch.get_num_threads()
        runs = [train_ladder(TINY, workers=workers) for workers in (1, 2, 2)]
        for a, b, c in zip(*runs, strict=True):
            assert (a.loss == b.loss).all()
            assert (a.loss == c.loss).all()
        assert torch.get_num_threads() == threads
        assert torch.is_grad_enabled()
        assert torch.equal(state, torch.random.get_rng_state())

    def test_against_a_plain_loop(self):
        """One seed at a time, autograd and torch's unfused Adam in float64, fed the same stream."""
        config = replace(TINY, widths=(8,), kappa=640.0, lr=3e-3)
        curve = train_ladder(config).curves[1]
        model = ResidualMLP(2, 8, 2, seeds=[[0, 2, 8, 1]], dtype=torch.float64)
        weights = [w.requires_grad_() for w in model.parameters()]
        adam = torch.optim.Adam(
            [{"params": weights[:1], "mup": 1.0}, {"params": weights[1:], "mup": 128 / 8}], betas=(0.9, 0.95), eps=1e-20
        )
        rng = np.random.default_rng([0, 0])
        test_x, test_y = (torch.from_numpy(a).double() for a in TASK.sample(np.random.default_rng([0, 1]), 64))
        losses = []
        for step in range(20):
            x, y = (torch.from_numpy(a).double() for a in TASK.sample(rng, 32))
            for group in adam.param_groups:
                group["lr"] = 3e-3 * group["mup"] * (1 - step / 20)
            adam.zero_grad()
            model.loss(x, y).sum().backward()
            adam.step()
            losses.append(float(model.loss(test_x, test_y).detach()))
        np.testing.assert_allclose(curve.loss, losses, rtol=1e-4)

    def test_a_diverged_seed_is_named_and_the_others_go_on(self, monkeypatch):
        init = ResidualMLP.__init__

        def poisoned(self, *args, **kwargs):
            init(self, *args, **kwargs)
            self.embed[1, 0, 0] = float("inf")

        monkeypatch.setattr(ResidualMLP, "__init__", poisoned)
        clean = {c.run for c in train_ladder(replace(TINY, widths=(4,)))}
        assert clean == {"tiny-w4-s0", "tiny-w4-s2"}
        [finding] = train_ladder(replace(TINY, widths=(4,))).integrity.of_kind("diverged run")
        assert (finding.subject, finding.action) == ("tiny-w4-s1", "dropped")
        assert "became nan at step 1" in finding.detail

    def test_every_seed_diverged(self):
        with pytest.raises(InputError, match=r"needs a run that stays finite; got .* became nan at step .*Lower `lr`"):
            train_ladder(replace(TINY, lr=1e30))

    def test_progress_rises_to_one(self):
        seen = []
        train_ladder(TINY, progress=lambda done, message: seen.append((done, message)))
        done = [d for d, _ in seen]
        assert done == sorted(done)
        assert done[-1] == pytest.approx(1)
        assert any("width 8" in message for _, message in seen)

    def test_a_failing_progress_stops_the_training(self):
        def broken(done, message):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_ladder(TINY, progress=broken)

    def test_missing_torch(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(InputError, match=r"needs PyTorch; got none. Run: pip install 'scaling-collapse\[train\]'"):
            train_ladder(TINY)

    def test_bad_workers(self):
        with pytest.raises(InputError, match="needs `workers` >= 1; got 0"):
            train_ladder(TINY, workers=0)

    def test_importing_the_package_does_not_import_torch(self):
        code = (
            "import sys, scaling_collapse, scaling_collapse.empirical.trainer.train, "
            "scaling_collapse.empirical.trainer.ladders; print('torch' in sys.modules)"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == "False"


def test_evaluation_steps():
    at = evaluation_steps(1000, 100, 50)
    assert at[0] == 1
    assert at[-1] == 1000
    assert set(range(10, 1001, 10)) <= set(at.tolist())
    assert list(evaluation_steps(3, 100, 50)) == [1, 2, 3]


class TestLadderConfig:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"seeds": 0}, "needs `seeds` >= 1; got 0"),
            ({"lr": -1.0}, "needs a positive `lr`; got -1.0"),
            ({"kappa": float("nan")}, "needs a positive `kappa`; got nan"),
            ({"gamma": float("inf")}, "needs a finite `gamma`; got inf"),
            ({"widths": ()}, "needs at least 1 width"),
            ({"widths": (8, 8)}, r"all positive and different; got \(8, 8\)"),
            ({"schedule": "sawtooth"}, "sawtooth"),
        ],
    )
    def test_bad_fields(self, change, message):
        with pytest.raises(InputError, match=message):
            replace(TINY, **change)

    def test_presets(self):
        demo, horizon = load_preset("demo"), load_preset("demo-horizon")
        assert len(demo.widths) >= 5
        assert demo.seeds >= 5
        assert demo.params(demo.widths[-1]) > 5 * demo.params(demo.widths[0])
        assert horizon.widths[0] < demo.widths[0]
        assert demo.widths[-1] < horizon.widths[-1]
        assert (demo.schedule, horizon.schedule) == ("linear", "constant")
        same = {"task", "depth", "lr", "base_width", "batch_size"}
        assert all(getattr(demo, name) == getattr(horizon, name) for name in same)
        for width in horizon.widths:  # over-trained: past the horizon that comes out of them
            assert horizon.steps(width) > demo.steps(width)

    def test_unknown_preset(self):
        with pytest.raises(InputError, match=f"needs one of {', '.join(sorted(PRESETS))}; got 'dmo'"):
            load_preset("dmo")
