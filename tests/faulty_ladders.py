"""Made-up ladders, healthy or with one fault whose kind, place and cause are known.

Two power laws at their optimum, trained with linear decay, so that the curve is `A t*^-mu f(x) + B p^-nu` with
`f = (2x - x^2)^-mu`, the law in gradient-flow time; the noise of the learning rate adds a share `s(x)` of the final
reducible loss. Seeds differ by a factor that lasts (`persistent`) and from point to point (`fast`, dies with the rate).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from scaling_collapse.theory import Ladder, LossCurve

Kind = Literal["trend", "size", "run", "law", "noise", "offset"]


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Relative noise of the reducible loss: what lasts over a run, what comes and goes, and its distribution."""

    persistent: float = 0.005
    fast: float = 0.003
    tails: float = np.inf
    """Degrees of freedom of Student's t, scaled to unit variance; infinite is normal."""

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Independent deviates of unit variance."""
        if np.isinf(self.tails):
            return rng.standard_normal(size)
        return rng.standard_t(self.tails, size) * np.sqrt((self.tails - 2) / self.tails)


@dataclass(frozen=True, kw_only=True)
class Family:
    """A ladder before its noise is drawn; every array has one entry a size."""

    mu: float = 0.5
    nu: float = 0.5
    sizes: int = 6
    seeds: int = 5
    span: float = 30.0
    L0: float = 0.0
    noise: Noise = field(default_factory=Noise)
    share: float = 0.1
    """Of learning-rate noise in the reducible loss at the peak rate."""
    points: int = 100
    constant: bool = False

    @property
    def p(self) -> np.ndarray:
        """Parameters of each size."""
        return np.geomspace(1e6, 1e6 * self.span, self.sizes)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong, as numbers a size (or 1), and who is to be named."""

    name: str = "healthy"
    horizon: np.ndarray | float = 1.0
    """Factor on each size's horizon."""
    share: np.ndarray | float = 1.0
    """Factor on the learning-rate noise of each size's curve."""
    scatter: np.ndarray | float = 1.0
    """Factor on each size's seed noise."""
    level: np.ndarray | float = 1.0
    """Factor on each size's whole reducible loss."""
    end: np.ndarray | float = 1.0
    """Factor on each size's reducible loss that grows in from the middle of training on: a rate that does not decay."""
    run: tuple[int, int, str] | None = None
    """Size, seed and what happened to that run: "high", "diverged" or "last point"."""
    amount: float = 0.0
    offset_error: float = 0.0
    """Error of the offset that is passed, in units of the smallest reducible loss."""
    kinds: tuple[Kind, ...] = ()
    causes: tuple[str, ...] = ()
    subjects: tuple[int, ...] = ()
    """Indices of sizes, any of which is right; empty: not asked."""


def draw(family: Family, fault: Fault, seed: int) -> tuple[Ladder, float]:
    """The curves of one draw, and the true offset plus the fault's error."""
    rng = np.random.default_rng(seed)
    p, mu, nu = family.p, family.mu, family.nu
    P = p / p[0]
    A, B = nu / (mu + nu), mu / (mu + nu)  # balanced at the horizon: mu A = nu B, and the smallest size ends at 1
    x = np.linspace(1 / family.points, 1.0, family.points)
    s = np.ones_like(x) if family.constant else 1 - x
    f = x**-mu if family.constant else (2 * x - x * x) ** -mu
    each = {
        name: np.broadcast_to(getattr(fault, name), p.shape) for name in ("horizon", "share", "scatter", "level", "end")
    }
    horizon = P ** (nu / mu) * each["horizon"]
    curves, ends = [], []
    for i in range(p.size):
        R = A * horizon[i] ** -mu * f + B * P[i] ** -nu
        late = 1 + (each["end"][i] - 1) * np.clip((x - 0.3) / 0.7, 0, 1)
        R = (R + family.share * each["share"][i] * R[-1] * s) * each["level"][i] * late
        ends.append(R[-1])
        for k in range(family.seeds):
            scale = each["scatter"][i]
            lasting = np.exp(scale * family.noise.persistent * family.noise.draw(rng, 1))
            noisy = R * lasting * np.exp(scale * family.noise.fast * s * family.noise.draw(rng, x.size))
            if fault.run is not None and fault.run[:2] == (i, k):
                noisy = _spoiled(noisy, x, fault.run[2], fault.amount)
            curves.append(
                LossCurve(
                    run=f"p{i}-s{k}", params=p[i], tokens=2e7 * x * horizon[i], loss=family.L0 + noisy, seed=k,
                    horizon_tokens=2e7 * horizon[i],
                )
            )  # fmt: skip
    return Ladder(curves), family.L0 + fault.offset_error * min(ends)


def _spoiled(R: np.ndarray, x: np.ndarray, how: str, amount: float) -> np.ndarray:
    """The reducible loss of a run to which something happened."""
    if how == "high":
        return np.where(x >= 0.3, R * (1 + amount), R)
    if how == "diverged":
        return np.where(x >= 0.6, np.maximum(R, amount), R)
    R = R.copy()
    R[-1] *= 1 + amount
    return R


def faults(family: Family, strong: bool, rng: np.random.Generator) -> list[Fault]:
    """Every kind of fault at one of two strengths; where it strikes is drawn."""
    pick = int(rng.integers(family.sizes))
    inner = int(rng.integers(1, family.sizes - 1))
    run = (pick, int(rng.integers(family.seeds)))
    return [
        *_faults_of_horizons(family, strong, pick),
        *_faults_of_rates(family, strong, pick),
        *_faults_of_runs(strong, run),
        *_faults_of_the_law(family, strong, inner),
    ]


def _only(family: Family, sizes: int | slice, value: np.ndarray | float) -> np.ndarray:
    """Factors a size: `value` at these, 1 elsewhere."""
    factors = np.ones(family.sizes)
    factors[sizes] = np.broadcast_to(value, family.sizes)[sizes]
    return factors


def _growing(family: Family, top: float) -> np.ndarray:
    """Factors from 1 to `top`, even in ln p."""
    return 1 + (top - 1) * np.log(family.p / family.p[0]) / np.log(family.span)


def _away(family: Family) -> np.ndarray:
    """`ln p` from the middle of the ladder."""
    return np.log(family.p / np.sqrt(family.p[0] * family.p[-1]))


def _faults_of_horizons(family: Family, strong: bool, pick: int) -> list[Fault]:
    error = (0.4 if strong else 0.2) * family.nu / family.mu
    short, last = 0.3 if strong else 0.5, family.sizes - 1
    trend = {"kinds": ("trend",), "causes": ("horizon",)}
    size = {"kinds": ("size",), "causes": ("horizon",)}
    return [
        Fault(name="horizon exponent too low", horizon=np.exp(-error * _away(family)), **trend),
        Fault(name="horizon exponent too high", horizon=np.exp(error * _away(family)), **trend),
        Fault(name="one size cut short", horizon=_only(family, pick, short), subjects=(pick,), **size),
        Fault(name="largest size cut short", horizon=_only(family, last, short), subjects=(last,), **size),
    ]


def _faults_of_rates(family: Family, strong: bool, pick: int) -> list[Fault]:
    hot, last = 8.0 if strong else 4.0, family.sizes - 1
    scatter = (0.3 if strong else 0.1) / family.noise.persistent
    grows = {"kinds": ("trend", "noise", "size"), "causes": ("rate",)}
    top = slice(last - 1, None)
    raised = (3.0 if strong else 2.0) * (family.p / family.p[0]) ** (family.nu * 0.5)
    return [
        Fault(
            name="rate too high with size", share=_growing(family, hot), scatter=_growing(family, 2 * hot),
            end=_growing(family, 1 + hot / 40), subjects=(last, last - 1), **grows,
        ),
        Fault(
            name="one size's rate too high", share=_only(family, pick, hot), scatter=_only(family, pick, scatter),
            kinds=("size",), causes=("rate",), subjects=(pick,),
        ),
        Fault(
            name="batch too small with size", share=_growing(family, hot), scatter=_growing(family, np.sqrt(hot)),
            subjects=(last,), **grows,
        ),
        Fault(
            name="finals rise with size", level=_only(family, top, raised), share=_only(family, top, hot),
            kinds=("size", "trend", "law"), causes=("rate",), subjects=(last, last - 1),
        ),
    ]  # fmt: skip


def _faults_of_runs(strong: bool, run: tuple[int, int]) -> list[Fault]:
    seed = {"kinds": ("run",), "causes": ("seed",), "subjects": run}
    end = {"kinds": ("run",), "causes": ("endpoint",), "subjects": run}
    return [
        Fault(name="one seed too high", run=(*run, "high"), amount=0.5 if strong else 0.25, **seed),
        Fault(name="one run diverged", run=(*run, "diverged"), amount=9.5 if strong else 2.0, **seed),
        Fault(name="one last point off", run=(*run, "last point"), amount=0.15 if strong else -0.15, **end),
    ]


def _faults_of_the_law(family: Family, strong: bool, inner: int) -> list[Fault]:
    level, bend = (1.08, 0.25) if strong else (1.05, 0.15)
    return [
        Fault(
            name="one size off the law", level=_only(family, inner, level),
            kinds=("law",), causes=("level",), subjects=(inner,),
        ),
        Fault(
            name="exponents change", level=np.exp(bend * np.maximum(_away(family), 0)),
            kinds=("law",), causes=("break",),
        ),
        Fault(
            name="offset wrong", offset_error=0.4 if strong else -0.4, kinds=("trend", "offset"), causes=("offset",)
        ),
    ]  # fmt: skip


LEVELS = (Noise(), Noise(persistent=0.02, fast=0.01), Noise(persistent=0.1, fast=0.02))


def healthy(rng: np.random.Generator, noise: Noise) -> Family:
    """A healthy ladder of any shape: 4 to 10 sizes, 1 to 5 seeds, spans of 6 to 1,000, offset 0 or large."""
    return Family(
        mu=rng.uniform(0.3, 0.8), nu=rng.uniform(0.3, 0.6),
        sizes=int(rng.integers(4, 11)), seeds=int(rng.integers(1, 6)),
        span=float(np.exp(rng.uniform(np.log(6), np.log(1000)))), L0=float(rng.choice([0.0, 3.0])),
        noise=replace(noise, tails=float(rng.choice([np.inf, 3.0]))), share=rng.uniform(0, 0.2),
        constant=bool(rng.random() < 0.3), points=int(rng.choice([30, 100, 400])),
    )  # fmt: skip
