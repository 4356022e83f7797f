import json
import math

import naive
import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical import measure_collapse, read_curves, write_curves
from scaling_collapse.empirical.collapse.collapse_at_offset import collapse_at_offset, supercollapse_from
from scaling_collapse.empirical.collapse.curve_offset import curve_offset
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.empirical.collapse.diagnosis import diagnose
from scaling_collapse.empirical.collapse.verdict import deviation_interval, drift_interval, tolerance_of
from scaling_collapse.empirical.pictures.collapse_pictures import draw_collapse, draw_delta_vs_sigma
from scaling_collapse.empirical.pictures.law_picture import draw_law
from scaling_collapse.empirical.pictures.trend_picture import draw_trend
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
    assert any("over it Delta at x = 0.55 moves between" in r for r in report.reasons)
    assert any(r.startswith("The final losses hardly determine it") for r in report.reasons)
    inside = report.x < 1
    assert (report.delta_high[inside] > 1.5 * report.delta_low[inside]).mean() > 0.5


def test_the_parts_of_a_report_are_those_of_its_diagnosis():
    ladder = law_ladder(noise=5e-3, fast=2e-3)
    report = measure_collapse(ladder)
    curves = curves_on_grid(ladder, None)
    found = diagnose(curves, report.law.L0, report.law.L0_interval)
    assert (report.offset, report.offset_source) == (report.law.L0, "law")
    assert report.verdict is found.verdict
    assert report.deviation.value == found.evidence.deviation.value
    assert report.deviation.interval == deviation_interval(found.evidence, found.elsewhere)
    assert report.deviation.tolerance == tolerance_of(found.evidence)
    assert report.trend.gamma_interval == drift_interval(found.evidence, found.elsewhere)
    assert report.curve_offset == curve_offset(curves.L, curves.size_index)
    np.testing.assert_array_equal(report.floor, found.evidence.collapse.floor)
    assert [s.sigma for s in report.sizes] == found.evidence.collapse.sigma_by_size[:, 90].tolist()
    assert report.culprits == ()


def test_a_suspect_run_is_named_and_left_out_of_the_numbers():
    ladder = law_ladder(noise=2e-3, fast=1e-3, points=200)
    bad = ladder.curves[17].run
    spoiled = rebuilt(
        ladder, loss=lambda c: np.where((c.run == bad) & (c.tokens > 0.5 * c.horizon_tokens), 4.0, c.loss)
    )
    report, clean = measure_collapse(spoiled), measure_collapse(ladder.select(lambda c: c.run != bad))
    assert report.verdict == "undecided"
    assert (report.culprits[0].kind, report.culprits[0].subject, report.culprits[0].cause) == ("run", bad, "seed")
    assert report.reasons[0] == f"Without run {bad!r} the verdict is: supercollapse. With it, sizes do not agree."
    np.testing.assert_array_equal(report.delta, clean.delta)
    assert report.law.L0 == clean.law.L0
    assert len(report.losses) == len(ladder)
    assert [s.seeds for s in report.sizes] == [5] * 8


def test_a_multiple_of_next_to_nothing_is_not_printed():
    ladder = law_ladder(noise=2e-3, points=200)  # seeds differ by a factor alone: their shapes are the same
    bad = ladder.curves[17].run
    spoiled = rebuilt(
        ladder, loss=lambda c: np.where((c.run == bad) & (c.tokens > 0.5 * c.horizon_tokens), 4.0, c.loss)
    )
    words = measure_collapse(spoiled, offset=2.0).culprits[0].words
    assert words.endswith("it differs from them over 1,000 times as much as is usual.")


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
    detail = "no curve table, no log: not read"
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
        for draw in (draw_law, draw_collapse, draw_delta_vs_sigma, draw_trend):
            assert draw(report).startswith(b"\x89PNG")


def below_its_law():
    """A steep ladder, one run of whose largest size ends below the irreducible loss of all the others."""
    ladder = law_ladder(sizes=5, seeds=3, b=1.0, noise=0.0)
    return rebuilt(ladder, loss=lambda c: c.loss - 0.1 * (c.run == ladder.curves[-1].run))


def test_a_run_below_its_law_is_named_and_nothing_is_normalized_by_it():
    ladder = below_its_law()
    report = measure_collapse(ladder)
    assert report.losses[:, -1].min() < report.law.L0
    assert report.verdict == "undecided"
    assert (report.culprits[0].kind, report.culprits[0].subject) == ("run", ladder.curves[-1].run)
    assert np.isnan(report.normalized[-1]).all()
    assert np.isfinite(report.normalized[:-1]).all()


def test_an_offset_above_a_final_loss_is_not_in_use():
    report = measure_collapse(law_ladder(sizes=5, seeds=2, b=1.0, noise=0.1, rng=10))
    assert report.losses[:, -1].min() < report.law.L0
    assert report.verdict in ("undecided", "no collapse")
    assert any(f"{report.law.L0:.6g} is not below the smallest final loss" in r for r in report.reasons)
    assert math.isnan(report.offset)
    assert report.to_json()["offset"] is None
    assert report.to_json()["trend"] is None
    assert np.isnan(report.normalized).all()


def test_pictures_of_a_ladder_that_cannot_be_normalized(tmp_path, capsys):
    table, picture_folder = write_curves(below_its_law(), tmp_path / "t.parquet"), tmp_path / "pictures"
    code = main(["measure", str(table), "--json", str(tmp_path / "s.json"), "--out", str(picture_folder)])
    assert code == 0
    assert json.loads((tmp_path / "s.json").read_text())["verdict"] == "undecided"
    names = ["collapse.png", "delta_vs_sigma.png", "law.png", "report.html", "report.json", "trend.png"]
    assert sorted(p.name for p in picture_folder.iterdir()) == names
    assert "Verdict: undecided" in capsys.readouterr().out


def test_the_json_does_not_wait_for_the_pictures(capsys, tmp_path, monkeypatch):
    def broken(report):
        raise RuntimeError("no picture")

    monkeypatch.setattr("scaling_collapse.empirical.pictures.law_picture.draw_law", broken)
    table = write_curves(law_ladder(sizes=3, seeds=2), tmp_path / "t.parquet")
    assert main(["measure", str(table), "--json", str(tmp_path / "s.json"), "--out", str(tmp_path / "all")]) == 0
    assert "warning: measure could not make law.png: no picture" in capsys.readouterr().err
    assert json.loads((tmp_path / "s.json").read_text())["verdict"] == "supercollapse"
    assert (tmp_path / "all" / "collapse.png").exists()


def test_x_from_needs_a_tail_that_holds():
    x = np.linspace(0.1, 1, 10)
    delta = np.array([2.0, 0.5, 2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0])
    fraction, x_from = supercollapse_from(x, delta, np.ones(10))
    assert fraction == pytest.approx(7 / 9)
    assert x_from == pytest.approx(0.4)
    assert math.isnan(supercollapse_from(x, np.full(10, 2.0), np.ones(10))[1])


def test_nothing_is_known_without_an_offset():
    curves = curves_on_grid(law_ladder(sizes=2), None)
    nothing = collapse_at_offset(curves, math.nan)
    assert np.isnan([nothing.offset, nothing.fraction, nothing.x_from]).all()
    assert np.isnan(nothing.sigma_by_size).all()
    assert np.isnan(nothing.normalized).all()
    assert nothing.delta.shape == nothing.sigma.shape == curves.x.shape


@pytest.mark.published
@pytest.mark.parametrize(
    ("name", "L0", "b", "fraction"),
    [
        ("qiu_cifar5m_linear", 3.1334, (0.185, 0.200), (0.97, 1.0)),
        ("qiu_chess_linear", 0.5428, (0.0, 1.0), (0.90, 1.0)),
        ("qiu_mlp_linear", 0.0012, (0.0, 1.0), (0.35, 0.42)),
    ],
)
def test_published_ladders_supercollapse(published, name, L0, b, fraction):
    report = measure_collapse(read_curves(published(name)))
    assert report.verdict == "supercollapse"
    assert pytest.approx(L0, abs=5e-5) == report.law.L0 == report.offset
    assert b[0] <= report.law.b <= b[1]
    published_share, _ = supercollapse_from(report.x, report.delta, report.sigma)
    assert fraction[0] <= published_share <= fraction[1]
    assert report.supercollapse.fraction > 0.4
    ladder = report.ladder
    L = np.stack([np.interp(report.x * c.horizon_tokens, c.tokens, c.loss) for c in ladder])
    l, index = (L - report.offset) / (L[:, -1:] - report.offset), ladder.size_index.tolist()
    np.testing.assert_allclose(report.delta, naive.collapse_deviation(l, index), atol=1e-12)
    np.testing.assert_allclose(report.sigma, naive.noise_floor(L, index, report.offset), atol=1e-12)


@pytest.mark.published
def test_published_constant_lr_ladder_may_collapse_at_its_horizon_only(published):
    path = published("qiu_mlp_const")
    at_horizon = measure_collapse(read_curves(path))
    assert at_horizon.verdict == "undecided"  # one seed a size
    assert at_horizon.deviation.value < 0.05
    assert measure_collapse(read_curves(path, use_horizon=False)).verdict == "no collapse"
