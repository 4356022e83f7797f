import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from validation_ladders import GAMMA, L0, MU, NU, decayed, overtrained, schedules

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical import validate, write_curves
from scaling_collapse.empirical.validation import page
from scaling_collapse.empirical.validation.claims import noise_coefficient
from scaling_collapse.empirical.validation.claims.claim import Evidence
from scaling_collapse.empirical.validation.ladder_finding import cases_of
from scaling_collapse.empirical.validation.pool import Pool, pools_of
from scaling_collapse.empirical.validation.validation_table import Table, read_tables
from scaling_collapse.theory import Ladder

NOTHING_MORE = Evidence(cases=(), draws=50, seed=0)
"""What a claim on a pool looks at beside it."""


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


def test_unmarked_horizons_come_from_the_frontier():
    ladder = overtrained()
    unmarked = Ladder([replace(c, horizon_tokens=math.nan) for c in ladder])
    (case,), _ = cases_of([Table(name="past", whole=unmarked, cut=unmarked)], draws=100)
    assert not case.marked
    assert case.horizon_exponent == pytest.approx(GAMMA, abs=0.03)
    assert case.past > 2


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
    drift = "ablation detected: drift with size"
    assert {r.table: str(r.verdict) for r in family.of(drift)} == {
        "high": "holds", "bent": "holds", "same": "does not hold",
    }  # fmt: skip


def test_schedules_are_forecast_blind_and_the_coefficient_comes_back(put):
    found = validate(*put(runs=schedules()))
    rows = found.of("loss under a schedule, blind")
    assert {r.table for r in rows} == {f"runs: {s}" for s in ("linear", "cosine", "late", "half")}
    # A law that holds to 1e-4 in c is forecast to a few parts in 1e3 by one with a memory that is not there.
    assert all(abs(r.measurement) < 0.5 for r in rows)
    row = only(found, "noise coefficient, published form")
    assert row.measurement == pytest.approx(0.25, rel=0.02)
    row, balance = noise_coefficient.rows(Pool(name="runs", runs=tuple(schedules(c=0.4))), NOTHING_MORE)
    assert (row.measurement, row.verdict) == (pytest.approx(0.4, rel=0.02), "does not hold")
    # Tr Sigma here is a function of tau alone, and then both forms are one.
    assert balance.measurement == pytest.approx(row.measurement, rel=0.02)


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
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["counts"] == found.counts


def test_what_is_no_ladder_is_named_with_its_schedule():
    runs = schedules()
    one = runs.select(lambda c: c.schedule == "linear")
    tables = [Table(name="many", whole=runs, cut=runs), Table(name="a: b", whole=one, cut=one)]
    cases, refused = cases_of(tables, draws=100)
    assert not cases
    assert {r.name for r in refused} == {
        *(f"many: {s}" for s in ("constant", "linear", "cosine", "late", "half")),
        "a: b",  # a table's own name, although it looks like a schedule's
    }
    assert {r.table for r in refused} == {"many", "a: b"}


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
    folder = tmp_path / "all"
    html, target = folder / "report.html", folder / "report.json"
    tokens = ["validate", *map(str, tables), "--ablation", "high", "--offset", f"healthy={L0}"]
    assert main([*tokens, "--out", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    told = [line for line in out.splitlines() if not line.startswith("wrote ")]
    assert told[0].startswith("Of the predictions, ")
    assert len(told) <= 10
    assert main([*tokens, "--all"]) == 0
    assert "Predictions and measurements" in capsys.readouterr().out
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
    parts = [
        p for p in (root / "scaling_collapse" / "empirical" / "validation").iterdir() if p.suffix not in (".py", "")
    ]
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
    row = noise_coefficient.rows(pool, NOTHING_MORE)[0]
    assert (row.measurement, row.verdict) == (pytest.approx(0.266, abs=0.002), "does not hold")
