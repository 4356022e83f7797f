import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from validation_ladders import GAMMA, KAPPA, L0, MU, NU, decayed, overtrained, schedules

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical import validate, write_curves
from scaling_collapse.empirical.fits.two_term_law import fit_two_term
from scaling_collapse.empirical.validation import page
from scaling_collapse.empirical.validation.case import cases_of
from scaling_collapse.empirical.validation.claims import blind_forecast, curve_value, noise_coefficient
from scaling_collapse.empirical.validation.claims.deviation import first_order_deviation
from scaling_collapse.empirical.validation.pool import Pool, pools_of
from scaling_collapse.empirical.validation.validation_table import Table, read_tables
from scaling_collapse.theory import Ladder, collapse_deviation, default_grid, losses_on_grid, normalize


@pytest.fixture
def put(tmp_path):
    """Write ladders as tables under the names given; their paths."""

    def write(**ladders):
        return [write_curves(ladder, tmp_path / f"{name}.parquet") for name, ladder in ladders.items()]

    return write


def only(found, claim, table=None):
    (row,) = found.of(claim, table)
    return row


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """One family: runs past their horizon, a healthy ladder with decay and one without, and ablations."""
    folder, fast = tmp_path_factory.mktemp("family"), 5e-3
    ladders = {
        "past": overtrained(noise=1e-4),
        "decay": decayed(fast=fast),
        "constant": decayed(fast=fast, schedule="const", rng=1),
        "high": decayed(gamma=1.2 * GAMMA, fast=fast, rng=2),
        "bent": decayed(bend=0.2, fast=fast, rng=3),
        "same": decayed(fast=fast, rng=4),
    }
    paths = [write_curves(ladder, folder / f"{name}.parquet") for name, ladder in ladders.items()]
    return validate(*paths, ablations=["high", "bent", "same"], offsets={"": L0}, draws=60)


def test_two_terms_at_a_constant_rate_hold(family):
    exponent = only(family, "horizon exponent", "past")
    assert exponent.verdict == "holds"
    assert exponent.prediction == pytest.approx(GAMMA, abs=0.01)
    assert exponent.measurement == pytest.approx(GAMMA, abs=0.05)
    frontier = only(family, "frontier exponent", "past")
    assert frontier.verdict == "holds"
    assert frontier.prediction == pytest.approx(MU * NU / (MU + NU), abs=0.002)
    curve = only(family, "normalized curve at x = 0.25", "past")
    assert curve.verdict == "holds"
    assert curve.prediction == pytest.approx((NU * 0.25**-MU + MU) / (MU + NU), rel=0.002)
    assert only(family, "final loss of the largest size", "past").verdict == "holds"


def test_a_decayed_ladder_takes_the_law_of_its_family(family):
    row = only(family, "frontier exponent", "decay")
    assert "The law is that of past." in row.note
    assert row.verdict == "holds"


def test_a_horizon_that_is_not_optimal_does_not_have_theorys_curve():
    ladder = overtrained(noise=1e-4, horizon=8.0)
    (case,), _ = cases_of([Table("past", ladder, ladder, offset=L0)], draws=100)
    (row,) = curve_value.rows(case, [case])
    assert row.verdict == "does not hold"
    assert row.measurement < row.prediction


def test_the_two_term_fit_finds_the_law_and_knows_when_there_is_none():
    ladder = overtrained(noise=1e-3)
    start = np.array([0.1 * KAPPA * p**GAMMA for p in ladder.sizes])
    law = fit_two_term(ladder, start)
    assert (law.status, law.L0) == ("ok", pytest.approx(L0, abs=0.01))
    low, high = law.interval(lambda terms: terms.gamma)
    assert low < GAMMA < high
    assert high / low < 1.3
    known = fit_two_term(ladder, start, L0=L0)
    assert (known.L0, known.gamma) == (L0, pytest.approx(GAMMA, abs=0.02))
    flat = Ladder([replace(c, loss=1 + c.tokens**-MU) for c in ladder])
    assert fit_two_term(flat, start).status == "one term"
    with pytest.raises(InputError, match="at least 4 sizes; got 3"):
        fit_two_term(ladder.select(lambda c: c.params in ladder.sizes[:3]), start[:3])
    with pytest.raises(InputError, match="losses > 0"):
        fit_two_term(Ladder([replace(c, loss=c.loss - 2) for c in ladder]), start)


def test_unmarked_horizons_come_from_the_frontier():
    ladder = overtrained()
    unmarked = Ladder([replace(c, horizon_tokens=math.nan) for c in ladder])
    (case,), _ = cases_of([Table("past", unmarked, unmarked)], draws=100)
    assert not case.marked
    assert case.horizon_exponent == pytest.approx(GAMMA, abs=0.03)
    assert case.past > 2


@pytest.mark.parametrize(("seeds", "noise", "fast"), [(5, 1e-2, 1e-3), (2, 1e-3, 5e-3), (4, 3e-2, 3e-2)])
def test_the_first_order_formula_gives_delta(seeds, noise, fast):
    ladder = decayed(seeds=seeds, noise=noise, fast=fast, schedule="const")
    # Other numbers of seeds per size, one size with a single run.
    ladder = ladder.select(lambda c: c.params > ladder.sizes[0] or c.seed == 0)
    L, sizes = losses_on_grid(ladder, default_grid()), ladder.size_index
    exact = collapse_deviation(normalize(L, L0), sizes)[:-1]
    predicted, noise_only = first_order_deviation(L, sizes, L0)
    assert predicted[:-1] == pytest.approx(exact, rel=0.1 * max(noise, fast) / 3e-2 + 1e-3)
    # Two terms at their optimum differ between sizes by noise alone.
    assert np.sqrt((noise_only[:-1] ** 2).mean()) == pytest.approx(np.sqrt((exact**2).mean()), rel=0.35)


def test_decay_makes_supercollapse_and_a_constant_rate_does_not(family):
    claim = "Delta/sigma on x from 0.8 to 1"
    assert only(family, claim, "decay").verdict == "holds"
    assert only(family, claim, "decay").measurement < 0.5
    assert only(family, claim, "constant").verdict == "not applicable"
    pair = only(family, "Delta/sigma: constant rate over decay", "constant / decay")
    assert pair.verdict == "holds"
    alone = only(family, "Delta/sigma: constant rate over decay", "past / decay")
    assert alone.note.endswith("one seed a size, so that there is no noise floor")
    for table in ("decay", "constant", "high"):
        row = only(family, "Delta(x), root mean square", table)
        assert row.verdict == "holds"
        assert row.measurement_interval[0] < row.measurement < row.measurement_interval[1]


def test_a_wrong_horizon_is_detected_and_measured(family):
    claim = "error of the horizon exponent, if alone"
    assert only(family, claim, "decay").verdict == "holds"
    row = only(family, claim, "high")
    assert row.prediction == pytest.approx(1 - 1 / 1.2, abs=1e-6)
    assert row.measurement == pytest.approx(row.prediction, rel=0.35)
    assert row.verdict == "holds"
    # What no horizon explains is not taken for a wrong horizon without a word.
    bent = only(family, claim, "bent")
    assert bent.prediction == 0
    assert "Seeds alone would make shapes differ this much with probability" in bent.note
    detected = "ablation detected: Delta at x = 0.5"
    assert only(family, detected, "high").verdict == "holds"
    assert only(family, detected, "high").measurement > only(family, detected, "high").prediction
    assert only(family, detected, "same").verdict == "does not hold"
    assert {r.table for r in family.of(detected)} == {"high", "bent", "same"}


def test_schedules_are_forecast_blind_and_the_coefficient_comes_back(put):
    found = validate(*put(runs=schedules()))
    rows = found.of("loss under a schedule, blind")
    assert {r.table for r in rows} == {f"runs: {s}" for s in ("linear", "cosine", "late", "half")}
    # A law that holds to 1e-4 in c is forecast to a few parts in 1e3 by one with a memory that is not there.
    assert all(abs(r.measurement) < 0.5 for r in rows)
    row = only(found, "noise coefficient, published form")
    assert row.measurement == pytest.approx(0.25, rel=0.02)
    row, balance = noise_coefficient.rows(Pool("runs", tuple(schedules(c=0.4))))
    assert (row.measurement, row.verdict) == (pytest.approx(0.4, rel=0.02), "does not hold")
    # Tr Sigma here is a function of tau alone, and then both forms are one.
    assert balance.measurement == pytest.approx(row.measurement, rel=0.02)


def test_blind_means_blind(put):
    """A forecast does not move when the losses of the schedule it is put to are poisoned."""
    runs = schedules()
    poisoned = Ladder([replace(c, loss=c.loss + 3.0) if c.schedule == "late" else c for c in runs])
    claim, table = "loss under a schedule, blind", "runs: late"
    clean, bad = (
        next(r for r in blind_forecast.rows(Pool("runs", tuple(ladder))) if r.table == table)
        for ladder in (runs, poisoned)
    )
    assert clean.claim == bad.claim == claim
    assert bad.prediction_interval == pytest.approx(clean.prediction_interval, abs=1e-9)
    assert bad.verdict == "does not hold"
    final = {c.schedule: c.loss[-1] for c in runs}["late"]
    ratio = (1 + bad.measurement / 100) / (1 + clean.measurement / 100)
    assert ratio == pytest.approx((final + 3) / final, rel=1e-6)


def test_one_schedule_in_each_file_is_one_pool(put):
    runs = {c.schedule: Ladder([c]) for c in schedules()}
    tables = read_tables(put(**runs), ["co*"], {"c*": 1.0, "const": 2.0, "": 0.0}, None)
    assert {t.name for t in tables if t.ablation} == {"const", "cosine"}
    offsets = {t.name: t.offset for t in tables}
    assert offsets == {"const": 2.0, "cosine": 1.0, "linear": 0.0, "late": 0.0, "half": 0.0}
    tables = [replace(t, ablation=False) for t in tables]
    (pool,) = pools_of(tables)
    assert pool.name == "const + cosine + half + late + linear"
    assert (len(pool.schedules), pool.lacks) == (4, None)
    # An ablation calibrates nothing: without its constant-rate run nothing is left to calibrate on.
    (pool,) = pools_of([replace(t, ablation=t.name == "const") for t in tables])
    assert pool.lacks == "no run at a constant learning rate to calibrate on"


def test_what_a_table_lacks_is_said(put):
    found = validate(*put(one=decayed(seeds=1, sizes=3)))
    notes = {r.claim: r.note for r in found.rows if r.verdict == "not applicable"}
    assert notes["horizon exponent"] == "not applicable: the learning rate is not constant"
    assert "one seed a size" in notes["Delta(x), root mean square"] or "L0" in notes["Delta(x), root mean square"]
    assert "3 smaller ones are needed" in notes["final loss of the largest size"]
    assert notes["loss under a schedule, blind"].endswith("constant learning rate to calibrate on")
    assert "noise_trace" in notes["noise coefficient, published form"]
    assert "no table was named an ablation" in notes["ablation detected: Delta at x = 0.5"]
    assert sum(found.counts.values()) == len(found.rows)
    json.dumps(found.counts)


def test_bad_input_is_refused_by_name(put, tmp_path):
    (table,) = put(a=decayed())
    with pytest.raises(InputError, match="at least one table; got none"):
        validate()
    with pytest.raises(InputError, match=r"ablations that name its tables \(a\); got 'b'"):
        validate(table, ablations=["b"])
    with pytest.raises(InputError, match=r"offsets that name its tables \(a\); got 'b'"):
        validate(table, offsets={"b": 1.0})
    with pytest.raises(InputError, match="at least 50 `draws`; got 3"):
        validate(table, draws=3)
    (tmp_path / "again").mkdir()
    other = write_curves(decayed(), tmp_path / "again" / "a.csv")
    with pytest.raises(InputError, match="different names; got 'a' twice"):
        validate(table, other)


def test_the_verb_writes_table_json_and_page(put, capsys, tmp_path):
    small = {"sizes": 3, "seeds": 2}
    tables = put(healthy=decayed(**small), high=decayed(gamma=1.2 * GAMMA, rng=1, **small))
    html, target = tmp_path / "v.html", tmp_path / "v.json"
    tokens = ["validate", *map(str, tables), "--ablation", "high", "--offset", f"healthy={L0}"]
    assert main([*tokens, "--html", str(html), "--json", str(target)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Predictions and measurements" in out
    found = json.loads(target.read_text())
    assert {r["table"] for r in found["rows"]} >= {"healthy", "high"}
    assert [case["ablation"] for case in found["ladders"]] == [False, True]
    text = html.read_text()
    assert 20_000 < len(text.encode()) < page.LIMIT
    assert "{{" not in text
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")
    assert main([*tokens, "--check"]) == int(found["counts"]["does not hold"] > 0)
    capsys.readouterr()
    for more, words in (
        (["--offset", "x"], "--offset needs TABLE=VALUE or VALUE; got 'x'"),
        (["--ablation", "nowhere"], "got 'nowhere'"),
    ):
        assert main([*tokens, *more]) == 2
        assert words in capsys.readouterr().err


def test_a_page_that_would_be_too_large_names_what_it_leaves_out(put, monkeypatch):
    small = {"sizes": 3, "seeds": 2}
    found = validate(*put(first=decayed(**small), second=decayed(rng=1, **small)), draws=50)
    whole = found.to_html()
    monkeypatch.setattr(page, "LIMIT", len(whole) + page.SPARE - 2_000)
    short = found.to_html().decode()
    assert "Without a panel: second (the page would exceed" in short
    assert len(short.encode()) < len(whole)


def test_the_pages_parts_are_packaged():
    import tomllib

    root = Path(__file__).resolve().parents[2]
    data = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    parts = [p for p in (root / "empirical" / "validation").iterdir() if p.suffix not in (".py", "")]
    assert {p.suffix for p in parts} == {".html", ".css", ".js"}
    assert {f"*{p.suffix}" for p in parts} <= set(data)


@pytest.mark.published
def test_the_published_tables_give_the_known_figures(published):
    found = validate(published("qiu_mlp_const"), published("qiu_mlp_linear"), draws=50)
    exponent = only(found, "horizon exponent", "qiu_mlp_const")
    assert exponent.verdict == "holds"
    assert exponent.prediction_interval[0] < 1.0409 < exponent.prediction_interval[1]
    assert only(found, "Delta/sigma on x from 0.8 to 1", "qiu_mlp_linear").measurement == pytest.approx(0.39, abs=0.02)
    (pool,) = pools_of(read_tables([published("qiu_mlp_schedules")], [], {}, None))
    row = noise_coefficient.rows(pool)[0]
    assert (row.measurement, row.verdict) == (pytest.approx(0.266, abs=0.002), "does not hold")


def test_sizes_without_traces_are_forecast_beside_one_that_has_them():
    """One size traced, the schedule to forecast also run at another size: both get a forecast with a band."""
    traced = schedules()
    other = [
        replace(c, run=f"{c.run}-big", params=2e6, compute=None, noise_trace=None)
        for c in schedules(seed=1)
        if c.schedule in ("const", "linear")
    ]
    rows = blind_forecast.rows(Pool("runs", (*traced, *other)))
    assert {r.table for r in rows} == {f"runs: {s}" for s in ("linear", "cosine", "late", "half")}
    assert all(np.isfinite(r.prediction_interval).all() for r in rows)
    linear = next(r for r in rows if r.table == "runs: linear")
    assert "Runs: 2; law: response and traced-response" in linear.note
