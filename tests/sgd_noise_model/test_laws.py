"""Schedule laws: gradients, formulas, and what a law may see of a run."""

import math
from dataclasses import fields, replace

import naive
import numpy as np
import pytest
from law_cases import SCHEDULES, SIZES, UNITS, T, law_of, noise_at, prepared_for, rates_at

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model.laws import LAWS
from scaling_collapse.sgd_noise_model.laws.rates import Rates


def _central(function, x, h=1e-5):
    """Derivatives of a vector by each coordinate, shape (n, k)."""
    steps = h * np.eye(x.size)
    return np.stack([(function(x + e) - function(x - e)) / (2 * h) for e in steps], axis=1)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_gradients_are_those_of_the_losses(law, schedule):
    prepared = prepared_for(law, schedule)
    rng = np.random.default_rng(1)
    for start in law.starts(2.0):
        theta = start + rng.uniform(-0.6, 0.6, start.size)
        loss, gradient = law.losses(theta, prepared)
        assert loss.shape == T.shape
        assert gradient.shape == (T.size, len(law.parameters))
        assert np.isfinite(loss).all()
        central = _central(lambda x: law.losses(x, prepared)[0], theta)
        np.testing.assert_allclose(gradient, central, rtol=1e-6, atol=1e-8)


def test_every_law_goes_by_its_own_name():
    assert {name: kind.name for name, kind in LAWS.items()} == {name: name for name in LAWS}


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"noise"}))  # which needs a trace, at a time after 0
def test_one_point_at_time_0_is_a_run(name, trunk):
    law = law_of(name, trunk)
    loss, gradient = law.losses(law.starts(2.0)[0], law.prepare(rates_at([1.0], [0.0])))
    assert loss.shape == (1,)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["momentum", "noise", "one-power", "response", "traced-response"])
def test_a_constant_rate_gives_the_trunk_alone(name, trunk):
    law = law_of(name, trunk)
    theta = law.starts(2.0)[0]
    loss, _ = law.losses(theta, prepared_for(law, "constant"))
    z = rates_at(SCHEDULES["constant"]).z[1:]
    L0, A, a = np.exp(theta[:3]) if not law.needs_trunk else (0.0, 0.0, 0.0)
    alone = trunk.loss(SIZES[0], z) if law.needs_trunk else L0 + A * z**-a
    np.testing.assert_allclose(loss, alone, rtol=1e-12)


def test_a_constant_rate_tends_to_the_peak_in_the_multi_power_law():
    """Warm-up counts as a rise from 0: the asymptote is L0 + B eta_peak."""
    law = LAWS["multi-power"](UNITS)
    theta = np.array([*np.log([2.0, 0.3, 0.5, 0.2, 1e6, 2.0]), 0.5])
    loss, _ = law.losses(theta, prepared_for(law, "constant"))
    z = rates_at(SCHEDULES["constant"]).z[1:]
    np.testing.assert_allclose(loss[1:], (2.0 + 0.3 * z**-0.5 + 0.2)[1:], atol=1e-6)


@pytest.mark.parametrize(("schedule", "peak"), [("cosine", 1.0), ("lower peak", 0.4)])
def test_the_response_is_its_formula(schedule, peak):
    """`Response` with both memories by small steps; another peak makes other progress and another noise."""
    r = rates_at(SCHEDULES[schedule] / (SCHEDULES[schedule].max() / peak))
    law = LAWS["response"](UNITS)
    theta = np.array([*np.log([2.0, 0.3, 0.5, 0.1]), 0.15, 0.5, 0.3, math.log(0.02), math.log(0.3), 0.7, -0.2])
    z = r.z * peak**-0.3
    f = 1 / (1 + math.exp(-0.3))
    d, after = (1 - (1 - deficit) * peak**-0.2 for deficit in (r.deficit_before, r.deficit_after))
    R = naive.relaxed(z, d, after, 0.02)
    m = naive.relaxed(np.log(np.maximum(z, 1e-9)), d, after, 0.3, pieces=1000)
    slow = 2.0 + 0.3 * z[1:] ** -0.5 - 0.1 * z[1:] ** -0.15 * (np.exp(0.5 * m) * ((1 - f) * d + f * R))[1:]
    np.testing.assert_allclose(law.losses(theta, law.prepare(r))[0], slow, atol=1e-5)


@pytest.mark.parametrize("schedule", ["step", "cosine", "back up"])
def test_laws_on_a_trunk_are_their_formulas(trunk, schedule):
    """A jump acts after the loss that is logged with it; the traced law at once (f = 0) and with b = 0 is plain."""
    rates = rates_at(SCHEDULES[schedule], noise_trace=noise_at())
    p, z, d = SIZES[0], rates.z[1:], 1 - rates.before[1:]
    base = 3 * p**-0.02 * z**-0.1
    noise = law_of("noise", trunk)
    slow = base - 0.3 * d * noise_at()
    fast, _ = noise.losses(np.log([0.3]), noise.prepare(rates))
    np.testing.assert_allclose(fast[1:], slow[1:], rtol=1e-6)  # the first point lies before the trunk
    traced = law_of("traced-response", trunk)
    slow = base - 0.3 * d * p**0.05 * z**-0.2 / 3
    fast, _ = traced.losses(np.array([math.log(0.3), 0.0, -40.0, -4.0, -1.0]), traced.prepare(rates))
    np.testing.assert_allclose(fast[1:], slow[1:], rtol=1e-5)


def test_laws_see_rates_and_never_a_loss(law):
    """`Rates` has no loss, and the one measured thing in it, the noise, moves only laws in hindsight."""
    assert {f.name for f in fields(Rates)} == {
        "run", "params", "tokens", "before", "after", "tau", "z", "deficit_before", "deficit_after", "warm", "first",
        "noise_trace",
    }  # fmt: skip
    rates = rates_at(SCHEDULES["cosine"], noise_trace=noise_at())
    theta = law.starts(2.0)[0]
    clean, _ = law.losses(theta, law.prepare(rates))
    poisoned, _ = law.losses(theta, law.prepare(replace(rates, noise_trace=7 * noise_at()[::-1])))
    assert np.array_equal(clean, poisoned) != law.hindsight
    if law.hindsight:
        with pytest.raises(InputError, match=r"needs the target's own `noise_trace`.*run 'run' has none"):
            law.prepare(replace(rates, noise_trace=None))
    else:
        np.testing.assert_array_equal(clean, law.losses(theta, law.prepare(replace(rates, noise_trace=None)))[0])
