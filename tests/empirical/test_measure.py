import json
import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical import measure_collapse, read_curves, write_curves
from scaling_collapse.empirical.collapse.collapse_at_offset import (
    CollapseAtOffset,
    collapse_at_offset,
    excess_spread,
    supercollapse_from,
)
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.empirical.collapse.verdict import SUPER_FROM, Verdict, classify, judge
from scaling_collapse.empirical.pictures.collapse_pictures import draw_collapse, draw_delta_vs_sigma
from scaling_collapse.empirical.pictures.law_picture import draw_law
from scaling_collapse.theory import Ladder, LossCurve


def rebuilt(ladder, **changes):
    """The ladder with fields of every curve changed: values, or functions of the curve."""

    def fields(c):
        base = {"run": c.run, "params": c.params, "tokens": c.tokens, "loss": c.loss, "seed": c.seed}
        return base | {k: v(c) if callable(v) else v for k, v in changes.items()}

    return Ladder(LossCurve(**fields(c)) for c in ladder)


def test_persistent_seed_noise_gives_supercollapse():
    report = measure_collapse(law_ladder(noise=5e-3))
    assert report.verdict == "supercollapse"
    assert report.supercollapse.fraction > 0.9
    assert pytest.approx(2.0, abs=0.1) == report.law.L0


def test_fast_noise_gives_a_collapse_that_is_no_supercollapse():
    report = measure_collapse(law_ladder(noise=0.0, fast=5e-3, points=400), offset=2.0)
    assert report.verdict == "collapse"
    assert np.median(report.delta / report.sigma) == pytest.approx(math.sqrt(2), rel=0.15)


def test_a_wrong_offset_or_a_wrong_horizon_breaks_the_collapse():
    ladder = law_ladder(span=64, noise=1e-3)
    assert measure_collapse(ladder, offset=2.0).verdict == "supercollapse"
    assert measure_collapse(ladder, offset=0.0).verdict == "no collapse"
    cut = rebuilt(ladder, horizon_tokens=lambda c: c.tokens[-1] * (c.params / 64e6) ** 0.4)
    assert measure_collapse(cut).verdict in ("no collapse", "undecided")


def test_one_seed_has_no_noise_floor():
    report = measure_collapse(law_ladder(seeds=1, noise=1e-4))
    assert report.verdict == "collapse"
    assert math.isnan(report.supercollapse.fraction)
    assert np.isnan(report.sigma).all()
    assert any("No size has two seeds" in r for r in report.reasons)


def test_two_sizes_do_not_identify_the_offset():
    report = measure_collapse(law_ladder(sizes=2))
    assert report.verdict == "undecided"
    assert "2 sizes do not identify L0" in report.reasons[0]
    assert np.isnan(report.delta).all()
    assert measure_collapse(law_ladder(sizes=2), offset=2.0).verdict == "supercollapse"


def test_an_offset_that_is_not_identified_is_said_and_delta_shown_inside_its_interval():
    report = measure_collapse(law_ladder(sizes=5, span=4, noise=2e-2, rng=2))
    assert report.law.status == "L0 not identified"
    words = next(r for r in report.reasons if "not identified" in r)
    assert "Delta at x" in words
    inside = report.x < 1
    assert (report.delta_high[inside] > 1.5 * report.delta_low[inside]).mean() > 0.5


def seen(verdict):
    """A collapse whose two numbers give this verdict."""
    spread, x_from = {
        "supercollapse": (0.0, 0.2),
        "collapse": (0.0, math.nan),
        "no collapse": (1.0, math.nan),
    }[verdict]
    delta = np.full(3, 0.1)
    return CollapseAtOffset(
        offset=2.0, normalized=delta[None], delta=delta, sigma=delta, spread=spread, fraction=0.5, x_from=x_from
    )


@pytest.mark.parametrize(
    ("status", "here", "inside", "verdict"),
    [
        ("ok", "collapse", ["collapse"], "collapse"),
        ("ok", "collapse", ["supercollapse", "collapse"], "collapse"),
        ("ok", "supercollapse", ["supercollapse", "collapse"], "supercollapse"),
        ("ok", "collapse", ["collapse", "no collapse"], "undecided"),
        ("ok", "no collapse", ["collapse", "no collapse"], "undecided"),
        ("ok", "no collapse", ["no collapse"], "no collapse"),
        ("L0 not identified", "collapse", ["collapse"], "collapse"),
        ("L0 not identified", "collapse", ["supercollapse", "collapse"], "undecided"),
        ("no intervals", "collapse", [], "undecided"),
    ],
)
def test_whether_there_is_a_collapse_must_not_hang_on_the_offset(status, here, inside, verdict):
    ladder = law_ladder()
    curves = curves_on_grid(ladder, [0.5, 0.75, 1.0])
    law = replace(measure_collapse(ladder).law, status=status)
    options = {"fraction_interval": (0.4, 0.6), "offset_known": False}
    found, reasons = judge(law, curves, seen(here), [seen(v) for v in inside], **options)
    assert found == verdict
    hangs = inside and inside != [here]
    assert any("the verdict runs over " + ", ".join(inside) in r for r in reasons) == bool(hangs)
    known, _ = judge(law, curves, seen(here), (), fraction_interval=(0.4, 0.6), offset_known=True)
    assert known == here


def test_the_limits_of_the_verdicts():
    assert classify(0.05, math.nan) is Verdict.COLLAPSE
    assert classify(0.0501, math.nan) is Verdict.NO_COLLAPSE
    assert classify(1.0, SUPER_FROM) is Verdict.SUPERCOLLAPSE
    assert classify(1.0, SUPER_FROM + 1e-9) is Verdict.NO_COLLAPSE
    assert pytest.approx(2 / 3) == SUPER_FROM
    assert json.dumps(Verdict.NO_COLLAPSE) == '"no collapse"'


def test_unequal_numbers_of_seeds():
    ladder = law_ladder(noise=5e-3)
    few = ladder.select(lambda c: c.seed < 2 or c.params < 5e6)
    report = measure_collapse(few)
    assert report.verdict == "supercollapse"
    assert sorted({s.seeds for s in report.sizes}) == [2, 5]
    mixed = measure_collapse(ladder.select(lambda c: c.seed < 1 or c.params < 5e6))
    assert np.isfinite(mixed.sigma).all()


def test_late_logs_cut_the_grid():
    late = rebuilt(
        law_ladder(points=200),
        tokens=lambda c: c.tokens[c.tokens > 0.3 * c.horizon_tokens],
        loss=lambda c: c.loss[c.tokens > 0.3 * c.horizon_tokens],
    )
    report = measure_collapse(late)
    assert 0.3 < report.x[0] < 0.32
    assert any("cover only x from" in r for r in report.reasons)


@pytest.mark.parametrize(
    ("ladder", "options", "message"),
    [
        (law_ladder(sizes=1), {}, r"at least 2 sizes; got 1 \(params=1000000\). Add runs of another size."),
        (law_ladder(), {"offset": 3.0}, r"offset below every final loss; got 3 and a final loss of 2"),
        (law_ladder(), {"offset": math.nan}, r"offset below every final loss; got nan"),
        (law_ladder(), {"x": [0.5, 0.2, 1]}, r"`x` increasing in \(0, 1\] and ending at 1"),
        (
            rebuilt(law_ladder(), horizon_tokens=lambda c: c.tokens[-1] * (0.5 if c.seed == 0 else 1)),
            {},
            r"one horizon per size; got 1e\+07 \(run 'p1000000-s0'\) and 2e\+07 tokens",
        ),
        (
            rebuilt(law_ladder(), schedule=lambda c: "linear" if c.seed else "cosine"),
            {},
            r"runs of one schedule; got cosine, linear",
        ),
        (
            rebuilt(law_ladder(), tokens=lambda c: c.tokens[-3:], loss=lambda c: c.loss[-3:]),
            {},
            r"logged from early in training; got run .* from 97% of its horizon on",
        ),
    ],
)
def test_bad_ladders_are_refused(ladder, options, message):
    with pytest.raises(InputError, match=message):
        measure_collapse(ladder, **options)


def test_a_measurement_is_deterministic_and_its_json_is_strict():
    one, two = (json.dumps(measure_collapse(law_ladder()).to_json(), allow_nan=False) for _ in range(2))
    assert one == two
    keys = {"law", "x", "delta", "sigma", "supercollapse", "verdict", "reasons", "integrity", "sizes"}
    assert json.loads(one).keys() >= keys
    assert {"a", "b", "L0", "a_interval", "b_interval", "L0_interval", "objective"} <= json.loads(one)["law"].keys()
    few = json.dumps(measure_collapse(law_ladder(sizes=2, seeds=1)).to_json(), allow_nan=False)  # nothing is known
    assert json.loads(few)["supercollapse"] == {"fraction": None, "x_from": None, "interval": [None, None]}


def test_the_json_holds_every_finding(tmp_path):
    table = write_curves(law_ladder(), tmp_path / "t.csv")
    (tmp_path / "notes.txt").write_text("hello")
    found = measure_collapse(read_curves([table.parent])).to_json()["integrity"]
    assert found["sources"] == [str(table)]
    assert found["rows_read"] == found["rows_used"] == 8 * 5 * 60
    detail = "not a curve table by its ending: not read"
    subject = str(tmp_path / "notes.txt")
    finding = {"kind": "other file", "action": "noted", "subject": subject, "detail": detail, "count": 1}
    assert found["findings"] == [finding]


def test_losses_that_are_not_positive_need_an_offset():
    below = rebuilt(law_ladder(), loss=lambda c: c.loss - 3.0)
    report = measure_collapse(below)
    assert report.verdict == "undecided"
    assert "some final losses are not positive" in report.reasons[0]
    assert measure_collapse(below, offset=-1.0).verdict == "supercollapse"


def test_pictures_of_every_kind_of_report():
    for report in (
        measure_collapse(law_ladder()),
        measure_collapse(law_ladder(seeds=1)),
        measure_collapse(law_ladder(sizes=2)),
    ):
        for draw in (draw_law, draw_collapse, draw_delta_vs_sigma):
            assert draw(report).startswith(b"\x89PNG")


def below_its_law():
    """A steep ladder, one run of whose largest size ends below the irreducible loss of all the others."""
    ladder = law_ladder(sizes=5, seeds=3, b=1.0, noise=0.0)
    return rebuilt(ladder, loss=lambda c: c.loss - 0.1 * (c.run == ladder.curves[-1].run))


def test_an_offset_above_a_final_loss_is_not_in_use():
    report = measure_collapse(below_its_law())
    assert report.losses[:, -1].min() < report.law.L0
    assert report.verdict == "undecided"
    assert f"{report.law.L0:.6g} is not below the smallest final loss" in report.reasons[0]
    assert math.isnan(report.offset)
    assert report.to_json()["offset"] is None
    assert np.isnan(report.normalized).all()


def test_pictures_of_a_ladder_that_cannot_be_normalized(tmp_path, capsys):
    table, picture_folder = write_curves(below_its_law(), tmp_path / "t.parquet"), tmp_path / "pictures"
    code = main(["measure", str(table), "--json", str(tmp_path / "s.json"), "--out", str(picture_folder)])
    assert code == 0
    assert json.loads((tmp_path / "s.json").read_text())["verdict"] == "undecided"
    names = ["collapse.png", "delta_vs_sigma.png", "law.png", "report.json"]
    assert sorted(p.name for p in picture_folder.iterdir()) == names
    assert "Verdict: undecided" in capsys.readouterr().out


def test_the_json_does_not_wait_for_the_pictures(tmp_path, monkeypatch):
    def broken(report):
        raise RuntimeError("no picture")

    monkeypatch.setattr("scaling_collapse.empirical.pictures.law_picture.draw_law", broken)
    table = write_curves(law_ladder(sizes=3, seeds=2), tmp_path / "t.parquet")
    with pytest.raises(RuntimeError, match="no picture"):
        main(["measure", str(table), "--json", str(tmp_path / "s.json"), "--out", str(tmp_path / "all")])
    assert json.loads((tmp_path / "s.json").read_text())["verdict"] == "supercollapse"
    assert not (tmp_path / "all").exists()


def test_x_from_needs_a_tail_that_holds():
    x = np.linspace(0.1, 1, 10)
    delta = np.array([2.0, 0.5, 2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0])
    fraction, x_from = supercollapse_from(x, delta, np.ones(10))
    assert fraction == pytest.approx(7 / 9)
    assert x_from == pytest.approx(0.4)
    assert math.isnan(supercollapse_from(x, np.full(10, 2.0), np.ones(10))[1])


def test_the_spread_of_one_seed_takes_rough_noise_off():
    x = np.linspace(0.1, 1, 181)
    rng = np.random.default_rng(0)
    noisy = (x**-0.5) * np.exp(0.01 * rng.standard_normal((8, 181)))
    noisy /= noisy[:, -1:]
    quiet = np.stack([1 + (1 + e) * (x**-0.5 - 1) for e in np.linspace(-0.1, 0.1, 8)])
    assert excess_spread(noisy, np.arange(8)) < 0.02
    assert excess_spread(quiet, np.arange(8)) == pytest.approx(np.std(np.linspace(-0.1, 0.1, 8), ddof=1), rel=1e-2)


def test_the_spread_of_seeds_takes_the_noise_of_their_mean_off():
    l = np.array([[2.3 + e, 1.0] for e in (-0.1, 0.1)] + [[1.7 + e, 1.0] for e in (-0.1, 0.1)])
    between, within = 2 * 0.3**2, 2 * 0.1**2  # at the first point; the second has none
    fall = 1.0
    assert excess_spread(l, np.array([0, 0, 1, 1])) == pytest.approx(math.sqrt((between - within / 2) / fall))


def test_nothing_is_known_without_an_offset():
    curves = curves_on_grid(law_ladder(sizes=2), None)
    nothing = collapse_at_offset(curves, math.nan)
    assert np.isnan([nothing.offset, nothing.spread, nothing.fraction, nothing.x_from]).all()
    assert np.isnan(nothing.normalized).all()
    assert nothing.delta.shape == nothing.sigma.shape == curves.x.shape


@pytest.mark.published
@pytest.mark.parametrize(
    ("name", "L0", "b", "fraction"),
    [
        ("qiu_cifar5m_linear", (3.131, 3.135), (0.185, 0.200), (0.97, 1.0)),
        ("qiu_chess_linear", (0.540, 0.546), (0.0, 1.0), (0.90, 1.0)),
        ("qiu_mlp_linear", (0.0, 0.004), (0.0, 1.0), (0.35, 0.42)),
    ],
)
def test_published_ladders_supercollapse(published, name, L0, b, fraction):
    report = measure_collapse(read_curves(published(name)))
    assert report.verdict == "supercollapse"
    assert L0[0] <= report.law.L0 <= L0[1]
    assert b[0] <= report.law.b <= b[1]
    assert fraction[0] <= report.supercollapse.fraction <= fraction[1]


@pytest.mark.published
def test_published_constant_lr_ladder_collapses_at_its_horizon_only(published):
    path = published("qiu_mlp_const")
    assert measure_collapse(read_curves(path)).verdict == "collapse"
    assert measure_collapse(read_curves(path, use_horizon=False)).verdict == "no collapse"
