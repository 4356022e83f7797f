import pytest
from extrapolation_ladders import without_largest
from synthetic import law_ladder

from scaling_collapse.empirical import extrapolate


def test_more_runs_narrow_the_band_as_the_plan_says():
    few, held = without_largest(law_ladder(seeds=2, noise=5e-3, rng=3))
    many, _ = without_largest(law_ladder(seeds=4, noise=5e-3, rng=3))
    before, after = extrapolate(few, held[0].params), extrapolate(many, held[0].params)
    plan = {row.action: row for row in before.plan}
    now, twice = plan["the ladder as it is"], plan["twice as many seeds"]
    assert now.width == pytest.approx(before.final_interval[1] - before.final_interval[0], rel=0.25)
    assert twice.expected_width < plan["one more seed at every size"].expected_width < now.expected_width
    assert twice.runs == len(few)
    assert twice.compute == pytest.approx(sum(c.horizon_compute for c in few))
    measured = (after.expected_high - after.expected_low)[-1] / (before.expected_high - before.expected_low)[-1]
    assert twice.expected_width / now.expected_width == pytest.approx(measured, rel=0.5)
    far = extrapolate(few, 20 * held[0].params, draws=500).plan
    assert next(r for r in far if r.action.startswith("the next size")).expected_width < far[0].expected_width
