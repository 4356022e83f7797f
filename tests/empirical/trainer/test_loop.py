"""The training loop and what is around it: curves, seeds, threads, probes, plan, horizon, verb."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical.trainer import parse_ladder, train_ladder
from scaling_collapse.empirical.trainer.ladder_file import task_of

torch = pytest.importorskip("torch")
from scaling_collapse.empirical.trainer import machine as machines  # noqa: E402
from scaling_collapse.empirical.trainer.machine import choose_machine, confirm_fast, matmul_rate  # noqa: E402
from scaling_collapse.empirical.trainer.models import model as models  # noqa: E402
from scaling_collapse.empirical.trainer.models.residual_mlp import ResidualMLP  # noqa: E402
from scaling_collapse.empirical.trainer.size_plan import plan_sizes  # noqa: E402

TABLE = {
    "name": "tiny",
    "widths": [4, 8],
    "seeds": 3,
    "batch_size": 32,
    "task": {"kind": "fourier", "dimensions": 2, "modes": 40, "exponent": 1.5, "test_examples": 640},
    "model": {"kind": "mlp", "depth": 2},
    "horizon": {"tokens": 4000},
    "evaluation": {"examples": 64},
}
TINY = parse_ladder(TABLE)
TOML = """
widths = [4, 8]
seeds = 2
batch_size = 32
task = {kind = "fourier", dimensions = 2, modes = 40, exponent = 1.5, test_examples = 640}
model = {kind = "mlp", depth = 2}
horizon = {tokens = 2000}
"""


@pytest.fixture
def tokens(tmp_path):
    """A task of tokens with something to learn."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "t.npy", (np.cumsum(rng.integers(0, 3, 20_000)) % 16).astype(np.uint8))
    task = {"kind": "tokens", "file": str(tmp_path / "t.npy"), "vocabulary_size": 16, "context": 8, "test_examples": 64}
    changes = {"task": task, "model": {"kind": "decoder", "depth": 1}, "batch_size": 8, "lr": 1e-3}
    return parse_ladder(TABLE | changes | {"horizon": {"tokens": 3200}})


class TestCurves:
    def test_columns(self):
        ladder = train_ladder(TINY)
        assert ladder.sizes == (76, 280)
        curve = ladder.curves[-1]
        assert (curve.run, curve.seed, curve.schedule) == ("tiny-w8-s2", 2, "linear")
        assert dict(curve.extra) == {"width": 8, "depth": 2, "batch_size": 32}
        assert curve.horizon_tokens == curve.tokens[-1] == 125 * 32
        assert curve.lr is not None
        np.testing.assert_allclose(curve.lr, 1e-3 * (1 - curve.tokens / 4000), atol=1e-12)
        assert curve.horizon_loss < 0.9 * curve.loss[0]
        assert ladder.integrity.findings == ()

    def test_against_a_plain_loop(self):
        """One seed at a time, autograd and torch's unfused Adam in float64, fed the same data."""
        ladder = parse_ladder(TABLE | {"widths": [8], "horizon": {"tokens": 640}, "lr": 3e-3, "seeds": 2})
        curve = train_ladder(ladder).curves[1]
        task = task_of(ladder)
        model = ResidualMLP(2, 8, 2, seeds=[[0, 2, 8, 1]], dtype=torch.float64)
        weights = list(model.weights.values())
        adam = torch.optim.Adam(
            [{"params": weights[:1], "mup": 1.0}, {"params": weights[1:], "mup": 128 / 8}], betas=(0.9, 0.95), eps=1e-20
        )
        test_x, test_y = (torch.from_numpy(a).double() for a in task.test_batch(0, 64))
        losses = []
        for step in range(20):
            x, y = (torch.from_numpy(a).double() for a in task.batch(32 * step, 32))
            for group in adam.param_groups:
                group["lr"] = 3e-3 * group["mup"] * (1 - step / 20)
            adam.zero_grad(set_to_none=False)
            model.loss(x, y).sum().backward()
            adam.step()
            losses.append(float(model.loss(test_x, test_y).detach()))
        np.testing.assert_allclose(curve.loss, losses, rtol=1e-4)

    def test_twice_the_same_bits_whatever_the_workers(self):
        state, threads = torch.random.get_rng_state(), torch.get_num_threads()
        runs = [train_ladder(TINY, workers=workers) for workers in (1, 2, 2)]
        for a, b, c in zip(*runs, strict=True):
            assert (a.loss == b.loss).all()
            assert (a.loss == c.loss).all()
        assert torch.get_num_threads() == threads
        assert torch.equal(state, torch.random.get_rng_state())

    @pytest.mark.parametrize("kind", ["mlp", "decoder"])
    def test_seeds_together_are_seeds_alone(self, kind, tokens):
        ladder = TINY if kind == "mlp" else tokens
        together, pair, alone = (train_ladder(replace(ladder, widths=(8,), seeds=s)).curves for s in (3, 2, 1))
        np.testing.assert_allclose(alone[0].loss, together[0].loss, rtol=2e-5)
        np.testing.assert_allclose(pair[1].loss, together[1].loss, rtol=2e-5)
        assert (together[0].loss != together[1].loss).any()

    def test_parts_of_a_batch_make_the_batch(self, tokens):
        for ladder in (TINY, tokens):
            changes = {"probes": replace(ladder.probes, noise_points=2, noise_batches=8)}
            whole, parts = (train_ladder(replace(ladder, accumulate=a, widths=(8,), **changes)) for a in (1, 4))
            for a, b in zip(whole, parts, strict=True):
                np.testing.assert_allclose(a.loss, b.loss, rtol=1e-4)
                # Parts of a batch estimate the noise of a batch from more, smaller samples.
                ratio = np.nanmean(a.noise_trace) / np.nanmean(b.noise_trace)
                assert 0.3 < ratio < 3

    def test_bfloat16_stays_close(self, tokens):
        for ladder in (TINY, tokens):
            exact, rough = (train_ladder(replace(ladder, dtype=d, seeds=1)) for d in ("float32", "bf16"))
            for a, b in zip(exact, rough, strict=True):
                assert (a.loss != b.loss).any()
                np.testing.assert_allclose(a.loss[:10], b.loss[:10], rtol=0.02)  # later the paths part

    def test_sgd_and_adamw(self, tokens):
        adam = train_ladder(replace(tokens, seeds=1)).curves[0]
        for kind, lr in (("sgd", 0.1), ("adamw", 1e-3)):
            optimizer = replace(tokens.optimizer, kind=kind, weight_decay=0.1 if kind == "adamw" else 0.0)
            curve = train_ladder(replace(tokens, seeds=1, optimizer=optimizer, lr=lr)).curves[0]
            assert curve.horizon_loss < curve.loss[0]
            assert (curve.loss != adam.loss).any()


class TestProbes:
    def test_where_and_what(self):
        ladder = parse_ladder(TABLE | {"probes": {"noise_points": 6, "noise_batches": 10, "features": True}})
        plain, probed = train_ladder(TINY), train_ladder(ladder)
        (size, _) = plan_sizes(ladder, task_of(ladder))
        for a, b in zip(plain, probed, strict=True):
            assert (a.loss == b.loss).all()  # a probe changes nothing
            assert b.noise_trace is not None
            measured = np.isfinite(b.noise_trace)
            np.testing.assert_array_equal(b.tokens[measured], size.noise_at * 32)
            assert (b.noise_trace[measured] > 0).all()
            assert (b.extra["noise_trace_raw"][measured] > 0).all()
            assert np.isfinite(b.extra["hidden_scale"]).all()
            assert (b.extra["output_scale"][1:] > 0).all()


class TestDivergence:
    def test_a_diverged_seed_is_named_and_the_others_go_on(self, monkeypatch, tmp_path):
        draw = models.initial_draw

        def poisoned(seed, spec):
            values = draw(seed, spec)
            if list(seed)[-1] == 1 and spec.name == "embed":
                values[0, 0] = np.inf
            return values

        monkeypatch.setattr(models, "initial_draw", poisoned)
        ladder = train_ladder(replace(TINY, widths=(4,)), tmp_path)
        assert {c.run for c in ladder} == {"tiny-w4-s0", "tiny-w4-s2"}
        [finding] = ladder.integrity.of_kind("diverged run")
        assert (finding.subject, finding.action) == ("tiny-w4-s1", "dropped")
        assert "became nan at step 1" in finding.detail
        manifest = json.loads((tmp_path / "manifest.json").read_text())
        assert manifest["diverged"] == [finding.detail]
        monkeypatch.undo()
        healthy = {c.run: c for c in train_ladder(replace(TINY, widths=(4,)))}
        for curve in ladder:  # as if nothing had happened beside them
            np.testing.assert_allclose(curve.loss, healthy[curve.run].loss, rtol=2e-5)

    def test_an_infinite_probe_is_a_missing_point(self, monkeypatch):
        from scaling_collapse.empirical.trainer import loop, probes

        real, seen = loop.noise_trace, []

        def overflowing(*arguments, **options):
            trace = real(*arguments, **options)
            if not seen:
                trace.preconditioned[0] = torch.inf
            seen.append(trace)
            return trace

        monkeypatch.setattr(loop, "noise_trace", overflowing)
        scales = probes.FeatureScales(hidden=torch.full((2,), torch.inf), output=torch.ones(2))
        monkeypatch.setattr(loop, "feature_scales", lambda *_: scales)
        wanted = {"probes": {"noise_points": 4, "noise_batches": 3, "features": True}}
        ladder = train_ladder(parse_ladder(TABLE | wanted | {"widths": [4], "seeds": 2}))
        one, other = ladder
        assert np.isnan(one.noise_trace).sum() == np.isnan(other.noise_trace).sum() + 1
        assert "hidden_scale" not in one.extra
        assert (one.extra["output_scale"] == 1).all()
        found = [(f.subject, f.detail.split()[0]) for f in ladder.integrity.of_kind("infinite probe")]
        assert found == [(one.run, "noise_trace"), (one.run, "hidden_scale"), (other.run, "hidden_scale")]
        assert ladder.integrity.rows_read == ladder.integrity.rows_used

    def test_every_seed_diverged(self, tmp_path):
        for _ in range(2):  # the second time from its checkpoints
            with pytest.raises(InputError, match=r"needs a run that stays finite; got .* became nan at step .*`lr`"):
                train_ladder(replace(TINY, lr=1e30), tmp_path, resume=True)


class TestProgress:
    def test_rises_to_one(self, monkeypatch):
        monkeypatch.setattr("scaling_collapse.empirical.trainer.training_progress.WORTH_MEASURING", 0.0)
        seen = []
        train_ladder(TINY, progress=lambda done, message: seen.append((done, message)))
        done = [d for d, _ in seen]
        assert done == sorted(done)
        assert done[-1] == pytest.approx(1)
        assert any("width 8, loss 0." in m and "tokens/s" in m and "of the matmul rate" in m for _, m in seen)

    def test_a_failing_progress_stops_the_training(self):
        def broken(done, message):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_ladder(TINY, progress=broken)


class TestMachine:
    def test_small_sizes_take_one_thread(self):
        assert choose_machine(TINY, device="cpu").threads == 1
        assert choose_machine(replace(TINY, widths=(512,)), device="cpu").threads == os.cpu_count()

    def test_what_is_not_there(self, monkeypatch):
        with pytest.raises(InputError, match=r"needs a `device` that is here; got 'cuda:99'"):
            choose_machine(TINY, device="cuda:99")
        with pytest.raises(InputError, match="needs `threads` >= 1; got 0"):
            choose_machine(TINY, threads=0)
        with pytest.raises(InputError, match="needs `workers` >= 1; got 0"):
            train_ladder(TINY, workers=0)

    def test_without_a_compiler_a_run_is_eager_and_says_so(self, monkeypatch, tmp_path):
        def broken(*args, **kwargs):
            raise RuntimeError("no C++ compiler here\nand more")

        monkeypatch.setattr(machines.torch, "compile", broken)
        eager = train_ladder(replace(TINY, compile="on"), tmp_path)
        for a, b in zip(eager, train_ladder(TINY), strict=True):
            assert (a.loss == b.loss).all()
        manifest = json.loads((tmp_path / "manifest.json").read_text())
        assert manifest["environment"]["compiled"] is False
        assert manifest["notes"] == [
            "not compiled, the run is eager: torch.compile does not work here (no C++ compiler here)"
        ]

    def test_a_wrong_compiled_gradient_is_not_used(self):
        compiled = replace(choose_machine(TINY, device="cpu"), compiled=True)
        batch = [torch.from_numpy(a) for a in task_of(TINY).batch(0, 8)]
        for factor, kept in ((1.0, True), (1.1, False)):
            with pytest.MonkeyPatch.context() as patch:

                def twisted(function, factor=factor, **options):
                    return lambda *args: (function(*args), function.__self__.flat_grad.mul_(factor))

                patch.setattr(machines.torch, "compile", twisted)
                model = ResidualMLP(2, 8, 2, seeds=[[0]])
                found = confirm_fast(compiled, model, *batch)
            assert found.compiled is kept
            assert ("the gradient is off by 0.1" in found.note) is not kept

    def test_matmul_rate(self):
        assert 1e8 < matmul_rate(sizes=(256,)) < 1e14

    def test_missing_torch(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(InputError, match=r"needs PyTorch; got none. Run: pip install 'scaling-collapse\[train\]'"):
            train_ladder(TINY)

    def test_importing_the_package_does_not_import_torch(self):
        code = (
            "import sys, scaling_collapse as sc; sc.load_ladder('demo'); sc.train_ladder; print('torch' in sys.modules)"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == "False"

    def test_two_processes_train_one_model(self, tmp_path):
        code = (
            "import scaling_collapse as sc\n"
            f"sc.train_ladder({str(tmp_path / 'a.toml')!r}, {str(tmp_path / 'two')!r}, device='cpu', threads=1)"
        )
        (tmp_path / "a.toml").write_text(TOML.replace("2000", "640") + "evaluation = {linear = 5, log = 0}\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        common = os.environ | {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "WORLD_SIZE": "2",
            "OMP_NUM_THREADS": "1",
        }
        processes = [
            subprocess.Popen([sys.executable, "-c", code], env=common | {"RANK": r, "LOCAL_RANK": r}) for r in "01"
        ]
        assert [p.wait(60) for p in processes] == [0, 0]
        from scaling_collapse.empirical import read_curves

        two, one = read_curves(tmp_path / "two" / "curves.parquet"), train_ladder(tmp_path / "a.toml")
        for a, b in zip(two, one, strict=True):
            np.testing.assert_allclose(a.loss, b.loss, rtol=1e-4)
        assert json.loads((tmp_path / "two" / "manifest.json").read_text())["environment"]["world"] == 2


class TestVerb:
    @pytest.fixture
    def file(self, tmp_path):
        (tmp_path / "my.toml").write_text(TOML)
        return str(tmp_path / "my.toml")

    def test_train_and_manifest(self, file, tmp_path, capsys):
        out = tmp_path / "out"
        assert main(["train", file, "--out", str(out), "--json", "-", "--set", "schedule=cosine"]) == 0
        manifest = json.loads(capsys.readouterr().out)
        assert manifest == json.loads((out / "manifest.json").read_text())
        assert manifest["status"] == "finished"
        assert manifest["ladder"]["schedule"] == "cosine"
        assert manifest["seeds"] == [0, 1]
        assert manifest["environment"]["threads"] == 1
        assert manifest["environment"]["torch"] == torch.__version__
        assert [s["params"] for s in manifest["sizes"]] == [76, 280]
        assert all(s["tokens_per_second"] > 0 for s in manifest["sizes"])
        assert manifest["data"]["merged_modes"] <= 40
        assert (out / "curves.parquet").exists()
        assert main(["train", file, "--out", str(out)]) == 2
        assert "needs a folder without a run; got" in capsys.readouterr().err

    def test_plan_trains_nothing(self, file, tmp_path, capsys):
        assert main(["train", file, "--plan", "--json", str(tmp_path / "plan.json")]) == 0
        text = capsys.readouterr().out
        assert "Nothing was trained" in text
        plan = json.loads((tmp_path / "plan.json").read_text())
        assert [s["steps"] for s in plan["sizes"]] == [62, 62]
        assert plan["flops"] == 6 * (76 + 280) * 62 * 32 * 2
        assert plan["seconds"] > 0
        assert sorted(p.name for p in tmp_path.iterdir()) == ["my.toml", "plan.json"]

    def test_coordinate_check(self, file, tmp_path, capsys):
        words = ["train", file, "--coord-check", "--out", str(tmp_path / "cc"), "--set", "widths=[32, 64]"]
        assert main(words) == 0
        assert "flat" in capsys.readouterr().out
        assert (tmp_path / "cc" / "coordinates.png").read_bytes().startswith(b"\x89PNG")
        assert main([*words, "--overwrite", "--set", "parametrization.kind=standard"]) == 1
        assert "not flat" in capsys.readouterr().out

    def test_horizon(self, file, tmp_path, capsys, monkeypatch):
        """The runs are trained; the fit, which such short ones cannot have, sees a ladder with a known horizon."""
        from empirical_ladders import two_term

        from scaling_collapse import empirical

        fit, seen = empirical.fit_horizon, []

        def known(ladder):
            seen.append(ladder)
            return fit(two_term()[0])

        monkeypatch.setattr(empirical, "fit_horizon", known, raising=False)
        out = tmp_path / "out"
        words = ["train", file, "--horizon", "--out", str(out), "--set", "widths=[4, 6, 8]"]
        assert main(words) == 0
        assert "[horizon]\nkappa = " in capsys.readouterr().out
        assert len(seen[0].sizes) == 5
        assert {c.schedule for c in seen[0]} == {"constant"}
        assert seen[0].curves[0].tokens[-1] == pytest.approx(6000, rel=0.01)
        assert {p.name for p in out.iterdir()} >= {"report.json", "horizon.png", "curves.parquet"}

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "train needs a folder for its results; got none"),
            (["--plan", "--coord-check"], "at most one of --plan, --coord-check and --horizon"),
            (["--out", "x", "--set", "lr=-1"], "needs a positive `lr`; got -1"),
        ],
    )
    def test_bad_words(self, file, capsys, words, message):
        assert main(["train", file, *words]) == 2
        assert message in capsys.readouterr().err
