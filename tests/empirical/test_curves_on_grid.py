"""Which ladders and grids can be measured, at the limits, and what is said of those that cannot."""

import re

import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse import InputError
from scaling_collapse.empirical import measure_collapse
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.theory import Ladder, LossCurve, default_grid


def logged_from(*starts):
    """Runs of sizes 1e6, 2e6, ... whose logs begin at these x; the horizon is 1 token a parameter."""

    def run(i, start):
        p, x = 1e6 * (i + 1), np.append(np.linspace(start, 0.999, 30), 1.0)
        return LossCurve(run=f"run {i}", params=p, tokens=p * x, loss=2 + (1 + x**-0.5) * p**-0.2, seed=0)

    return Ladder(run(i, start) for i, start in enumerate(starts))


@pytest.mark.parametrize(
    "x", [[], [1], [1.0], [0, 1], [-0.1, 1], [0.5, 0.9], [0.5, 1, 1], [0.5, 1, 1.1], [1, 0.5], [[0.5, 1]], [np.nan, 1]]
)
def test_what_is_no_grid_is_refused(x):
    for measure in (curves_on_grid, lambda ladder, x: measure_collapse(ladder, x=x)):
        with pytest.raises(InputError, match=r"needs `x` increasing in \(0, 1\] and ending at 1; got .* Mend the grid"):
            measure(law_ladder(sizes=3, seeds=1), x)


def test_a_grid_may_begin_anywhere_and_have_two_points():
    ladder = law_ladder(sizes=3, seeds=1)
    for x in ([0.5, 1], [0.02, 1], [1 - 1e-9, 1]):
        found = curves_on_grid(ladder, x)
        assert found.x.tolist() == x
        assert not found.starts_late
        assert found.L[0].tolist() == pytest.approx(ladder.curves[0].loss_at(np.array(x) * 2e7).tolist())


@pytest.mark.parametrize(("start", "points"), [(0.1, 181), (0.05, 181), (0.101, 180), (0.9, 21), (0.9049, 20)])
def test_the_project_grid_is_cut_to_what_all_have_logged(start, points):
    found = curves_on_grid(logged_from(0.05, start, 0.07), None)
    assert found.x.tolist() == default_grid()[181 - points :].tolist()
    assert found.L.shape == (3, points)
    assert found.starts_late == (points < 181)
    assert np.isfinite(found.L).all()
    np.testing.assert_array_equal(found.finals, found.L[:, -1])


def test_a_log_that_begins_too_late_is_named():
    words = (
        "measure_collapse needs curves that are logged from early in training; got run 'run 1' from 91% of its horizon "
        "on. Log earlier, or leave the run out."
    )
    with pytest.raises(InputError, match=f"^{re.escape(words)}$"):
        curves_on_grid(logged_from(0.05, 0.906, 0.3), None)


def test_a_grid_of_the_callers_is_cut_as_long_as_20_points_stay():
    x = np.linspace(0.05, 1, 20)
    assert curves_on_grid(logged_from(0.05, 0.05), x).x.size == 20
    with pytest.raises(InputError, match=r"got run 'run 0' from 6% of its horizon on"):
        curves_on_grid(logged_from(0.06, 0.05), x)
    longer = np.append(0.01, x)
    cut = curves_on_grid(logged_from(0.05, 0.05), longer)
    assert cut.x.tolist() == x.tolist()
    assert not cut.starts_late  # the caller's grid, not the project's


def test_one_size_is_refused_by_its_size():
    words = r"measure_collapse needs at least 2 sizes; got 1 \(params=1000000\). Add runs of another size."
    with pytest.raises(InputError, match=words):
        curves_on_grid(logged_from(0.05), None)
    assert curves_on_grid(logged_from(0.05, 0.05), None).size_index.tolist() == [0, 1]
