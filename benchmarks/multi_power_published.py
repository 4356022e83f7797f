"""The Multi-Power Law of this project against its authors' published parameters and scores.

Claim: with the published parameters, `MultiPower` gives the published mean scores of the six test curves at 25M and
100M: R2 within 0.0001, errors within 0.00002. Parameters: code release of Luo et al. 2025 (arXiv 2503.12811, repository
thu-yao-01-luo/MultiPowerLaw), `src/config.py`; scores: its README. Three readings of the same parameters:

- `per step`: the published double sum over every step, as slow loops;
- `knots`: `MultiPower` on the logged points and the ends of the published recipe's stretches (warm-up of 2,160 steps,
  start of the decay), which the tables do not log;
- `table`: `MultiPower` on the tables alone, where warm-up is a straight line up to the first logged point.

Run: python benchmarks/multi_power_published.py [--curves DIR] (1 to 2 minutes; 3 s with --fast, without `per step`).
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import naive  # noqa: E402

from scaling_collapse.empirical import read_curves  # noqa: E402
from scaling_collapse.sgd_noise_model.laws.multi_power import MultiPower  # noqa: E402
from scaling_collapse.sgd_noise_model.laws.rates import Units, rates_of  # noqa: E402

PARAMETERS = {
    "25m": (3.04045406, 0.52468604, 0.50786857, 363.78751622, 2.06560812, 0.58279013, 0.64142257),
    "100m": (2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644),
}
"""L0, A, alpha, B, C, beta, gamma, as published."""
SCORES = {
    "25m": (0.9988, 0.00376, 0.00465, 0.00110, 0.00409),
    "100m": (0.9983, 0.00435, 0.00592, 0.00142, 0.00583),
}
"""R2, mean absolute, root mean square, mean relative and worst relative error, means over the test curves."""
TEST = ("constant_72000", "cosine_72000", "wsd_20000_24000", "wsdld_20000_24000", "wsdcon_3", "wsdcon_18")
PEAK, END, WARMUP = 3e-4, 3e-5, 2160
UNITS = Units(eta=PEAK, tau=24000.0)


def published_rates(name):
    """The learning rate of every step of a published schedule, warm-up included."""
    kind, *numbers = name.split("_")
    numbers = [int(n) for n in numbers]
    t = np.arange(16000 if kind == "wsdcon" else numbers[-1])
    if kind == "constant":
        eta = np.full(t.size, PEAK)
    elif kind == "cosine":
        eta = END + (PEAK - END) / 2 * (1 + np.cos(np.pi * (t - WARMUP) / (t.size - WARMUP)))
    elif kind == "wsdcon":
        eta = np.where(t < 8000, PEAK, numbers[0] * 1e-5)
    else:
        x = np.clip((t - numbers[0]) / (t.size - numbers[0]), 0.0, 1.0)
        eta = PEAK * (END / PEAK) ** x if kind == "wsd" else PEAK + (END - PEAK) * x
    eta[:WARMUP] = np.linspace(0.0, PEAK, WARMUP)
    return eta


def on_the_table(name, steps, lr):
    """`Rates` from the logged points alone, and which of its points were logged."""
    return rates_of(name, 1.0, steps, lr, UNITS), np.ones(len(steps), dtype=bool)


def on_knots(name, steps, lr):
    """`Rates` with the ends of the recipe's stretches; its time counts steps done, so step t is logged at t + 1."""
    knots = [(0.0, 0.0), (WARMUP, PEAK)]
    if name.startswith("wsdcon"):
        knots.append((8000.0, lr[-1]))
    elif name.startswith("wsd"):
        knots.append((20000.0, PEAK))
    time, eta = (
        np.r_[column, logged] for column, logged in zip(zip(*knots, strict=True), (steps + 1, lr), strict=True)
    )
    order = np.argsort(time)
    return rates_of(name, 1.0, time[order], eta[order], UNITS), order >= len(knots)


def coordinates(parameters, units):
    """Published parameters in this project's units (rates relative to the peak, z) and fitted coordinates."""
    L0, A, a, B, C, beta, g = parameters
    S = units.eta * units.tau
    return np.array([*np.log([L0, A * S**-a, a, B * units.eta, C * units.eta**-g * S, beta]), g])


def predict(parameters, name, steps, lr, reading):
    """The loss at the logged points by `MultiPower`, from one of the two readings of the rates."""
    law = MultiPower(UNITS)
    rates, logged = reading(name, steps, lr)
    return law.losses(coordinates(parameters, UNITS), law.prepare(rates))[0][logged]


def score(loss, prediction):
    """R2, mean absolute, root mean square, mean relative and worst relative error of one curve."""
    error = np.abs(prediction - loss)
    R2 = 1 - (error**2).sum() / ((loss - loss.mean()) ** 2).sum()
    return R2, error.mean(), np.sqrt((error**2).mean()), (error / loss).mean(), (error / loss).max()


def test_curves(folder, size):
    """(name, steps, lr, loss) of the six test curves of one size."""
    curves = {c.run.split("-")[-1]: c for c in read_curves(folder / f"luo_llama_{size}.parquet")}
    return [(n, curves[n].tokens.astype(int), np.asarray(curves[n].lr), curves[n].loss) for n in TEST]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, default=ROOT.parent / "shared" / "curves")
    parser.add_argument("--fast", action="store_true", help="leave out the slow double sum")
    arguments = parser.parse_args()
    if not (arguments.curves / "luo_llama_25m.parquet").exists():
        print(f"skipped: no published curves in {arguments.curves}; name their folder with --curves")
        return
    print(f"{'size':<5} {'reading':<10} {'R2':>8} {'MAE':>9} {'RMSE':>9} {'mean rel':>9} {'worst rel':>9}")
    for size, parameters in PARAMETERS.items():
        rows = {"published": [SCORES[size]], "knots": [], "table": []} | ({} if arguments.fast else {"per step": []})
        for name, steps, lr, loss in test_curves(arguments.curves, size):
            for label, reading in (("knots", on_knots), ("table", on_the_table)):
                rows[label].append(score(loss, predict(parameters, name, steps, lr, reading)))
            if not arguments.fast:
                slow = naive.multi_power(published_rates(name), steps, *parameters)
                rows["per step"].append(score(loss, slow))
        for label, scores in rows.items():
            R2, *errors = np.mean(scores, axis=0)
            print(f"{size:<5} {label:<10} {R2:8.5f} " + " ".join(f"{e:9.6f}" for e in errors))


if __name__ == "__main__":
    main()
