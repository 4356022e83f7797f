"""Families: laws against published tables, shapes and ladder files against the trainer, checks on known truth."""

import json
import math
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scaling_collapse as sc
from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical.families.decoder_shape import DecoderShape, shape_of
from scaling_collapse.empirical.families.family_recipe import FamilyRecipe
from scaling_collapse.empirical.families.hyperparameter_laws import optimal_batch
from scaling_collapse.empirical.families.kept_rules import FamilyRule, Kept
from scaling_collapse.theory import adamw_timescale, optimal_timescale, weight_decay_for_timescale

TINY = {"batch": 512, "context": 16, "tokens_per_parameter": 4.0}


class TestLaws:
    @pytest.mark.parametrize(
        ("params", "batch", "rate", "tau"),
        # Llama 2, arXiv 2307.09288: 2T tokens, decay 0.1, 4M tokens a step; by hand: 4e6 / (rate x 0.1 x 2e12).
        [(7e9, 4e6, 3e-4, 1 / 15), (70e9, 4e6, 1.5e-4, 2 / 15)],
    )
    def test_llama_2(self, params, batch, rate, tau):
        assert adamw_timescale(batch, rate, 0.1, 2e12) == pytest.approx(tau)
        assert weight_decay_for_timescale(tau, batch, rate, 2e12) == pytest.approx(0.1)
        assert 0.5 < tau / optimal_timescale(2e12 / params) < 2  # good recipes lie near the published optimum

    @pytest.mark.parametrize(
        ("params", "sequences"),
        # Cerebras-GPT's model cards: 20 tokens a parameter, sequences of 2,048 tokens.
        [(111e6, 120), (256e6, 264), (590e6, 264), (1.3e9, 528), (2.7e9, 528), (6.7e9, 1040), (13e9, 720)],
    )
    def test_the_optimal_batch_beside_a_published_family(self, params, sequences):
        assert 0.5 < optimal_batch(20 * params) / (2048 * sequences) < 2


class TestShapes:
    @pytest.mark.parametrize("width", [8, 40, 64, 128, 192])
    def test_parameters_are_those_of_the_trainer(self, width, optional):
        optional("torch")
        from scaling_collapse.empirical.trainer.models.decoder import Decoder

        shape = DecoderShape(width=width, depth=2, vocabulary=50, context=12, expansion=1)
        assert shape.params == sum(spec.size for spec in Decoder.tensors(50, 12, width, 2))

    def test_gpt_2(self):
        """GPT-2 small without biases and norms' gains, its readout not tied: 12 N D^2 + (2 V + c) D."""
        shape = DecoderShape(width=768, depth=12, vocabulary=50257, context=1024, expansion=4)
        assert shape.params == 12 * 12 * 768**2 + (2 * 50257 + 1024) * 768
        assert shape.heads == 12

    @pytest.mark.parametrize("target", [3e4, 1e6, 125e6, 1e9, 7e9])
    def test_sizes_and_aspects_are_met(self, target):
        shape = shape_of(target, aspect=64, depth=None, vocabulary=256, context=64, expansion=4)
        assert shape.width <= 64 or shape.width % 64 == 0
        assert abs(math.log(shape.params / target)) < (0.3 if target < 1e7 else 0.06)
        if target > 1e7:
            assert 40 < shape.width / shape.depth < 96

    def test_the_search_misses_nothing(self):
        """Against every width and depth there is."""
        target, common = 3e6, {"vocabulary": 300, "context": 32, "expansion": 1}
        found = shape_of(target, aspect=50, depth=None, **common)

        def miss(width, depth):
            p = DecoderShape(width=width, depth=depth, **common).params
            return (math.log(p / target) / math.log(1.1)) ** 2 + (math.log(width / depth / 50) / math.log(1.5)) ** 2

        widths = [*range(1, 64), *range(64, 3000, 64)]
        assert (found.width, found.depth) == min(
            ((w, n) for w in widths for n in range(1, 200)), key=lambda s: miss(*s)
        )


class TestPlan:
    def test_every_size_has_the_same_tau_for_every_tensor(self):
        for kind, optimizer in (("completep", "adamw"), ("mup", "muon")):
            plan = sc.plan_family([1e5, 1e6, 1e7], kind=kind, optimizer=optimizer)
            for s in plan.sizes:
                for rate, decay in ((s.rate, s.weight_decay), (s.hidden_rate, s.hidden_decay)):
                    tau = s.batch_tokens / (rate * decay * s.tokens)
                    assert tau == pytest.approx(1.08 * 20**-0.527, rel=1e-12)
                assert s.tokens == s.steps * s.batch_tokens
                assert abs(s.tokens - 20 * s.params) <= s.batch_tokens / 2

    def test_batches_grow_with_tokens(self):
        plan = sc.plan_family([1e8, 1e10], context=128)
        assert [s.batch_tokens for s in plan.sizes] == [
            128 * round(2048 * 0.0306 * (20 * s.params) ** 0.383 / 128) for s in plan.sizes
        ]
        anchored = sc.plan_family([1e8, 1e10], context=128, batch=1 << 16)
        small, large = anchored.sizes
        assert small.batch_tokens == 1 << 16
        assert large.batch_tokens / small.batch_tokens == pytest.approx(
            (large.params / small.params) ** 0.383, rel=0.01
        )

    def test_mup_keeps_the_depth(self):
        assert {s.depth for s in sc.plan_family([1e6, 1e8], kind="mup", depth=4).sizes} == {4}
        depths = {s.depth for s in sc.plan_family([1e6, 1e8], kind="mup").sizes}
        assert depths == {sc.plan_family([1e7]).sizes[0].depth}

    def test_the_rule_of_every_number_has_a_source(self):
        plan = sc.plan_family([1e6, 1e7], optimizer="muon")
        assert all(rule.formula and rule.source for rule in plan.rules)
        named = " ".join(rule.quantity for rule in plan.rules)
        for word in ("width", "depth", "heads", "tokens", "batch", "rate", "weight decay", "timescale"):
            assert word in named
        assert "arXiv 2502.16982" in " ".join(rule.source for rule in plan.rules)

    def test_what_is_outside_the_published_range_is_said(self):
        assert any("outside it is an extrapolation" in note for note in sc.plan_family([1e6]).notes)
        assert not sc.plan_family([2e8, 1e9]).notes
        (note,) = sc.plan_family([2e8], timescale=0.9).notes
        assert "4 times tau_opt = 0.223" in note

    @pytest.mark.parametrize(
        ("sizes", "options", "message"),
        [
            ([], {}, "needs at least 1 size, all different and >= 1; got none"),
            ([1e6, 1e6], {}, "all different and >= 1; got 1M, 1M"),
            ([1e6], {"kind": "sp"}, "needs a recipe of completep, mup; got 'sp'"),
            ([1e6], {"optimizer": "sgd"}, "needs an optimizer of adamw, muon; got 'sgd'"),
            ([1e6], {"rate": 0.0}, "needs a positive `rate`; got 0.0"),
            ([1e6], {"vocabulary": 1}, "needs a whole `vocabulary` >= 2; got 1"),
            ([1e6], {"depth": 3}, "needs the recipe mup for one `depth`; got completep and 3"),
        ],
    )
    def test_what_is_wrong_is_named(self, sizes, options, message):
        with pytest.raises(InputError, match=message):
            sc.plan_family(sizes, **options)


class TestLadderFile:
    @pytest.mark.parametrize("options", [{}, {"kind": "mup", "depth": 2, "optimizer": "muon"}])
    def test_the_trainer_plans_the_same_numbers(self, options, optional, tmp_path):
        optional("torch")
        from scaling_collapse.empirical.trainer.ladder_file import task_of
        from scaling_collapse.empirical.trainer.ladder_parsing import load_ladder
        from scaling_collapse.empirical.trainer.models.decoder import Decoder
        from scaling_collapse.empirical.trainer.size_plan import plan_sizes

        np.save(tmp_path / "ids.npy", np.zeros(3_000_000, dtype=np.uint8))
        plan = sc.plan_family([3e4, 3e5], vocabulary=90, **TINY, **options)
        (tmp_path / "f.toml").write_text(plan.to_toml(data=[tmp_path / "ids.npy"]))
        ladder = load_ladder(tmp_path / "f.toml")
        for mine, trained in zip(plan.sizes, plan_sizes(ladder, task_of(ladder)), strict=True):
            for name in ("params", "width", "depth", "tokens", "steps"):
                assert getattr(mine, name) == getattr(trained, name), name
            assert (mine.batch, mine.batch_tokens) == (trained.batch_size, trained.step_tokens)
            assert mine.weight_decay == pytest.approx(trained.weight_decay, rel=1e-12)
            for spec in Decoder.tensors(90, 16, mine.width, mine.depth):
                scale = ladder.parametrization.scale(
                    spec, width=mine.width, depth_growth=mine.depth / 3, optimizer=ladder.optimizer.kind
                )
                if spec.kind == "hidden":
                    assert scale.lr * ladder.lr == pytest.approx(mine.hidden_rate)
                    assert scale.weight_decay * trained.weight_decay == pytest.approx(mine.hidden_decay)

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_the_committed_families_are_what_the_plan_says(self, optimizer):
        """By hand from the files' own numbers: 80 tokens a parameter, batch as T^.383, one timescale or one decay."""
        name = "text-family" + ("-muon" if optimizer == "muon" else "")
        files = Path(sc.__file__).parent / "ladders"
        made = sc.plan_family(
            [9.5e3, 18.7e3, 36.9e3, 69e3, 110e3],
            kind="mup",
            depth=3,
            batch=1024,
            tokens_per_parameter=80,
            timescale=0.4,
            optimizer=optimizer,
        )
        table = tomllib.loads((files / f"{name}.toml").read_text())
        assert table == tomllib.loads(made.to_toml())
        fixed = tomllib.loads((files / "text-family-fixed-decay.toml").read_text())
        decay = fixed["optimizer"].pop("weight_decay")
        assert decay == pytest.approx(made.sizes[0].weight_decay, rel=1e-5)
        if optimizer == "adamw":
            assert table["optimizer"].pop("timescale") == 0.4
            assert fixed == table  # nothing else differs

    def test_text_is_the_default(self):
        table = tomllib.loads(sc.plan_family([3e4, 6e4], batch=1024).to_toml(data=['a "b".txt']))
        assert table["task"] == {"kind": "text", "files": ['a "b".txt'], "context": 64, "test_examples": 512}

    def test_what_the_trainer_has_not_is_refused(self):
        with pytest.raises(InputError, match="needs `expansion` 1, which the trainer's decoder has; got 4"):
            sc.plan_family([1e7], expansion=4).to_toml()
        with pytest.raises(InputError, match="needs widths that grow with size, as the trainer does; got 64, 64"):
            sc.plan_family([1e5, 1.1e5]).to_toml()
        with pytest.raises(InputError, match="needs one file of token ids; got 2"):
            sc.plan_family([1e5], vocabulary=9).to_toml(data=["a", "b"])


def trained(*, tau=lambda p: 0.2, tpp=lambda p: 20.0, gamma=1.0, decay=None, seeds=3):
    """Runs of a two-term law whose horizon is off by `gamma`, with the decay that gives tau, or that decay."""
    rng, x, curves = np.random.default_rng(0), np.linspace(0.02, 1, 80), []
    for p in np.geomspace(1e5, 3e6, 5):
        T = tpp(p) * p * (p / 1e5) ** (gamma - 1)
        batch = 1e3 * (T / 2e6) ** 0.383
        wd = batch / (0.01 * tau(p) * T) if decay is None else decay
        for seed in range(seeds):
            t = x * T
            loss = 1 + ((t / 20) ** -0.3 + p**-0.3) * np.exp(1e-3 * rng.standard_normal())
            told = {"batch_size": batch / 16, "sequence_length": 16, "weight_decay": wd}
            curves.append(
                sc.LossCurve(
                    run=f"{p:.0f}-{seed}", params=p, seed=seed, tokens=t, loss=loss, lr=0.01 * (1 - x / 2), extra=told
                )
            )
    return sc.Ladder(curves)


def kept(check):
    return {rule.rule: rule.kept for rule in check.rules}


class TestCheck:
    def test_a_family_that_kept_all(self):
        check = sc.check_family(trained(), offset=1.0)
        best = optimal_timescale(20)
        for size in check.sizes:
            # The largest rate logged stands at x = 0.02: one percent below the peak.
            assert size.timescale == pytest.approx(0.2 / 0.99, rel=1e-9)
            assert (size.tokens_per_parameter, size.optimal_timescale) == (pytest.approx(20), pytest.approx(best))
        assert set(kept(check).values()) == {Kept.KEPT}
        assert check.healthy
        assert "can stand as the reference for a larger run" in check.follows[0]
        assert len(check.follows) == 1

    def test_a_fixed_weight_decay(self):
        check = sc.check_family(trained(decay=0.1), offset=1.0)
        assert kept(check)[FamilyRule.TIMESCALE] is Kept.BROKEN
        assert not check.healthy
        assert "collapse although a rule was not kept" in check.follows[0]  # the made-up curves know nothing of decay
        assert (
            "The weight decay stayed the same while rate x steps changed: the timescale goes from" in check.follows[1]
        )
        advised = float(check.follows[1].partition("would be ")[2].split()[0])
        s = check.sizes[0]
        assert s.batch_tokens / (s.rate * advised * s.tokens) == pytest.approx(s.optimal_timescale, rel=0.01)

    def test_tokens_per_parameter_that_change(self):
        check = sc.check_family(trained(gamma=1.6), offset=1.0)
        assert kept(check)[FamilyRule.TOKENS] is Kept.BROKEN
        assert "do not collapse, and a rule was not kept" in check.follows[0]
        assert check.follows[1].startswith("Tokens per parameter go from 20 to 154.")

    def test_a_timescale_that_is_the_same_and_not_the_best(self):
        check = sc.check_family(trained(tau=lambda p: 0.05), offset=1.0)
        assert kept(check)[FamilyRule.TIMESCALE] is Kept.KEPT
        assert kept(check)[FamilyRule.OPTIMUM] is Kept.BROKEN
        assert check.healthy
        assert "The timescale is 0.23 to 0.23 times its optimum" in check.follows[1]

    def test_what_the_table_does_not_say_can_be_told(self):
        bare = sc.Ladder([replace(c, extra={}, lr=None) for c in trained()])
        unknown = sc.check_family(bare, offset=1.0)
        assert kept(unknown)[FamilyRule.TIMESCALE] is Kept.UNKNOWN
        assert any("say them: --weight-decay, --rate, --batch" in sentence for sentence in unknown.follows)
        told = sc.check_family(bare, offset=1.0, batch=1e3, rate=0.01, weight_decay=0.1)
        expected = [1e3 / (0.01 * 0.1 * 20 * p) for p in bare.sizes]
        assert [size.timescale for size in told.sizes] == pytest.approx(expected)
        assert kept(told)[FamilyRule.BATCH] is Kept.BROKEN

    def test_logged_steps_say_the_batch(self):
        stepped = sc.Ladder(
            [replace(c, extra={"weight_decay": 0.1, "step": c.tokens / 250.0, "batch_size": 3}) for c in trained()]
        )
        assert {size.batch_tokens for size in sc.check_family(stepped, offset=1.0).sizes} == {250.0}


class TestVerb:
    def test_plan(self, capsys, tmp_path):
        words = ["family", "--sizes", "50M", "1B", "7B", "--tpp", "40", "--out", str(tmp_path)]
        assert main(words) == 0
        out = capsys.readouterr().out
        assert (
            "family.toml needs 278B tokens of data; Python's standard library has about 12M. Name some: --data" in out
        )
        assert "3 sizes at 40 tokens per parameter" in out
        assert "arXiv 2505.13738" in out
        found = json.loads((tmp_path / "report.json").read_text())
        assert [round(s["tokens"] / s["params"], 2) for s in found["sizes"]] == [40.0, 40.0, 40.0]
        assert tomllib.loads((tmp_path / "family.toml").read_text())["widths"] == [s["width"] for s in found["sizes"]]

    def test_plan_of_a_family_for_another_trainer(self, capsys, tmp_path):
        assert main(["family", "--sizes", "1B", "--expansion", "4", "--out", str(tmp_path)]) == 0
        assert "No family.toml: the trainer's decoder has expansion 1; got 4" in capsys.readouterr().out
        assert [p.name for p in tmp_path.iterdir()] == ["report.json"]

    def test_check(self, capsys, tmp_path):
        table = sc.write_curves(trained(), tmp_path / "t.parquet")
        assert main(["family", "--check", str(table), "--offset", "1", "--json", "-"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["healthy"]
        assert [s["timescale"] for s in found["sizes"]] == pytest.approx([0.2 / 0.99] * 5)
        table = sc.write_curves(trained(decay=0.1), tmp_path / "fixed.parquet")
        assert main(["family", "--check", str(table), "--offset", "1"]) == 1
        out = capsys.readouterr().out
        assert "the timescale is the same at every size: not kept" in out

    def test_one_of_both(self, capsys):
        assert main(["family"]) == 2
        assert "family needs either --sizes, to plan a family, or --check RUNS" in capsys.readouterr().err


def test_a_recipe_can_be_given_whole():
    recipe = FamilyRecipe(kind="mup", depth=2)
    assert sc.plan_family([1e6], recipe).recipe is recipe
