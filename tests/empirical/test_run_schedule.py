import numpy as np
import pytest

from scaling_collapse.empirical.validation.run_schedule import schedule_of
from scaling_collapse.theory import LossCurve

TOKENS = np.linspace(1e3, 1e6, 40)
HELD = np.minimum(1.0, np.arange(40) / 4)  # warm-up, then constant
FALLING = np.linspace(1.0, 0.0, 40)


def run(**more):
    return LossCurve(run="a", params=1e6, tokens=TOKENS, loss=1 + TOKENS**-0.5, **more)


@pytest.mark.parametrize(
    ("more", "constant"),
    [
        ({}, None),
        ({"schedule": "const"}, True),
        ({"schedule": "constant"}, True),
        ({"schedule": "cosine"}, False),
        # Rates count for more than a name.
        ({"schedule": "cosine", "lr": HELD}, True),
        ({"schedule": "const", "lr": FALLING}, False),
        ({"lr": FALLING - 1e-18}, False),  # ends a rounding error below 0
        ({"schedule": "const", "lr": np.full(40, np.nan)}, True),
    ],
)
def test_whether_a_rate_stays_constant(more, constant):
    assert schedule_of(run(**more)).constant is constant


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ({"schedule": "const", "extra": {"decay_fraction": 1.0}}, "constant"),
        ({"schedule": "linear"}, "linear"),
        ({"schedule": "linear", "extra": {"decay_fraction": np.array([0.2])}}, "linear 0.2"),
        ({"schedule": "linear", "extra": {"decay_fraction": float("nan")}}, "linear"),
        ({"schedule": "linear", "extra": {"decay_fraction": "all"}}, "linear"),
        ({}, "unnamed schedule"),
    ],
)
def test_a_schedule_in_words(more, label):
    assert schedule_of(run(**more)).label == label
