r"""How far should a model be trained? The compute-optimal horizon `t* = kappa p^gamma` and the loss it reaches.

At fixed compute `C = 6 t p` write `t = k (C/6)^theta`, `theta = gamma / (1 + gamma)`. Term i becomes

.. math:: a_i\, k^{-s_i}\, (C/6)^{-f_i(\theta)}, \quad s_i = \mu_i - \nu_i, \quad f_i(\theta) = \nu_i + \theta s_i,

so the slowest term sets the exponent and `theta` maximizes the concave, piecewise linear `min_i f_i`. Its corner
lies where a term that wants tokens (`s_i > 0`) meets one that wants parameters (`s_j < 0`). Each such pair alone
would reach

.. math:: \gamma_{ij} = \frac{\nu_j - \nu_i}{\mu_i - \mu_j}, \qquad
          B_{ij} = \frac{\mu_i \nu_j - \mu_j \nu_i}{s_i - s_j},

and the pair with the smallest `B_ij` is the corner: `B = min_ij B_ij` (linear programming duality). Terms with
`s_i = 0` are constant at fixed compute: they never move the horizon, but the slowest of them may set the
frontier's exponent. At the horizon `sum_i a_i (mu_i - B) kappa^-mu_i = 0` over the balanced terms: the mean of
`mu` under the terms' shares of the loss is `B`, so that a normalized curve ends with slope `-B`.

| symbol | meaning |
|---|---|
| `gamma`, `kappa` | horizon `t* = kappa p^gamma` |
| `B`, `A` | frontier `L0 + A C^-B`, C in FLOPs |

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1; the pairs and the regions are this project's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import mpmath
import sympy

from ...common import InputError, Result
from .exact_arithmetic import power, sign
from .power_law_sum import PowerLawSum
from .relations import all_of, positive, readable, tidy

__all__ = ["COMPUTE", "KAPPA", "ComputeOptimal", "Optimum", "OptimumStatus", "compute_optimal"]

COMPUTE = sympy.Symbol("C", positive=True)
KAPPA = sympy.Symbol("kappa", positive=True)

# With n terms of unknown order there are about n^2 regions, and 2^n ways in which terms can be balanced.
MAX_SYMBOLIC_TERMS = 5

# sympy's own annotations are loose; an expression is an `Any` here so that arithmetic on it type-checks.
Sym = Any

OptimumStatus = Literal["optimum", "interval", "no optimum"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Optimum(Result):
    """The compute-optimal horizon and frontier where `condition` holds.

    Parameters
    ----------
    condition
        Relation between the exponents; `true` for numbers.
    status
        `"optimum"`: one horizon, one corner. `"interval"`: a term with `mu = nu` is the slowest, so that every
        gamma in `gamma_interval` has the frontier's exponent; `gamma` is the one that the other terms pick.
        `"no optimum"`: see `reason`; every other field is None.
    gamma, kappa
        `t* = kappa p^gamma`. With three or more balanced terms and symbols `kappa` stays the symbol, defined by
        `kappa_equation`.
    exponent, amplitude
        `B` and `A` of the frontier `L0 + A C^-B`.
    rate
        The frontier's next term is smaller by `C^-rate`; None where the frontier is exact.
    horizon_rate
        The horizon's next term is smaller by `p^-horizon_rate`; None where `t* = kappa p^gamma` is exact.
    balanced
        Indices of the terms that fall equally fast along the horizon, slower than the others.
    """

    condition: Sym
    status: OptimumStatus
    gamma: Sym = None
    kappa: Sym = None
    kappa_equation: Sym = None
    exponent: Sym = None
    amplitude: Sym = None
    rate: Sym = None
    horizon_rate: Sym = None
    balanced: tuple[int, ...] = ()
    gamma_interval: tuple[Sym, Sym] | None = None
    reason: str = ""

    def headline(self) -> str:
        """Whether there is one, and where."""
        where = "" if self.condition == sympy.true else f" where {self.condition}"
        return f"Optimum: {self.status}{where}"

    @property
    def exact(self) -> bool:
        """Whether the frontier is exactly `L0 + A C^-B`."""
        return self.gamma is not None and self.rate is None


@dataclass(frozen=True, kw_only=True, repr=False)
class ComputeOptimal(Result):
    """The compute optimum of a law: one `Optimum` for numbers, one per region of the exponents for symbols.

    Parameters
    ----------
    law
        The law.
    regions
        At least one. Regions are open; on a boundary between two, gamma and B are those of either side, while
        kappa and A change because one more term is balanced (substitute the exponents to get them). Outside all
        regions there is no optimum with `0 < gamma < inf`.

    Examples
    --------
    >>> from scaling_collapse.theory import ScalingLaw
    >>> best = ScalingLaw("L0 + a*t**-mu + b*p**-nu").compute_optimal()
    >>> best.gamma, best.kappa, best.exponent
    (nu/mu, (a*mu/(b*nu))**(1/mu), mu*nu/(mu + nu))
    """

    law: PowerLawSum
    regions: Sequence[Optimum]

    def headline(self) -> str:
        """The law, and how many regions its exponents have."""
        regions = "" if len(self.regions) == 1 else f" in {len(self.regions)} regions of its exponents"
        return f"ComputeOptimal of L(t, p) = {readable(self.law.expr)}{regions}"

    def lines(self) -> list[tuple[str, str]]:
        """Horizon and frontier, region by region."""
        return [line for region in self.regions for line in _region_lines(region, many=len(self.regions) > 1)]

    @property
    def only(self) -> Optimum:
        """The single region; an `InputError` where the answer depends on the exponents."""
        if len(self.regions) > 1:
            raise InputError(
                f"compute_optimal needs exponents that decide between its {len(self.regions)} regions; got symbols. "
                "Read `regions`, or put numbers in with law.subs."
            )
        return self.regions[0]

    @property
    def gamma(self) -> Sym:
        """`gamma*`, the data exponent; None without optimum."""
        return self.only.gamma

    @property
    def kappa(self) -> Sym:
        """`kappa` of `t* = kappa p^gamma*`."""
        return self.only.kappa

    @property
    def exponent(self) -> Sym:
        """`B`, the frontier's exponent."""
        return self.only.exponent

    @property
    def amplitude(self) -> Sym:
        """`A`, the frontier's coefficient with C in FLOPs."""
        return self.only.amplitude

    @property
    def frontier(self) -> Sym:
        """`L0 + A C^-B` as an expression in the symbol `C`, to leading order."""
        return self.law.L0 + self.only.amplitude * COMPUTE**-self.only.exponent

    def piecewise(self, name: str) -> Sym:
        """A field of the regions, e.g. `"gamma"`, as one sympy Piecewise; nan outside all regions."""
        pieces = [(getattr(r, name), r.condition) for r in self.regions if getattr(r, name) is not None]
        return sympy.Piecewise(*pieces, (sympy.nan, True))


def _region_lines(region: Optimum, *, many: bool) -> list[tuple[str, str]]:
    where = [("where", str(region.condition))] if many else []
    if region.gamma is None:
        return [*where, (region.status, region.reason)]
    gamma, kappa, B, A = map(readable, (region.gamma, region.kappa, region.exponent, region.amplitude))
    return [
        *where,
        ("compute-optimal tokens", f"kappa p^gamma, gamma = {gamma}, kappa = {kappa}"),
        ("compute-optimal loss", f"L0 + A C^-B, B = {B}, A = {A}"),
    ]


def compute_optimal(law: PowerLawSum) -> ComputeOptimal:
    """`gamma*`, `kappa` and the frontier of a law, in every region of its exponents; see `ComputeOptimal`."""
    if len(law.terms) > MAX_SYMBOLIC_TERMS and not law.numeric_exponents:
        raise InputError(
            f"compute_optimal needs at most {MAX_SYMBOLIC_TERMS} terms while exponents are symbols; "
            f"got {len(law.terms)}. Put numbers in with law.subs, or keep the terms that matter."
        )
    regions: dict[tuple[Any, ...], Optimum] = {}
    for region in _regions(law):
        regions.setdefault((region.status, region.balanced, region.condition), region)
    return ComputeOptimal(law=law, regions=tuple(regions.values()) or (_no_optimum(law),))


def _regions(law: PowerLawSum) -> Iterator[Optimum]:
    slopes = [sign(term.mu - term.nu) for term in law.terms]
    flat = [k for k, s in enumerate(slopes) if s == 0]
    for i, j in product(range(len(slopes)), repeat=2):
        if i != j and slopes[i] in (1, None) and slopes[j] in (-1, None):
            yield from _corner(law, i, j, flat)


def _corner(law: PowerLawSum, i: int, j: int, flat: list[int]) -> Iterator[Optimum]:
    """The regions in which term i (wants tokens) and term j (wants parameters) make the corner."""
    one, two = law.terms[i], law.terms[j]
    conditions = [positive(e) for e in (one.mu - one.nu, two.nu - two.mu, one.mu - two.mu, two.nu - one.nu)]
    if sympy.false in conditions:
        return
    gamma = tidy((two.nu - one.nu) / (one.mu - two.mu))
    gaps = {k: tidy(term.delta(gamma) - one.delta(gamma)) for k, term in enumerate(law.terms) if k not in (i, j)}
    steep = [k for k in gaps if k not in flat]
    if any(sign(gaps[k]) == -1 for k in steep):
        return
    step = one.mu - two.mu  # > 0 here; times it, the gaps are polynomials in the exponents
    conditions += [positive(gaps[k] * step) for k in steep if sign(gaps[k]) != 0]
    corner = _describe_corner(law, i, j, gamma, gaps)
    for k in (None, *flat):  # which of the terms with mu = nu is slower than the corner, if any
        lowest = sympy.S.Zero if k is None else gaps[k]
        slower = [] if k is None else [positive(-lowest * step)]
        faster = [positive((gaps[m] - lowest) * step) for m in flat if m != k and sign(gaps[m] - lowest) != 0]
        condition = all_of([*conditions, *slower, *faster])
        if condition != sympy.false:
            yield Optimum(condition=condition, **(corner if k is None else _interval(law, k, corner, gaps[k])))


def _describe_corner(law: PowerLawSum, i: int, j: int, gamma: Sym, gaps: dict[int, Sym]) -> dict[str, Any]:
    one, two = law.terms[i], law.terms[j]
    s_one, s_two = one.mu - one.nu, two.nu - two.mu
    B = tidy((one.mu * two.nu - two.mu * one.nu) / (s_one + s_two))
    ties = [k for k, gap in gaps.items() if sign(gap) == 0]
    balanced = tuple(sorted([i, j, *ties]))
    moving = [law.terms[k] for k in balanced if sign(law.terms[k].mu - law.terms[k].nu) != 0]
    equation = sympy.Eq(sympy.Add(*(t.a * (t.mu - B) * KAPPA**-t.mu for t in moving)), 0)
    # Weighted arithmetic-geometric means give a pair's smallest value; share = s_two / (s_one + s_two).
    share = tidy(s_two / (s_one + s_two))
    rest = tidy(s_one / (s_one + s_two))
    pair = power(one.a / share, share) * power(two.a / rest, rest)
    kappa = power(one.a * s_one / (two.a * s_two), tidy(1 / (one.mu - two.mu)))
    if len(moving) > 2:
        kappa = _solve_kappa(moving, gamma) if all(t.a.is_number for t in moving) and B.is_number else KAPPA
        pair = power(kappa, B) * sympy.Add(*(t.a * power(kappa, -t.mu) for t in moving))
    constant = sympy.Add(*(law.terms[k].a for k in balanced if law.terms[k] not in moving))
    slower = {k: gap for k, gap in gaps.items() if k not in ties}
    moves = [gap for k, gap in slower.items() if sign(law.terms[k].mu - law.terms[k].nu) != 0]
    return {
        "status": "optimum",
        "gamma": gamma,
        "kappa": kappa,
        "kappa_equation": equation,
        "exponent": B,
        "amplitude": power(sympy.Integer(6), B) * (pair + constant),
        "rate": tidy(sympy.Min(*slower.values()) / (1 + gamma)) if slower else None,
        "horizon_rate": sympy.Min(*moves) if moves else None,
        "balanced": balanced,
    }


def _interval(law: PowerLawSum, k: int, corner: dict[str, Any], gap: Sym) -> dict[str, Any]:
    """The corner's horizon, but the frontier of term k, which has mu = nu and is slower than the corner."""
    nu = law.terms[k].nu
    lowest, highest = [sympy.S.Zero], [sympy.S.One]  # bounds of theta, from f_m(theta) >= nu
    for term in law.terms:
        slope = sign(term.mu - term.nu)
        if slope:
            (lowest if slope > 0 else highest).append(tidy((nu - term.nu) / (term.mu - term.nu)))
    low, high = sympy.Max(*lowest), sympy.Min(*highest)
    return corner | {
        "status": "interval",
        "exponent": nu,
        "amplitude": power(sympy.Integer(6), nu) * law.terms[k].a,
        "rate": tidy(-gap / (1 + corner["gamma"])),
        "balanced": (k,),
        "gamma_interval": (tidy(low / (1 - low)), sympy.oo if high == 1 else tidy(high / (1 - high))),
    }


def _no_optimum(law: PowerLawSum) -> Optimum:
    signs = {sign(term.mu - term.nu) for term in law.terms}
    if signs == {0}:
        reason = "every term has mu = nu: the loss depends on compute alone, and any horizon is as good"
    elif signs <= {0, 1}:
        reason = "no term falls faster with parameters than with tokens: more tokens and a smaller model always win"
    elif signs <= {0, -1}:
        reason = "no term falls faster with tokens than with parameters: a larger model and fewer tokens always win"
    else:
        reason = "the balance would need a horizon or a size that does not grow with compute: gamma* is not in (0, inf)"
    return Optimum(condition=sympy.true, status="no optimum", reason=reason)


def _solve_kappa(terms: list[Any], gamma: Sym) -> Sym:
    """The root of `sum_i a_i s_i k^-s_i = 0` in `ln k`, as the monotone difference of two log-sum-exps."""
    with mpmath.workdps(40):
        a = [mpmath.mpf(sympy.N(term.a, 40)) for term in terms]
        s = [mpmath.mpf(sympy.N(term.mu - term.nu, 40)) for term in terms]

        def log_sum(z: Any, side: int) -> Any:
            logs = [mpmath.log(ai * abs(si)) - si * z for ai, si in zip(a, s, strict=True) if side * si > 0]
            return max(logs) + mpmath.log(sum(mpmath.exp(log - max(logs)) for log in logs))

        def imbalance(z: Any) -> Any:
            return log_sum(z, 1) - log_sum(z, -1)

        low, high = mpmath.mpf(-1), mpmath.mpf(1)
        while imbalance(low) < 0:
            low *= 2
        while imbalance(high) > 0:
            high *= 2
        z = mpmath.findroot(imbalance, (low, high), solver="anderson", tol=1e-60, maxsteps=300)
        return sympy.Float(mpmath.exp(z * (1 + mpmath.mpf(sympy.N(gamma, 40)))), 30)
