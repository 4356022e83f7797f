"""Slow, obviously right versions of what the project computes fast."""

import itertools
import math
import statistics

import mpmath
import numpy as np
import sympy
from scipy.optimize import minimize
from scipy.stats import chi2


def collapse_deviation(l, size_index):
    """Delta by loops, for equally many seeds per size: the plain sample standard deviation over the mean."""
    return np.array([statistics.stdev(column) / statistics.fmean(column) for column in np.asarray(l).T])


def noise_floor(L, size_index, offset):
    """sigma by loops."""
    result = []
    for column in np.asarray(L).T:
        squares = []
        for size in sorted(set(size_index)):
            values = [v for v, s in zip(column, size_index, strict=True) if s == size]
            if len(values) >= 2:
                squares.append((statistics.stdev(values) / (statistics.fmean(values) - offset)) ** 2)
        result.append(math.sqrt(statistics.fmean(squares)))
    return np.array(result)


def huber_objective(parameters, C, L, delta=1e-3):
    """Sum of Huber losses of the log residuals of L0 + a C^-b, parameters (L0, ln a, b)."""
    L0, ln_a, b = parameters
    total = 0.0
    for c, l in zip(C, L, strict=True):
        prediction = L0 + math.exp(min(ln_a - b * math.log(c), 700.0))
        r = abs(math.log(max(prediction, 1e-300)) - math.log(l))
        total += 0.5 * r * r if r <= delta else delta * (r - 0.5 * delta)
    return total


def fit_law(C, L, starts=10):
    """The law by L-BFGS-B with numerical gradients from starts^3 starting points: (objective, (L0, ln a, b))."""
    best = (math.inf, None)
    grid = itertools.product(
        np.linspace(0.0, 0.99 * min(L), starts),
        np.log(np.geomspace(0.01, 10.0, starts) * min(L)),
        np.linspace(0.02, 1.0, starts),
    )
    for start in grid:
        found = minimize(
            huber_objective,
            start,
            args=(C, L),
            method="L-BFGS-B",
            bounds=[(0.0, max(L)), (-50.0, 50.0), (1e-3, 5.0)],
        )
        if found.fun < best[0]:
            best = (found.fun, found.x)
    return best


def relaxed(time, before, after, memory, pieces=200):
    """R' = (d - R) / w by the midpoint rule in many small steps within every interval; R before each knot."""
    result = [before[0]]
    for i in range(1, len(time)):
        R, h = result[-1], (time[i] - time[i - 1]) / pieces
        for j in range(pieces):
            d0, d1 = (after[i - 1] + (before[i] - after[i - 1]) * (j + u) / pieces for u in (0.0, 0.5))
            middle = R + h / 2 * (d0 - R) / memory
            R += h * (d1 - middle) / memory
        result.append(R)
    return np.array(result)


def annealing(eta, decay):
    """S2 of the Momentum law after every step, as published: m_i = decay m_(i-1) + (eta_(i-1) - eta_i), S2 = sum m."""
    m = total = 0.0
    result = [0.0]
    for i in range(1, len(eta)):
        m = decay * m + (eta[i - 1] - eta[i])
        total += m
        result.append(total)
    return np.array(result)


def multi_power(eta, steps, L0, A, a, B, C, beta, g):
    """The Multi-Power Law after some steps, as published: the drop of every step in turn, warm-up too."""
    S = np.cumsum(eta)
    result = []
    for t in steps:
        paid = 0.0
        for k in range(1, t + 1):
            if eta[k] != eta[k - 1]:
                paid += (eta[k - 1] - eta[k]) * (1 - (1 + C * eta[k] ** -g * (S[t] - S[k - 1])) ** -beta)
        result.append(L0 + A * S[t] ** -a - B * paid)
    return np.array(result)


def final_loss_variance(model, ladder, new, flat=30.0):
    """Error variance of a new size's expected final loss: plain Gaussian conditioning on every single run.

    `model`: `kernel` and `Q` (covariances on the cells), variances `misfit`, `drift` and `level`. `ladder`: for each
    size `ln_c` (compute less its mean, ln), `z` (size of the drift), `seeds` and `R` (reducible losses of the cells).
    `new`: the same of the new size, `R` its final one. Curve, exponent and L0 have standard deviations `flat`.
    """
    K, Q, m = model["kernel"], model["Q"], len(model["kernel"])
    runs = [(i, seed) for i, size in enumerate(ladder) for seed in range(size["seeds"])]
    everything = np.zeros((len(runs) * m + 1, len(runs) * m + 1))
    for a, (i, s) in enumerate(runs):
        one = ladder[i]
        for b, (j, t) in enumerate(runs):
            other = ladder[j]
            for x in range(m):
                for y in range(m):
                    value = flat**2 * (x == y)
                    value += flat**2 * one["ln_c"] * other["ln_c"]
                    value += flat**2 / one["R"][x] / other["R"][y]
                    value += model["drift"] * one["z"] * other["z"] * K[x, y]
                    value += (model["misfit"] * K[x, y] + model["level"]) * (i == j)
                    value += Q[x, y] * (i == j and s == t)
                    everything[a * m + x, b * m + y] = value
        for x in range(m):
            value = flat**2 * (x == m - 1)
            value += flat**2 * one["ln_c"] * new["ln_c"]
            value += flat**2 / one["R"][x] / new["R"]
            value += model["drift"] * one["z"] * new["z"] * K[x, -1]
            everything[a * m + x, -1] = everything[-1, a * m + x] = value
    everything[-1, -1] = flat**2 * (1 + new["ln_c"] ** 2 + new["R"] ** -2)
    everything[-1, -1] += (model["drift"] * new["z"] ** 2 + model["misfit"]) * K[-1, -1] + model["level"]
    data, cross = everything[:-1, :-1], everything[:-1, -1]
    return new["R"] ** 2 * (everything[-1, -1] - cross @ np.linalg.solve(data, cross))


def scale_deviation(l, size_index):
    """d by loops: the variance of the sizes' means beyond noise over the square of the mean curve less 1."""
    sizes = [[run for run, s in zip(l, size_index, strict=True) if s == size] for size in sorted(set(size_index))]
    means = [[statistics.fmean(column) for column in zip(*runs, strict=True)] for runs in sizes]
    middle = [statistics.fmean(column) for column in zip(*means, strict=True)]
    seen = sum(statistics.variance(column) for column in zip(*means, strict=True))
    power, freedom = [], []
    for runs, mean in zip(sizes, means, strict=True):
        if len(runs) > 1:
            power.append(sum((v - m) ** 2 for run in runs for v, m in zip(run, mean, strict=True)))
            freedom.append(len(runs) - 1)
    usual = statistics.median(p / f for p, f in zip(power, freedom, strict=True))
    most = [usual * f * chi2.ppf(0.999, f) / chi2.median(f) for f in freedom]
    noise = sum(min(p, m) for p, m in zip(power, most, strict=True)) / sum(freedom)
    noise *= statistics.fmean(1 / len(runs) for runs in sizes)
    return math.sqrt(max(seen - noise, 0.0) / sum((m - 1) ** 2 for m in middle))


def steepness(x, l, size_index):
    """ln S and the bend of every run: its curve less 1 fitted by the mean over sizes, on all of x, early and late."""
    sizes = sorted(set(size_index))
    g = np.mean([np.mean([run - 1 for run, s in zip(l, size_index, strict=True) if s == p], axis=0) for p in sizes], 0)
    result = []
    for run in l:
        parts = (x > 0, x < math.sqrt(0.1), x >= math.sqrt(0.1))
        whole, early, late = (np.linalg.lstsq(g[part, None], run[part] - 1, rcond=None)[0][0] for part in parts)
        result.append((math.log(whole), math.log(early / late)))
    return np.array(result)


def collapse_floor(L, size_index, offset):
    """The median over sizes of what seeds scatter by, each variance over the median that chance would give it."""
    result = []
    for column in np.asarray(L).T:
        variances = []
        for size in sorted(set(size_index)):
            values = [v for v, s in zip(column, size_index, strict=True) if s == size]
            if len(values) >= 2:
                relative = (statistics.stdev(values) / (statistics.fmean(values) - offset)) ** 2
                variances.append(relative / chi2.median(len(values) - 1) * (len(values) - 1))
        result.append(math.sqrt(statistics.median(variances)))
    return np.array(result)


def supercollapse_from(x, delta, sigma, share=0.9):
    """Fraction of the points before x = 1 with Delta < sigma, and the first from which at least `share` of them do."""
    below = [d < s for value, d, s in zip(x, delta, sigma, strict=True) if value < 1]
    for start, holds in enumerate(below):
        if holds and sum(below[start:]) >= share * len(below[start:]):
            return statistics.fmean(below), x[start]
    return statistics.fmean(below), math.nan


def local_line(x, y, at, width):
    """Weighted least-squares line about one point, Gaussian weights, evaluated there."""
    weights = np.exp(-0.25 * ((x - at) / width) ** 2)  # polyfit multiplies residuals, not squares, by them
    return np.polyfit(x - at, y, 1, w=weights)[1]


def frontier(C, loss):
    """Of each size (a row of `loss`) the points of C at which it is the best of those that were trained there."""
    stretches = [[] for _ in loss]
    for j in range(len(C)):
        trained = [i for i in range(len(loss)) if not math.isnan(loss[i][j])]
        stretches[min(trained, key=lambda i: loss[i][j])].append(C[j])
    return stretches


def log_loss(law, log_t, log_p):
    """`ln (L(t, p) - L0)` of a numeric law at any size, term by term in mpmath: nothing over- or underflows."""
    number = lambda expr: mpmath.mpf(sympy.N(expr, mpmath.mp.dps))  # noqa: E731

    def logs(terms):
        for k in terms:
            log_a = mpmath.log(abs(number(k.a)))
            size = log_a - number(k.mu) * log_t - number(k.nu) * log_p
            size += number(k.log_t) * mpmath.log(log_t) if k.log_t != 0 else 0
            size += number(k.log_p) * mpmath.log(log_p) if k.log_p != 0 else 0
            yield (-1 if k.a.is_negative else 1), size

    parts = list(logs(law.single))
    for power in law.powers:
        inner = [size for _, size in logs(power.parts)]
        top = max(inner)
        parts.append((1, number(power.exponent) * (top + mpmath.log(sum(mpmath.exp(i - top) for i in inner)))))
    top = max(size for _, size in parts)
    return top + mpmath.log(sum(sign * mpmath.exp(size - top) for sign, size in parts))


def optimum_at_compute(law, log_compute):
    """`ln t, ln p, ln (L - L0)` of the smallest loss at compute `C = 6 t p`, by bisecting its slope along t p = C/6."""
    log_n = log_compute - mpmath.log(6)
    step = mpmath.mpf(10) ** (-mpmath.mp.dps // 3)

    def loss(u):
        return log_loss(law, u, log_n - u)

    low, high = log_n / 20, log_n * 19 / 20
    assert loss(low + step) < loss(low - step)
    assert loss(high + step) > loss(high - step)
    for _ in range(int(mpmath.log(log_n / step, 2)) + 2):
        middle = (low + high) / 2
        low, high = (low, middle) if loss(middle + step) > loss(middle - step) else (middle, high)
    return low, log_n - low, loss(low)


def log_normalized(law, horizon, x, log_p):
    """`l(x, p)` by the definition, p given by its logarithm."""
    number = lambda expr: mpmath.mpf(sympy.N(expr, mpmath.mp.dps))  # noqa: E731
    log_t = number(horizon.gamma) * log_p + mpmath.log(number(horizon.kappa))
    log_t += number(horizon.logs) * mpmath.log(log_p) if horizon.logs != 0 else 0
    return mpmath.exp(log_loss(law, log_t + mpmath.log(x), log_p) - log_loss(law, log_t, log_p))


def fit_surface(N, D, L, form, starts=25, seed=0):
    """The lowest Huber objective of the law over sizes and data by numerical L-BFGS-B from random starts."""
    rng, n, d = np.random.default_rng(seed), np.log(N) - np.log(N).mean(), np.log(D) - np.log(D).mean()

    def objective(q):
        L0, U, a, V, b, k = (*q, 1.0) if form == "sum" else q
        total = 0.0
        for x, y, l in zip(n, d, L, strict=True):
            u, v = math.exp((U - a * x) / k), math.exp((V - b * y) / k)
            r = abs(math.log(L0 + (u + v) ** k) - math.log(l))
            total += 0.5 * r * r if r <= 1e-3 else 1e-3 * (r - 0.5e-3)
        return total

    bounds = [(0.0, min(L)), (-5.0, 3.0), (0.02, 2.0), (-5.0, 3.0), (0.02, 2.0), (0.1, 4.0)]
    low, high = np.array(list(bounds)).T
    count = 5 if form == "sum" else 6
    return min(
        minimize(objective, rng.uniform(low, high)[:count], method="L-BFGS-B", bounds=bounds[:count]).fun
        for _ in range(starts)
    )
