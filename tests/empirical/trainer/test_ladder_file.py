"""Ladder files: what is read, what is refused, and what each size of a ladder then does."""

import json
from dataclasses import replace

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.horizon_rule import Horizon
from scaling_collapse.empirical.trainer.ladder_file import LadderFile, task_of
from scaling_collapse.empirical.trainer.ladder_parsing import PRESETS, load_ladder, parse_ladder

pytest.importorskip("torch")
from scaling_collapse.empirical.trainer.horizon_runs import horizon_ladder
from scaling_collapse.empirical.trainer.size_plan import evaluation_steps, plan_sizes

TABLE = {
    "name": "tiny",
    "widths": [4, 8],
    "seeds": 3,
    "batch_size": 32,
    "task": {"kind": "fourier", "dimensions": 2, "modes": 40, "exponent": 1.5, "test_examples": 640},
    "model": {"kind": "mlp", "depth": 2},
    "horizon": {"tokens": 4000},
}
TINY = parse_ladder(TABLE)


def sizes(ladder):
    return plan_sizes(ladder, task_of(ladder))


class TestFile:
    def test_every_key_and_table(self, tmp_path):
        text = """
            widths = [8, 16]
            seeds = 2
            seed = 7
            lr = 0.01
            batch_size = 64
            warmup_tokens = 1e3
            accumulate = 2
            dtype = "bf16"
            compile = "off"
            schedule = {kind = "wsd", decay = 0.2}
            [task]
            kind = "tokens"
            file = "tokens.npy"
            vocabulary_size = 50
            context = 16
            test_examples = 128
            [model]
            kind = "decoder"
            depth = [2, 3]
            [optimizer]
            kind = "adamw"
            weight_decay = 0.1
            betas = [0.9, 0.99]
            [parametrization]
            kind = "constant"
            constant_width = 8
            [horizon]
            tokens_per_parameter = 3
            times = 2
            [evaluation]
            linear = 10
            log = 0
            examples = 32
            [probes]
            noise_points = 4
            noise_batches = 2
            features = true
        """
        (tmp_path / "my.toml").write_text(text)
        np.save(tmp_path / "tokens.npy", np.arange(200_000) % 50)
        ladder = load_ladder(tmp_path / "my.toml")
        assert (ladder.name, ladder.widths, ladder.depths) == ("my", (8, 16), (2, 3))
        assert ladder.optimizer.betas == (0.9, 0.99)
        assert ladder.task["file"] == str(tmp_path / "tokens.npy")  # found beside the ladder file
        small, large = sizes(ladder)
        assert large.steps == round(6 * large.params / (64 * 16))
        assert large.schedule.warmup == pytest.approx(1 / large.steps)
        assert large.rates.max() == 0.01
        assert len(small.evaluate_at) == 10
        assert (small.test_examples, small.noise_batches) == (32, 2)
        assert set(small.noise_at) <= set(small.evaluate_at)

    @pytest.mark.parametrize("name", sorted(path.stem for path in PRESETS.glob("*.toml")))
    def test_presets_survive_json(self, name):
        ladder = load_ladder(name)
        assert ladder.name == name
        again = parse_ladder(json.loads(json.dumps(ladder.to_json())))
        assert again == ladder
        assert again.fingerprint == ladder.fingerprint

    def test_changes(self):
        ladder = load_ladder("demo", changes=["lr=0.5", "horizon.times=2.0", "schedule=constant", "task.modes=7"])
        assert (ladder.lr, ladder.horizon.times, ladder.schedule, ladder.task["modes"]) == (0.5, 2.0, "constant", 7)
        assert load_ladder(TINY, changes=["seeds=1"]).seeds == 1
        for wrong in ("lr", "=3", "lr.x=3"):
            with pytest.raises(InputError, match="load_ladder needs changes of"):
                load_ladder("demo", changes=[wrong])

    def test_the_seed_is_that_of_drawn_inputs(self):
        assert task_of(replace(TINY, seed=3)).describe()["data_seed"] == 3
        told = parse_ladder(TABLE | {"seed": 3, "task": TABLE["task"] | {"data_seed": 1}})
        assert task_of(told).describe()["data_seed"] == 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"batch_size": [32]}, r"`batch_size` >= 1, one or as many as widths \(2\); got \(32,\)"),
            ({"batch_size": [32, 0]}, r"`batch_size` >= 1, one or as many as widths \(2\); got \(32, 0\)"),
            ({"batch_size": [4, 9], "accumulate": 4}, r"`accumulate` to divide `batch_size`; got 4 and \(4, 9\)"),
            ({"optimizer": {"kind": "adamw", "timescale": 0.0}}, "needs a positive `timescale`; got 0.0"),
            ({"optimizer": {"timescale": 0.2}}, "adamw or muon and no `weight_decay` beside a `timescale`; got adam"),
            (
                {"optimizer": {"kind": "adamw", "timescale": 0.2, "weight_decay": 0.1}},
                "no `weight_decay` beside a `timescale`; got adamw and 0.1",
            ),
            ({"optimizer": {"kind": "muon"}, "probes": {"noise_points": 3}}, "needs `noise_points` 0 for muon"),
            ({"seeds": 0}, "needs `seeds` >= 1; got 0"),
            ({"lr": -1.0}, "needs a positive `lr`; got -1.0"),
            ({"lr": "high"}, "needs a valid `lr` in the ladder; got 'high'"),
            ({"widths": []}, r"at least 1 width, all positive and increasing; got \[\]"),
            ({"widths": [8, 8]}, r"all positive and increasing; got \[8, 8\]"),
            ({"width": [8]}, "needs keys of the ladder .*; got 'width'"),
            ({"schedule": "sawtooth"}, "sawtooth"),
            ({"batch_size": 10, "accumulate": 3}, "`accumulate` to divide `batch_size`; got 3 and 10"),
            ({"dtype": "fp8"}, "needs a valid `dtype` in the ladder; got 'fp8'"),
            ({"model": {"kind": "mlp", "depth": [1, 2, 3]}}, r"one or as many as widths \(2\); got \(1, 2, 3\)"),
            ({"model": {"depth": 3}}, r"needs `kind` in \[model\]; got none"),
            ({"model": 3}, r"needs a table as \[model\]; got 3"),
            ({"horizon": {"kappa": 1.0}}, "Horizon needs one rule: .*; got kappa"),
            ({"horizon": {"tokens": 1.0, "tokens_per_parameter": 2.0}}, "got tokens_per_parameter, tokens"),
            ({"horizon": {"tokens": float("nan")}}, "needs a positive `tokens`; got nan"),
            ({"horizon": {"kappa": 1.0, "gamma": float("inf")}}, "needs a finite `gamma`; got inf"),
            ({"task": {"dimensions": 2}}, r"needs a `kind` in its table \[task\]"),
            ({"parametrization": {"base_with": 3}}, r"needs keys of \[parametrization\] .*; got 'base_with'"),
            ({"evaluation": {"budget": 0}}, r"needs a `budget` in \(0, 1\]; got 0"),
            ({"probes": {"noise_batches": 1}}, "`noise_batches` >= 2 or none; got 0 and 1"),
            ({"warmup_tokens": 9.0, "schedule": "linear(warmup=0.1)"}, "needs one warm-up; got `warmup_tokens` 9"),
            ({"name": "a/b"}, "needs a `name` that a file could have; got 'a/b'"),
        ],
    )
    def test_what_is_wrong_is_named(self, change, message):
        with pytest.raises(InputError, match=message):
            parse_ladder(TABLE | change)

    def test_files_that_are_not_there_or_no_toml(self, tmp_path):
        with pytest.raises(InputError, match=r"needs a preset \(demo, .*qiu-mlp\) or a .toml file; got 'dmo'"):
            load_ladder("dmo")
        with pytest.raises(InputError, match=r"cannot read .*none.toml: No such file"):
            load_ladder(tmp_path / "none.toml")
        (tmp_path / "a.toml").write_text("lr = = 3")
        with pytest.raises(InputError, match=r"needs a TOML file; got .*a.toml: Invalid value"):
            load_ladder(tmp_path / "a.toml")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("a = " + "[" * 50_000, "too many tables or lists"),
            ("a = " + "{a=" * 50_000, "too many tables or lists"),
            (".".join("a" * 5_000) + " = 1", "tables in one another"),
            ("[task]\na = " + "[" * 20 + "]" * 20, "at most 8 tables in one another"),
            (f"seeds = 1{'0' * 5_000}", "TOML file"),
            (f"seeds = 1{'0' * 30}", r"whole numbers up to 2\^53; got a larger one in seeds"),
            (f"widths = [1, 1{'0' * 30}]", r"whole numbers up to 2\^53; got a larger one in widths"),
        ],
    )
    def test_what_no_ladder_has(self, tmp_path, text, words):
        (tmp_path / "a.toml").write_text(text)
        with pytest.raises(InputError, match=words):
            load_ladder(tmp_path / "a.toml")
        with pytest.raises(InputError):
            load_ladder("demo", changes=[text.replace("[task]\n", "task.")])


class TestHorizon:
    def test_the_published_form_is_kappa_and_gamma(self):
        published = Horizon(scale=1_346_251.6, exponent=2.0409)
        plain = Horizon(kappa=1e15 / 6 / 1_346_251.6**2.0409, gamma=1.0409)
        assert published(1e6) == pytest.approx(plain(1e6), rel=1e-12)
        assert 6 * 1_346_251.6 * published(1_346_251.6) == pytest.approx(1e15)

    def test_the_published_ladders(self):
        mlp = sizes(load_ladder("qiu-mlp"))
        assert [size.width for size in mlp] == [384, 512, 645, 812, 1024, 1290, 1625, 2048]
        assert mlp[0].params == 1_478_016
        assert mlp[0].test_examples == 100_000
        assert 850 < len(mlp[0].evaluate_at) <= 1000  # early points fall onto the same steps

    def test_over_trained_runs(self):
        demo = load_ladder("demo")
        over = horizon_ladder(demo, times=4)
        assert over.widths == (23, *demo.widths, 79)
        assert (over.schedule, over.horizon.times) == ("constant", 4)
        assert over.name == "demo-horizon"
        text = replace(demo, model=replace(demo.model, kind="decoder"))
        assert horizon_ladder(replace(text, widths=(128, 192, 256))).widths == (64, 128, 192, 256, 320)
        assert horizon_ladder(replace(text, widths=(16, 32, 64))).widths == (8, 16, 32, 64, 128)
        with pytest.raises(InputError, match="needs at least 3 widths of one depth; got 2 of 1"):
            horizon_ladder(TINY)
        with pytest.raises(InputError, match="needs over-training `times` > 1; got 1"):
            horizon_ladder(demo, times=1)

    @pytest.mark.parametrize("name", ["demo", "demo-horizon"])
    def test_evaluation_keeps_to_its_tenth(self, name):
        shares = [size.evaluation_share for size in sizes(load_ladder(name))]
        assert 0.09 < max(shares) <= 0.1

    def test_the_demo_and_its_horizon_runs(self):
        demo, horizon = load_ladder("demo"), load_ladder("demo-horizon")
        assert len(demo.widths) >= 5
        assert demo.seeds >= 5
        small, *_, large = sizes(demo)
        assert large.params > 5 * small.params
        assert horizon.widths[0] < demo.widths[0]
        assert demo.widths[-1] < horizon.widths[-1]
        assert (demo.schedule, horizon.schedule) == ("linear", "constant")
        same = ("task", "model", "lr", "parametrization", "batch_size", "optimizer")
        assert all(getattr(demo, name) == getattr(horizon, name) for name in same)
        for size in sizes(horizon):  # over-trained: past the horizon that comes out of them
            assert size.tokens > demo.horizon(size.params)


class TestSizes:
    def test_parameters_steps_and_rates(self):
        ladder = replace(TINY, horizon=Horizon(kappa=10.0, gamma=1.0), schedule="linear(end=0.5)")
        small, large = sizes(ladder)
        assert (small.params, large.params) == (3 * 4 + 4 * 16, 3 * 8 + 4 * 64)
        assert large.steps == round(10 * 280 / 32)
        np.testing.assert_allclose(large.rates, 1e-3 * (1 - 0.5 * np.arange(large.steps) / large.steps))

    def test_evaluation_steps(self):
        at = evaluation_steps(1000, 100, 50)
        assert (at[0], at[-1]) == (1, 1000)
        assert set(range(10, 1001, 10)) <= set(at.tolist())
        assert list(evaluation_steps(3, 100, 50)) == [1, 2, 3]

    @pytest.mark.parametrize("noise", [0, 10])
    def test_evaluation_and_probes_stay_within_the_budget(self, noise):
        table = TABLE | {"horizon": {"tokens": 400_000}, "probes": {"noise_points": noise}}
        for size in sizes(parse_ladder(table)):
            tokens = len(size.evaluate_at) * size.test_examples / 3 + len(size.noise_at) * size.noise_batches * 32
            assert size.evaluation_share == pytest.approx(tokens / size.tokens)
            assert 0.03 < size.evaluation_share <= 0.1
            assert bool(size.noise_batches) == bool(noise)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"model": {"kind": "decoder"}}, "needs a model of mlp for the task fourier; got decoder"),
            (
                {"warmup_tokens": 5000},
                "`warmup_tokens` shorter than every horizon; got 5000 and 4000 tokens at width 4",
            ),
            (
                {"optimizer": {"kind": "adamw", "timescale": 0.001}},
                "`timescale` of at least one step; got 0.001 of 125 steps at width 4",
            ),
            ({"evaluation": {"examples": 641}}, "as many test examples as each evaluation takes; got 640 of 641"),
            (
                {"probes": {"noise_points": 2, "noise_batches": 21}},
                "a test split of `noise_batches` batches, at least 2; got 640 examples for 21 batches of 32",
            ),
        ],
    )
    def test_what_does_not_fit_is_named(self, change, message):
        with pytest.raises(InputError, match=message):
            sizes(parse_ladder(TABLE | change))

    def test_a_horizon_longer_than_the_data(self, tmp_path):
        np.save(tmp_path / "t.npy", np.arange(2000) % 9)
        task = {
            "kind": "tokens",
            "file": str(tmp_path / "t.npy"),
            "vocabulary_size": 9,
            "context": 8,
            "test_examples": 9,
        }
        table = TABLE | {"task": task, "model": {"kind": "decoder", "depth": 1}}
        with pytest.raises(InputError, match="fit one pass over the data; got 512 examples at width 4 of 240 in the"):
            sizes(parse_ladder(table | {"horizon": {"tokens": 4096}}))

    def test_depths(self):
        a, b = sizes(parse_ladder(TABLE | {"model": {"kind": "mlp", "depth": [1, 4]}}))
        assert (a.name, b.name) == ("w4-n1", "w8-n4")

    def test_a_batch_for_each_size(self):
        ladder = parse_ladder(TABLE | {"batch_size": [16, 40], "probes": {"noise_points": 2}})
        assert [(size.batch_size, size.steps) for size in sizes(ladder)] == [(16, 250), (40, 100)]
        with pytest.raises(InputError, match=r"--horizon needs one `batch_size`; got \[8, 8, 8\]"):
            horizon_ladder(replace(ladder, widths=(4, 8, 16), batch_size=(8, 8, 8)))

    def test_a_timescale_gives_each_size_its_weight_decay(self):
        table = TABLE | {"horizon": {"tokens_per_parameter": 20.0}, "batch_size": [8, 16], "lr": 0.02}
        ladder = parse_ladder(table | {"optimizer": {"kind": "adamw", "timescale": 0.25}})
        for size in sizes(ladder):
            assert size.batch_size / (0.02 * size.weight_decay * size.tokens) == pytest.approx(0.25, rel=1e-12)
        assert parse_ladder(ladder.to_json()) == ladder
        fixed = parse_ladder(table | {"optimizer": {"kind": "adamw", "weight_decay": 0.3}})
        assert [size.weight_decay for size in sizes(fixed)] == [0.3, 0.3]
        assert "timescale" not in fixed.to_json()["optimizer"]  # older runs keep their fingerprint


def test_a_ladder_is_frozen():
    assert isinstance(TINY, LadderFile)
    with pytest.raises(AttributeError):
        TINY.lr = 3  # type: ignore[misc]
