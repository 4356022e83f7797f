"""Schedules: values, round trips through text, refusals, and agreement with optax's and torch's own."""

import tomllib
from dataclasses import FrozenInstanceError
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model import schedules

TEXTS = [
    "constant()",
    "linear()",
    "linear(decay=0.3, end=0.1)",
    "cosine(warmup=0.1)",
    "multi_cosine()",
    "multi_cosine(decay=0.2, half_periods=5)",
    "quadratic(decay=0.2)",
    "power(power=3.0)",
    "polynomial(power=1.5, end=0.05)",
    "exponential(decay=0.2, factor=0.01)",
    "inverse_sqrt(timescale=0.02, warmup=0.02)",
    "step(at_progress=(0.3, 0.6, 0.9), factor=0.3)",
    "cyclic(cycles=20)",
    "cyclic(cycles=5, low=0.2, shape='triangle')",
    "cyclic(shape='sawtooth')",
    "wsd()",
    "wsd(decay=0.5, shape='cosine')",
    "wsd(shape='sqrt')",
    "wsd(decay=1.0, shape='1-sqrt', warmup=0.05)",
    "join(parts=(linear(end=0.5, decay=0.5), cosine(peak=0.5)), at_progress=(0.25,))",
    "from_array(values=(0.0, 1.0, 0.5))",
    "from_array(values=(1.0, 0.25, 0.5), interpolate=False)",
]
X = np.linspace(0.0, 1.0, 1001)


@pytest.mark.parametrize("text", TEXTS)
def test_text_round_trip_and_range(text):
    schedule = schedules.parse(text)
    assert schedules.parse(repr(schedule)) == schedule
    bound = schedule.at(peak=0.3, steps=70)
    assert schedules.parse(repr(bound)) == bound
    s = schedule.s(X)
    assert s.shape == X.shape
    assert ((s >= 0) & (s <= 1 + 1e-15)).all()
    np.testing.assert_array_equal(bound.eta(), 0.3 * schedule.s(np.arange(70) / 70))
    with pytest.raises(FrozenInstanceError):
        schedule.peak = 2.0


def test_every_kind_is_tried():
    assert {t.split("(")[0] for t in TEXTS} == set(schedules.KINDS) - {"from_function"}


def test_every_kind_goes_by_its_own_name():
    for name, kind in schedules.KINDS.items():
        assert kind.kind == name
        assert getattr(schedules, name) is kind
    with pytest.raises(AttributeError, match="has no attribute 'magic'"):
        schedules.magic  # noqa: B018


@pytest.mark.parametrize("text", TEXTS)
def test_smooth_between_breakpoints(text):
    """Cubic extrapolation from inside a piece predicts its values; across a breakpoint it need not."""
    schedule = schedules.parse(text)
    edges = np.concatenate([[0.0], schedule.breakpoints(), [1.0]])
    for left, right in pairwise(edges):
        h = (right - left) / 4000
        x = left + (right - left) * np.linspace(0.05, 0.9, 50)[:, None] + h * np.arange(5)
        fourth = schedule.s(x) @ np.array([1, -4, 6, -4, 1])
        assert np.abs(fourth).max() < 1e-8


def test_values():
    s = {name: getattr(schedules, name) for name in ("linear", "cosine", "multi_cosine", "quadratic", "power")}
    u = 0.3
    assert s["linear"]().s(u) == pytest.approx(1 - u)
    assert s["cosine"]().s(u) == pytest.approx((1 + np.cos(np.pi * u)) / 2)
    assert s["multi_cosine"]().s(u) == pytest.approx((1 + np.cos(3 * np.pi * u)) / 2)
    assert s["quadratic"]().s(u) == pytest.approx(1 - u**2)
    assert s["power"]().s(u) == pytest.approx((1 - u) ** 2)
    assert schedules.exponential().s(u) == pytest.approx(10**-u)
    assert schedules.inverse_sqrt(timescale=0.1).s(u) == pytest.approx(0.5)
    assert schedules.wsd(decay=0.2, shape="sqrt").s(0.85) == pytest.approx(np.sqrt(0.75))
    assert schedules.wsd(decay=0.2, shape="1-sqrt").s(0.85) == pytest.approx(0.5)
    assert schedules.cyclic(cycles=4).s(0.125) == pytest.approx(0.0)
    assert schedules.cosine(warmup=0.2).s(0.6) == pytest.approx(0.5)
    assert schedules.linear()(0.25) == 0.75
    rates = np.random.default_rng(0).uniform(size=97)
    held = schedules.from_array(rates, interpolate=False, steps=97)
    np.testing.assert_array_equal(held.eta(), rates)
    assert schedules.from_function(lambda x: 1 - x**3).s(0.5) == 0.875


def test_toml_table():
    table = tomllib.loads("[schedule]\nkind = 'step'\nat_progress = [0.5, 0.75]\nwarmup = 0.1")["schedule"]
    assert schedules.parse(table) == schedules.step(at_progress=(0.5, 0.75), warmup=0.1)


@given(
    warmup=st.floats(0, 0.9),
    decay=st.floats(0.01, 1.0),
    end=st.floats(0, 1),
    shape=st.sampled_from(("linear", "1-sqrt")),
)
def test_any_wsd_round_trips_and_ends_where_told(warmup, decay, end, shape):
    schedule = schedules.wsd(decay=decay, end=end, shape=shape, warmup=warmup)
    assert schedules.parse(repr(schedule)) == schedule
    assert schedule.s(1.0) == pytest.approx(end, abs=1e-12)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: schedules.linear(decay=1.2), r"linear needs `decay` in \(0, 1\], a fraction of the run; got 1.2"),
        (lambda: schedules.wsd(decay=0.0), r"wsd needs `decay` in \(0, 1\].*got 0.0"),
        (lambda: schedules.cosine(warmup=1.5), r"cosine needs `warmup` .*longer than the run; got 1.5"),
        (lambda: schedules.cosine(warmup=-0.1), r"`warmup` in \[0, 1\).*got -0.1"),
        (lambda: schedules.constant(peak=-1e-3), r"constant needs `peak` a finite learning rate >= 0; got -0.001"),
        (lambda: schedules.constant(steps=0), r"constant needs `steps` a whole number >= 1, or None; got 0"),
        (lambda: schedules.linear(end=float("nan")), r"linear needs `end` in \[0, 1\].*got nan"),
        (lambda: schedules.power(power=0.0), r"power needs `power` > 0; got 0.0"),
        (lambda: schedules.exponential(factor=2.0), r"exponential needs `factor` in \(0, 1\]; got 2.0"),
        (lambda: schedules.exponential(decay=2.0), r"exponential needs `decay` .*got 2.0"),
        (lambda: schedules.multi_cosine(half_periods=4), r"multi_cosine needs `half_periods` an odd .*got 4"),
        (lambda: schedules.inverse_sqrt(timescale=0.0), r"inverse_sqrt needs `timescale` > 0.*got 0.0"),
        (lambda: schedules.step(at_progress=(0.5, 0.2)), r"step needs `at_progress` increasing .*got \(0.5, 0.2\)"),
        (lambda: schedules.step(factor=-1.0), r"step needs `factor` > 0; got -1.0"),
        (lambda: schedules.cyclic(cycles=0), r"cyclic needs `cycles` a whole number >= 1; got 0"),
        (lambda: schedules.cyclic(low=-0.5), r"cyclic needs `low` .*got -0.5"),
        (lambda: schedules.cyclic(shape="square"), r"cyclic needs `shape` one of cosine.*got 'square'"),
        (lambda: schedules.wsd(shape="cubic"), r"wsd needs `shape` one of linear.*got 'cubic'"),
        (
            lambda: schedules.from_array([1.0, np.nan]),
            r"from_array needs `values` finite rates >= 0; got 'nan at index 1'",
        ),
        (lambda: schedules.from_array([1.0, -2.0]), r"got '-2.0 at index 1'"),
        (lambda: schedules.from_array([1.0]), r"from_array needs `values` at least 2 values.*got 'shape \(1,\)'"),
        (lambda: schedules.from_function(lambda u: 0.5 - u), r"from_function needs `function` finite.*at u = 0.5"),
        (lambda: schedules.from_function(lambda u: 1 - u, (1.5,)), r"`kink_points` points in \(0, 1\); got \(1.5,\)"),
        (lambda: schedules.join(at_progress=(0.2, 0.4)), r"join needs `at_progress` 1 points for 2 parts; got"),
        (lambda: schedules.join(at_progress=(1.4,)), r"join needs `at_progress` increasing points .*got \(1.4,\)"),
        (lambda: schedules.linear().eta(), r"linear.eta needs `steps`; got None"),
        (lambda: schedules.linear().to_torch(None), r"linear.to_torch needs `steps`; got None"),
        (lambda: schedules.parse("triangle()"), r"schedules.parse needs a known kind .*got 'triangle'"),
        (lambda: schedules.parse("linear(slope=2)"), r"needs parameters of linear .*got 'slope'"),
        (lambda: schedules.parse("linear(decay='a')"), r"needs values that fit linear"),
        (lambda: schedules.parse("linear(decay=open('x'))"), r"needs a known kind .*got 'open'|literal"),
        (lambda: schedules.parse("linear(decay=1+x)"), r"needs literal keyword arguments"),
        (lambda: schedules.parse("linear("), r"needs a call such as wsd"),
        (lambda: schedules.parse("0.5"), r"needs the name of a schedule; got '0.5'"),
        (lambda: schedules.parse(3), r"needs a string, a table or a schedule; got 3"),
    ],
)
def test_refusals_carry_the_value(make, match):
    with pytest.raises(InputError, match=match):
        make()


STEPS = 250
AT = np.arange(STEPS)


def test_agrees_with_optax(optional):
    jax, optax = optional("jax"), optional("optax")
    w = 50
    pairs = [
        (schedules.constant(), optax.constant_schedule(0.7)),
        (schedules.linear(), optax.linear_schedule(0.7, 0.0, STEPS)),
        (schedules.cosine(end=0.1), optax.cosine_decay_schedule(0.7, STEPS, alpha=0.1)),
        (schedules.polynomial(power=2.5, end=0.2), optax.polynomial_schedule(0.7, 0.14, 2.5, STEPS)),
        (schedules.exponential(factor=0.1), optax.exponential_decay(0.7, STEPS, 0.1)),
        (schedules.linear(decay=0.2), optax.linear_schedule(0.7, 0.0, w, transition_begin=STEPS - w)),
        (
            schedules.step(at_progress=(0.4, 0.8), factor=0.3),
            optax.piecewise_constant_schedule(0.7, {100: 0.3, 200: 0.3}),
        ),
        (schedules.cosine(warmup=w / STEPS), optax.warmup_cosine_decay_schedule(0.0, 0.7, w, STEPS, 0.0)),
        (
            schedules.join(parts=("constant", "linear(peak=0.5)"), at_progress=(0.5,)),
            optax.join_schedules([optax.constant_schedule(0.7), optax.linear_schedule(0.35, 0.0, 125)], [125]),
        ),
    ]
    with jax.enable_x64(True):
        for ours, theirs in pairs:
            mine = jax.jit(jax.vmap(ours.at(peak=0.7, steps=STEPS).to_optax()))(AT)
            other = np.array([float(theirs(jax.numpy.asarray(float(k)))) for k in AT])
            np.testing.assert_allclose(np.asarray(mine), other, rtol=0, atol=1e-12, err_msg=repr(ours))


def test_agrees_with_torch(optional):
    torch = optional("torch")
    lr = torch.optim.lr_scheduler
    w = 50

    def warm_then_cosine(o):
        parts = [lr.LinearLR(o, 1e-300, 1.0, w), lr.CosineAnnealingLR(o, STEPS - w)]
        return lr.SequentialLR(o, parts, [w])

    pairs = [
        (schedules.constant(), lambda o: lr.ConstantLR(o, 1.0)),
        (schedules.linear(), lambda o: lr.LinearLR(o, 1.0, 0.0, STEPS)),
        (schedules.cosine(), lambda o: lr.CosineAnnealingLR(o, STEPS)),
        (schedules.polynomial(power=2.0), lambda o: lr.PolynomialLR(o, STEPS, 2.0)),
        (schedules.exponential(factor=0.5), lambda o: lr.ExponentialLR(o, 0.5 ** (1 / STEPS))),
        (schedules.step(at_progress=(0.4, 0.8), factor=0.3), lambda o: lr.MultiStepLR(o, [100, 200], 0.3)),
        (schedules.cosine(warmup=w / STEPS), warm_then_cosine),
    ]
    for ours, build in pairs:
        rates = []
        for make in (ours.at(steps=STEPS).to_torch, build):
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.7)
            scheduler = make(optimizer)
            one = []
            for _ in range(STEPS):
                one.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                scheduler.step()
            rates.append(one)
        np.testing.assert_allclose(*rates, rtol=0, atol=1e-12, err_msg=repr(ours))
