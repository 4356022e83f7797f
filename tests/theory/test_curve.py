import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.theory import Ladder, LossCurve


def curve(**changes):
    fields = {"run": "a", "params": 10, "tokens": [1, 2, 4], "loss": [3.0, 2.0, 1.0]} | changes
    return LossCurve(**fields)


def test_arrays_are_copies_and_read_only():
    loss = np.array([3.0, 2.0, 1.0])
    c = curve(loss=loss)
    loss[0] = 99
    assert c.loss[0] == 3.0
    with pytest.raises(ValueError, match="read-only"):
        c.loss[0] = 1
    with pytest.raises(AttributeError):
        c.params = 5
    with pytest.raises(TypeError):
        c.extra["x"] = 1


def test_defaults():
    c = curve()
    assert c.horizon_tokens == 4
    np.testing.assert_array_equal(c.compute, 60 * np.array([1, 2, 4]))
    assert c.horizon_loss == 1.0


def test_horizon_inside_the_curve_interpolates():
    c = curve(horizon_tokens=3)
    assert c.horizon_loss == 1.5
    assert c.horizon_compute == 180
    assert np.isnan(c.loss_at([0.5, 5])).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"params": 0}, r"needs a positive number of `params`; got 0"),
        ({"params": float("nan")}, r"positive number of `params`; got nan"),
        ({"loss": [1, 2]}, r"as many values of `loss` as of `tokens` \(3\); got 2"),
        ({"loss": [1, np.nan, 2]}, r"finite values of `loss`; got nan at point 1"),
        ({"loss": ["x", 1, 2]}, r"needs numbers in `loss`"),
        ({"tokens": [[1, 2, 3]]}, r"one-dimensional `tokens`; got shape \(1, 3\)"),
        ({"tokens": [1], "loss": [1]}, r"at least 2 points; got 1"),
        ({"tokens": [-1, 2, 4]}, r"`tokens` >= 0; got -1"),
        ({"tokens": [1, 4, 2]}, r"strictly increasing `tokens`; got 4 then 2 at point 2"),
        ({"compute": [1, 1, 2]}, r"strictly increasing `compute`"),
        ({"horizon_tokens": 5}, r"`horizon_tokens` within its points \(1 to 4\); got 5"),
        ({"clock": "hours"}, r"`clock` 'tokens' or 'steps'; got 'hours'"),
        ({"lr": [1, np.inf, 1]}, r"finite values of `lr`; got inf at point 1"),
    ],
)
def test_bad_curves_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        curve(**changes)


def test_optional_columns_may_have_gaps():
    assert np.isnan(curve(noise_trace=[1.0, np.nan, 2.0]).noise_trace[1])


def test_ladder_orders_by_size_then_seed():
    ladder = Ladder([curve(run="z", params=20), curve(run="b", seed=1), curve(run="c", seed=0)])
    assert [c.run for c in ladder] == ["c", "b", "z"]
    assert ladder.sizes == (10.0, 20.0)
    assert ladder.size_index.tolist() == [0, 0, 1]
    assert repr(ladder) == "Ladder(2 sizes, 3 runs, 9 points)"
    assert len(ladder.select(lambda c: c.params == 10)) == 2


def test_ladder_needs_curves_and_names_that_differ():
    with pytest.raises(InputError, match="at least 1 curve; got none"):
        Ladder([])
    with pytest.raises(InputError, match="run names that differ; got 'a' twice"):
        Ladder([curve(), curve()])
