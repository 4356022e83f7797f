import copy
import pickle

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.theory import Finding, IntegrityReport, Ladder, LossCurve


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


@pytest.mark.parametrize("copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_curves_and_ladders_pickle_and_copy(copied):
    report = IntegrityReport(("a.csv",), 3, 3, (Finding("restart", "merged", "a", "1 point", 1),))
    first = curve(lr=[1.0, np.nan, 0.5], horizon_tokens=3, clock="steps", extra={"width": 8, "wall": np.arange(3.0)})
    ladder = copied(Ladder([first, curve(run="b", params=20)], report))
    assert ladder.headline() == "Ladder: 2 sizes, 2 runs, 6 points"
    assert ladder.integrity == report
    again = ladder.curves[0]
    for name in ("tokens", "loss", "lr", "compute"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
        assert not getattr(again, name).flags.writeable
    assert (again.run, again.horizon_tokens, again.clock, again.extra["width"]) == ("a", 3, "steps", 8)
    np.testing.assert_array_equal(again.extra["wall"], np.arange(3.0))
    assert again.extra["wall"] is not first.extra["wall"]
    with pytest.raises(TypeError):
        again.extra["width"] = 1


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
    assert ladder.headline() == "Ladder: 2 sizes, 3 runs, 9 points"
    assert len(ladder.select(lambda c: c.params == 10)) == 2


def test_ladder_needs_curves_and_names_that_differ():
    with pytest.raises(InputError, match="at least 1 curve; got none"):
        Ladder([])
    with pytest.raises(InputError, match="run names that differ; got 'a' twice"):
        Ladder([curve(), curve()])


def test_a_ladder_lists_the_schedules_that_runs_name():
    ladder = Ladder([curve(run=str(k), schedule=name) for k, name in enumerate(["wsd", "cosine", None, "wsd"])])
    assert ladder.schedules == ("cosine", "wsd")


def test_one_schedule_is_required_in_the_name_of_the_caller():
    Ladder([curve(run="a", schedule="wsd"), curve(run="b")]).require_one_schedule("measure_collapse")
    mixed = Ladder([curve(run="a", schedule="wsd"), curve(run="b", schedule="cosine")])
    sentence = r"^extrapolate needs runs of one schedule; got cosine, wsd. Choose .* --where schedule=cosine\.$"
    with pytest.raises(InputError, match=sentence):
        mixed.require_one_schedule("extrapolate")


def test_one_horizon_per_size_is_required_in_the_name_of_the_caller():
    """Sizes may differ as they like; within a size 1 % is the limit, and the sentence names both runs."""
    near = [curve(run=f"n{h}", tokens=[1, 50, h]) for h in (100, 101)]
    other = curve(run="o", params=5, tokens=[1, 2, 3])
    Ladder([*near, other]).require_one_horizon_per_size("measure_collapse")
    assert Ladder([*near, other]).horizons_apart() is None
    far = Ladder([other, *near, curve(run="far", tokens=[1, 50, 102], clock="steps")])
    assert [c.run for c in far.horizons_apart()] == ["n100", "far"]
    sentence = (
        r"^measure_collapse needs one horizon per size; got 100 \(run 'n100'\) and 102 steps \(run 'far'\) at "
        r"params=10. Leave runs out, or mark the horizon in a column horizon_tokens\.$"
    )
    with pytest.raises(InputError, match=sentence):
        far.require_one_horizon_per_size("measure_collapse")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (0.2, 0.2),
        (1, 1.0),
        ([0.4, 0.4, 0.4], 0.4),
        (np.float32(0.5), 0.5),
        (np.nan, None),
        ("most", None),
        (None, None),
    ],
)
def test_share_of_training_that_decays(column, expected):
    assert curve(extra={"decay_fraction": column}).decay_fraction == expected
    assert curve().decay_fraction is None


@pytest.mark.parametrize("loss", [1e300, -1e150, 1e-300, 5e-324])
def test_losses_that_no_square_holds_are_refused_by_name(loss):
    with pytest.raises(InputError, match=r"LossCurve\(run='a'\) needs losses of 1e-60 to 1e60 in size, or 0; got .* 1"):
        curve(loss=[3.0, loss, 1.0])
    assert curve(loss=[1e58, 1e-58, 0.0]).loss[2] == 0
