"""Ladders whose faults are known: what `measure` says of them, whom it names first; and healthy ones."""

import numpy as np
import pytest
from faulty_ladders import LEVELS, Family, Fault, draw, faults, healthy

from scaling_collapse.empirical import measure_collapse
from scaling_collapse.empirical.collapse.verdict import Verdict

STRONG = [fault.name for fault in faults(Family(), strong=True, rng=np.random.default_rng(0))]
SICK = {
    "horizon exponent too low", "horizon exponent too high", "one size cut short", "largest size cut short",
    "rate too high with size", "one size's rate too high", "finals rise with size",
}  # fmt: skip
"""Faults of the issue's table that are no collapse whatever the seed."""


def measured(name, seed, *, noise=LEVELS[0], given=True):
    """The report on one draw of a fault, the fault and its family."""
    family = Family(noise=noise)
    fault = next(f for f in faults(family, strong=True, rng=np.random.default_rng(seed)) if f.name == name)
    ladder, offset = draw(family, fault, seed)
    return measure_collapse(ladder, offset=offset if given else None, draws=100), fault, family


@pytest.mark.parametrize("seed", [0])
@pytest.mark.parametrize("name", STRONG)
def test_the_fault_is_seen_and_its_culprit_named_first(name, seed):
    report, fault, family = measured(name, seed)
    if name in SICK:
        assert report.verdict is Verdict.NO_COLLAPSE
    first = report.culprits[0]
    assert first.kind in fault.kinds
    assert first.cause in fault.causes
    assert 0.5 < first.confidence <= 1
    assert report.next
    if first.kind == "run":
        assert first.subject == "p{}-s{}".format(*fault.subjects)
        assert report.verdict in (Verdict.UNDECIDED, Verdict.SUPERCOLLAPSE, Verdict.COLLAPSE)
    elif fault.subjects and first.subject is not None:
        assert np.isclose(family.p[list(fault.subjects)], first.subject).any()


@pytest.mark.parametrize("name", ["one size off the law", "exponents change"])
def test_a_miss_of_the_law_leaves_the_curves_their_verdict(name):
    report, _, _ = measured(name, 0)
    assert report.verdict is Verdict.SUPERCOLLAPSE
    assert report.culprits[0].kind == "law"


def test_horizons_off_by_twenty_per_cent_under_seed_noise_of_ten():
    report, _, _ = measured("horizon exponent too low", 0, noise=LEVELS[2])
    assert report.verdict is not Verdict.SUPERCOLLAPSE


@pytest.mark.parametrize("error", [-0.4, -0.2, 0.2, 0.4])
def test_the_error_of_the_horizons_is_measured_and_mended(error):
    family = Family()
    z = np.log(family.p / np.sqrt(family.p[0] * family.p[-1]))
    ladder, offset = draw(family, Fault(horizon=np.exp(error * family.nu / family.mu * z)), 0)
    report = measure_collapse(ladder, offset=offset, draws=100)
    assert report.verdict is not Verdict.SUPERCOLLAPSE
    assert (report.culprits[0].kind, report.culprits[0].cause) == ("trend", "horizon")
    assert report.trend.gamma_error == pytest.approx(error, abs=0.35 * abs(error))
    assert abs(report.trend.t) > 3
    assert f"they grow too {'slowly' if error < 0 else 'fast'}" in report.next[0]


@pytest.mark.parametrize("seed", range(12))
def test_a_healthy_ladder_is_not_called_sick(seed):
    rng = np.random.default_rng(seed)
    family = healthy(rng, LEVELS[seed % 2])
    ladder, offset = draw(family, Fault(), seed)
    report = measure_collapse(ladder, offset=offset, draws=100)
    assert report.verdict is not Verdict.NO_COLLAPSE
    if family.seeds > 2 and seed % 2 == 0:
        assert report.verdict in (Verdict.COLLAPSE, Verdict.SUPERCOLLAPSE)


def test_few_healthy_ladders_have_a_culprit():
    named = 0
    for seed in range(30):
        ladder, offset = draw(Family(), Fault(), 100 + seed)
        named += bool(measure_collapse(ladder, offset=offset, draws=100).culprits)
    assert named <= 2


def test_a_wrong_offset_is_named_only_where_the_law_s_own_is_better():
    family = Family(L0=1.0)
    ladder, offset = draw(family, Fault(), 0)
    right, wrong = (measure_collapse(ladder, offset=L0, draws=100) for L0 in (offset, 0.5))
    assert right.culprits == ()
    assert (wrong.culprits[0].kind, wrong.culprits[0].cause, wrong.culprits[0].subject) == ("offset", "offset", None)
    assert "Leave out --offset" in wrong.next[0]
    assert measure_collapse(ladder, draws=100).culprits == ()
