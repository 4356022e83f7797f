"""Learning-rate schedules: small immutable objects with `s(x)` and `eta(k)`; `parse` reads them from text.

>>> from scaling_collapse.sgd_noise_model import schedules
>>> schedules.wsd(decay=0.2, shape="linear").s([0.5, 0.9, 1.0])
array([1. , 0.5, 0. ])
"""

from .composed import FromArray, FromFunction, Join
from .decays import WSD, Constant, Cosine, Exponential, Linear, MultiCosine, Polynomial, Power, Quadratic
from .parse import parse
from .repeating import Cyclic, InverseSqrt, Step
from .schedule import REGISTRY, Schedule

__all__ = [
    "REGISTRY",
    "Schedule",
    "constant",
    "cosine",
    "cyclic",
    "exponential",
    "from_array",
    "from_function",
    "inverse_sqrt",
    "join",
    "linear",
    "multi_cosine",
    "parse",
    "polynomial",
    "power",
    "quadratic",
    "step",
    "wsd",
]

constant = Constant
cosine = Cosine
cyclic = Cyclic
exponential = Exponential
from_array = FromArray
from_function = FromFunction
inverse_sqrt = InverseSqrt
join = Join
linear = Linear
multi_cosine = MultiCosine
polynomial = Polynomial
power = Power
quadratic = Quadratic
step = Step
wsd = WSD
