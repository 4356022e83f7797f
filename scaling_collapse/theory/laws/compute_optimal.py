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
`mu` under the terms' shares of the loss is `B`, so that a normalized curve ends with slope `-B`. The parts of a power
of a sum count as terms of their own here, and logarithms change neither gamma nor `B`; `balance` has both.

| symbol | meaning |
|---|---|
| `gamma`, `kappa`, `s` | horizon `t* = kappa p^gamma (ln p)^s`; s = 0 without logarithms |
| `B`, `A`, `q` | frontier `L0 + A C^-B (ln C)^q`, C in FLOPs; q = 0 without logarithms |

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1; the pairs and the regions are this project's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Any, Literal

import sympy

from ...common import InputError, Result
from .along_horizon import Horizon
from .balance import KAPPA, balance_logs, balance_of
from .exact_arithmetic import power, sign
from .law_bounds import shortened
from .power_law_sum import PowerLawSum
from .relations import all_of, branches_of, positive, readable, tidy

__all__ = ["COMPUTE", "KAPPA", "ComputeOptimal", "Optimum", "OptimumStatus", "compute_optimal"]

COMPUTE = sympy.Symbol("C", positive=True)

# With n terms of unknown order there are about n^2 regions, and 2^n ways in which terms can be balanced.
MAX_SYMBOLIC_TERMS = 5
MAX_SYMBOLS = 8  # in exponents: four terms with two each

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
    horizon_logs, frontier_logs
        `s` and `q`: the powers of `ln p` and `ln C` in horizon and frontier.
    rate
        The frontier's next term is smaller by `C^-rate`; None where the frontier is exact, 0 where it is smaller by
        logarithms alone.
    order
        How much smaller, `C^-rate` or a function of `ln C`; None where the frontier is exact.
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
    horizon_logs: Sym = sympy.S.Zero
    frontier_logs: Sym = sympy.S.Zero
    order: Sym = None
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
    def horizon(self) -> Horizon:
        """`t*`; only where there is an optimum."""
        return Horizon(gamma=self.gamma, kappa=self.kappa, logs=self.horizon_logs)

    @property
    def reducible(self) -> Sym:
        """`A C^-B (ln C)^q`."""
        return self.amplitude * COMPUTE**-self.exponent * sympy.log(COMPUTE) ** self.frontier_logs

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
        """`L0 + A C^-B (ln C)^q` as an expression in the symbol `C`, to leading order."""
        return self.law.L0 + self.only.reducible

    def piecewise(self, name: str) -> Sym:
        """A field of the regions, e.g. `"gamma"`, as one sympy Piecewise; nan outside all regions."""
        pieces = [(getattr(r, name), r.condition) for r in self.regions if getattr(r, name) is not None]
        return branches_of(pieces)


def _region_lines(region: Optimum, *, many: bool) -> list[tuple[str, str]]:
    where = [("where", str(region.condition))] if many else []
    if region.gamma is None:
        return [*where, (region.status, region.reason)]
    gamma, kappa, B, A = map(readable, (region.gamma, region.kappa, region.exponent, region.amplitude))
    s, q = (f" log({of})^({readable(e)})" if e != 0 else "" for of, e in
            (("p", region.horizon_logs), ("C", region.frontier_logs)))  # fmt: skip
    return [
        *where,
        ("compute-optimal tokens", f"kappa p^gamma{s}, gamma = {gamma}, kappa = {kappa}"),
        ("compute-optimal loss", f"L0 + A C^-B{q}, B = {B}, A = {A}"),
    ]


@lru_cache(maxsize=16)
def compute_optimal(law: PowerLawSum) -> ComputeOptimal:
    """`gamma*`, `kappa` and the frontier of a law, in every region of its exponents; see `ComputeOptimal`."""
    if len(law.terms) > MAX_SYMBOLIC_TERMS and not law.numeric_exponents:
        raise InputError(
            f"compute_optimal needs at most {MAX_SYMBOLIC_TERMS} terms while exponents are symbols; "
            f"got {len(law.terms)}. Put numbers in with law.subs, or keep the terms that matter."
        )
    names = {str(s) for term in law.terms for e in (term.mu, term.nu) for s in e.free_symbols}
    if len(names) > MAX_SYMBOLS:
        raise InputError(
            f"compute_optimal needs at most {MAX_SYMBOLS} names in exponents; got {len(names)}. Put numbers in for "
            "some of them."
        )
    regions: dict[tuple[Any, ...], Optimum] = {}
    for region in _regions(law):
        regions.setdefault((region.status, region.balanced, region.condition), region)
    return ComputeOptimal(law=law, regions=tuple(regions.values()) or (_no_optimum(law),))


def _regions(law: PowerLawSum) -> Iterator[Optimum]:
    slopes = [sign(term.mu - term.nu) for term in law.terms]
    flat = [k for k, s in enumerate(slopes) if s == 0]
    if law.has_logs and any(sign(law.terms[i].nu - law.terms[j].nu) == 0 for i, j in combinations(flat, 2)):
        raise InputError(
            "compute_optimal needs terms with mu = nu that differ by more than logarithms; got "
            f"{shortened(law.expr)}. Leave one of them out."
        )
    for i, j in product(range(len(slopes)), repeat=2):
        if i != j and slopes[i] in (1, None) and slopes[j] in (-1, None) and _may_balance(law, i, j, flat):
            yield from _corner(law, i, j, flat)


def _may_balance(law: PowerLawSum, i: int, j: int, flat: list[int]) -> bool:
    """False for a negative term, and for numeric exponents where another term is slower than the two."""
    if law.terms[i].a.is_negative or law.terms[j].a.is_negative:
        return False
    return not law.numeric_exponents or law.may_lead(i, j, besides=flat)


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
    for k in (
        None,
        *(m for m in flat if not law.terms[m].a.is_negative),
    ):  # which of the terms with mu = nu is slower than the corner, if any
        lowest = sympy.S.Zero if k is None else gaps[k]
        slower = [] if k is None else [positive(-lowest * step)]
        faster = [positive((gaps[m] - lowest) * step) for m in flat if m != k and sign(gaps[m] - lowest) != 0]
        condition = all_of([*conditions, *slower, *faster])
        if condition != sympy.false:
            yield Optimum(condition=condition, **(corner if k is None else _interval(law, k, corner, gaps[k])))


def _describe_corner(law: PowerLawSum, i: int, j: int, gamma: Sym, gaps: dict[int, Sym]) -> dict[str, Any]:
    one, two = law.terms[i], law.terms[j]
    B = tidy((one.mu * two.nu - two.mu * one.nu) / (one.mu - one.nu + two.nu - two.mu))
    tied = [i, j, *(k for k, gap in gaps.items() if sign(gap) == 0)]
    s, level, balanced = balance_logs(law, tied, B)
    found = balance_of(law, balanced, gamma, B)
    q = tidy(level + s * B)
    amplitude = power(sympy.Integer(6), B) * found.smallest
    slower = {k: _real_gap(law, k, balanced, gap) for k, gap in gaps.items() if k not in tied}
    moves = [gap for k, gap in slower.items() if sign(law.terms[k].mu - law.terms[k].nu) != 0]
    rate = tidy(sympy.Min(*slower.values()) / (1 + gamma)) if slower else None
    order = None if rate is None else COMPUTE**-rate
    logs = [law.terms[k] for k in tied if law.terms[k].has_logs]
    if logs:
        amplitude *= power(1 + gamma, -q)
        rate, moves, order = sympy.S.Zero, [sympy.S.Zero], _slow_order(law, tied, s, level)
    return {
        "status": "optimum",
        "gamma": gamma,
        "kappa": found.kappa,
        "kappa_equation": found.equation,
        "exponent": B,
        "amplitude": amplitude,
        "horizon_logs": s,
        "frontier_logs": q,
        "rate": rate,
        "order": order,
        "horizon_rate": sympy.Min(*moves) if moves else None,
        "balanced": tuple(sorted(balanced)),
    }


def _real_gap(law: PowerLawSum, k: int, balanced: list[int], gap: Sym) -> Sym:
    """The gap of term k in the loss: a part of a power corrects its balanced sum, `(S + s)^c = S^c + c s S^(c-1)`."""
    for whole, members in zip(law.powers, law.members, strict=True):
        if k in members and set(members) & set(balanced):
            return tidy(gap / whole.exponent)
    return gap


def _slow_order(law: PowerLawSum, tied: list[int], s: Sym, level: Sym) -> Sym:
    """The next order where logarithms balance: `ln ln C / ln C`, `1 / ln C`, or a term with fewer logarithms."""
    log = sympy.log(COMPUTE)
    fewer = [level - law.terms[k].logs + s * law.terms[k].mu for k in tied]
    smallest = sympy.Min(*(gap for gap in fewer if sign(gap) == 1), 1)
    return log**-smallest if smallest != 1 else 1 / log if s == 0 else sympy.log(log) / log


def _interval(law: PowerLawSum, k: int, corner: dict[str, Any], gap: Sym) -> dict[str, Any]:
    """The corner's horizon, but the frontier of term k, which has mu = nu and is slower than the corner."""
    term, gamma = law.terms[k], corner["gamma"]
    lowest, highest = [sympy.S.Zero], [sympy.S.One]  # bounds of theta, from f_m(theta) >= nu
    for other in law.terms:
        slope = sign(other.mu - other.nu)
        if slope:
            (lowest if slope > 0 else highest).append(tidy((term.nu - other.nu) / (other.mu - other.nu)))
    low, high = sympy.Max(*lowest), sympy.Min(*highest)
    amplitude = power(sympy.Integer(6), term.nu) * term.a
    if term.has_logs:
        amplitude *= power(gamma, term.log_t) * power(1 + gamma, -term.logs)
    rate = sympy.S.Zero if term.has_logs else tidy(-gap / (1 + gamma))
    return corner | {
        "status": "interval",
        "exponent": term.nu,
        "amplitude": amplitude,
        "frontier_logs": term.logs,
        "rate": rate,
        "order": 1 / sympy.log(COMPUTE) if term.has_logs else COMPUTE**-rate,
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
