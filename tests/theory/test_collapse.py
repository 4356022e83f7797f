import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import law_ladder

from scaling_collapse import InputError
from scaling_collapse.theory import Ladder, LossCurve, collapse_deviation, losses_on_grid, noise_floor, normalize

seeds = st.integers(0, 2**32 - 1)


def random_losses(seed, sizes=3, per_size=4, n=7):
    rng = np.random.default_rng(seed)
    return 2 + rng.random((sizes * per_size, n)) + np.linspace(2, 0, n), np.repeat(np.arange(sizes), per_size)


@given(seeds)
def test_against_the_naive_definitions(seed):
    L, index = random_losses(seed)
    l = normalize(L, 1.0)
    np.testing.assert_allclose(collapse_deviation(l, index), naive.collapse_deviation(l, index), rtol=1e-12)
    np.testing.assert_allclose(noise_floor(L, index, 1.0), naive.noise_floor(L, index, 1.0), rtol=1e-12)


@given(seeds, st.floats(0.01, 100), st.floats(-5, 5))
def test_scale_and_shift_of_the_loss_leave_delta_and_sigma(seed, scale, shift):
    L, index = random_losses(seed)
    moved, offset = scale * (L + shift), scale * (1.0 + shift)
    np.testing.assert_allclose(
        collapse_deviation(normalize(moved, offset), index),
        collapse_deviation(normalize(L, 1.0), index),
        rtol=1e-9,
        atol=1e-12,
    )
    np.testing.assert_allclose(noise_floor(moved, index, offset), noise_floor(L, index, 1.0), rtol=1e-9)


@given(st.floats(1e-6, 1e6))
def test_scale_of_compute_leaves_the_normalized_curves(scale):
    ladder = law_ladder(sizes=3, seeds=2)
    scaled = Ladder(
        LossCurve(run=c.run, params=c.params, tokens=scale * c.tokens, loss=c.loss, seed=c.seed) for c in ladder
    )
    np.testing.assert_allclose(losses_on_grid(scaled), losses_on_grid(ladder), rtol=1e-12)


@given(seeds, st.integers(1, 5))
def test_every_size_weighs_the_same_however_many_seeds_it_has(seed, copies):
    L, index = random_losses(seed, sizes=2, per_size=1)
    # Repeating a run changes neither mean nor share of its size; only the ddof correction moves.
    more, more_index = np.concatenate([L, L[:1].repeat(copies, axis=0)]), np.append(index, [0] * copies)
    once = collapse_deviation(normalize(L, 1.0), index) * np.sqrt(1 - 0.5)
    share = 0.25 / (1 + copies) + 0.25
    again = collapse_deviation(normalize(more, 1.0), more_index) * np.sqrt(1 - share)
    np.testing.assert_allclose(once, again, rtol=1e-12, atol=1e-15)


def test_the_horizon_ends_the_curve():
    c = LossCurve(run="a", params=1, tokens=[1, 2, 4, 8], loss=[4.0, 3.0, 2.0, 0.5], horizon_tokens=4)
    np.testing.assert_allclose(losses_on_grid(Ladder([c]), [0.25, 0.5, 1.0]), [[4, 3, 2]])


def test_a_two_term_ladder_collapses_exactly_at_its_optimum():
    ladder = law_ladder(noise=0.0, seeds=1, b=0.25, mu=0.5, points=2000)
    l = normalize(losses_on_grid(ladder), 2.0)
    assert collapse_deviation(l, ladder.size_index).max() < 1e-12


def test_offset_must_lie_below_every_final_loss():
    with pytest.raises(InputError, match=r"offset below every final loss; got offset 2 and a final loss of 1\.5"):
        normalize([[3.0, 1.5]], 2.0)
    with pytest.raises(InputError, match="at least 2 runs; got 1"):
        collapse_deviation([[1.0, 1.0]], [0])


def test_no_noise_floor_without_a_second_seed():
    assert np.isnan(noise_floor([[2.0, 1.0], [3.0, 1.0]], [0, 1], 0.0)).all()
