"""`fit_horizon` step by step: the grid, the smoother, the frontier and the line, against slow versions."""

import math

import naive
import numpy as np
import pytest
from empirical_ladders import two_term
from scipy.stats import t as student

from scaling_collapse import InputError
from scaling_collapse.empirical import fit_horizon
from scaling_collapse.theory import Ladder, LossCurve


def envelope(i, C):
    """Loss of size i: a line in ln C that size i + 1 undercuts from C = 10^i on."""
    return 100 - i * np.log10(C) + i * (i - 1) / 2


def hands_over(sizes, *, keep=None, height=None):
    """A ladder in which size i is the best for C between 10^(i - 1) and 10^i, but for points cut and heights added."""
    grid, curves = np.geomspace(1e-2, 10.0 ** (sizes + 1), 400), []
    for i in range(sizes):
        p, C = 10.0 * 2**i, grid[(keep or {}).get(i, slice(None))]
        loss = envelope(i, C) + (height or {}).get(i, 0)
        curves.append(LossCurve(run=str(i), params=p, tokens=C / (6 * p), loss=loss))
    return Ladder(curves)


def test_stretches_lie_between_the_crossings():
    fit = fit_horizon(hands_over(6))
    assert [s.status for s in fit.sizes] == ["end of the ladder", *["used"] * 4, "end of the ladder"]
    step = math.log(fit.C[1] / fit.C[0])
    for i, size in enumerate(fit.sizes):
        low = 1e-2 if i == 0 else 10.0 ** (i - 1)
        high = 1e7 if i == 5 else 10.0**i
        assert math.log(size.low) == pytest.approx(math.log(low), abs=1.01 * step)
        assert math.log(size.high) == pytest.approx(math.log(high), abs=1.01 * step)
        optimum = math.nan if i in (0, 5) else 10.0 ** (i - 0.5)
        assert size.optimal_compute == pytest.approx(optimum, rel=step, nan_ok=True)
    assert fit.gamma == pytest.approx(math.log(10) / math.log(2) - 1, rel=1e-2)


def test_the_frontier_is_that_of_the_loop():
    ladder, *_ = two_term(noise=5e-3, seed=1)
    cut = Ladder([LossCurve(run=c.run, params=c.params, tokens=c.tokens[k:], loss=c.loss[k:])
                  for k, c in zip([0, 300, *[60] * 7], ladder, strict=True)])  # fmt: skip
    fit = fit_horizon(cut)
    stretches = naive.frontier(fit.C.tolist(), fit.loss.tolist())
    for size, stretch in zip(fit.sizes[1:-1], stretches[1:-1], strict=True):
        if size.status == "used":
            assert (size.low, size.high) == (stretch[0], stretch[-1])
            assert math.log(size.optimal_compute) == pytest.approx(np.mean(np.log(stretch)))
    for size, stretch in ((fit.sizes[0], stretches[0]), (fit.sizes[-1], stretches[-1])):
        assert (size.low, size.high) == (stretch[0], stretch[-1])
    assert [s.status for s in fit.sizes].count("used") >= 6


def test_the_grid_spans_all_runs_and_losses_are_known_where_trained():
    late, early = slice(40, None), slice(None, 350)
    ladder = hands_over(6, keep={2: late, 3: early})
    fit = fit_horizon(ladder)
    assert fit.C.shape == (2000,)
    assert fit.C[[0, -1]] == pytest.approx([1e-2, 1e7])
    assert np.ptp(np.diff(np.log(fit.C))) < 1e-9
    assert fit.loss.shape == (6, 2000)
    for c, loss in zip(ladder, fit.loss, strict=True):
        trained = (np.log(fit.C) >= np.log(c.compute[0])) & (np.log(fit.C) <= np.log(c.compute[-1]))
        np.testing.assert_array_equal(np.isnan(loss), ~trained)


def test_points_without_compute_are_left_out_and_small_ones_are_not():
    first = [np.r_[0.0, 0.05, np.geomspace(0.1, 1e7, 300)], np.r_[0.0, np.geomspace(0.2, 1e7, 300)]]
    curves = [
        LossCurve(run=str(i), params=10.0 * 2**i, tokens=C / (60.0 * 2**i),
                  loss=envelope(i, np.maximum(C, 0.01)))
        for i, C in enumerate([first[1], first[0], *[first[1]] * 4])
    ]  # fmt: skip
    fit = fit_horizon(Ladder(curves))
    assert fit.C[0] == pytest.approx(0.05)
    assert not np.isnan(fit.loss[1][1:-1]).any()
    assert np.isnan(fit.loss[0][fit.C < 0.2 * (1 - 1e-9)]).all()


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_losses_are_smoothed_by_local_lines_and_averaged_over_seeds(smoothing):
    ladder, *_ = two_term(noise=2e-2, seed=3, sizes=7)
    twin, *_ = two_term(noise=2e-2, seed=4, sizes=7)
    both = Ladder([*ladder, *(LossCurve(run=f"{c.run}b", params=c.params, tokens=c.tokens, loss=c.loss) for c in twin)])
    fit = fit_horizon(both) if smoothing == 0.1 else fit_horizon(both, smoothing=smoothing)
    pair = both.by_size[ladder.sizes[3]]
    for j in (900, 1000, 1100):
        lines = [naive.local_line(np.log(c.compute), c.loss, math.log(fit.C[j]), smoothing) for c in pair]
        assert fit.loss[3, j] == pytest.approx(np.mean(lines), rel=1e-9)


def textbook_line(fit):
    """The line through the sizes that count with its t-intervals, by the textbook's matrices."""
    used = [i for i, s in enumerate(fit.sizes) if s.status == "used"]
    x = np.log([fit.sizes[i].params for i in used])
    y = np.log([fit.sizes[i].optimal_compute for i in used])
    X = np.column_stack([np.ones(len(used)), x])
    correlation = np.array([[{0: 1.0, 1: 0.5}.get(abs(i - j), 0.0) for j in used] for i in used])
    inverse = np.linalg.inv(X.T @ X)
    coefficients = inverse @ X.T @ y
    r = y - X @ coefficients
    annihilator = np.eye(len(used)) - X @ inverse @ X.T
    variance = r @ r / np.trace(annihilator @ correlation)
    half = student.ppf(0.5 + fit.level / 2, len(used) - 2) * np.sqrt(
        variance * np.diag(inverse @ X.T @ correlation @ X @ inverse)
    )
    return coefficients, half, math.sqrt((r**2).mean())


@pytest.mark.parametrize("level", [0.9, 0.5])
@pytest.mark.parametrize("missing", [None, 4])
def test_the_line_and_its_intervals_are_the_textbooks(level, missing):
    ladder, *_ = two_term(noise=1e-2, seed=5)
    worse = Ladder(
        LossCurve(run=c.run, params=c.params, tokens=c.tokens, loss=c.loss * (1.2 if i == missing else 1))
        for i, c in enumerate(ladder)
    )
    fit = fit_horizon(worse, level=level)
    assert [s.status for s in fit.sizes].count("used") == (7 if missing is None else 6)
    (intercept, slope), half, residual = textbook_line(fit)
    assert fit.level == level
    assert fit.gamma == pytest.approx(slope - 1)
    assert fit.kappa == pytest.approx(math.exp(intercept) / 6)
    assert fit.gamma_interval == pytest.approx((slope - 1 - half[1], slope - 1 + half[1]))
    assert fit.kappa_interval == pytest.approx((fit.kappa * math.exp(-half[0]), fit.kappa * math.exp(half[0])))
    assert fit.residual == pytest.approx(residual)
    assert fit.exponent == 1 + fit.gamma


def test_five_sizes_suffice_where_three_count():
    fit = fit_horizon(hands_over(5))
    assert [s.status for s in fit.sizes].count("used") == 3
    with pytest.raises(InputError, match=r"at least 5 sizes; got 4\. Train more sizes\."):
        fit_horizon(hands_over(4))
    words = (
        r"at least 3 sizes with a stretch of the frontier that other sizes close on both sides; got 2 "
        r"\(p=10: end of the ladder; p=40: never on the frontier; p=160: end of the ladder\). Train more sizes"
    )
    with pytest.raises(InputError, match=words):
        fit_horizon(hands_over(5, height={2: 3}))


@pytest.mark.parametrize(("last", "status"), [(1.0, "still best when its runs end"), (3.0, "used")])
def test_a_stretch_must_be_closed_by_another_size(last, status):
    """Size 2 is the best up to C = 100: its runs end before that, or after."""
    whole = hands_over(7)
    C = whole.curves[2].compute
    ends = int(np.searchsorted(C, 10.0 ** (1 + last / 2)))
    fit = fit_horizon(hands_over(7, keep={2: slice(None, ends)}))
    assert fit.sizes[2].status == status
    assert math.isnan(fit.sizes[2].optimal_compute) == (status != "used")
    assert fit.sizes[2].low < fit.sizes[2].high <= C[ends - 1]


def test_the_ends_of_the_ladder_count_for_nothing_even_off_the_frontier():
    fit = fit_horizon(hands_over(7, height={0: 50, 6: 50}))
    assert [s.status for s in fit.sizes] == ["never on the frontier", *["used"] * 4, "still best when its runs end",
                                             "never on the frontier"]  # fmt: skip
    off = fit.sizes[0]
    assert np.isnan([off.low, off.high, off.optimal_compute]).all()


@pytest.mark.parametrize("options", [{"level": 0.0}, {"level": 1.0}, {"smoothing": 0.0}, {"smoothing": -1.0}])
def test_options_at_their_limits_are_refused(options):
    with pytest.raises(InputError, match=f"`{next(iter(options))}`"):
        fit_horizon(hands_over(5), **options)
    with pytest.raises(InputError, match="`smoothing` > 0; got nan"):
        fit_horizon(hands_over(5), smoothing=math.nan)
