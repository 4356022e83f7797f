r"""Families trained by fixed ratios: tokens per parameter, AdamW timescale, and curves `L(x) / L(1)` without offset.

| symbol | unit | meaning |
|---|---|---|
| `TPP` | tokens per parameter | `T / p`, T the tokens of a run |
| `tau` | fraction of training | AdamW's memory: the weights average over `1 / (eta wd)` steps |
| `eta`, `wd` | | peak learning rate and weight decay, multiplied together by the optimizer |
| `R` | loss | reducible loss at the horizon, `L(1) - L0` |
| `r` | 1 | `R / (L0 + R)`, reducible part of the final loss |

Sources: Bergsma et al. 2025 (arXiv 2509.25087) for families and their normalization; Bergsma et al. 2025
(arXiv 2505.13738) for the fit of `tau_opt`; the statements about `L(x) / L(1)` are this project's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..common import Array, InputError

__all__ = [
    "adamw_timescale",
    "ladder_ratio_spread",
    "optimal_timescale",
    "ratio_curve",
    "ratio_deviation",
    "ratio_spread",
    "tokens_for_tpp",
    "weight_decay_for_timescale",
]


def _positive(function: str, **values: ArrayLike) -> list[Array]:
    arrays = [np.asarray(value, dtype=np.float64) for value in values.values()]
    for name, array in zip(values, arrays, strict=True):
        if not (array > 0).all():
            raise InputError(f"{function} needs `{name}` > 0; got {array.min():g}.")
    return arrays


def tokens_for_tpp(params: ArrayLike, tpp: float) -> Array:
    r"""`T = TPP p`: the horizon rule of a family with fixed tokens per parameter.

    It is `t* = kappa p^gamma` with `gamma = 1`, `kappa = TPP`. Two power laws then collapse exactly iff `mu = nu`;
    otherwise the rule is an error `eps = 1 - nu / mu` of the data exponent, and `gamma_sensitivity` gives its price.

    >>> tokens_for_tpp([1e8, 1e9], tpp=20)
    array([2.e+09, 2.e+10])
    """
    p, ratio = _positive("tokens_for_tpp", params=params, tpp=tpp)
    return ratio * p


def optimal_timescale(tpp: ArrayLike, *, coefficient: float = 1.08, exponent: float = 0.527) -> Array:
    r"""`tau_opt = 1.08 TPP^-0.527`: the best memory of the weight average, as a fraction of training.

    An empirical fit to one group's language models; families with another TPP at each size need another tau, too.

    Parameters
    ----------
    tpp
        Tokens per parameter, > 0.
    coefficient, exponent
        Of the fit, in case of a better one.

    References
    ----------
    Bergsma et al. 2025, arXiv 2505.13738.

    Examples
    --------
    >>> optimal_timescale([20.0, 200.0])
    array([0.222731, 0.066188])
    """
    return coefficient * _positive("optimal_timescale", tpp=tpp)[0] ** -exponent


def adamw_timescale(batch_tokens: ArrayLike, lr: ArrayLike, weight_decay: ArrayLike, tokens: ArrayLike) -> Array:
    r"""`tau = B / (eta wd T)`: memory of AdamW's weight average as a fraction of training.

    A step multiplies the weights by `1 - eta wd` and adds the update, an exponential average over `1 / (eta wd)` of
    the `T / B` steps.

    Parameters
    ----------
    batch_tokens
        B, tokens per step, > 0.
    lr, weight_decay
        Peak learning rate and weight decay as the optimizer multiplies them, > 0.
    tokens
        T, tokens of the run, > 0.

    Examples
    --------
    >>> adamw_timescale(2**20, 1e-3, 0.1, [2e10, 4e10])
    array([0.524288, 0.262144])
    """
    B, eta, wd, T = _positive(
        "adamw_timescale", batch_tokens=batch_tokens, lr=lr, weight_decay=weight_decay, tokens=tokens
    )
    return B / (eta * wd * T)


def weight_decay_for_timescale(tau: ArrayLike, batch_tokens: ArrayLike, lr: ArrayLike, tokens: ArrayLike) -> Array:
    r"""`wd = B / (eta tau T)`: the weight decay that keeps the timescale at tau, size after size.

    With muP (`eta ~ 1 / width`) and TPP fixed (`T ~ p`), at one batch size, `wd ~ width / p`: it falls with size.

    >>> weight_decay_for_timescale(0.524288, 2**20, 1e-3, [2e10, 4e10])
    array([0.1 , 0.05])
    """
    fraction, B, eta, T = _positive(
        "weight_decay_for_timescale", tau=tau, batch_tokens=batch_tokens, lr=lr, tokens=tokens
    )
    return B / (eta * fraction * T)


def ratio_curve(l: ArrayLike, reducible: ArrayLike, L0: float) -> Array:
    r"""`L(x) / L(1) = 1 + r (l(x) - 1)`, `r = R / (L0 + R)`: a normalized curve seen without its offset.

    `L(x) = L0 + R l(x)`, divided by `L0 + R`. So these curves coincide for sizes of one l iff r is the same for all:
    iff `L0 = 0`, or R does not depend on size. Otherwise, as R falls with size, they flatten towards 1.

    Parameters
    ----------
    l
        Normalized curves, shape (n,) or (sizes, n).
    reducible
        R, shape (sizes,), > 0.
    L0
        Irreducible loss, >= 0.

    Returns
    -------
    ndarray
        Shape (sizes, n).

    Examples
    --------
    >>> ratio_curve([1.5, 1.0], [1.0, 0.25], L0=1.0)
    array([[1.25, 1. ],
           [1.1 , 1. ]])
    """
    r = _reducible_share("ratio_curve", reducible, L0)
    return 1.0 + np.atleast_1d(r)[:, None] * (np.asarray(l, dtype=np.float64) - 1.0)


def _reducible_share(function: str, reducible: ArrayLike, L0: float) -> Array:
    (R,) = _positive(function, reducible=reducible)
    if not L0 >= 0:
        raise InputError(f"{function} needs `L0` >= 0; got {L0:g}. A loss that can be divided by is positive.")
    return R / (L0 + R)


def ratio_spread(reducible: ArrayLike, L0: float) -> float:
    r"""Spread of `L(x) / L(1) - 1` relative to its mean: `sd(r) / mean(r)`, the same at every x < 1.

    Exact where the sizes share l, since `L(x) / L(1) - 1 = r (l - 1)`. For R << L0 it is `sd(R) / mean(R)`, and it
    is 0 for L0 = 0. This, not Delta, says whether such curves collapse: Delta goes to 0 trivially.

    Parameters
    ----------
    reducible
        R of at least 2 sizes, > 0.
    L0
        Irreducible loss, >= 0.

    Examples
    --------
    >>> ratio_spread([0.2, 0.1], L0=1e9), ratio_spread([0.2, 0.1], L0=0.0)
    (0.4714045, 0.0)
    """
    r = np.atleast_1d(_reducible_share("ratio_spread", reducible, L0))
    if r.size < 2:
        raise InputError(f"ratio_spread needs `reducible` of at least 2 sizes; got {r.size}.")
    return float(r.std(ddof=1) / r.mean())


def ratio_deviation(l: ArrayLike, reducible: ArrayLike, L0: float) -> Array:
    r"""`Delta(x) = sd(r) (l - 1) / (1 + mean(r) (l - 1))` of curves `L(x) / L(1)` whose sizes share one l, shape (n,).

    It is at most `sd(r) (l - 1)` and dies as R / L0, whether or not the family collapses.

    >>> ratio_deviation([1.5, 1.0], [0.2, 0.1], L0=10.0)
    array([0.0034068, 0. ])
    """
    excess = np.asarray(l, dtype=np.float64) - 1.0
    r = np.atleast_1d(_reducible_share("ratio_deviation", reducible, L0))
    return ratio_spread(reducible, L0) * r.mean() * excess / (1.0 + r.mean() * excess)


def ladder_ratio_spread(delta: ArrayLike, span: ArrayLike) -> Array:
    r"""`sd(R) / mean(R)` of a ladder evenly spread in ln p over a factor `span`: `sqrt(v coth v - 1)`.

    `R ~ p^-delta` and `v = delta ln(span) / 2`; the sums over sizes are taken as integrals. It starts as `v / sqrt 3`
    and grows without bound, as `sqrt v`: the longer the ladder, the worse `L(x) / L(1)` collapses.

    Parameters
    ----------
    delta
        Exponent in p of the reducible loss at the horizon, > 0.
    span
        Largest over smallest size, > 1.

    Examples
    --------
    >>> ladder_ratio_spread(0.4, [10.0, 1000.0])
    array([0.264031, 0.753414])
    """
    exponent, ratio = _positive("ladder_ratio_spread", delta=delta, span=span)
    if not (ratio > 1).all():
        raise InputError(f"ladder_ratio_spread needs `span` > 1; got {ratio.min():g}. Give largest over smallest size.")
    v = exponent * np.log(ratio) / 2
    # v coth v - 1 loses all digits for small v; its series does not.
    series = v**2 / 3 * (1 - v**2 / 15 * (1 - 2 * v**2 / 21))
    return np.sqrt(np.where(v < 0.02, series, v / np.tanh(v) - 1))
