"""Ablations beside their healthy twins: told apart by drift or verdict, found without being named, the right one."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from validation_ladders import GAMMA, L0, decayed

from scaling_collapse.cli import main
from scaling_collapse.empirical import validate, write_curves
from scaling_collapse.empirical.validation.case import healthy_of
from scaling_collapse.empirical.validation.ladder_finding import cases_of
from scaling_collapse.empirical.validation.twin_comparison import compare_twins
from scaling_collapse.empirical.validation.twin_finding import cost_of
from scaling_collapse.empirical.validation.validation_table import Table, read_tables
from scaling_collapse.theory import Ladder

SMALL = {"sizes": 5, "seeds": 3}
DRIFT = "ablation detected: drift with size"
COLLAPSES = "the ladder collapses"


def cases(*, ablations=(), settings=None, offset=L0, **ladders):
    tables = [
        Table(name=n, whole=l, cut=l, offset=offset, ablation=n in ablations, settings=(settings or {}).get(n))
        for n, l in ladders.items()
    ]
    found, refused = cases_of(tables, draws=100)
    assert not refused
    return {c.name: c for c in found}


def lifted(ladder, factor):
    """Reducible losses times `factor(p)`: what a wrong rate costs, without a change of the curves' shape."""
    return Ladder([replace(c, loss=L0 + (c.loss - L0) * factor(c.params)) for c in ladder])


def one_size_bent(ladder, by=0.6):
    """The second largest size falls more steeply than the others."""
    bad = ladder.sizes[-2]
    return Ladder(
        [
            replace(c, loss=L0 + (c.loss - L0) * (c.tokens / c.horizon_tokens) ** (-by)) if c.params == bad else c
            for c in ladder
        ]
    )


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_wrong_horizon_is_found_beside_a_healthy_twin(factor):
    found = cases(
        good=decayed(**SMALL), bad=decayed(gamma=factor * GAMMA, rng=1, **SMALL), again=decayed(rng=2, **SMALL)
    )
    assert {name for name, c in found.items() if c.ablation} == {"bad"}
    twin = found["bad"].twin
    assert twin.healthy in ("good", "again")
    assert healthy_of(found["bad"], found.values()).name == twin.healthy
    told = compare_twins(found["bad"], found[twin.healthy])
    assert (told.drifts, told.source, told.sizes) == (True, "seeds", 5)
    assert math.copysign(1, told.slope) == math.copysign(1, 1 - factor)
    assert told.least == abs(told.t)  # the offset is known


def test_a_ladder_of_the_same_horizons_is_the_twin_if_there_is_one():
    """A ladder of another recipe, with other horizons, is not what a wrong rate is compared with."""
    good, bad = decayed(**SMALL), one_size_bent(decayed(rng=1, **SMALL))
    other = decayed(gamma=1.3 * GAMMA, rng=2, **SMALL)
    for names in (("a", "b", "c"), ("c", "b", "a")):
        found = cases(**dict(zip(names, (other, good, bad), strict=True)))
        assert found[names[2]].twin.healthy == names[1]
        named = cases(ablations=[names[2]], **dict(zip(names, (other, good, bad), strict=True)))
        assert healthy_of(named[names[2]], named.values()).name == names[1]


def test_what_both_have_in_common_is_no_difference():
    """Both ladders drift with size; each alone is far from a collapse."""
    bent = {"bend": 0.3, **SMALL}
    found = cases(one=decayed(**bent), other=decayed(rng=1, **bent))
    assert abs(found["one"].report.trend.t) > 5
    assert not any(c.ablation for c in found.values())
    told = compare_twins(found["one"], found["other"])
    assert not told.detected
    assert abs(told.t) < 3


def test_a_fault_that_is_no_drift_is_told_by_the_verdict():
    found = cases(good=decayed(**SMALL), bad=one_size_bent(decayed(rng=1, **SMALL)))
    told = compare_twins(found["bad"], found["good"])
    assert (told.drifts, told.sick, told.detected) == (False, True, True)
    assert told.source == "scatter"
    assert found["bad"].twin.healthy == "good"
    assert not compare_twins(found["good"], found["bad"]).sick


def test_an_interval_of_the_offset_weakens_what_is_said():
    noisy = {"noise": 1e-2, "fast": 1e-2, **SMALL}
    found = cases(good=decayed(**noisy), bad=decayed(gamma=1.2 * GAMMA, rng=1, **noisy), ablations=["bad"], offset=None)
    told = compare_twins(found["bad"], found["good"])
    assert told.offset == found["good"].offset
    assert told.least < abs(told.t)


def test_the_healthy_one_is_the_cheaper_one_even_if_it_collapses_worse():
    cheap = decayed(bend=0.2, **SMALL)
    dear = lifted(decayed(rng=1, **SMALL), lambda p: (p / 1e4) ** 0.1)
    found = cases(cheap=cheap, dear=dear)
    assert found["cheap"].report.deviation.value > found["dear"].report.deviation.value
    assert found["dear"].twin.healthy == "cheap"
    assert "losses at the same compute are lower by" in found["dear"].twin.reason
    cost, error = cost_of(found["dear"], found["cheap"])
    assert cost > 3 * error
    assert cost_of(found["cheap"], found["dear"])[0] == pytest.approx(-cost)
    twice = cases(one=decayed(**SMALL), two=lifted(decayed(**SMALL), lambda p: 1.0))
    assert cost_of(twice["one"], twice["two"])[0] == pytest.approx(0, abs=1e-12)


def test_the_manifest_says_what_is_healthy_and_what_is_another_task():
    good, bad = decayed(**SMALL), decayed(gamma=1.2 * GAMMA, rng=1, **SMALL)
    task, mup, constant = {"kind": "text"}, {"kind": "mup"}, {"kind": "constant"}
    swapped = {"good": {"task": task, "parametrization": constant}, "bad": {"task": task, "parametrization": mup}}
    found = cases(good=good, bad=bad, settings=swapped)
    assert found["good"].twin.healthy == "bad"
    assert found["good"].twin.reason.startswith("by the manifest")
    apart = {"good": {"task": task}, "bad": {"task": {"kind": "chess"}}}
    assert not any(c.ablation for c in cases(good=good, bad=bad, settings=apart).values())
    # Without manifests: losses that nowhere come near each other are of two tasks.
    other = Ladder([replace(c, loss=c.loss + 2.0) for c in bad])
    assert not any(c.ablation for c in cases(good=good, bad=other).values())


def test_the_table_of_a_training_has_its_folders_name(tmp_path):
    for name in ("mlp", "mlp-high"):
        (tmp_path / name).mkdir()
        write_curves(decayed(**SMALL), tmp_path / name / "curves.parquet")
        (tmp_path / name / "manifest.json").write_text(json.dumps({"ladder": {"task": {"kind": name}}}))
    tables = read_tables([tmp_path / "mlp", tmp_path / "mlp-high"], ["*-high"], {"mlp": 1.0}, None)
    assert [(t.name, t.ablation, t.offset, t.settings["task"]["kind"]) for t in tables] == [
        ("mlp", False, 1.0, "mlp"), ("mlp-high", True, None, "mlp-high"),
    ]  # fmt: skip
    (tmp_path / "mlp" / "manifest.json").write_text("[")
    assert [t.name for t in read_tables([tmp_path / "mlp"], [], {}, None)] == ["curves"]


@pytest.fixture
def folder(tmp_path):
    write_curves(decayed(**SMALL), tmp_path / "good.parquet")
    write_curves(decayed(gamma=1.5 * GAMMA, rng=1, **SMALL), tmp_path / "bad.parquet")
    return tmp_path


def test_a_sick_ladder_does_not_pass(folder, capsys):
    found = validate(folder, offsets={"": L0}, draws=50)
    rows = {r.table: r for r in found.of(COLLAPSES)}
    assert {name: r.verdict for name, r in rows.items()} == {"good": "holds", "bad": "does not hold"}
    assert rows["bad"].measurement > rows["bad"].prediction
    (bad,) = [c for c in found.cases if c.name == "bad"]
    assert bad.report.culprits[0].words in rows["bad"].note
    (drift,) = found.of(DRIFT)
    assert (drift.table, drift.verdict) == ("bad", "holds")
    assert "good was taken for healthy" in drift.note
    assert {c["name"]: c["found_beside"] for c in found.to_json()["ladders"]} == {"good": None, "bad": "good"}
    assert main(["validate", str(folder), "--offset", str(L0), "--check"]) == 1
    out = capsys.readouterr().out
    assert "Taken for ablations, although not named: bad (healthy: good)" in out
    assert len([line for line in out.splitlines() if not line.startswith("wrote ")]) <= 10
    # Alone it has no twin, and still does not pass.
    (alone,) = validate(folder / "bad.parquet", offsets={"": L0}, draws=50).of(COLLAPSES)
    assert alone.verdict == "does not hold"


def test_of_a_named_ablation_no_collapse_is_claimed(folder):
    found = validate(folder, ablations=["bad"], offsets={"": L0}, draws=50)
    assert [r.table for r in found.of(COLLAPSES)] == ["good"]
    (drift,) = found.of(DRIFT)
    assert drift.verdict == "holds"
    assert "taken for healthy" not in drift.note
    assert drift.measurement > drift.prediction == 3


def test_what_was_found_to_be_wrong_calibrates_no_forecast(folder, monkeypatch):
    from scaling_collapse.empirical.validation import validation

    seen = {}
    monkeypatch.setattr(validation, "pools_of", lambda tables: seen.update({t.name: t.ablation for t in tables}) or [])
    validate(folder, offsets={"": L0}, draws=50)
    assert seen == {"good": False, "bad": True}


@pytest.mark.parametrize("offset", [L0, None])
def test_healthy_twins_are_not_told_apart(offset):
    loud = {"noise": 2e-2, "fast": 2e-2, "sizes": 5, "seeds": 2}
    for rng in range(0, 16, 2):
        found = cases(one=decayed(rng=rng, **loud), other=decayed(rng=rng + 1, **loud), offset=offset)
        assert not any(c.ablation for c in found.values())
        assert np.isfinite(compare_twins(found["one"], found["other"]).t)
