"""Every schedule law in turn, and a trunk that is known everywhere."""

import numpy as np
import pytest
from law_cases import SCHEDULES, SIZES, UNITS, T, law_of, rates_at

from scaling_collapse.sgd_noise_model.laws import LAWS
from scaling_collapse.sgd_noise_model.laws.trunk import build_trunk
from scaling_collapse.theory import LossCurve


@pytest.fixture(scope="session")
def trunk():
    """Two sizes on L = 3 p^-0.02 z^-0.1 and Tr Sigma = p^0.05 z^-0.2 / 3, so that every way between them is known."""
    curves = [
        LossCurve(
            run=f"constant-{p:g}", params=p, tokens=T, lr=np.full(T.size, UNITS.eta),
            loss=3 * p**-0.02 * rates_at(SCHEDULES["constant"]).z[1:] ** -0.1,
            noise_trace=p**0.05 * rates_at(SCHEDULES["constant"]).z[1:] ** -0.2 / 3,
        )
        for p in SIZES
    ]  # fmt: skip
    return build_trunk(curves, [rates_at(SCHEDULES["constant"], params=c.params) for c in curves])


@pytest.fixture(params=sorted(LAWS))
def law(request, trunk):
    """Every law in turn."""
    return law_of(request.param, trunk)
