"""Runs that the tests of schedule laws share: relative rates at a hundred points of a thousand units of time."""

import numpy as np

from scaling_collapse.sgd_noise_model.laws import LAWS
from scaling_collapse.sgd_noise_model.laws.rates import Units, rates_of

UNITS = Units(eta=1e-3, tau=1000.0)
T = np.linspace(10.0, 1000.0, 100)
SCHEDULES = {
    "constant": np.ones(T.size),
    "linear": 1 - T / 1000,
    "cosine": 0.55 + 0.45 * np.cos(np.pi * T / 1000),
    "step": np.where(T < 400, 1.0, np.where(T < 700, 0.3, 0.05)),
    "back up": np.where((T > 300) & (T < 500), 0.2, 1.0),
    "cyclic": 0.6 + 0.4 * np.abs(1 - (T / 125) % 2) - 0.4 * (T > 600),
    "lower peak": np.minimum(T / 100, 1.0) * np.where(T < 700, 0.4, 0.1),
    "warm-up and decay": np.minimum(np.minimum(T / 150, 1.0), 0.1 + 0.9 * (1000 - T) / 300),
}
SIZES = (1e6, 4e6)


def rates_at(s, t=T, units=UNITS, **more):
    """`Rates` of a run with relative rates s at times t."""
    return rates_of("run", more.pop("params", SIZES[0]), t, np.asarray(s) * units.eta, units, **more)


def noise_at(t=T):
    """`Tr Sigma` of the run."""
    return 0.3 * (t / 1000) ** -0.2


def law_of(name, trunk):
    """A law by name, on this trunk where it needs one."""
    kind = LAWS[name]
    return kind(UNITS, trunk) if kind.needs_trunk else kind(UNITS)


def prepared_for(law, name, **more):
    """What a law reads off one of the schedules."""
    return law.prepare(rates_at(SCHEDULES[name], noise_trace=noise_at() if law.hindsight else None, **more))
