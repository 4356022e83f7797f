"""Single claims of a validation, each put to curves for which it has a known answer."""

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from validation_ladders import GAMMA, KAPPA, L0, MU, decayed, overtrained, schedules

from scaling_collapse import InputError
from scaling_collapse.empirical.fits.two_term_law import fit_two_term
from scaling_collapse.empirical.validation.claims import blind_forecast, claim, curve_value
from scaling_collapse.empirical.validation.claims.claim import CLAIMS, Evidence, Subject
from scaling_collapse.empirical.validation.claims.deviation import first_order_deviation
from scaling_collapse.empirical.validation.ladder_finding import cases_of
from scaling_collapse.empirical.validation.pool import Pool
from scaling_collapse.empirical.validation.validation_table import Table
from scaling_collapse.theory import Ladder, collapse_deviation, default_grid, losses_on_grid, normalize

NOTHING_MORE = Evidence(cases=(), draws=50, seed=0)
"""What a claim on a pool looks at beside it."""


def test_every_file_of_the_folder_is_a_claim_and_is_listed_once():
    files = {p.stem for p in Path(claim.__file__).parent.glob("*.py")} - {"__init__", "claim"}
    assert sorted(CLAIMS.entries.values()) == sorted(files)
    assert len({found.NAME for found in CLAIMS.values()}) == len(CLAIMS)
    for found in CLAIMS.values():
        assert isinstance(found.SUBJECT, Subject)
        subject, evidence = inspect.signature(found.rows).parameters
        assert subject == ("pool" if found.SUBJECT is Subject.POOL else "case")
        assert evidence == "evidence"


def test_a_horizon_that_is_not_optimal_does_not_have_theorys_curve():
    ladder = overtrained(noise=1e-4, horizon=8.0)
    (case,), _ = cases_of([Table(name="past", whole=ladder, cut=ladder, offset=L0)], draws=100)
    (row,) = curve_value.rows(case, Evidence(cases=[case], draws=50, seed=0))
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


def test_blind_means_blind():
    """A forecast does not move when the losses of the schedule it is put to are poisoned."""
    runs = schedules()
    poisoned = Ladder([replace(c, loss=c.loss + 3.0) if c.schedule == "late" else c for c in runs])
    claim, table = "loss under a schedule, blind", "runs: late"
    clean, bad = (
        next(r for r in blind_forecast.rows(Pool(name="runs", runs=tuple(ladder)), NOTHING_MORE) if r.table == table)
        for ladder in (runs, poisoned)
    )
    assert clean.claim == bad.claim == claim
    assert bad.prediction_interval == pytest.approx(clean.prediction_interval, abs=1e-9)
    assert bad.verdict == "does not hold"
    final = {c.schedule: c.loss[-1] for c in runs}["late"]
    ratio = (1 + bad.measurement / 100) / (1 + clean.measurement / 100)
    assert ratio == pytest.approx((final + 3) / final, rel=1e-6)


def test_sizes_without_traces_are_forecast_beside_one_that_has_them():
    """One size traced, the schedule to forecast also run at another size: both get a forecast with a band."""
    traced = schedules()
    other = [
        replace(c, run=f"{c.run}-big", params=2e6, compute=None, noise_trace=None)
        for c in schedules(seed=1)
        if c.schedule in ("const", "linear")
    ]
    rows = blind_forecast.rows(Pool(name="runs", runs=(*traced, *other)), NOTHING_MORE)
    assert {r.table for r in rows} == {f"runs: {s}" for s in ("linear", "cosine", "late", "half")}
    assert all(np.isfinite(r.prediction_interval).all() for r in rows)
    linear = next(r for r in rows if r.table == "runs: linear")
    assert "Runs: 2; law: response and traced-response" in linear.note
